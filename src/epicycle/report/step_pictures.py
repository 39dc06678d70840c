"""Pictures of a series with an axis over all steps: a heat map, or a curve for each entry of the axis."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.report.curves import steps_reached
from epicycle.report.pictures import Axis, Heat, Line, Mark, Panel, Picture, View, carried, median_of_runs, run_text, series_in
from epicycle.report.run_groups import runs_text, shown_arms
from epicycle.report.style import GEN, INK, OTHERS, blends, event_colour, series_style
from epicycle.spec.figure import Figure

COLUMNS = 160  # columns of a heat map after step 0
AT_ZERO = 12  # columns that step 0 takes: a log axis has no place for it
SINGLE_RUNS = 8  # runs that a slider can choose beside their median
NAMED = ("#009E73", "#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#D55E00", *OTHERS)  # of entries that are the same in every run


class _LogSteps(NamedTuple):
    """Columns that are as wide as each other on a log axis, with a few at the left for step 0.

    Attributes:
        x: the middle of each column, as the logarithm of its step.
        records: position of the last record by then.
        axis: the axis.
    """

    x: Float[ndarray, " column"]
    records: Int[ndarray, " column"]
    axis: Axis

    @classmethod
    def of(cls, steps: Int[ndarray, " step"]) -> "_LogSteps":
        last = float(np.log10(max(steps[-1], 10)))
        width = last / (COLUMNS - 1)
        shown = np.arange(COLUMNS) * width
        records = np.searchsorted(steps, np.floor(10**shown + 1e-6), side="right") - 1
        ticks = {float(decade): f"{10**decade:,}" for decade in range(int(last) + 1)}
        if steps[0] == 0:
            shown = np.concatenate([(np.arange(AT_ZERO) - AT_ZERO) * width, shown])
            records = np.concatenate([[0] * AT_ZERO, records])
            ticks |= {float(shown[AT_ZERO // 2]): "0"}
        return cls(shown, records, Axis("step", (shown[0] - width / 2, last + width / 2), ticks))


def heat_map(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Picture:
    """The entries of an axis against steps: their median over runs, and single runs."""
    shown = {name: arms[name] for name in shown_arms(figure.arms, arms)}
    values = {name: _entries(figure, data, name) for name, data in shown.items()}
    top = max(float(np.nan_to_num(median_of_runs(of_runs)).max()) for of_runs in values.values())
    span = (0.0, top if top > 0 else 1.0)
    n_single = min(SINGLE_RUNS, max(data.sizes["run"] for data in shown.values()))
    choices: list[int | None] = [None, *range(n_single)] if n_single > 1 else [0]
    views = [
        View(
            "median" if run is None else run_text(next(iter(shown.values())), run),
            tuple(_heat_panel(figure, name, shown[name], values[name], run, span) for name in shown),
        )
        for run in choices
    ]
    caption = ["Each column is a step and each row one entry of the series.", *_ranking(figure)]
    if len(views) > 1:
        caption.append("The slider shows the median over runs, or one of the first runs.")
    if figure.events:
        caption.append(f"Lines mark the median steps of {', '.join(figure.events)} over the runs shown.")
    title = series_style(figure.series[0]).label
    return Picture(tuple(views), " ".join(caption), slider="runs", across=min(len(shown), 3), colour_title=title)


def component_curves(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Picture:
    """A curve for each entry of an axis: its median over runs."""
    shown = {name: arms[name] for name in shown_arms(figure.arms, arms)}
    medians = {name: median_of_runs(_entries(figure, data, name)) for name, data in shown.items()}
    everything = np.nan_to_num(np.concatenate([median.ravel() for median in medians.values()]))
    height = Axis(series_style(figure.series[0]).label, (float(everything.min()), 1.05 * float(everything.max() or 1)), {})
    panels = tuple(_curves_panel(figure, name, data, medians[name], height) for name, data in shown.items())
    caption = ["Each line is the median over runs of one entry of the series.", *_ranking(figure)]
    return Picture((View("", panels),), " ".join(caption), across=min(len(panels), 3))


def _curves_panel(figure: Figure, arm: str, data: xarray.Dataset, median: Float[ndarray, "step ..."], height: Axis) -> Panel:
    names = _names(figure, data)
    colours = blends(GEN, INK, len(names)) if figure.ranked else [NAMED[i % len(NAMED)] for i in range(len(names))]
    x = np.log10(np.maximum(data["step"].values, 1))
    listed = {0: "rank 1", len(names) - 1: f"rank {len(names)}"} if figure.ranked else dict(enumerate(names))
    lines = tuple(Line(x, median[:, i], colours[i], listed.get(i, "")) for i in range(len(names)))
    axis = Axis("step", (0.0, float(x[-1])), {float(decade): f"{10**decade:,}" for decade in range(int(x[-1]) + 1)})
    title = f"{arm} ({runs_text(data.sizes['run'])})"
    return Panel(title, lines, axis, height, _event_marks(figure, data, range(data.sizes["run"])))


def _entries(figure: Figure, data: xarray.Dataset, arm: str) -> Float[ndarray, "run step ..."]:
    """The series of every run; ranked, each run's entries are in the order of their last values, the largest first."""
    values = carried(series_in(figure, data, arm).values.astype(float))
    if not figure.ranked:
        return values
    order = np.argsort(-np.nan_to_num(values[:, -1], nan=-np.inf), axis=1, kind="stable")
    return np.take_along_axis(values, order[:, None, :], axis=2)


def _names(figure: Figure, data: xarray.Dataset) -> list[str]:
    axis = str(data[figure.series[0]].dims[2])
    n = data.sizes[axis]
    if figure.ranked:
        return [f"{i + 1}" for i in range(n)]
    return [str(name) for name in data[axis].values] if axis in data.coords else [str(i) for i in range(n)]


def _ranking(figure: Figure) -> list[str]:
    return ["In every run the entries are ranked by their values at the end: rank 1 is the largest."] if figure.ranked else []


def _heat_panel(
    figure: Figure,
    arm: str,
    data: xarray.Dataset,
    values: Float[ndarray, "run step ..."],
    run: int | None,
    span: tuple[float, float],
) -> Panel:
    runs = range(data.sizes["run"]) if run is None else [min(run, data.sizes["run"] - 1)]
    columns = _LogSteps.of(data["step"].values)
    median = median_of_runs(values[list(runs)]).T
    cells = median[:, columns.records]
    names = _names(figure, data)
    entry = str(data[figure.series[0]].dims[2])
    title = f"{arm} (median of {runs_text(len(runs))})" if run is None else f"{arm}, {run_text(data, runs[0])}"
    every = -(-len(names) // 16)
    ticks = {float(i): name for i, name in enumerate(names) if i % every == 0}
    rows = Axis(f"rank of the {entry} at the end" if figure.ranked else entry, (len(names) - 0.5, -0.5), ticks)
    heat = Heat(columns.x, cells.astype(np.float32), span)
    return Panel(title, heat, columns.axis, rows, _event_marks(figure, data, runs))


def _event_marks(figure: Figure, data: xarray.Dataset, runs: Sequence[int]) -> tuple[Mark, ...]:
    """The median step of each event that at least half of the runs reached."""
    marks = []
    for event in figure.events:
        reached = steps_reached(data.isel(run=list(runs)), event)
        if 2 * len(reached) >= len(runs):
            marks.append(Mark(float(np.log10(max(np.median(reached), 1))), event_colour(event), event))
    return tuple(marks)
