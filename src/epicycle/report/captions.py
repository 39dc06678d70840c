"""Captions of figures, written from the data: how many runs reached an event, and which values are only partly known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray
from jaxtyping import Float, Shaped
from numpy import ndarray

from epicycle.events.standard import event_steps
from epicycle.report.ancestry import families
from epicycle.report.curves import PlotAxes, band_of, median_over_runs, run_lines, steps_reached
from epicycle.report.fork_panels import panels, swept_beyond
from epicycle.report.run_groups import point_texts, runs_by_point, seeds_text, shown_arms, steps_text, without_text
from epicycle.report.run_points import PointPlot, PointSet, point_plot
from epicycle.spec.results import ancestry_of, is_forked, moments_of
from epicycle.spec.study import Figure

NULL_BAND = "The grey band shows what is measured where there is nothing to find: from the 5th to the 95th percentile of runs."
TICKS = "Short ticks on the step axis mark when runs reached these events."
BASELINE = "The dotted line is the baseline accuracy."
THINNED = "Long curves are thinned: in each column of pixels only their first, last, lowest and highest points are drawn."


def curve_caption(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> str:
    """The caption of a figure of curves: in how many runs each event happened, and when."""
    shown = shown_arms(figure.arms, arms)
    sentences = [
        "Thin lines are single runs and thick lines are their median. A run that has ended counts in the median with its last value."
    ]
    if any(band_of(figure, arms, name) for name in shown):
        sentences.append(NULL_BAND)
    for name in shown if figure.events else ():
        counts = []
        for event in figure.events:
            steps = steps_reached(arms[name], event)
            span = f" ({steps_text(steps)})" if steps else ""
            counts.append(f"{len(steps)} of {arms[name].sizes['run']} runs reached {event}{span}")
        sentences.append(f"{name}: {', '.join(counts)}.")
    if figure.events:
        sentences.append(TICKS)
    if any("acc" in name for name in figure.series):
        sentences.append(BASELINE)
    if any(is_forked(arms[name]) for name in shown):
        sentences.append("The steps of a fork are counted from the moment of the fork.")
    if _is_thinned(figure, (curve for name in shown for curve in _drawn_curves(figure, arms[name]))):
        sentences.append(THINNED)
    return " ".join(sentences)


class _DrawnCurve(NamedTuple):
    """What a plot draws of one series: lines of single runs, or a median.

    Attributes:
        last: the last step on the axis.
    """

    x: Shaped[ndarray, " step"]
    y: Float[ndarray, " step"]
    last: float


def _drawn_curves(figure: Figure, data: xarray.Dataset) -> Iterator[_DrawnCurve]:
    steps = data["step"].values
    for name in figure.series:
        lines = run_lines(data[name].values, steps)
        yield _DrawnCurve(lines.x, lines.y, steps[-1])
        yield _DrawnCurve(steps, median_over_runs(data, name), steps[-1])


def _is_thinned(figure: Figure, curves: Iterable[_DrawnCurve]) -> bool:
    """Whether a plot of the figure, with log steps or with linear ones, leaves out points of a curve."""
    return any(PlotAxes.of(figure, log_steps, last).thins(x, y) for x, y, last in curves for log_steps in (True, False))


def point_caption(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> str:
    """The caption of a figure of points: the medians, and every run whose value is not fully known."""
    plot = point_plot(figure, arms)
    sentences = [
        "Each point is a run. The bar beside the points is their median with its 95 % interval over runs.",
        "An interval that runs off the axis has no end on that side.",
    ]
    if any(points.side.any() for points in plot.quantities):
        sentences.append("An open triangle is a run whose value is known from one side only; it points to where the value may lie.")
    if plot.compares:
        sentences.append("Forks above the dotted line are faster than their controls.")
    if plot.proportional:
        sentences.append(f"On the dashed line a fork is as many times faster as its {plot.dose} is higher.")
    return " ".join([*sentences, *(sentence for points in plot.quantities for sentence in _quantity_sentences(plot, points))])


def _quantity_sentences(plot: PointPlot, points: PointSet) -> Iterator[str]:
    columns = plot.column_texts()
    medians = [f"{text}: {plot.number(i.value)}" for text, i in zip(columns, points.intervals, strict=True) if np.isfinite(i.value)]
    yield f"Median of {points.title}: {'; '.join(medians) or 'not known in any column'}."
    for what, labels in (
        ("Known from one side only", points.open),
        ("Not drawn because nothing is known", points.unknown),
        ("Not drawn because they diverged", points.never),
    ):
        runs = [f"{text}, {seeds_text(own)}" for text, own in zip(columns, labels, strict=True) if own]
        everyone = sum(map(len, labels)) == sum(len(column.runs) for column in plot.columns)
        if runs:
            yield f"{what}: {'all runs' if everyone else '; '.join(runs)}."


def fork_caption(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> str:
    """The caption of a figure of forks: when each arm was forked, when its events came, and which runs were not forked."""
    roots = families(shown_arms(figure.arms, arms), arms)
    shown = panels(figure, arms)
    if any(panel.crowded for panel in shown):
        sentences = [
            "Thin lines are single runs and thick lines are their median.",
            "The median of forks starts where all of them have begun.",
            "Orange lines show when each run was forked.",
        ]
    else:
        sentences = [
            f"Each panel shows one run of {' or '.join(roots)}{' (grey)' if len(roots) == 1 else ''} and its forks.",
            "Dashed orange lines show when the forks begin.",
        ]
    sentences.append("The axis counts the steps of the run that was forked.")
    for root, forks in roots.items():
        for name in (root, *forks):
            sentences += _arm_sentences(figure, name, arms[name], swept_beyond(arms[name], arms[root]))
    if figure.events:
        sentences.append(f"Short ticks on the step axis mark {', '.join(figure.events)} in the colour of the run.")
        sentences.append("A fork has no tick for an event that came before the fork.")
    if any("acc" in name for name in figure.series):
        sentences.append(BASELINE)
    if _is_thinned(figure, (_DrawnCurve(line.x, line.y, panel.last_step) for panel in shown for line in panel.lines)):
        sentences.append(THINNED)
    return " ".join(sentences)


def _arm_sentences(figure: Figure, name: str, data: xarray.Dataset, own: Sequence[str]) -> Iterator[str]:
    """What an arm of a figure of forks did; `own` are the names that it sweeps and its control does not."""
    if is_forked(data):
        yield f"{name} was forked at {steps_text(moments_of(data).tolist())}."
    if figure.events:
        events = [f"{event} was reached by {_reached_text(data, event, own)}" for event in figure.events]
        clock = " (steps counted from the fork)" if is_forked(data) else ""
        yield f"{name}{clock}: {'; '.join(events)}."
    ancestry = ancestry_of(data)
    if ancestry and ancestry.without:
        yield f"{name} has no fork of {without_text(ancestry.without)}, which did not reach the moment."


def _reached_text(data: xarray.Dataset, event: str, own: Sequence[str]) -> str:
    """How many runs reached an event at each point of a sweep, and when: `5 of 6 runs at by = 3 (steps 80 to 120)`."""
    steps = event_steps(data, [event])[event]
    if not any(step is not None for step in steps):
        return f"none of {data.sizes['run']} runs"
    parts = []
    for point, runs in runs_by_point(data, own).items():
        reached = [step for run in runs if (step := steps[run]) is not None]
        before = is_forked(data) and reached and not any(reached)
        when = f" ({'before the fork' if before else steps_text(reached)})" if reached else ""
        where = f" at {', '.join(point_texts(own, point))}" if own else ""
        parts.append(f"{len(reached)} of {len(runs)} runs{where}{when}")
    return ", ".join(parts)
