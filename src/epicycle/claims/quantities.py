"""Quantities: one number for each run, judged by its median over runs. This module has the contract and the times of events.

Where the record leaves a number open (the event was not seen, the run diverged), the run enters with the bounds that are known.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import SerializeAsAny, model_validator

from epicycle.claims.estimates import (
    NEVER,
    Estimate,
    PerRun,
    arm_phrase,
    brackets_of,
    censored_at,
    chosen_runs,
    detectors_of,
    median_estimate,
)
from epicycle.events.detectors import Bracket
from epicycle.spec.families import AnyEvent, Event, Statistic
from epicycle.spec.plain_data import SweptValues
from epicycle.spec.registry import Resolve
from epicycle.spec.results import budget_of

if TYPE_CHECKING:
    import xarray


class Quantity(Statistic):
    """A statistic of one arm that has a value in every run; the estimate is the median over runs.

    A subclass gives `title` and `per_run`, and says in `series_read` and `events_read` what it needs.

    Attributes:
        arm: name of the arm.
        where: in an arm with a sweep, the swept values of the runs that count.
    """

    arm: str
    where: SweptValues = {}

    @model_validator(mode="after")
    def _events_are_known(self) -> Self:
        self.events_read()
        return self

    @abstractmethod
    def title(self) -> str:
        """The quantity's name in a sentence, such as `t_gen / t_mem`."""

    @abstractmethod
    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The quantity in every run of a dataset, once for each detector."""

    def series_read(self) -> tuple[str, ...]:
        """A hook for subclasses: the series that the quantity reads itself."""
        return ()

    def events_read(self) -> tuple[Event, ...]:
        """A hook for subclasses: the detectors of every event that the quantity reads."""
        return ()

    def arms(self) -> tuple[str, ...]:
        """The quantity's one arm."""
        return (self.arm,)

    def reads(self) -> tuple[str, ...]:
        """The quantity's series, then those of its events."""
        of_events = (series for event in self.events_read() for series in event.series)
        return tuple(dict.fromkeys([*self.series_read(), *of_events]))

    def arm_phrase(self) -> str:
        """The arm and the swept values in words, such as `arm a at lr = 0.1`."""
        return arm_phrase(self.arm, self.where)

    def phrase(self) -> str:
        """The median of the quantity and where it is taken, in words."""
        return f"median {self.title()} in {self.arm_phrase()}"

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """The median over runs, once for each detector."""
        data = chosen_runs(arms, self.arm, self.where)
        return [median_estimate(data, bounds) for bounds in self.per_run(data)]


AnyQuantity = Annotated[SerializeAsAny[Quantity], Resolve("statistic")]


class OfQuantities(Statistic):
    """A statistic made of the quantities of one arm or several."""

    of: AnyQuantity

    @abstractmethod
    def quantities(self) -> tuple[Quantity, ...]:
        """The quantities it is made of."""

    def arms(self) -> tuple[str, ...]:
        """The arms of its quantities."""
        return tuple(dict.fromkeys(arm for quantity in self.quantities() for arm in quantity.arms()))

    def reads(self) -> tuple[str, ...]:
        """The series that its quantities read."""
        return tuple(dict.fromkeys(series for quantity in self.quantities() for series in quantity.reads()))


class EventTime(Quantity):
    """When does an event happen? Its step, as a number of steps, as a share of the budget, or as a natural logarithm.

    A run in which the event was not seen counts as later than its record. The interval is that of the median over runs.

    Attributes:
        event: name of the event.
        unit: `steps`, `budget` (a share of the arm's budget) or `log` (natural logarithm of the step, none below step 1).
        detectors: further detectors of the event, by a name for each.
    """

    kind: ClassVar[str] = "event_time"

    event: str
    unit: Literal["steps", "budget", "log"] = "steps"
    detectors: dict[str, AnyEvent] = {}

    def events_read(self) -> tuple[Event, ...]:
        """Every detector of the event."""
        return tuple(detectors_of(self.event, self.detectors).values())

    def title(self) -> str:
        """The event with its unit."""
        if self.unit == "log":
            return f"ln {self.event}"
        return f"{self.event} in steps" if self.unit == "steps" else f"{self.event} as a share of the budget"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """For each detector the two ends of the event's bracket; the end of the record and infinity where the event was not seen."""
        budget = float(budget_of(data))

        def scaled(steps: float) -> float:
            if self.unit == "log":
                return float(np.log(max(steps, 1.0)))
            return max(steps, 0.0) / (budget if self.unit == "budget" else 1.0)

        quantities = []
        for name, event in detectors_of(self.event, self.detectors).items():
            brackets = brackets_of(data, event)
            lows = {run: scaled(b[0] if b else censored_at(data, run, event)) for run, b in brackets.items()}
            highs = {run: scaled(b[1]) if b else NEVER for run, b in brackets.items()}
            quantities.append(PerRun(name, lows, highs))
        return quantities


