"""Curves over steps with plotly: a row for each arm, log steps on the left and linear steps on the right.

Runs are thin lines, their median is thick, and events are ticks on the step axis.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray

from epicycle.report.curves import Band, PlotAxes, band_of, median_over_runs, run_lines, steps_reached, values_span
from epicycle.report.run_groups import runs_text, shown_arms
from epicycle.report.style import INK, SeriesStyle, event_colour, plotly_text, scale_of, series_styles, template, value_axis_title
from epicycle.spec.results import is_forked
from epicycle.spec.study import Figure

Shape = dict[str, object]  # a line as plotly's layout has it


def curve_figure(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Any:
    """The curves of a figure as a plotly figure."""
    from plotly.subplots import make_subplots

    shown = shown_arms(figure.arms, arms)
    heads = [f"{plotly_text(name)} ({runs_text(arms[name].sizes['run'])})" for name in shown]
    titles = [f"{head}, {axis} steps" for head in heads for axis in ("log", "linear")]
    drawn = make_subplots(
        rows=len(shown),
        cols=2,
        shared_yaxes="all",
        horizontal_spacing=0.04,
        vertical_spacing=0.36 / len(shown),
        subplot_titles=titles,
    )
    ticks: list[Shape] = []
    for row, name in enumerate(shown, start=1):
        for col in (1, 2):
            if band := band_of(figure, arms, name):
                drawn.add_trace(_band_trace(band, in_legend=row == 1 and col == 1), row=row, col=col)
            _draw_panel(drawn, figure, arms[name], row, col)
            if span := values_span(figure, arms):
                drawn.update_yaxes(range=[np.log10(end) for end in span], row=row, col=col)
            ticks += _event_ticks(drawn, figure, arms[name], row, col)
    height = 110 + 260 * len(shown)
    legend = {"y": 1 + 26 / (height - 112)}
    shapes = [*drawn.layout.shapes, *ticks]
    drawn.update_layout(shapes=shapes, template=template(), height=height, margin={"t": 64}, legend=legend)
    drawn.update_annotations(font_size=13)
    return drawn


def _draw_panel(drawn: Any, figure: Figure, data: xarray.Dataset, row: int, col: int) -> None:
    axes, styles = PlotAxes.of(figure, col == 1, data["step"].values[-1]), series_styles(figure.series)
    for name in figure.series:
        drawn.add_trace(_runs_trace(data, name, styles[name], axes), row=row, col=col)
        drawn.add_trace(_median_trace(data, name, styles[name], axes, in_legend=row == 1 and col == 1), row=row, col=col)
    _draw_axes(drawn, figure, data, axes.last, {"row": row, "col": col})


def _runs_trace(data: xarray.Dataset, name: str, style: SeriesStyle, axes: PlotAxes) -> Any:
    import plotly.graph_objects as go

    lines = run_lines(data[name].values, data["step"].values)
    visible = axes.visible(lines.x, lines.y)
    return go.Scatter(
        x=axes.drawn_steps(lines.x[visible]),
        y=lines.y[visible],
        customdata=data["seed"].values[lines.run[visible]],
        mode="lines",
        line={"color": style.colour, "width": 1},
        opacity=0.45,
        showlegend=False,
        hovertemplate=f"{plotly_text(style.label)}, seed %{{customdata}}: %{{y:.3g}} at step %{{x:,}}<extra></extra>",
    )


def _median_trace(data: xarray.Dataset, name: str, style: SeriesStyle, axes: PlotAxes, in_legend: bool) -> Any:
    import plotly.graph_objects as go

    steps, median = data["step"].values, median_over_runs(data, name)
    visible = axes.visible(steps, median)
    return go.Scatter(
        x=axes.drawn_steps(steps[visible]),
        y=median[visible],
        mode="lines",
        line={"color": style.colour, "width": 3},
        name=plotly_text(style.label),
        showlegend=in_legend,
        hovertemplate=f"{plotly_text(style.label)}, median: %{{y:.3g}} at step %{{x:,}}<extra></extra>",
    )


def _band_trace(band: Band, in_legend: bool) -> Any:
    import plotly.graph_objects as go

    steps = np.maximum(band.steps, 1)  # a log axis begins at step 1
    return go.Scatter(
        x=np.concatenate([steps, steps[::-1]]),
        y=np.concatenate([band.high, band.low[::-1]]),
        mode="lines",
        fill="toself",
        fillcolor="rgba(127,127,127,0.28)",
        line={"width": 0},
        name=plotly_text(band.name),
        showlegend=in_legend,
        hoverinfo="name",
    )


def _event_ticks(drawn: Any, figure: Figure, data: xarray.Dataset, row: int, col: int) -> list[Shape]:
    """Events as short lines on the step axis. Plotly takes plain shapes all at once much faster than one by one."""
    shared = {"type": "line", "opacity": 0.8, "y0": 0, "y1": 0.05, **shape_axes(drawn, row, col)}
    return [
        {**shared, "line": {"color": event_colour(event), "width": 2}, "x0": step, "x1": step}
        for event in figure.events
        for step in steps_reached(data, event)
    ]


def shape_axes(drawn: Any, row: int, col: int) -> dict[str, str]:
    """The axes of a panel as a plotly shape names them: x in steps, y as a share of the panel's height."""
    panel = drawn.get_subplot(row, col)
    return {"xref": panel.xaxis.plotly_name.replace("axis", ""), "yref": f"{panel.yaxis.plotly_name.replace('axis', '')} domain"}


def _draw_axes(drawn: Any, figure: Figure, data: xarray.Dataset, last: float, panel: dict[str, int]) -> None:
    log_steps = panel["col"] == 1
    drawn.update_xaxes(
        title_text="step after the fork" if is_forked(data) else "step",
        type="log" if log_steps else "linear",
        dtick=1 if log_steps else None,
        range=[0, np.log10(last)] if log_steps else [0, last],
        ticklabeloverflow="allow",  # otherwise plotly leaves out the last number
        **panel,
    )
    kind, span = scale_of(figure.series, figure.log)
    title = plotly_text(value_axis_title(figure.series)) if log_steps else None
    drawn.update_yaxes(
        type=kind, range=span, title_text=title, exponentformat="power", tickfont_size=11 if kind == "log" else 13, **panel
    )
    if any("acc" in name for name in figure.series):
        drawn.add_hline(y=float(data["baseline"].values[0]), line={"color": INK, "width": 1, "dash": "dot"}, **panel)
