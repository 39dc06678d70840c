"""What the statistics of one event in one arm share, be it a share of runs or the time left after a fork."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar, Self

from pydantic import model_validator

from epicycle.claims.estimates import arm_phrase, detectors_of
from epicycle.spec.families import AnyEvent, Event, Statistic
from epicycle.spec.plain_data import SweptValues


class OfEvent(Statistic, ABC):
    """A statistic of one event in one arm. It is computed once for each detector of the event.

    Attributes:
        event: name of the event.
        arm: name of the arm.
        where: in an arm with a sweep, the swept values of the runs that count.
        detectors: further detectors of the event, by a name for each.
    """

    anytime: ClassVar[bool] = True

    event: str
    arm: str
    where: SweptValues = {}
    detectors: dict[str, AnyEvent] = {}

    @model_validator(mode="after")
    def _event_is_known(self) -> Self:
        self.every_detector()
        return self

    def every_detector(self) -> dict[str, Event]:
        """Every detector of the event by its name. The standard one is the first."""
        return detectors_of(self.event, self.detectors)

    def reads(self) -> tuple[str, ...]:
        """The statistic needs the series that the detectors read."""
        return tuple(dict.fromkeys(series for event in self.every_detector().values() for series in event.series))

    def arm_phrase(self) -> str:
        """The phrase names the arm and the swept values, such as `arm a at lr = 0.1`."""
        return arm_phrase(self.arm, self.where)
