"""Events: detectors over recorded series. Each gives the interval (previous evaluation, this one], or None: censored, not 'never'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from pydantic import Field

from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Run, Training
from epicycle.spec.families import Event
from epicycle.spec.observation import Observation
from epicycle.spec.registry import resolve

if TYPE_CHECKING:
    import xarray

HOLD = 0.1  # a crossing must hold at every evaluation up to the first at or past 1.1 times its step
Bracket = tuple[int, int] | None


class Threshold(Event):
    """First evaluation from which a series stays at or above a level, or below it, until (1 + hold) times that step."""

    kind: ClassVar[str] = "threshold"

    of: str
    level: float
    side: Literal["above", "below"] = "above"
    hold: float = Field(HOLD, ge=0)

    @property
    def series(self) -> tuple[str, ...]:
        """The series it reads."""
        return (self.of,)

    def bracket(self, steps: Int[ndarray, " step"], series: Mapping[str, Float[ndarray, " step"]], baseline: float) -> Bracket:
        """The interval of the first crossing that held; unconfirmed at the end of the record counts as not yet."""
        del baseline
        values = series[self.of]
        return first_held(steps, values < self.level if self.side == "below" else values >= self.level, self.hold)


class Recovery(Threshold):
    """The same after the series has been below the level at least once: how long it takes to come back after a disturbance.

    A claim about it needs a gate on the fall: a run that never fell has no recovery, just like one that never came back.
    """

    kind: ClassVar[str] = "recovery"

    def bracket(self, steps: Int[ndarray, " step"], series: Mapping[str, Float[ndarray, " step"]], baseline: float) -> Bracket:
        """The interval of the first crossing that held after the first evaluation below the level; None where it never was below."""
        del baseline
        values = series[self.of]
        below = np.flatnonzero(values < self.level)
        if not len(below):
            return None
        return first_held(steps, (values >= self.level) & (np.arange(len(steps)) > below[0]), self.hold)


class Onset(Event):
    """Test accuracy on rows whose mirror is not trained on rises `rise` above the task's baseline, and holds.

    A task without a label-preserving mirror uses all test rows (its mirror-unseen rows are all of them).
    """

    kind: ClassVar[str] = "onset"

    of: str = "test_acc_mirror_unseen"
    rise: float = Field(0.10, gt=0)
    hold: float = Field(HOLD, ge=0)

    @property
    def series(self) -> tuple[str, ...]:
        """The series it reads."""
        return (self.of,)

    def bracket(self, steps: Int[ndarray, " step"], series: Mapping[str, Float[ndarray, " step"]], baseline: float) -> Bracket:
        """The interval of the first rise that held."""
        return first_held(steps, series[self.of] >= baseline + self.rise, self.hold)


class Peak(Event):
    """The maximum of a series, once the series has fallen below `fall` times it (so a record still rising has none)."""

    kind: ClassVar[str] = "peak"

    of: str = "test_calibrated_loss"
    fall: float = Field(0.9, gt=0, lt=1)

    @property
    def series(self) -> tuple[str, ...]:
        """The series it reads."""
        return (self.of,)

    def bracket(self, steps: Int[ndarray, " step"], series: Mapping[str, Float[ndarray, " step"]], baseline: float) -> Bracket:
        """The evaluations on either side of the maximum's."""
        del baseline
        values = series[self.of]
        if not np.isfinite(values).any():
            return None
        top = int(np.nanargmax(values))
        if not (values[top:] < self.fall * values[top]).any():
            return None
        return int(steps[max(top - 1, 0)]), int(steps[top])


