"""Events: detectors over recorded series. Each gives the interval (previous evaluation, this one], or None: censored, not 'never'."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from pydantic import Field

from epicycle.spec.families import Event
from epicycle.spec.registry import resolve

HOLD = 0.1  # a crossing must hold over the next 10 % of elapsed steps
Bracket = tuple[int, int] | None


class Threshold(Event):
    """First evaluation from which a series stays at or above a level for the next share `hold` of elapsed steps."""

    kind: ClassVar[str] = "threshold"

    of: str
    level: float
    hold: float = Field(HOLD, ge=0)

    @property
    def series(self) -> tuple[str, ...]:
        """The series it reads."""
        return (self.of,)

    def bracket(self, steps: Int[ndarray, " step"], series: Mapping[str, Float[ndarray, " step"]], baseline: float) -> Bracket:
        """The interval of the first crossing that held; unconfirmed at the end of the record counts as not yet."""
        del baseline
        return first_held(steps, series[self.of] >= self.level, self.hold)


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


def first_held(steps: Int[ndarray, " step"], holds: Bool[ndarray, " step"], share: float) -> Bracket:
    """The interval in which a condition first came true and stayed so until (1 + share) times the step, all of it recorded."""
    for i in map(int, np.flatnonzero(holds)):
        until = steps[i] * (1 + share)
        if steps[-1] < until:
            return None
        if holds[(steps >= steps[i]) & (steps <= until)].all():
            return int(steps[max(i - 1, 0)]) if i else -1, int(steps[i])
    return None


def standard() -> dict[str, Event]:
    """The events every run is searched for (DESIGN of the field's words: memorised, onset, generalised)."""

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
