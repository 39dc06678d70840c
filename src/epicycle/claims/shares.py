"""Shares: in how many of an arm's runs did something happen?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import model_validator

from epicycle.claims.estimates import (
    Estimate,
    arm_phrase,
    brackets_of,
    chosen_runs,
    detectors_of,
    diverged_runs,
)
from epicycle.claims.intervals import share_interval
from epicycle.spec.families import AnyEvent, Event, Statistic
from epicycle.spec.plain_data import SweptValues
from epicycle.spec.results import labels_of

if TYPE_CHECKING:
    import xarray


class Share(Statistic):
    """In how many of the runs does an event happen? The share of runs in which it happened within the budget.

    The interval is Clopper and Pearson's.

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
        labels = labels_of(data)
        reached = {run: bracket is not None for run, bracket in brackets_of(data, event).items()}
        interval = share_interval(sum(reached.values()), len(reached))
        censored = tuple(labels[run] for run, happened in reached.items() if not happened)
        values: dict[str, float | None] = {labels[run]: float(happened) for run, happened in reached.items()}
        return Estimate(interval, len(reached), detector, censored, diverged_runs(data), values)
