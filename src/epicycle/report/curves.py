"""What figures of curves show: the series of every run as lines, their median, and when the runs reached an event."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import xarray
from jaxtyping import Bool, Float, Int, Shaped
from numpy import ndarray

from epicycle.events.standard import event_steps
from epicycle.report.style import scale_of, series_style
from epicycle.spec.figure import Figure
from epicycle.spec.results import statuses

COLUMNS = 600  # columns of pixels that a plot is at most wide
DECADES = 3.5  # that a log axis shows where a figure asks for one


class PlotAxes(NamedTuple):
    """The axes of one plot, which decide what can be seen of a curve.

    Attributes:
        log_steps: whether the step axis is logarithmic.
        log_values: whether the value axis is logarithmic.
        last: the last step on the axis.
    """

    log_steps: bool
    log_values: bool
    last: float

    @classmethod
    def of(cls, figure: Figure, log_steps: bool, last: float) -> "PlotAxes":
        """The axes of a plot of a figure's series."""
        return cls(log_steps, scale_of(figure.series, figure.log)[0] == "log", last)

    def drawn_steps(self, steps: Shaped[ndarray, " step"]) -> Shaped[ndarray, " step"]:
        """Where steps are drawn: a log axis begins at step 1."""
        return np.maximum(steps, 1) if self.log_steps else steps

    def visible(self, x: Shaped[ndarray, " step"], y: Float[ndarray, " step"]) -> Int[ndarray, " step"]:
        """Positions of the points that make the picture: in each column of pixels the first, the last, the lowest and the highest one.

        All other points of a column lie on the stroke that these four draw. Gaps between lines stay.

        Args:
            x: the steps of lines that follow each other, each in order.
            y: the values; NaN separates lines.
        """
        gap, shown = np.isnan(y), self._shown(y)
        line = np.cumsum(gap & ~np.append(False, gap[:-1]))
        column = np.where(gap, -1, self._columns(x))
        pixel = line * (COLUMNS + 2) + column + 1
        hidden = np.flatnonzero(~shown)
        _, once = np.unique(pixel[hidden], return_index=True)
        seen = np.flatnonzero(shown)
        return np.union1d(seen[_ends_and_extremes(pixel[seen], y[seen])], hidden[once])

    def thins(self, x: Shaped[ndarray, " step"], y: Float[ndarray, " step"]) -> bool:
        """Whether `visible` leaves out points that have a place on these axes."""
        shown = self._shown(y)
        return bool(shown[self.visible(x, y)].sum() < shown.sum())

    def _shown(self, y: Float[ndarray, " step"]) -> Bool[ndarray, " step"]:
        """Which values have a place on the value axis: a log axis has none for 0."""
        return y > 0 if self.log_values else ~np.isnan(y)

    def _columns(self, x: Shaped[ndarray, " step"]) -> Int[ndarray, " step"]:
        share = np.log(np.maximum(x, 1)) / np.log(max(self.last, 2)) if self.log_steps else x / max(self.last, 1)
        return np.floor(np.clip(share, 0, 1) * COLUMNS).astype(int)


def _ends_and_extremes(pixel: Int[ndarray, " step"], y: Float[ndarray, " step"]) -> Int[ndarray, " step"]:
    """Positions of the first, the last, the lowest and the highest point of each pixel; `pixel` is in order."""
    first = np.flatnonzero(np.diff(pixel, prepend=-1))
    last = np.append(first[1:], len(pixel))[: len(first)] - 1
    by_value = np.lexsort((y, pixel))  # the points of a pixel stay together
    return np.concatenate([first, last, by_value[first], by_value[last]])


class RunLines(NamedTuple):
    """One series of several runs as a single line: one run after the other, with a gap (a value of NaN) after each.

    Attributes:
        x: the recorded steps of all runs; a gap repeats the last one.
        y: the series at these steps.
        run: the position of each step's run.
    """

    x: Shaped[ndarray, " step"]
    y: Float[ndarray, " step"]
    run: Int[ndarray, " step"]


def run_lines(values: Float[ndarray, "run step"], steps: Shaped[ndarray, " step"]) -> RunLines:
    """Join the recorded values of several runs into one line.

    A plotly trace for each run would take most of the time in which a page is made.
    """
    recorded = [np.flatnonzero(np.isfinite(series)) for series in values]
    with_gap = [np.append(own, own[-1:]) for own in recorded]
    gap = np.array([np.nan], values.dtype)
    y = [part for series, own in zip(values, recorded, strict=True) for part in (series[own], gap[: len(own)])]
    return RunLines(
        steps[np.concatenate(with_gap)], np.concatenate(y), np.repeat(np.arange(len(values)), [len(own) for own in with_gap])
    )


def values_span(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> tuple[float, float] | None:
    """The ends of the value axis of a figure that asks for a log axis: from the largest median down by `DECADES`; None for others."""
    if not figure.log:
        return None
    names = [name for name in figure.arms if name in arms]
    top = max(float(np.nanmax(median_over_runs(arms[name], series))) for name in names for series in figure.series)
    return (top * 10**-DECADES, top * 2) if top > 0 else None


def median_over_runs(data: xarray.Dataset, name: str) -> Float[ndarray, " step"]:
    """The median of a series over runs at every step; NaN before the first record.

    A run counts with its last record until its next one, and after its end for good: otherwise the median would jump when the fastest
    runs end. A diverged run counts only at its own records.
    """
    values = data[name].values.copy()
    for run, status in enumerate(statuses(data)):
        if not status.diverged:
            last = np.maximum.accumulate(np.where(np.isfinite(values[run]), np.arange(values.shape[1]), -1))
            values[run] = np.where(last < 0, np.nan, values[run, last])
    seen = np.isfinite(values).any(axis=0)
    median = np.full(values.shape[1], np.nan)
    median[seen] = np.nanmedian(values[:, seen], axis=0)
    return median


class Band(NamedTuple):
    """What is measured where there is nothing to find: from the 5th to the 95th percentile of runs, at each step.

    Attributes:
        name: what it shows, in print.
    """

    steps: Shaped[ndarray, " step"]
    low: Float[ndarray, " step"]
    high: Float[ndarray, " step"]
    name: str


def band_of(figure: Figure, arms: Mapping[str, xarray.Dataset], arm: str) -> Band | None:
    """The band that a figure shows in the panel of an arm; None where it shows none, or the arm is itself the null."""
    if not figure.null_band or figure.null_band == arm:
        return None
    data = arms.get(figure.null_band, arms[arm])
    series = figure.series[0] if figure.null_band in arms else figure.null_band
    if series not in data:
        return None
    values = data[series].values.astype(float)
    seen = np.isfinite(values).any(axis=0)
    low, high = np.nanquantile(values[:, seen], [0.05, 0.95], axis=0)
    if span := values_span(figure, arms):  # a log axis has no place for 0: the band goes down to the end of the axis
        low, high = np.maximum(low, span[0]), np.maximum(high, span[0])
    label = f"{figure.null_band}: {series_style(series).label}" if figure.null_band in arms else series_style(series).label
    return Band(data["step"].values[seen], low, high, label)


def steps_reached(data: xarray.Dataset, event: str) -> list[int]:
    """The steps of a standard event in the runs that reached it."""
    return [step for step in event_steps(data, [event])[event] if step is not None]
