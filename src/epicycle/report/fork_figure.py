"""Forks beside their controls with plotly: two plots for each panel, one with log steps and one with linear steps."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray

from epicycle.report.curve_figure import Shape, shape_axes
from epicycle.report.curves import PlotAxes
from epicycle.report.fork_panels import Line, Panel, legend, panels
from epicycle.report.style import INK, plotly_text, scale_of, template, value_axis_title
from epicycle.spec.study import Figure


def fork_figure(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Any:
    """The forks of a figure and their controls as a plotly figure."""
    import plotly.graph_objects as go

    shown = panels(figure, arms)
    rows, across = grid_size(len(shown))
    drawn = _empty_grid(shown)
    marks: list[Shape] = []
    for number, panel in enumerate(shown):
        for log_steps in (True, False):
            row, col = divmod(2 * number + (not log_steps), across)
            marks += _draw_panel(drawn, figure, panel, row + 1, col + 1, log_steps)
    for name, colour, dash in legend(figure, shown):
        drawn.add_trace(
            go.Scatter(x=[None], y=[None], mode="lines", line={"color": colour, "dash": dash, "width": 3}, name=plotly_text(name))
        )
    height = 130 + (300 if across == 2 else 190) * rows
    entries = {"y": 1 + 30 / (height - 128), "font": {"size": 12}}
    shapes = [*drawn.layout.shapes, *marks]
    drawn.update_layout(shapes=shapes, template=template(), height=height, margin={"t": 80}, legend=entries)
    drawn.update_annotations(font_size=12)
    return drawn


def grid_size(n_panels: int) -> tuple[int, int]:
    """Rows and columns of plots, two plots for each panel."""
    across = 4 if n_panels > 2 else 2
    return -(-2 * n_panels // across), across


def _empty_grid(shown: list[Panel]) -> Any:
    from plotly.subplots import make_subplots

    rows, across = grid_size(len(shown))
    return make_subplots(
        rows=rows,
        cols=across,
        shared_yaxes="all",
        horizontal_spacing=0.032,
        vertical_spacing=0.3 / rows,
        subplot_titles=[f"{plotly_text(panel.title)}, {axis} steps" for panel in shown for axis in ("log", "linear")],
    )


def _draw_panel(drawn: Any, figure: Figure, panel: Panel, row: int, col: int, log_steps: bool) -> list[Shape]:
    """Draw a panel; returns its marks as plain shapes, which plotly takes all at once much faster than one by one."""
    axes = PlotAxes.of(figure, log_steps, panel.last_step)
    for line in panel.lines:
        drawn.add_trace(_trace(line, panel.opacity(line), axes), row=row, col=col)
    _draw_axes(drawn, figure, panel, {"row": row, "col": col}, log_steps)
    shared = {"type": "line", **shape_axes(drawn, row, col)}
    styles = [{"color": mark.colour, "width": mark.width, "dash": mark.dash} for mark in panel.marks()]
    return [
        {**shared, "line": style, "x0": mark.step, "x1": mark.step, "y0": mark.low, "y1": mark.high}
        for style, mark in zip(styles, panel.marks(), strict=True)
    ]


def _trace(line: Line, opacity: float, axes: PlotAxes) -> Any:
    import plotly.graph_objects as go

    visible = axes.visible(line.x, line.y)
    run = "median" if line.median else "seed %{customdata}"
    return go.Scatter(
        x=axes.drawn_steps(line.x[visible]),
        y=line.y[visible],
        customdata=None if line.median else [line.labels[point] for point in visible],
        mode="lines",
        line={"color": line.colour, "dash": line.dash, "width": line.width},
        opacity=opacity,
        showlegend=False,
        hovertemplate=f"{plotly_text(line.name)}, {run}: %{{y:.3g}} at step %{{x:,}}<extra></extra>",
    )


def _draw_axes(drawn: Any, figure: Figure, panel: Panel, position: dict[str, int], log_steps: bool) -> None:
    kind, span = scale_of(figure.series, figure.log)
    last = panel.last_step
    drawn.update_xaxes(type="log" if log_steps else "linear", dtick=1 if log_steps else None, **position)
    drawn.update_xaxes(range=[0, np.log10(last)] if log_steps else [0, last], nticks=5, tickfont_size=11, **position)
    title = plotly_text(value_axis_title(figure.series)) if position["col"] == 1 else None
    drawn.update_yaxes(type=kind, range=span, title_text=title, exponentformat="power", nticks=5, **position)
    drawn.update_yaxes(tickfont_size=11, dtick="D2" if kind == "log" and panel.decades < 2 else None, **position)
    if any("acc" in name for name in figure.series):
        drawn.add_hline(y=panel.baseline, line={"color": INK, "width": 1, "dash": "dot"}, **position)
