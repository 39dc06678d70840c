"""Detectors: each looks in recorded series for one kind of event, such as the first crossing of a level.

A detector gives a bracket: the event lies after the first of two steps, and not after the second. Both are evaluations of the run.
None means that the event was not seen up to the end of the record (censored). It may still happen later.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from pydantic import Field

from epicycle.spec.families import Event

HOLD = 0.1  # a crossing at step s must hold at every evaluation up to the first one at or past 1.1 * s
Bracket = tuple[int, int] | None
Series = Mapping[str, Float[ndarray, " step"]]


class Crossing(Event, ABC):
    """What the detectors share that look for the crossing of a level.

    Attributes:
        of: the series.
        level: the level that the series crosses.
        side: where the series goes: `above` includes the level itself, `below` does not.
        hold: share of the crossing's step for which the series must stay on that side.
    """

    of: str
    level: float
    side: Literal["above", "below"] = "above"
    hold: float = Field(HOLD, ge=0)

    @property
    def series(self) -> tuple[str, ...]:
        """The series that crosses the level."""
        return (self.of,)


class Threshold(Crossing):
    """First evaluation from which a series stays at or above a level, or below it, until (1 + hold) times that step."""

    kind: ClassVar[str] = "threshold"

    def bracket(self, steps: Int[ndarray, " step"], series: Series, baseline: float) -> Bracket:
        """The bracket of the first crossing that held; a crossing that the record does not confirm does not count."""
        del baseline
        values = series[self.of]
        return first_held(steps, values < self.level if self.side == "below" else values >= self.level, self.hold)


class Recovery(Crossing):
    """First return of a series to a level after it fell below the level: how long a run takes to recover from a disturbance.

    A run that never fell has no recovery, just like a run that fell and never came back. A claim about recovery therefore needs a gate
    on the fall. The field `side` has no effect here: a recovery is always from below.
    """

    kind: ClassVar[str] = "recovery"

    def bracket(self, steps: Int[ndarray, " step"], series: Series, baseline: float) -> Bracket:
        """The bracket of the first return that held; None where the series never was below the level."""
        del baseline
        values = series[self.of]
        below = np.flatnonzero(values < self.level)
        if not len(below):
            return None
        return first_held(steps, (values >= self.level) & (np.arange(len(steps)) > below[0]), self.hold)


class Onset(Event):
    """First evaluation at which the network generalises: test accuracy rises `rise` above the task's baseline, and holds.

    Only test rows whose mirror is not trained on count: a network that has learnt no more than the symmetry gets the other test rows
    right. A task without a label-preserving mirror uses all test rows.

    Attributes:
        of: the series of test accuracy.
        rise: height above the baseline.
        hold: share of the onset's step for which the accuracy must stay there.
    """

    kind: ClassVar[str] = "onset"

    of: str = "test_acc_mirror_unseen"
    rise: float = Field(0.10, gt=0)
    hold: float = Field(HOLD, ge=0)

    @property
    def series(self) -> tuple[str, ...]:
        """The series of test accuracy."""
        return (self.of,)

    def bracket(self, steps: Int[ndarray, " step"], series: Series, baseline: float) -> Bracket:
        """The bracket of the first rise that held."""
        return first_held(steps, series[self.of] >= baseline + self.rise, self.hold)


class Peak(Event):
    """The maximum of a series, once the series has fallen below `fall` times it.

    Without that fall there is no peak: the series may still be rising at the end of the record.

    Attributes:
        of: the series.
        fall: share of the maximum below which the series must fall.
    """

    kind: ClassVar[str] = "peak"

    of: str = "test_calibrated_loss"
    fall: float = Field(0.9, gt=0, lt=1)

    @property
    def series(self) -> tuple[str, ...]:
        """The series that has the peak."""
        return (self.of,)

    def bracket(self, steps: Int[ndarray, " step"], series: Series, baseline: float) -> Bracket:
        """The evaluation before the maximum and that of the maximum."""
        del baseline
        values = series[self.of]
        if not np.isfinite(values).any():
            return None
        top = int(np.nanargmax(values))
        if not (values[top:] < self.fall * values[top]).any():
            return None
        return int(steps[max(top - 1, 0)]), int(steps[top])


class Descent(Event):
    """The step after which a loss falls for good, once the network has memorised.

    The floor of the loss at step s is its smallest value from s to `window` times s, so that spikes do not count. The descent begins
    at the last evaluation after memorisation at which the floor has not fallen: it is above `fall` times the floor at s / `window`.
    From there the floor falls to the lowest point of the record. If it falls by less than half, there is no descent. If it falls
    from the end of memorisation on, the descent begins where memorisation ended.

    Attributes:
        of: the loss.
        right: the accuracy that tells when memorisation ended.
        level: the value of that accuracy at which memorisation ended; it must hold for the standard share of steps.
        window: width of the window, as a factor on the step.
        fall: a floor above this share of the earlier one has not fallen.
    """

    kind: ClassVar[str] = "descent"

    of: str = "train_loss"
    right: str = "train_acc"
    level: float = 0.99
    window: float = Field(1.2, gt=1)
    fall: float = Field(0.95, gt=0, le=1)

    @property
    def series(self) -> tuple[str, ...]:
        """The loss, and the accuracy that tells when memorisation ended."""
        return (self.of, self.right)

    def bracket(self, steps: Int[ndarray, " step"], series: Series, baseline: float) -> Bracket:
        """The last evaluation before the fall and the next one."""
        del baseline
        memorised = first_held(steps, series[self.right] >= self.level, HOLD)
        if memorised is None:
            return None
        start, floor = int(np.searchsorted(steps, memorised[1])), self._floor(steps, series[self.of])
        earlier = np.searchsorted(steps, steps / self.window)
        lowest = start + int(floor[start:].argmin())
        # An evaluation whose earlier floor lies before memorisation has nothing to be compared with.
        unfallen = [i for i in range(start + 1, lowest) if start <= earlier[i] < i and floor[i] > self.fall * floor[earlier[i]]]
        last = unfallen[-1] if unfallen else start
        if floor[lowest] > floor[last] / 2:
            return None
        return int(steps[last]), int(steps[min(last + 1, len(steps) - 1)])

    def _floor(self, steps: Int[ndarray, " step"], loss: Float[ndarray, " step"]) -> Float[ndarray, " step"]:
        """For each evaluation the smallest loss from there to `window` times its step."""
        ends = np.searchsorted(steps, steps * self.window, side="right")
        return np.array([loss[i : max(end, i + 1)].min() for i, end in enumerate(ends)])


def first_held(steps: Int[ndarray, " step"], holds: Bool[ndarray, " step"], hold: float) -> Bracket:
    """The crossing rule: where a condition first came true and stayed true up to the evaluation that confirms it.

    Args:
        steps: the run's evaluations.
        holds: whether the condition is true at each of them.
        hold: share of its step for which the condition must stay true.

    Returns:
        The previous evaluation (-1 at the first one) and that of the crossing; None where no crossing was confirmed.
    """
    confirming = confirming_positions(steps, hold)
    for i in map(int, np.flatnonzero(holds)):
        last = int(confirming[i])
        if last >= len(steps):
            return None
        if holds[i : last + 1].all():
            return int(steps[max(i - 1, 0)]) if i else -1, int(steps[i])
    return None


def confirming_positions(steps: Int[ndarray, " step"], hold: float) -> Int[ndarray, " step"]:
    """For a crossing at each evaluation, the position of the evaluation that confirms it.

    That is the first later evaluation at or past (1 + hold) times the crossing's step. With `hold` 0 a crossing confirms itself.

    Returns:
        Positions in `steps`; its length where no evaluation confirms the crossing.
    """
    positions = np.searchsorted(steps, steps * (1 + hold) - 1e-6)  # in floating point 100 * 1.1 is a little more than 110
    return np.maximum(positions, np.arange(len(steps)) + (hold > 0))
