"""Detectors: each looks in recorded series for one kind of event, such as the first crossing of a level.

A detector gives a bracket: the event lies after the first of two steps, and not after the second. Both are evaluations of the run.
None means that the event was not seen up to the end of the record (censored). It may still happen later.

A detector that waits for an event to hold may see the record end first. Such an event is open: it neither happened nor did not. Its
bracket is that of `unconfirmed`, and `bracket` gives None.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
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


class Held(Event, ABC):
    """What the detectors share that look for a condition which comes true and holds.

    Attributes:
        hold: share of the event's step for which the condition must stay true.
    """

    hold: float = Field(HOLD, ge=0)

    @abstractmethod
    def holds(self, series: Series, baseline: float) -> Bool[ndarray, " step"]:
        """Whether the condition is true at each evaluation."""

    def bracket(self, steps: Int[ndarray, " step"], series: Series, baseline: float) -> Bracket:
        """The bracket of the first time that the condition held; what the record does not confirm does not count."""
        return first_held(steps, self.holds(series, baseline), self.hold)

    def unconfirmed(self, steps: Int[ndarray, " step"], series: Series, baseline: float) -> Bracket:
        """The bracket from which the condition is true to the end of the record, where the record is too short to confirm it."""
        holds = self.holds(series, baseline)
        if not len(holds) or not holds[-1] or first_held(steps, holds, self.hold) is not None:
            return None
        return _bracket_at(steps, len(holds) - int(np.argmin(holds[::-1])) if not holds.all() else 0)


class Crossing(Held, ABC):
    """What the detectors share that look for the crossing of a level.

    Attributes:
        of: the series.
        level: the level that the series crosses.
        side: where the series goes: `above` includes the level itself, `below` does not.
    """

    of: str
    level: float
    side: Literal["above", "below"] = "above"

    @property
    def series(self) -> tuple[str, ...]:
        """The series that crosses the level."""
        return (self.of,)


class Threshold(Crossing):
    """First evaluation from which a series stays at or above a level, or below it, until (1 + hold) times that step."""

    kind: ClassVar[str] = "threshold"

    def holds(self, series: Series, baseline: float) -> Bool[ndarray, " step"]:
        """Whether the series is on its side of the level."""
        del baseline
        values = series[self.of]
        return values < self.level if self.side == "below" else values >= self.level


class Recovery(Crossing):
    """First return of a series to a level after it fell below the level: how long a run takes to recover from a disturbance.

    A run that never fell has no recovery, just like a run that fell and never came back. A claim about recovery therefore needs a gate
    on the fall. The field `side` has no effect here: a recovery is always from below.
    """

    kind: ClassVar[str] = "recovery"

    def holds(self, series: Series, baseline: float) -> Bool[ndarray, " step"]:
        """Whether the series is at or above the level, and was below it before."""
        del baseline
        below = series[self.of] < self.level
        return ~below & np.logical_or.accumulate(below)


class Onset(Held):
    """First evaluation at which the network generalises: test accuracy rises `rise` above the task's baseline, and holds.

    Only test rows whose mirror is not trained on count: a network that has learnt no more than the symmetry gets the other test rows
    right. A task without a label-preserving mirror uses all test rows.

    Attributes:
        of: the series of test accuracy.
        rise: height above the baseline.
    """

    kind: ClassVar[str] = "onset"

    of: str = "test_acc_mirror_unseen"
    rise: float = Field(0.10, gt=0)

    @property
    def series(self) -> tuple[str, ...]:
        """The series of test accuracy."""
        return (self.of,)

    def holds(self, series: Series, baseline: float) -> Bool[ndarray, " step"]:
        """Whether the accuracy is at least the rise above the baseline."""
        return series[self.of] >= baseline + self.rise


class BelowIgnorance(Held):
    """First evaluation from which a loss stays below what is possible without both operands: the loss shows that a network knows more.

    A predictor that sees nothing, or one operand, has an accuracy of at most the task's baseline b. So its mean cross-entropy is at
    least -ln b, however well it is calibrated: E[-ln p] >= E[-ln max p] >= -ln E[max p] >= -ln b, by Jensen's inequality. Where every
    class is equally frequent, b is 1 / (number of classes), and -ln b is the loss of guessing, ln(number of classes).

    The event is at the first evaluation from which the loss is below -ln b - `margin`, and it must hold. The default margin is 0.1:
    the right answers are then given, in geometric mean, 1.1 times the probability that the baseline allows. This is the tenth by which
    `Onset` wants the accuracy to rise. A network that has learnt no more than a symmetry of the task is below ignorance too.

    Attributes:
        of: the loss, in nats. It is the calibrated one because a network that is sure of wrong answers has a loss far above ignorance.
        margin: nats below ignorance.
    """

    kind: ClassVar[str] = "below_ignorance"

    of: str = "test_calibrated_loss"
    margin: float = Field(0.1, ge=0)

    @property
    def series(self) -> tuple[str, ...]:
        """The loss."""
        return (self.of,)

    def holds(self, series: Series, baseline: float) -> Bool[ndarray, " step"]:
        """Whether the loss is more than the margin below that of the baseline."""
        ignorance = -np.log(baseline) if baseline > 0 else np.inf
        return series[self.of] < ignorance - self.margin


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
    From there the floor falls without a pause until it is within a factor of 2 of its lowest value in the record, where the loss may
    come to rest. If it falls by less than half, there is no descent. If it falls from the end of memorisation on, the descent begins
    where memorisation ended.

    Attributes:
        of: the loss.
        right: the accuracy that tells when memorisation ended.
        level: the value of that accuracy at which memorisation ended; it must hold for the standard share of steps.
        window: width of the window, as a factor on the step.
        fall: a floor above this share of the earlier one has not fallen.
    """

    kind: ClassVar[str] = "descent"
    version: ClassVar[int] = 2  # 1 took a loss that had come to rest for one that had not fallen yet

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
        earlier, lowest = np.searchsorted(steps, steps / self.window), floor[start:].min()
        down = start + int(np.argmax(floor[start:] <= 2 * lowest))
        # An evaluation whose earlier floor lies before memorisation has nothing to be compared with.
        unfallen = [i for i in range(start + 1, down) if start <= earlier[i] < i and floor[i] > self.fall * floor[earlier[i]]]
        last = unfallen[-1] if unfallen else start
        if lowest > floor[last] / 2:
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
    confirming, fails = confirming_positions(steps, hold), np.flatnonzero(~holds)
    next_fail = np.append(fails, len(steps))[np.searchsorted(fails, np.arange(len(steps)))]
    crossings = np.flatnonzero(holds & (confirming < len(steps)) & (next_fail > confirming))
    return _bracket_at(steps, int(crossings[0])) if len(crossings) else None


def _bracket_at(steps: Int[ndarray, " step"], i: int) -> tuple[int, int]:
    """The evaluation before position `i` (-1 at the first one), and that at `i`."""
    return int(steps[i - 1]) if i else -1, int(steps[i])


def confirming_positions(steps: Int[ndarray, " step"], hold: float) -> Int[ndarray, " step"]:
    """For a crossing at each evaluation, the position of the evaluation that confirms it.

    That is the first later evaluation at or past (1 + hold) times the crossing's step. With `hold` 0 a crossing confirms itself.

    Returns:
        Positions in `steps`; its length where no evaluation confirms the crossing.
    """
    positions = np.searchsorted(steps, steps * (1 + hold) - 1e-6)  # in floating point 100 * 1.1 is a little more than 110
    return np.maximum(positions, np.arange(len(steps)) + (hold > 0))
