"""Numbers of runs as points, with plotly."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray

from epicycle.report.run_points import Bar, PointPlot, PointSet, in_proportion, point_plot
from epicycle.report.style import INK, plotly_text, template
from epicycle.spec.study import Figure

# Where in the picture the value may lie -> symbol, and what legend and hover text add.
SIDES = {0: ("circle", ""), 1: ("triangle-up-open", " (at least)"), -1: ("triangle-down-open", " (at most)")}


def point_figure(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Any:
    """The points of a figure as a plotly figure."""
    import plotly.graph_objects as go

    plot = point_plot(figure, arms)
    drawn = go.Figure()
    for points in plot.quantities:
        _draw_quantity(drawn, plot, points)
    names = list(plot.group_names())
    for x, lines in names:
        drawn.add_annotation(x=x, y=1, yref="paper", yanchor="bottom", text="<br>".join(map(plotly_text, lines)), showarrow=False)
    if plot.compares:
        drawn.add_hline(y=0, line={"color": INK, "width": 1, "dash": "dot"})
    for number, path in enumerate(plot.proportional_lines()):
        drawn.add_trace(_proportional_line(path, plot.dose, first=number == 0))
    above = 18 * max((len(lines) for _, lines in names), default=0)  # pixels for the names of groups
    legend = {"y": 1.04 + above / 308, "font": {"size": 12}}
    drawn.update_layout(template=template(), height=420 + above, margin={"t": 64 + above}, legend=legend)
    _draw_axes(drawn, plot)
    return drawn


def _draw_quantity(drawn: Any, plot: PointPlot, points: PointSet) -> None:
    for side in SIDES:
        drawn.add_trace(_points_trace(plot, points, side))
    for bar in plot.bars(points):
        _draw_bar(drawn, bar, points.colour)
    for path in plot.median_lines(points):
        x, y = [position for position, _ in path], [value for _, value in path]
        drawn.add_trace(_plain_line(x, y, points.colour, 1, opacity=0.7))


def _points_trace(plot: PointPlot, points: PointSet, side: int) -> Any:
    import plotly.graph_objects as go

    symbol, bound = SIDES[plot.side_up(side)]
    chosen = points.side == side
    return go.Scatter(
        x=points.x[chosen],
        y=points.value[chosen],
        customdata=np.array([plotly_text(label) for label in points.labels], object)[chosen],
        text=np.array([plot.number(value) for value in points.value], object)[chosen],
        mode="markers",
        marker={"color": points.colour, "symbol": symbol, "size": 8, "line": {"width": 1.5, "color": points.colour}},
        opacity=0.6,
        name=f"{plotly_text(points.title)}{bound}",
        showlegend=side == 0 or bool(chosen.any()),
        hovertemplate=f"{plotly_text(points.title)}: %{{text}}{bound}, %{{customdata}}<extra></extra>",
    )


def _draw_bar(drawn: Any, bar: Bar, colour: str) -> None:
    """The interval as a thin upright line, and the median as a thick stroke across it."""
    if bar.ends:
        drawn.add_trace(_plain_line([bar.x, bar.x], bar.ends, colour, 2))
    if np.isfinite(bar.median):
        drawn.add_trace(_plain_line([bar.x - bar.half_width, bar.x + bar.half_width], [bar.median] * 2, colour, 4))


def _proportional_line(path: list[tuple[float, float]], dose: str, first: bool) -> Any:
    """A dashed line where forks are as many times faster as their dose is large; the first one has a legend entry."""
    import plotly.graph_objects as go

    x, y = [position for position, _ in path], [value for _, value in path]
    style = {"color": INK, "width": 2, "dash": "dash"}
    return go.Scatter(x=x, y=y, mode="lines", line=style, name=plotly_text(in_proportion(dose)), showlegend=first, hoverinfo="skip")


def _plain_line(x: list[float], y: list[float], colour: str, width: float, opacity: float | None = None) -> Any:
    """A line without a legend entry or hover text."""
    import plotly.graph_objects as go

    style = {"color": colour, "width": width}
    return go.Scatter(x=x, y=y, mode="lines", line=style, opacity=opacity, showlegend=False, hoverinfo="skip")


def _draw_axes(drawn: Any, plot: PointPlot) -> None:
    drawn.update_xaxes(
        tickvals=[column.position for column in plot.columns],
        ticktext=[plotly_text(column.label) for column in plot.columns],
        title_text=plotly_text(plot.dose),
        showgrid=False,
        range=list(plot.ends()),
        ticklabeloverflow="allow",  # otherwise plotly leaves out a slanted last name
    )
    drawn.update_yaxes(
        type="log" if plot.log else "linear",
        range=[np.log10(end) for end in plot.span] if plot.log else list(plot.span),
        title_text=plotly_text(plot.unit),
        dtick=1 if plot.log and plot.span[1] > 30 * plot.span[0] else None,
        exponentformat="power",
    )
    if plot.compares:
        ticks = plot.speed_ticks()
        drawn.update_yaxes(range=list(plot.span)[::-1], tickvals=list(ticks), ticktext=list(ticks.values()), dtick=None)
