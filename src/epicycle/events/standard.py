"""The standard events that every run is searched for, and the search of whole datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.events.detectors import Bracket, Onset, Peak, Threshold
from epicycle.spec.families import Event

if TYPE_CHECKING:
    import xarray


def standard() -> dict[str, Event]:
    """The events that every run is searched for, by name.

    `t_mem`: the network has memorised. `t_on`: generalisation begins. `t_gen`: the network generalises. `t_peak`: the peak of the
    calibrated test loss, which is the second mark of the onset.
    """
    return {
        "t_mem": Threshold(of="train_acc", level=0.99),
        "t_on": Onset(),
        "t_gen": Threshold(of="test_acc", level=0.95),
        "t_peak": Peak(),
    }


def bracket_of(event: Event, steps: Int[ndarray, " step"], series: Mapping[str, Float[ndarray, " step"]], baseline: float) -> Bracket:
    """The bracket of an event in the recorded part of a run.

    Args:
        event: the detector.
        steps: evaluations.
        series: values at these evaluations, NaN where nothing was recorded; more series than the event reads may be there.
        baseline: accuracy of the best predictor that sees at most one operand.

    Returns:
        The bracket; None where the event was not seen, or where a series it reads was not recorded.
    """
    if any(name not in series for name in event.series):
        return None
    recorded = np.isfinite(np.stack([series[name] for name in event.series])).all(axis=0)
    if not recorded.any():
        return None
    return event.bracket(steps[recorded], {name: series[name][recorded] for name in event.series}, baseline)


def bracket_in(data: xarray.Dataset, run: int, event: Event) -> Bracket:
    """The bracket of an event in one run of a dataset; `run` is a position along the axis `run`."""
    series = {name: data[name].values[run] for name in event.series if name in data}
    return bracket_of(event, data["step"].values, series, float(data["baseline"].values[run]))


def recorded_events(data: xarray.Dataset) -> list[str]:
    """Names of the standard events that a dataset has series for. The others are unknown, which is not the same as censored."""
    return [name for name, event in standard().items() if all(s in data and np.isfinite(data[s].values).any() for s in event.series)]


def event_steps(data: xarray.Dataset) -> dict[str, list[int | None]]:
    """For each standard event its step in every run (the upper end of the bracket); None where the event was not seen."""
    steps: dict[str, list[int | None]] = {}
    for name, event in standard().items():
        brackets = [bracket_in(data, run, event) for run in range(data.sizes["run"])]
        steps[name] = [None if bracket is None else bracket[1] for bracket in brackets]
    return steps


def event_dataset(data: xarray.Dataset) -> xarray.Dataset:
    """`event_steps` as a dataset along `run`: for each event `NAME` (a step, NaN where censored) and `NAME_censored`."""
    arrays: dict[str, Any] = {}
    for name, steps in event_steps(data).items():
        arrays[name] = ("run", [np.nan if step is None else float(step) for step in steps])
        arrays[f"{name}_censored"] = ("run", [step is None for step in steps])
    return data.drop_vars(data.data_vars).drop_dims("step").assign(arrays)
