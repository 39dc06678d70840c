"""Pairs of runs: how often do two networks end up with the same thing?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from epicycle.claims.estimates import Estimate, arm_phrase, chosen_runs, diverged, diverged_runs
from epicycle.claims.intervals import Interval, share_interval
from epicycle.claims.units import Grouping, units_of
from epicycle.events.moments import Moment, events_in, span_of
from epicycle.spec.families import Statistic
from epicycle.spec.plain_data import SweptValues
from epicycle.spec.plain_units import PlainUnits
from epicycle.spec.results import labels_of

if TYPE_CHECKING:
    import xarray


class EqualPairs(Statistic):
    """In how many pairs of runs is a series the same at a moment? The share of all pairs of runs whose values are equal.

    A series with an axis of its own, such as one number for each frequency, is the same where all its numbers are. Pairs that have a
    run in common are not independent. So the interval is the any-time interval of a share over partners: the first and the second run,
    the third and the fourth, and so on. Where runs share splits or seeds, each unit counts with its first run. A pair is open where a
    run diverged or has not come to the moment: it does not count for the lower end, and counts for the upper end.

    Attributes:
        series: name of the series.
        at: the moment; the later end counts where it is known between two evaluations.
        arm: name of the arm.
        where: in an arm with a sweep, the swept values of the runs that count.
    """

    kind: ClassVar[str] = "equal_pairs"
    anytime: ClassVar[bool] = True

    series: str
    at: Moment = "end"
    arm: str
    where: SweptValues = {}

    def arms(self) -> tuple[str, ...]:
        """The statistic reads one arm."""
        return (self.arm,)

    def reads(self) -> tuple[str, ...]:
        """The series, and those of the moment's event."""
        return tuple(dict.fromkeys([self.series, *(name for event in events_in(self.at) for name in event.series)]))

    def reads_with_axes(self) -> tuple[str, ...]:
        """The series may have an axis of its own."""
        return (self.series,)

    def phrase(self) -> str:
        """The phrase names the series, the moment and the arm."""
        return f"share of pairs of runs of {arm_phrase(self.arm, self.where)} in which {self.series} is the same at {self.at}"

    def plain_units(self) -> PlainUnits:
        """A share."""
        return PlainUnits("%", times=100)

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """There is one estimate."""
        data = chosen_runs(arms, self.arm, self.where)
        runs = list(range(data.sizes["run"]))
        values = [self._value(data, run) for run in runs]
        units, labels = units_of(data, runs), labels_of(data)
        interval = units.interval(lambda grouping: _interval(values, grouping))
        estimate = Estimate(
            interval=interval,
            n=len(runs),
            censored=tuple(label for label, value in zip(labels, values, strict=True) if value is None),
            failed=diverged_runs(data),
        )
        return [estimate.among_units(units)]

    def _value(self, data: xarray.Dataset, run: int) -> bytes | None:
        """The series of a run at the moment, as something that can be compared; None where it is not known."""
        values = data[self.series].values
        numbers = data.assign({self.series: (("run", "step"), values.reshape(*values.shape[:2], -1).sum(axis=2))})
        span = None if diverged(data, run) else span_of(numbers, run, self.at, self.series)
        return None if span is None else np.asarray(values[run, span[1]]).tobytes()


def _interval(values: Sequence[bytes | None], grouping: Grouping) -> Interval:
    """The share of all pairs of units that are equal, with the interval over partners."""
    firsts = [values[int(np.argmax(grouping == unit))] for unit in range(int(grouping.max(initial=-1)) + 1)]
    partners = [None if None in pair else pair[0] == pair[1] for pair in zip(firsts[::2], firsts[1::2], strict=False)]
    surely, perhaps = (sum(bool(equal) for equal in partners), sum(equal is not False for equal in partners))
    low, high = share_interval(surely, len(partners)).low, share_interval(perhaps, len(partners)).high
    if None in firsts or len(firsts) < 2:
        return Interval(float("nan"), low, high)
    share = sum(count * (count - 1) for count in Counter(firsts).values()) / (len(firsts) * (len(firsts) - 1))
    return Interval(share, min(low, share), max(high, share))
