"""Pictures with plotly: panels side by side, and a slider below them where there are several views."""

from dataclasses import replace
from typing import Any

import numpy as np

from epicycle.report.pictures import Axis, Dots, Heat, Line, Mark, Panel, Picture, Way
from epicycle.report.style import ANSWERS, INK, MAP_COLOURS, plotly_text, template

WIDTH = 960  # of all panels, in pixels
TITLE, LEGEND, BOTTOM = 34, 34, 56  # above the panels, the legend above their titles, and below the panels
SLIDER = 76
GAP = 70  # between two rows of panels


def picture_figure(picture: Picture) -> Any:
    """A picture as a plotly figure."""
    from plotly.subplots import make_subplots

    panels = picture.views[picture.first].panels
    across = min(picture.across, len(panels))
    down = -(-len(panels) // across)
    size = min(300, WIDTH // across - 40) if picture.square else 300
    top = TITLE + (LEGEND if _has_legend(picture) else 0)
    height = top + down * size + (down - 1) * GAP + BOTTOM + (SLIDER if len(picture.views) > 1 else 0)
    inner = down * size + (down - 1) * GAP
    drawn = make_subplots(
        rows=down,
        cols=across,
        subplot_titles=[plotly_text(panel.title) for panel in panels],
        horizontal_spacing=0.04 if across > 1 and all(panel.y.ticks is None for panel in panels) else 0.07,
        vertical_spacing=GAP / inner if down > 1 else 0,
    )
    counts = []
    for number, view in enumerate(picture.views):
        traces = [(trace, i) for i, panel in enumerate(view.panels) for trace in _traces(panel, i == 0)]
        for trace, i in traces:
            trace.visible = number == picture.first
            drawn.add_trace(trace, row=i // across + 1, col=i % across + 1)
        counts.append(len(traces))
    for i, panel in enumerate(panels):
        of_first = i % across and panel.y.title == panels[i - 1].y.title  # the axis title stands at the first panel of a row
        axis = panel.y._replace(title="") if of_first else panel.y
        _draw_axes(drawn, replace(panel, y=axis), i // across + 1, i % across + 1, picture.square)
    n_keys = _add_answers_key(drawn) if picture.colours == "answers" else 0
    margin = {"t": top, "b": height - top - inner, "r": 80 if picture.colour_title else 56 if len(picture.views) > 1 else 24}
    drawn.update_layout(template=template(), height=height, margin=margin, legend={"y": 1 + 30 / inner}, coloraxis=_colours(picture))
    drawn.update_annotations(font_size=12)
    if len(picture.views) > 1:
        drawn.update_layout(sliders=[_slider(picture, counts, n_keys)])
    return drawn


def _has_legend(picture: Picture) -> bool:
    panel = picture.views[picture.first].panels[0]
    named = isinstance(panel.content, tuple) and any(isinstance(line, Line) and line.base is None for line in panel.content)
    return bool(panel.marks or panel.way) or picture.colours == "answers" or named


def _slider(picture: Picture, counts: list[int], n_keys: int) -> dict[str, Any]:
    """The slider: each position shows the traces and titles of one view."""
    ends = np.cumsum(counts)
    steps = []
    for number, view in enumerate(picture.views):
        visible = [bool(ends[number] - counts[number] <= trace < ends[number]) for trace in range(ends[-1])] + [True] * n_keys
        titles = {f"annotations[{i}].text": plotly_text(panel.title) for i, panel in enumerate(view.panels)}
        steps.append({"method": "update", "label": plotly_text(view.name), "args": [{"visible": visible}, titles]})
    return {
        "active": picture.first,
        "steps": steps,
        "currentvalue": {"visible": False},
        "pad": {"t": 44, "b": 4},
        "bgcolor": "rgba(128,128,128,0.35)",
        "bordercolor": "rgba(128,128,128,0.35)",
        "activebgcolor": INK,
        "tickcolor": INK,
        "minorticklen": 0,
    }


def _traces(panel: Panel, in_legend: bool) -> list[Any]:
    content = panel.content
    if isinstance(content, Heat):
        drawn = [_heat(content)]
    elif isinstance(content, Dots):
        drawn = [_dots(content)]
    else:
        drawn = [_line(line, in_legend) for line in content]
    way = _way(panel.way, in_legend) if panel.way else []
    return [*drawn, *way, *(_mark(mark, panel, in_legend) for mark in panel.marks)]


def _way(way: Way, in_legend: bool) -> list[Any]:
    """A line that is seen on light and on dark cells, and its stops."""
    import plotly.graph_objects as go

    lines = [
        go.Scatter(x=way.x, y=way.y, mode="lines", line={"color": colour, "width": width}, showlegend=False, hoverinfo="skip")
        for colour, width in (("black", 4), ("white", 2))
    ]
    stops = [
        go.Scatter(
            x=[stop.x],
            y=[stop.y],
            mode="markers",
            marker={"size": 11, "color": stop.colour, "line": {"color": "white", "width": 1.5}},
            name=plotly_text(stop.name),
            showlegend=in_legend,
            hoverinfo="name",
        )
        for stop in way.stops
    ]
    return [*lines, *stops]


def _heat(heat: Heat) -> Any:
    import plotly.graph_objects as go

    return go.Heatmap(
        x=heat.x,
        y=np.arange(len(heat.values)),
        z=heat.values,
        coloraxis="coloraxis",
        hoverongaps=False,
        hoverinfo="z",
    )


def _dots(dots: Dots) -> Any:
    import plotly.graph_objects as go

    turn = np.arange(len(dots.x) + 1) % len(dots.x)
    colour = np.arange(len(dots.x))[turn]
    return go.Scatter(
        x=dots.x[turn].astype(np.float32),
        y=dots.y[turn].astype(np.float32),
        mode="lines+markers+text" if len(dots.x) <= 40 else "lines+markers",
        text=[*map(plotly_text, dots.names), ""],
        textfont={"size": 8, "color": "white"},
        line={"color": "rgba(128,128,128,0.4)", "width": 1},
        marker={
            "size": 14 if len(dots.x) <= 40 else 6,
            "color": colour,
            "colorscale": "Viridis",
            "cmax": 1.25 * len(dots.x),
            "cmin": 0,
        },
        showlegend=False,
        hoverinfo="text",
    )


def _line(line: Line, in_legend: bool) -> Any:
    import plotly.graph_objects as go

    x, y = line.x.astype(np.float32), line.y.astype(np.float32)
    if line.base is None:
        named, style = in_legend and bool(line.name), {"color": line.colour, "width": 2}
        return go.Scatter(x=x, y=y, mode="lines", line=style, name=plotly_text(line.name), showlegend=named)
    return go.Scatter(
        x=np.concatenate([x[:1], x, x[-1:]]),
        y=np.concatenate([[line.base], y, [line.base]]).astype(np.float32),
        mode="lines",
        fill="toself",
        fillcolor=line.colour + "B0",
        line={"color": line.colour, "width": 1.5},
        name=plotly_text(line.name),
        hoverinfo="name",
        showlegend=False,
    )


def mark_heights(axis: Axis) -> tuple[float, float]:
    """The lower edge of a panel with marks, and where the ticks that mark events end."""
    low, high = axis.span
    return low - 0.06 * (high - low), low - 0.01 * (high - low)


def _mark(mark: Mark, panel: Panel, in_legend: bool) -> Any:
    import plotly.graph_objects as go

    return go.Scatter(
        x=[mark.x, mark.x],
        y=mark_heights(panel.y),
        mode="lines",
        line={"color": mark.colour, "width": 3, "dash": "solid" if mark.name != "t_on" else "dot"},
        name=plotly_text(mark.name),
        showlegend=in_legend,
        hoverinfo="name",
    )


def _draw_axes(drawn: Any, panel: Panel, row: int, col: int, square: bool) -> None:
    low = mark_heights(panel.y)[0] if panel.marks else panel.y.span[0]
    for update, axis, span in (
        (drawn.update_xaxes, panel.x, panel.x.span),
        (drawn.update_yaxes, panel.y, (low, panel.y.span[1])),
    ):
        texts = {x: plotly_text(text) for x, text in (axis.ticks or {}).items()}
        ticks = {"tickvals": [*texts], "ticktext": [*texts.values()]} if texts else {}
        update(range=span, showgrid=False, title_text=plotly_text(axis.title) or None, tickfont_size=11, row=row, col=col, **ticks)
        if axis.ticks is None:
            update(showticklabels=False, ticks="", row=row, col=col)
    if square:
        anchor = drawn.get_subplot(row, col).xaxis.plotly_name.replace("axis", "")
        drawn.update_yaxes(scaleanchor=anchor, constrain="domain", row=row, col=col)
        drawn.update_xaxes(constrain="domain", row=row, col=col)


def _colours(picture: Picture) -> dict[str, Any]:
    spans = [panel.content.span for view in picture.views for panel in view.panels if isinstance(panel.content, Heat)]
    if not spans:
        return {}
    limits = {"cmin": spans[0][0], "cmax": spans[0][1]}
    if picture.colours == "answers":
        steps = [(edge / len(ANSWERS), f"rgba{rgba}") for i, (_, rgba) in enumerate(ANSWERS) for edge in (i, i + 1)]
        return {**limits, "colorscale": steps, "showscale": False}
    title = {"text": plotly_text(picture.colour_title), "side": "right", "font": {"size": 12}}
    bar = {"title": title, "thickness": 12, "outlinewidth": 0, "len": 1}
    return {**limits, "colorscale": MAP_COLOURS, "colorbar": bar}


def _add_answers_key(drawn: Any) -> int:
    """The meaning of the colours of a map of answers, as entries of the legend."""
    import plotly.graph_objects as go

    for name, rgba in reversed(ANSWERS):
        marker = {"symbol": "square", "size": 12, "color": f"rgba{rgba}"}
        drawn.add_trace(go.Scatter(x=[None], y=[None], mode="markers", marker=marker, name=name))
    return len(ANSWERS)
