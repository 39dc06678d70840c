"""The deciding figure of a study for papers: matplotlib, PDF and SVG, the same grammar as on the page."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from epicycle.report.curves import happened, median_over_runs, scale_of
from epicycle.report.dots import draw_dots
from epicycle.report.fork_panels import draw_overlaid, shows_forks
from epicycle.report.style import INK, series_style
from epicycle.spec.study import Figure
from epicycle.store.atomic import write_bytes


def save_figure(figure: Figure, arms: Mapping[str, xarray.Dataset], stem: Path) -> list[Path]:
    """Write `stem`.pdf, .svg and .png; returns their paths."""
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams["svg.hashsalt"] = "epicycle"  # the same data gives the same bytes
    from matplotlib import pyplot

    draw = _points if figure.quantities else draw_overlaid if shows_forks(figure, arms) else _curves
    page = draw(pyplot, figure, arms)
    page.suptitle(figure.title, fontsize=10)
    paths = [stem.with_suffix(f".{kind}") for kind in ("pdf", "svg", "png")]
    for path in paths:
        metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(path.suffix[1:])
        content = io.BytesIO()
        page.savefig(content, format=path.suffix[1:], metadata=metadata, dpi=160)
        write_bytes(path, content.getvalue())
        page.set_layout_engine("none")  # laid out once is enough
    pyplot.close(page)
    return paths


def _points(pyplot: Any, figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Any:
    page, axes = pyplot.subplots(figsize=(9, 4), layout="constrained")
    draw_dots(axes, figure, arms)
    axes.legend(frameon=False, fontsize=8)
    return page


def _curves(pyplot: Any, figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Any:
    shown = [name for name in figure.arms if name in arms]
    page, grid = pyplot.subplots(len(shown), 2, figsize=(9, 0.6 + 2.3 * len(shown)), sharey=True, squeeze=False, layout="constrained")
    for row, name in zip(grid, shown, strict=True):
        for axes, log_steps in zip(row, (True, False), strict=True):
            _panel(axes, figure, arms[name], log_steps)
        row[0].set_title(f"{name} ({arms[name].sizes['run']} runs)", loc="left", fontsize=9)
    grid[0][0].legend(frameon=False, fontsize=8, loc="center left")
    return page


def _panel(axes: "matplotlib.axes.Axes", figure: Figure, data: xarray.Dataset, log_steps: bool) -> None:  # type: ignore[name-defined]  # noqa: F821
    steps = np.maximum(data["step"].values, 1 if log_steps else 0)
    for name in figure.series:
        colour, label, _ = series_style(name)
        for values in data[name].values:
            own = np.isfinite(values)
            axes.plot(steps[own], values[own], color=colour, alpha=0.45, linewidth=0.6)
        axes.plot(steps, median_over_runs(data, name), color=colour, linewidth=2, label=label)
    kind, span = scale_of(figure.series)
    axes.set_yscale(kind)
    if span:
        axes.set_ylim(*span)
        axes.axhline(float(data["baseline"].values[0]), color=INK, linewidth=0.8, linestyle=":")
    for name in figure.events:
        for step in happened(data, name):
            colour = series_style("train_acc" if name == "t_mem" else "test_acc")[0]
            axes.axvline(step, ymax=0.04, color=colour, linewidth=1)
    if log_steps:
        axes.set_xscale("log")
    axes.set_xlim(1 if log_steps else 0, steps.max())
    axes.set_xlabel("step (log)" if log_steps else "step (linear)", fontsize=8)
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
