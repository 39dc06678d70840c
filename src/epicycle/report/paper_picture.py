"""Pictures for papers with matplotlib: a row for each panel, and a column for each position of the slider."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from epicycle.report.picture_figure import mark_heights
from epicycle.report.pictures import Axis, Dots, Heat, Panel, Picture, Way
from epicycle.report.style import ANSWERS, INK, MAP_COLOURS, paper_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_picture(pyplot: Any, picture: Picture) -> Any:
    """A picture as a page of matplotlib. Of a slider over runs only the first position is drawn."""
    views = picture.views if picture.slider == "moment" else picture.views[:1]
    grid = [[view.panels[i] for view in views] for i in range(len(views[0].panels))]
    if len(views) == 1:
        grid = [list(views[0].panels)]
    down, across = len(grid), len(grid[0])
    width = 9.0
    size = width / across if picture.square else min(2.6, 0.6 * width / across + 0.9)
    page, plots = pyplot.subplots(down, across, figsize=(width, 0.7 + down * (size + 0.25)), squeeze=False, layout="constrained")
    image = None
    for number, (row, panels) in enumerate(zip(plots, grid, strict=True)):
        for axes, panel in zip(row, panels, strict=True):
            x, y = panel.x, panel.y  # the titles of axes stand at the left and below
            shown = replace(
                panel, x=x if number == down - 1 else x._replace(title=""), y=y if axes is row[0] else y._replace(title="")
            )
            image = _draw_panel(axes, picture, shown) or image
    if picture.colours == "answers":
        _answers_key(page)
    elif image is not None:
        bar = page.colorbar(image, ax=plots, shrink=0.8, pad=0.01)
        bar.set_label(paper_text(picture.colour_title), fontsize=7)
        bar.ax.tick_params(labelsize=6)
    if marks := plots[0][0].get_legend_handles_labels()[0] if grid[0][0].marks or grid[0][0].way else []:
        page.legend(handles=marks, frameon=False, fontsize=7, loc="outside lower center", ncols=8)
    return page


def _draw_panel(axes: "Axes", picture: Picture, panel: Panel) -> Any:
    content, image = panel.content, None
    if isinstance(content, Heat):
        image = _draw_heat(axes, picture, content)
    elif isinstance(content, Dots):
        turn = np.arange(len(content.x) + 1) % len(content.x)
        axes.plot(content.x[turn], content.y[turn], color=INK, linewidth=0.4, alpha=0.6, zorder=1)
        axes.scatter(content.x, content.y, c=np.arange(len(content.x)), cmap=MAP_COLOURS.lower(), s=7, zorder=2)
    else:
        for line in content:
            label = paper_text(line.name) if line.base is None and line.name else None
            axes.plot(line.x, line.y, color=line.colour, linewidth=1.2, label=label)
            if line.base is not None:
                axes.fill_between(line.x, line.base, line.y, color=line.colour, alpha=0.7, linewidth=0)
    if panel.way:
        _draw_way(axes, panel.way)
    for mark in panel.marks:
        heights = mark_heights(panel.y)
        style = ":" if mark.name == "t_on" else "-"
        axes.plot([mark.x] * 2, heights, style, color=mark.colour, linewidth=2, solid_capstyle="butt", label=paper_text(mark.name))
    low = mark_heights(panel.y)[0] if panel.marks else panel.y.span[0]
    _draw_axis(axes.xaxis, panel.x, panel.x.span, axes.set_xlim)
    _draw_axis(axes.yaxis, panel.y, (low, panel.y.span[1]), axes.set_ylim)
    axes.set_title(paper_text(panel.title).replace(", ", "\n", 1), fontsize=7)
    if picture.square:
        axes.set_aspect("equal")
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)
    if panel.is_empty:
        axes.axis("off")
    return image


def _draw_heat(axes: "Axes", picture: Picture, heat: Heat) -> Any:
    from matplotlib.colors import ListedColormap

    half = (heat.x[1] - heat.x[0]) / 2 if len(heat.x) > 1 else 0.5
    edges = np.append(heat.x - half, heat.x[-1] + half)
    colours: Any = MAP_COLOURS.lower()
    if picture.colours == "answers":
        colours = ListedColormap([_paint(rgba) for _, rgba in ANSWERS])
    rows = np.arange(len(heat.values) + 1) - 0.5
    return axes.pcolormesh(edges, rows, heat.values, cmap=colours, vmin=heat.span[0], vmax=heat.span[1], rasterized=True)


def _draw_way(axes: "Axes", way: Way) -> None:
    """A line that is seen on light and on dark cells, and its stops."""
    for colour, width in (("black", 2.4), ("white", 1.2)):
        axes.plot(way.x, way.y, color=colour, linewidth=width)
    for stop in way.stops:
        label = paper_text(stop.name)
        axes.plot(stop.x, stop.y, "o", color=stop.colour, markeredgecolor="white", markersize=6, label=label, linestyle="")


def _draw_axis(drawn: Any, axis: Axis, span: tuple[float, float], set_limits: Any) -> None:
    set_limits(*span)
    drawn.set_tick_params(labelsize=6)
    drawn.set_label_text(paper_text(axis.title), fontsize=7)
    if axis.ticks is None:
        drawn.set_ticks([])
    elif axis.ticks:
        drawn.set_ticks([*axis.ticks], [paper_text(text) for text in axis.ticks.values()])


def _paint(rgba: tuple[int, int, int, float]) -> tuple[float, float, float, float]:
    red, green, blue, opacity = rgba
    return red / 255, green / 255, blue / 255, opacity


def _answers_key(page: Any) -> None:
    from matplotlib.patches import Patch

    patches = [Patch(color=_paint(rgba), label=name) for name, rgba in reversed(ANSWERS)]
    page.legend(handles=patches, frameon=False, fontsize=7, loc="outside lower center", ncols=4)
