"""Stops: how an event ends a run before its budget is used up.

A run ends at a factor times the step of the event, and not before the event is confirmed. Training goes on in rounds, so the functions
here also tell how far a round may go before the end of the run is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.events.detectors import confirming_positions
from epicycle.events.standard import bracket_of, named, standard
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Run, Training
from epicycle.spec.families import Event
from epicycle.spec.observation import Observation

if TYPE_CHECKING:
    import xarray

NEVER_CONFIRMED = np.iinfo(np.int64).max


def stop_after(grid: Int[ndarray, " step"], event: Event, bracket: tuple[int, int], factor: float) -> int:
    """The step at which an event ends a run: `factor` times the event's step, and not before the evaluation that confirms it.

    Args:
        grid: evaluations of the run.
        event: the detector.
        bracket: the event's bracket in that run.
        factor: the stop's factor.
    """
    return int(max(np.ceil(factor * bracket[1]), _confirmed_at(grid, event)[np.searchsorted(grid, bracket[1])]))


def earliest_unknown_stop(grid: Int[ndarray, " step"], event: Event, recorded: int, factor: float) -> int:
    """The earliest step at which a run whose record goes up to `recorded` may still turn out to end.

    A round of training must not pass this step: otherwise the ends of rounds would decide where runs end.
    """
    confirmed = _confirmed_at(grid, event)
    open_ends = np.maximum(np.ceil(factor * grid), confirmed)[confirmed > recorded]
    return int(open_ends.min()) if len(open_ends) else int(grid[-1])


def _confirmed_at(grid: Int[ndarray, " step"], event: Event) -> Int[ndarray, " step"]:
    """For an event at each step of a grid, the step that confirms it; past the grid where no step does."""
    return np.append(grid, NEVER_CONFIRMED)[confirming_positions(grid, event.hold)]  # type: ignore[attr-defined]


def end_of(training: Training, steps: Int[ndarray, " step"], series: Mapping[str, Float[ndarray, " step"]], baseline: float) -> int:
    """The last step of a run that counts under this training: its stop, or its budget.

    The record may be longer, as another study may have trained the same run further.
    """
    if training.stop is None:
        return training.steps
    event = named()[training.stop.event]
    recorded = np.isfinite(np.stack([series[name] for name in event.series])).all(axis=0) & (steps <= training.steps)
    grid = steps[recorded]
    bracket = bracket_of(event, grid, {name: series[name][recorded] for name in event.series}, baseline)
    if bracket is None:
        return training.steps
    return int(grid[min(int(np.searchsorted(grid, stop_after(grid, event, bracket, training.stop.factor))), len(grid) - 1)])


def ends_of(data: xarray.Dataset, trainings: Sequence[Training]) -> list[int]:
    """`end_of` for every run of a dataset, each with its own training."""
    names = [str(name) for name in data.data_vars if data[name].dims == ("run", "step")]
    ends = []
    for run, training in enumerate(trainings):
        series = {name: data[name].values[run] for name in names}
        ends.append(end_of(training, data["step"].values, series, float(data["baseline"].values[run])))
    return ends


def ends_runs(event: Event) -> bool:
    """Whether an event may stop runs: only if it is confirmed a fixed share of steps after it happened."""
    return hasattr(event, "hold")


def stopping(name: str) -> Event:
    """The standard event that a stop names.

    Raises:
        InputError: there is no such event, or it cannot stop a run.
    """
    events = named()
    if name not in events:
        raise InputError(f"training.stop.event: there is no event '{name}'; the events are {', '.join(standard())}.")
    if not ends_runs(events[name]):
        raise InputError(f"training.stop.event: {name} is only known long after it happened, so it cannot end a run; use t_gen.")
    return events[name]


def refuse_unrecorded_stops(runs: Sequence[Run], observation: Observation) -> None:
    """Refuse, before training starts, a stop whose event could not be seen in what will be recorded.

    Raises:
        InputError: no measure records a series that the event reads, or there is no such event.
    """
    recorded = {measure.name for measure in observation.measures}
    for name in {run.experiment.training.stop.event for run in runs if run.experiment.training.stop}:
        if absent := [series for series in stopping(name).series if series not in recorded]:
            raise InputError(f"training.stop.event: {name} is read from {', '.join(absent)}, which no measure records.")