class Descent(Event):
    """The last evaluation, once trained rows are right, at which the floor of a loss stood no lower than a while before.

    The floor is the smallest value within a window of steps, a factor `window` wide, so that spikes do not count; "a while" is that
    factor too, and "no lower" is above the share `fall` of what it was. After this step the floor falls for good, down to the lowest
    point of the record. A loss whose floor falls throughout has its descent where memorisation ended. The record must show a fall by
    half after it.
    """

    kind: ClassVar[str] = "descent"

    of: str = "train_loss"
    right: str = "train_acc"
    level: float = 0.99
    window: float = Field(1.2, gt=1)
    fall: float = Field(0.95, gt=0, le=1)

    @property
    def series(self) -> tuple[str, ...]:
        """The loss and the accuracy that says when memorisation ended."""
        return (self.of, self.right)

    def bracket(self, steps: Int[ndarray, " step"], series: Mapping[str, Float[ndarray, " step"]], baseline: float) -> Bracket:
        """The evaluations around it."""
        del baseline
        memorised = first_held(steps, series[self.right] >= self.level, HOLD)
        if memorised is None:
            return None
        start, ends = int(np.searchsorted(steps, memorised[1])), np.searchsorted(steps, steps * self.window, side="right")
        floor = np.array([series[self.of][i : max(end, i + 1)].min() for i, end in enumerate(ends)])
        before = np.searchsorted(steps, steps / self.window)
        lowest = start + int(floor[start:].argmin())
        still = [i for i in range(start + 1, lowest) if start <= before[i] < i and floor[i] > self.fall * floor[before[i]]]
        last = still[-1] if still else start
        if floor[lowest] > floor[last] / 2:
            return None
        return int(steps[last]), int(steps[min(last + 1, len(steps) - 1)])


def first_held(steps: Int[ndarray, " step"], holds: Bool[ndarray, " step"], share: float) -> Bracket:
    """The interval in which a condition first came true, and stayed so up to the evaluation that confirms it."""
    for i in map(int, np.flatnonzero(holds)):
        confirming = int(_confirming(steps, share)[i])
        if confirming >= len(steps):
            return None
        if holds[i : confirming + 1].all():
            return int(steps[max(i - 1, 0)]) if i else -1, int(steps[i])
    return None


def stop_after(grid: Int[ndarray, " step"], event: Event, bracket: tuple[int, int], factor: float) -> int:
    """Where an event ends a run: at `factor` times its step, not before the evaluation that confirms it."""
    return int(max(np.ceil(factor * bracket[1]), _confirmed_at(grid, event)[np.searchsorted(grid, bracket[1])]))


def earliest_unknown_stop(grid: Int[ndarray, " step"], event: Event, here: int, factor: float) -> int:
    """The earliest step at which a run recorded up to `here` could still turn out to end.

    Training in rounds must not pass it: otherwise where rounds end would decide where runs end.
    """
    confirmed = _confirmed_at(grid, event)
    open_ends = np.maximum(np.ceil(factor * grid), confirmed)[confirmed > here]
    return int(open_ends.min()) if len(open_ends) else int(grid[-1])


def _confirmed_at(grid: Int[ndarray, " step"], event: Event) -> Int[ndarray, " step"]:
    """For an event at each step of a grid, the evaluation that confirms it; past the grid where none does."""
    return np.append(grid, np.iinfo(np.int64).max)[_confirming(grid, event.hold)]  # type: ignore[attr-defined]


def _confirming(steps: Int[ndarray, " step"], share: float) -> Int[ndarray, " step"]:
    """For each step, the place of the first later evaluation at or past (1 + share) times it; the length where there is none.

    Where nothing is to be held, a step confirms itself.
    """
    place = np.searchsorted(steps, steps * (1 + share) - 1e-6)  # 100 * 1.1 is a little more than 110
    return np.maximum(place, np.arange(len(steps)) + (share > 0))


def end_of(training: Training, steps: Int[ndarray, " step"], series: Mapping[str, Any], baseline: float) -> int:
    """The last step that belongs to a run as it is asked for here: its own stop or budget, however far others had it trained."""
    if training.stop is None:
        return training.steps
    event = standard()[training.stop.event]
    recorded = np.isfinite(np.stack([series[name] for name in event.series])).all(axis=0) & (steps <= training.steps)
    grid = steps[recorded]
    bracket = bracket_of(event, grid, {name: series[name][recorded] for name in event.series}, baseline)
    if bracket is None:
        return training.steps
    return int(grid[min(int(np.searchsorted(grid, stop_after(grid, event, bracket, training.stop.factor))), len(grid) - 1)])