class EventRatio(Quantity):
    """How much later is one event than another? The ratio of their steps within a run, such as the delay t_gen / t_mem.

    The bounds of a run come from the nearest and the farthest ends of the two brackets. The interval is that of the median over runs.

    Attributes:
        event: the event whose step is divided.
        over: the event whose step divides.
        detectors: further detectors of `event`, by a name for each.
        over_detector: detector of `over`, instead of its standard one.
    """

    kind: ClassVar[str] = "event_ratio"

    event: str
    over: str
    detectors: dict[str, AnyEvent] = {}
    over_detector: AnyEvent | None = None

    def events_read(self) -> tuple[Event, ...]:
        """Every detector of the first event, and that of the second."""
        return (*detectors_of(self.event, self.detectors).values(), self._divisor())

    def _divisor(self) -> Event:
        return self.over_detector or detectors_of(self.over, {})[self.over]

    def title(self) -> str:
        """The two events as a ratio."""
        return f"{self.event} / {self.over}"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """For each detector of the first event, the least and the largest ratio that the brackets allow."""
        divisors = brackets_of(data, self._divisor())
        quantities = []
        for name, event in detectors_of(self.event, self.detectors).items():
            ratios = {run: self._ratio(data, run, event, b, divisors[run]) for run, b in brackets_of(data, event).items()}
            lows, highs = ({run: bounds[end] for run, bounds in ratios.items()} for end in (0, 1))
            quantities.append(PerRun(name, lows, highs))
        return quantities

    def _ratio(self, data: xarray.Dataset, run: int, event: Event, bracket: Bracket, divisor: Bracket) -> tuple[float, float]:
        """Bounds of the ratio in one run; a divisor that was not seen lies past the record, so it bounds the ratio from above only."""
        if divisor is None:
            return 0.0, bracket[1] / max(censored_at(data, run, self._divisor()), 1) if bracket else NEVER
        least = max(bracket[0], 0) if bracket else censored_at(data, run, event)
        return least / max(divisor[1], 1), bracket[1] / max(divisor[0], 1) if bracket else NEVER


class Span(Quantity):
    """How long does it take from one event to another? The steps between them, relative to the events' own steps.

    As a share: 1 - (step of the first) / (step of the second). In decades: log10 of (step of the second) / (step of the first). The
    interval is that of the median over runs.

    Attributes:
        since: the first event.
        until: the second event.
        unit: `share` of the second event's step, or `decades` (factors of ten).
    """

    kind: ClassVar[str] = "span"

    since: str = "t_on"
    until: str = "t_gen"
    unit: Literal["share", "decades"] = "share"

    def events_read(self) -> tuple[Event, ...]:
        """The standard detectors of both events."""
        return tuple(detectors_of(name, {})[name] for name in (self.since, self.until))

    def title(self) -> str:
        """The two events and the unit."""
        unit = f"as a share of {self.until}" if self.unit == "share" else "in decades"
        return f"span from {self.since} to {self.until} {unit}"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The least and the largest span that the brackets allow; open where the first event was not seen."""
        since, until = self.events_read()
        first, last = brackets_of(data, since), brackets_of(data, until)
        longest = 1.0 if self.unit == "share" else NEVER
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run, a in first.items():
            b = last[run]
            if a is None:
                lows[run], highs[run] = -NEVER, longest
                continue
            lows[run] = self._length(a[1], b[0] if b else censored_at(data, run, until))
            highs[run] = self._length(max(a[0], 0), b[1]) if b else longest
        return [PerRun("", lows, highs)]

    def _length(self, a: float, b: float) -> float:
        """The span from step a to step b."""
        return 1 - a / max(b, 1) if self.unit == "share" else float(np.log10(max(b, 1) / max(a, 1)))
