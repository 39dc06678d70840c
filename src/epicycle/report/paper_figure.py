"""The deciding figure of a study for papers: what the page shows, drawn with matplotlib as PDF, SVG and PNG."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from jaxtyping import Float, Shaped
from numpy import ndarray

from epicycle.report.curves import PlotAxes, band_of, median_over_runs, steps_reached, values_span
from epicycle.report.fork_figure import grid_size
from epicycle.report.fork_panels import Panel, legend, panels, shows_forks
from epicycle.report.paper_picture import draw_picture
from epicycle.report.picture_forms import picture
from epicycle.report.pictures import Picture
from epicycle.report.run_groups import runs_text, shown_arms
from epicycle.report.run_points import PointPlot, PointSet, in_proportion, point_plot
from epicycle.report.style import INK, event_colour, paper_text, scale_of, series_styles, value_axis_title
from epicycle.spec.study import Figure
from epicycle.store.atomic import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHES = {"solid": "-", "dot": ":", "dash": "--", "dashdot": "-."}
MARKERS = {0: "o", 1: "^", -1: "v"}  # where in the picture the value may lie -> marker
DATES = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}  # no dates: the same data gives the same bytes


def save_figure(figure: Figure, arms: Mapping[str, xarray.Dataset], stem: Path) -> list[Path]:
    """Write `stem`.pdf, .svg and .png.

    Returns:
        Their paths.
    """
    if figure.form != "curves":
        return save_picture(picture(figure, arms), figure.title, stem)
    draw = _draw_points if figure.quantities else _draw_forks if shows_forks(figure, arms) else _draw_curves
    return _saved(lambda pyplot: draw(pyplot, figure, arms), figure.title, stem)


def save_picture(drawn: Picture, title: str, stem: Path) -> list[Path]:
    """Write a picture as `stem`.pdf, .svg and .png. The arguments and what is returned are as for `save_figure`."""
    return _saved(lambda pyplot: draw_picture(pyplot, drawn), title, stem)


def _saved(draw: Callable[[Any], Any], title: str, stem: Path) -> list[Path]:
    """What a function draws on a page of matplotlib, in three files."""
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams["svg.hashsalt"] = "epicycle"  # the same data gives the same bytes
    from matplotlib import pyplot

    page = draw(pyplot)
    page.suptitle(paper_text(title), fontsize=10)
    paths = [stem.with_suffix(f".{kind}") for kind in ("pdf", "svg", "png")]
    for path in paths:
        kind = path.suffix[1:]
        content = io.BytesIO()
        page.savefig(content, format=kind, metadata=DATES.get(kind), dpi=160)
        write_bytes(path, content.getvalue())
        page.set_layout_engine("none")  # one layout is enough for all three files
    pyplot.close(page)
    return paths


def _draw_curves(pyplot: Any, figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Any:
    shown = shown_arms(figure.arms, arms)
    size = (9, 0.6 + 2.3 * len(shown))
    page, grid = pyplot.subplots(len(shown), 2, figsize=size, sharey=True, squeeze=False, layout="constrained")
    for row, name in zip(grid, shown, strict=True):
        for axes, log_steps in zip(row, (True, False), strict=True):
            if band := band_of(figure, arms, name):
                steps = np.maximum(band.steps, 1)
                label = paper_text(band.name)
                axes.fill_between(steps, band.low, band.high, color=INK, alpha=0.28, linewidth=0, label=label)
            _draw_curve_panel(axes, figure, arms[name], log_steps)
            if span := values_span(figure, arms):
                axes.set_ylim(*span)
        row[0].set_ylabel(paper_text(value_axis_title(figure.series)), fontsize=8)
        row[0].set_title(f"{paper_text(name)} ({runs_text(arms[name].sizes['run'])})", loc="left", fontsize=9)
    handles, labels = grid[0][0].get_legend_handles_labels()
    page.legend(handles, labels, frameon=False, fontsize=8, loc="outside lower center", ncols=2)
    return page


def _draw_curve_panel(axes: "Axes", figure: Figure, data: xarray.Dataset, log_steps: bool) -> None:
    steps, (kind, span) = data["step"].values, scale_of(figure.series, figure.log)
    limits, styles = PlotAxes.of(figure, log_steps, steps[-1]), series_styles(figure.series)
    for name in figure.series:
        style = styles[name]
        _draw_runs(axes, limits, steps, data[name].values, color=style.colour, alpha=0.45, linewidth=0.6)
        median = median_over_runs(data, name)
        _draw_line(axes, limits, steps, median, color=style.colour, linewidth=2, label=paper_text(style.label))
    axes.set_yscale(kind)
    if span:
        axes.set_ylim(*span)
        axes.axhline(float(data["baseline"].values[0]), color=INK, linewidth=0.8, linestyle=":")
    for event in figure.events:
        ends = axes.get_xaxis_transform()  # the ticks of runs in steps, their height in shares of the panel
        axes.vlines(steps_reached(data, event), 0, 0.04, transform=ends, color=event_colour(event), linewidth=1, capstyle="projecting")
    _style_step_axis(axes, limits)
    axes.set_xlabel("step (log)" if log_steps else "step (linear)", fontsize=8)
    axes.tick_params(labelsize=8)


def _draw_runs(
    axes: "Axes", limits: PlotAxes, steps: Shaped[ndarray, " step"], values: Float[ndarray, "run step"], **style: Any
) -> None:
    """Draw a series of every run. Matplotlib draws a collection of lines much faster than as many lines."""
    from matplotlib.collections import LineCollection

    lines = []
    for of_run in values:
        recorded = np.isfinite(of_run)
        x, y = steps[recorded], of_run[recorded]
        visible = limits.visible(x, y)
        lines.append(np.column_stack([limits.drawn_steps(x[visible]), y[visible]]))
    axes.add_collection(LineCollection(lines, capstyle="projecting", joinstyle="round", **style), autolim=True)


def _draw_line(axes: "Axes", limits: PlotAxes, x: Shaped[ndarray, " step"], y: Float[ndarray, " step"], **style: Any) -> None:
    visible = limits.visible(x, y)
    axes.plot(limits.drawn_steps(x[visible]), y[visible], **style)


def _draw_points(pyplot: Any, figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Any:
    page, axes = pyplot.subplots(figsize=(9, 4), layout="constrained")
    plot = point_plot(figure, arms)
    for points in plot.quantities:
        _draw_quantity(axes, plot, points)
    for x, lines in plot.group_names():
        axes.annotate(paper_text("\n".join(lines)), (x, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=8)
    if plot.compares:
        axes.axhline(0, color=INK, linewidth=0.8, linestyle=":")
    for number, path in enumerate(plot.proportional_lines()):
        label = paper_text(in_proportion(plot.dose)) if number == 0 else None
        axes.plot([x for x, _ in path], [y for _, y in path], color=INK, linewidth=1.4, linestyle="--", label=label)
    labels = [paper_text(column.label) for column in plot.columns]
    rotation = 30 if max(map(len, labels)) > 6 else 0
    axes.set_xticks([column.position for column in plot.columns], labels, fontsize=8, rotation=rotation)
    axes.set_xlabel(paper_text(plot.dose), fontsize=8)
    axes.set_ylabel(paper_text(plot.unit), fontsize=8)
    axes.set_yscale("log" if plot.log else "linear")
    axes.set_ylim(*plot.span[:: -1 if plot.compares else 1])
    if plot.compares:
        ticks = plot.speed_ticks()
        axes.set_yticks(list(ticks), list(ticks.values()))
    axes.grid(axis="y", color=INK, alpha=0.2, linewidth=0.5)
    axes.tick_params(labelsize=8)
    _open_box(axes)
    axes.legend(frameon=False, fontsize=8)
    return page


def _draw_quantity(axes: "Axes", plot: PointPlot, points: PointSet) -> None:
    colour = points.colour
    for side in MARKERS:
        chosen, marker = points.side == side, MARKERS[plot.side_up(side)]
        face = "none" if side else colour
        axes.scatter(points.x[chosen], points.value[chosen], s=16, marker=marker, facecolors=face, edgecolors=colour, alpha=0.6)
    for bar in plot.bars(points):
        axes.plot([bar.x] * len(bar.ends), bar.ends, color=colour, linewidth=1.2)
        if np.isfinite(bar.median):
            axes.plot([bar.x - bar.half_width, bar.x + bar.half_width], [bar.median] * 2, color=colour, linewidth=2.4)
    for path in plot.median_lines(points):
        axes.plot([x for x, _ in path], [median for _, median in path], color=colour, linewidth=0.6, alpha=0.7)
    axes.plot([], [], color=colour, linewidth=2, label=paper_text(points.title))


def _draw_forks(pyplot: Any, figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Any:
    shown = panels(figure, arms)
    rows, across = grid_size(len(shown))
    size = (9, 0.9 + (2.6 if across == 2 else 1.7) * rows)
    page, grid = pyplot.subplots(rows, across, figsize=size, sharey=True, squeeze=False, layout="constrained")
    plots = grid.ravel()
    for row in grid:
        row[0].set_ylabel(paper_text(value_axis_title(figure.series)), fontsize=8)
    for number, panel in enumerate(shown):
        for log_steps in (True, False):
            _draw_fork_panel(plots[2 * number + (not log_steps)], figure, panel, log_steps)
    for axes in plots[2 * len(shown) :]:
        axes.set_visible(False)
    for name, colour, dash in legend(figure, shown):
        plots[0].plot([], [], color=colour, linestyle=DASHES[dash], linewidth=2, label=paper_text(name))
    page.legend(frameon=False, fontsize=7, loc="outside lower center", ncols=4)
    return page


def _draw_fork_panel(axes: "Axes", figure: Figure, panel: Panel, log_steps: bool) -> None:
    kind, span = scale_of(figure.series, figure.log)
    limits = PlotAxes.of(figure, log_steps, panel.last_step)
    for line in panel.lines:
        style = {"color": line.colour, "linestyle": DASHES[line.dash], "linewidth": line.width / 1.6}
        _draw_line(axes, limits, line.x, line.y, alpha=panel.opacity(line), **style)
    axes.set_yscale(kind)
    if span:
        axes.set_ylim(*span)
    if any("acc" in name for name in figure.series):
        axes.axhline(panel.baseline, color=INK, linewidth=0.8, linestyle=":")
    for mark in panel.marks():
        axes.axvline(mark.step, mark.low, mark.high, color=mark.colour, linewidth=mark.width / 1.5, linestyle=DASHES[mark.dash])
    _style_step_axis(axes, limits)
    axes.set_title(f"{paper_text(panel.title)}, {'log' if log_steps else 'linear'} steps", fontsize=7)
    axes.tick_params(labelsize=7, which="both")


def _style_step_axis(axes: "Axes", limits: PlotAxes) -> None:
    if limits.log_steps:
        axes.set_xscale("log")
    axes.set_xlim(1 if limits.log_steps else 0, limits.last)
    _open_box(axes)


def _open_box(axes: "Axes") -> None:
    """Hide the upper and the right edge of the plot."""
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)
