"""Shares: in how many of an arm's runs did something happen?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import model_validator

from epicycle.claims.estimates import (
    Estimate,
    arm_phrase,
    chosen_runs,
    detectors_of,
    diverged_runs,
    known_steps,
)
from epicycle.claims.intervals import Interval, mean_share_interval, share_interval
from epicycle.claims.units import Grouping, units_of
from epicycle.spec.families import AnyEvent, Event, Statistic
from epicycle.spec.plain_data import SweptValues
from epicycle.spec.results import labels_of

if TYPE_CHECKING:
    import xarray


class Share(Statistic):
    """In how many of the runs does an event happen? The share of runs in which it happened within the budget.

    The interval is Clopper and Pearson's. A run that ends while the event holds, too early to confirm it, is counted as not reaching
    the event for the lower end, and as reaching it for the upper end. Where runs share splits, the shares of the splits are averaged,
    with Hoeffding's interval for the mean of bounded values.

    Attributes:
        event: name of the event.
        arm: name of the arm.
        where: in an arm with a sweep, the swept values of the runs that count.
        detectors: further detectors of the event, by a name for each.
    """

    kind: ClassVar[str] = "share"

    event: str
    arm: str
    where: SweptValues = {}
    detectors: dict[str, AnyEvent] = {}

    @model_validator(mode="after")
    def _event_is_known(self) -> Self:
        detectors_of(self.event, self.detectors)
        return self

    def arms(self) -> tuple[str, ...]:
        """The one arm."""
        return (self.arm,)

    def reads(self) -> tuple[str, ...]:
        """The series that the detectors read."""
        return tuple(dict.fromkeys(s for event in detectors_of(self.event, self.detectors).values() for s in event.series))

    def phrase(self) -> str:
        """The event and the arm, in words."""
        return f"share of runs that reach {self.event} within the budget in {arm_phrase(self.arm, self.where)}"

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """One estimate for each detector."""
        data = chosen_runs(arms, self.arm, self.where)
        return [self._estimate(data, name, event) for name, event in detectors_of(self.event, self.detectors).items()]

    def _estimate(self, data: xarray.Dataset, detector: str, event: Event) -> Estimate:
        labels, known = labels_of(data), known_steps(data, event)
        surely = np.array([step.seen for step in known.values()], float)
        perhaps = np.array([step.seen or step.unconfirmed for step in known.values()], float)
        units = units_of(data, list(known))
        return Estimate(
            interval=units.interval(lambda grouping: _between(surely, perhaps, grouping)),
            n=len(known),
            detector=detector,
            censored=tuple(labels[run] for run, step in known.items() if not step.seen),
            failed=diverged_runs(data),
            values={labels[run]: None if step.unconfirmed else float(step.seen) for run, step in known.items()},
            unconfirmed=tuple(labels[run] for run, step in known.items() if step.unconfirmed),
        ).among_units(units)


def _between(surely: Float[ndarray, " run"], perhaps: Float[ndarray, " run"], grouping: Grouping) -> Interval:
    """The interval that covers the share of the runs that surely reached the event, and that of those that perhaps did."""
    low, high = _interval(surely, grouping), _interval(perhaps, grouping)
    return Interval(low.value if low.value == high.value else float("nan"), low.low, high.high)


def _interval(reached: Float[ndarray, " run"], grouping: Grouping) -> Interval:
    """The share over units: Clopper and Pearson's interval where each unit is one run, Hoeffding's where units have shares."""
    shares = [float(reached[grouping == unit].mean()) for unit in range(int(grouping.max(initial=-1)) + 1)]
    return share_interval(round(sum(shares)), len(shares)) if len(shares) == len(reached) else mean_share_interval(shares)