def ends_runs(event: Event) -> bool:
    """Whether runs may be stopped by an event: it must be known for good a fixed share of steps after it happened."""
    return hasattr(event, "hold")


def stopping(name: str) -> Event:
    """The event of a stop.

    Raises:
        InputError: there is none of that name, or it cannot end a run.
    """
    events = standard()
    if name not in events:
        raise InputError(f"training.stop.event: there is no event '{name}'; the events are {', '.join(events)}.")
    if not ends_runs(events[name]):
        raise InputError(f"training.stop.event: {name} is only known long after it happened, so it cannot end a run; use t_gen.")
    return events[name]


def refuse_unrecorded_stops(runs: Sequence[Run], observation: Observation) -> None:
    """Stop before training where a stop's event could not be seen.

    Raises:
        InputError: no measure records what an event is read from, or there is no such event.
    """
    recorded = {measure.name for measure in observation.measures}
    for name in {run.experiment.training.stop.event for run in runs if run.experiment.training.stop}:
        if absent := [series for series in stopping(name).series if series not in recorded]:
            raise InputError(f"training.stop.event: {name} is read from {', '.join(absent)}, which no measure records.")


def standard() -> dict[str, Event]:
    """The events every run is searched for: memorised, onset, generalised, peak of the calibrated test loss."""

    def make(kind: str, **fields: object) -> Event:
        return resolve("event", kind)(**fields)  # type: ignore[return-value]

    return {
        "t_mem": make("threshold", of="train_acc", level=0.99),
        "t_on": make("onset"),
        "t_gen": make("threshold", of="test_acc", level=0.95),
        "t_peak": make("peak"),
    }


def bracket_of(event: Event, steps: Int[ndarray, " step"], series: Mapping[str, Float[ndarray, " step"]], baseline: float) -> Bracket:
    """The event's interval over the recorded part of a run; None where a series it reads was not recorded."""
    if any(name not in series for name in event.series):
        return None
    recorded = np.isfinite(np.stack([series[name] for name in event.series])).all(axis=0)
    if not recorded.any():
        return None
    return event.bracket(steps[recorded], {name: series[name][recorded] for name in event.series}, baseline)


def ends_of(data: xarray.Dataset, trainings: Sequence[Training]) -> list[int]:
    """`end_of` every run of a dataset."""
    names = [str(name) for name in data.data_vars if data[name].dims == ("run", "step")]
    found = []
    for run, training in enumerate(trainings):
        series = {name: data[name].values[run] for name in names}
        found.append(end_of(training, data["step"].values, series, float(data["baseline"].values[run])))
    return found


def recorded_events(data: xarray.Dataset) -> list[str]:
    """The standard events whose series a dataset has: of the others nothing is known, not even that they are censored."""
    return [name for name, event in standard().items() if all(s in data and np.isfinite(data[s].values).any() for s in event.series)]


def event_dataset(data: xarray.Dataset) -> xarray.Dataset:
    """`event_steps` as arrays along run: the step (NaN where censored) and whether it is censored."""
    found: dict[str, Any] = {}
    for name, steps in event_steps(data).items():
        found[name] = ("run", [np.nan if step is None else float(step) for step in steps])
        found[f"{name}_censored"] = ("run", [step is None for step in steps])
    return data.drop_vars(data.data_vars).drop_dims("step").assign(found)


def event_steps(data: xarray.Dataset) -> dict[str, list[int | None]]:
    """For each standard event the step in every run of a dataset (the upper end of its interval), None where censored."""
    found: dict[str, list[int | None]] = {}
    for name, event in standard().items():
        found[name] = []
        for run in range(data.sizes["run"]):
            series = {s: data[s].values[run] for s in event.series if s in data}
            bracket = bracket_of(event, data["step"].values, series, float(data["baseline"].values[run]))
            found[name].append(None if bracket is None else bracket[1])
    return found
