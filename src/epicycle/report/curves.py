"""What figures of curves show: the series of every run as lines, their median, and when the runs reached an event."""

from typing import NamedTuple

import numpy as np
import xarray
from jaxtyping import Float, Int, Shaped
from numpy import ndarray

from epicycle.events.standard import event_steps
from epicycle.spec.results import statuses


class RunLines(NamedTuple):
    """One series of several runs as a single line: one run after the other, with a gap (NaN) after each.

    Attributes:
        x: the recorded steps of all runs.
        y: the series at these steps.
        run: the position of each step's run.
    """

    x: Float[ndarray, " step"]
    y: Float[ndarray, " step"]
    run: Int[ndarray, " step"]


def run_lines(values: Float[ndarray, "run step"], steps: Shaped[ndarray, " step"]) -> RunLines:
    """Join the recorded values of several runs into one line.

    A plotly trace for each run would take most of the time in which a page is made.
    """
    recorded = [np.isfinite(series) for series in values]
    x = np.concatenate([np.append(steps[seen], np.nan) for seen in recorded])
    y = np.concatenate([np.append(series[seen], np.nan) for series, seen in zip(values, recorded, strict=True)])
    return RunLines(x, y, np.repeat(np.arange(len(values)), [seen.sum() + 1 for seen in recorded]))


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


def steps_reached(data: xarray.Dataset, event: str) -> list[int]:
    """The steps of a standard event in the runs that reached it."""
    return [step for step in event_steps(data)[event] if step is not None]
