"""Quantities: one number for each run, judged by its median over runs. This module has the contract and the times of events.

Where the record leaves a number open (the event was not seen, the run diverged), the run enters with the bounds that are known.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from math import e
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import SerializeAsAny, model_validator

from epicycle.claims.estimates import (
    NEVER,
    Estimate,
    Known,
    PerRun,
    arm_phrase,
    chosen_runs,
    detectors_of,
    known_steps,
    median_estimate,
)
from epicycle.spec.families import AnyEvent, Event, Statistic
from epicycle.spec.plain_data import SweptValues
from epicycle.spec.plain_units import PlainUnits
from epicycle.spec.registry import Resolve
from epicycle.spec.results import budget_of

if TYPE_CHECKING:
    import xarray

LATER_SOONER = ("later", "sooner")


class Quantity(Statistic):
    """A statistic of one arm that has a value in every run; the estimate is the median over runs.

    A subclass gives `title` and `per_run`, and says in `series_read` and `events_read` what it needs.

    Attributes:
        arm: name of the arm.
        where: in an arm with a sweep, the swept values of the runs that count.
    """

    anytime: ClassVar[bool] = True

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

    def subject(self) -> str:
        """A hook for subclasses: the quantity's name in `the median of t_gen is above 500 steps`, without the unit."""
        return self.title()

    def phrase(self) -> str:
        """The phrase names the quantity and where its median is taken."""
        return f"median of {self.subject()} over runs of {self.arm_phrase()}"

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

    def reads_with_axes(self) -> tuple[str, ...]:
        """Those that its quantities may read with several numbers at a step."""
        return tuple(series for quantity in self.quantities() for series in quantity.reads_with_axes())


class EventTime(Quantity):
    """When does an event happen? Its step, as a number of steps, as a share of the budget, or as a natural logarithm.

    A run in which the event was not seen counts as later than its record. One that ends while the event holds, too early to confirm
    it, counts as later than the evaluation before. The interval is that of the median over runs.

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

    def subject(self) -> str:
        """The event."""
        return self.event

    def plain_units(self) -> PlainUnits:
        """Steps, whether their logarithm is judged or not, or percent of the budget."""
        if self.unit == "budget":
            return PlainUnits("% of the budget", times=100, sides=LATER_SOONER)
        return PlainUnits("steps", base=e if self.unit == "log" else None, sides=LATER_SOONER)

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """For each detector the two ends of the event's bracket; the end of the record and infinity where the event was not seen."""
        budget = float(budget_of(data))

        def scaled(steps: float) -> float:
            if self.unit == "log":
                return float(np.log(max(steps, 1.0)))
            return max(steps, 0.0) / (budget if self.unit == "budget" else 1.0)

        quantities = []
        for name, event in detectors_of(self.event, self.detectors).items():
            known = known_steps(data, event)
            lows = {run: scaled(step.low) for run, step in known.items()}
            highs = {run: scaled(step.high) if step.seen else NEVER for run, step in known.items()}
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

    def plain_units(self) -> PlainUnits:
        """How many times later, or sooner."""
        return PlainUnits(compared="ratio", sides=LATER_SOONER)

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """For each detector of the first event, the least and the largest ratio that the brackets allow."""
        divisors = known_steps(data, self._divisor())
        quantities = []
        for name, event in detectors_of(self.event, self.detectors).items():
            ratios = {run: _ratio(step, divisors[run]) for run, step in known_steps(data, event).items()}
            lows, highs = ({run: bounds[end] for run, bounds in ratios.items()} for end in (0, 1))
            quantities.append(PerRun(name, lows, highs))
        return quantities


def _ratio(step: Known, divisor: Known) -> tuple[float, float]:
    """Bounds of the ratio of two events; one that was not seen bounds the ratio from one side only."""
    low = max(step.low, 0) / max(divisor.high, 1) if divisor.seen else 0.0
    return low, step.high / max(divisor.low, 1) if step.seen else NEVER


class Span(Quantity):
    """How long does it take from one event to another? The steps between them, relative to the events' own steps.

    As a share: 1 - (step of the first) / (step of the second). In decades: log10 of (step of the second) / (step of the first). Over a
    third event: (step of the second - step of the first) / (step of the third). The interval is that of the median over runs.

    Attributes:
        since: the first event.
        until: the second event.
        unit: `share` of the second event's step, or `decades` (factors of ten).
        over: a third event, by whose step the span is divided instead of the second's; empty for none.
        detectors: detectors of events that are not standard, by the names that the span calls them.
    """

    kind: ClassVar[str] = "span"

    since: str = "t_on"
    until: str = "t_gen"
    unit: Literal["share", "decades"] = "share"
    over: str = ""
    detectors: dict[str, AnyEvent] = {}

    @model_validator(mode="after")
    def _divides_steps(self) -> Self:
        if self.over and self.unit == "decades":
            raise ValueError("a span in decades is divided by no third event; leave out 'over', or take unit share")
        return self

    def events_read(self) -> tuple[Event, ...]:
        """The detectors of the events."""
        names = (self.since, self.until, *([self.over] if self.over else []))
        return tuple(self.detectors[name] if name in self.detectors else detectors_of(name, {})[name] for name in names)

    def title(self) -> str:
        """The two events and the unit."""
        unit = f"as a share of {self.over or self.until}" if self.unit == "share" else "in decades"
        return f"span from {self.since} to {self.until} {unit}"

    def subject(self) -> str:
        """The span; in decades the second event, which is compared with the first."""
        return f"the span from {self.since} to {self.until}" if self.unit == "share" else f"{self.until}, compared with {self.since},"

    def plain_units(self) -> PlainUnits:
        """Percent of the second event's step, how many times the third event's, or how many times later the second event is."""
        if self.unit == "decades":
            return PlainUnits(base=10.0, compared="ratio", sides=LATER_SOONER)
        sides = ("longer", "shorter")
        return PlainUnits(f"times {self.over}", sides=sides) if self.over else PlainUnits(f"% of {self.until}", times=100, sides=sides)

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The least and the largest span that the brackets allow; open where the first event was not seen."""
        since, until, *over = (known_steps(data, event) for event in self.events_read())
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run, first in since.items():
            lows[run], highs[run] = self._ends(first, until[run], over[0][run] if over else None)
        return [PerRun("", lows, highs)]

    def _ends(self, first: Known, last: Known, over: Known | None) -> tuple[float, float]:
        """The least and the largest span of one run."""
        if over is not None:
            low = max(last.low - first.high, 0) / over.high if first.seen and over.seen else 0.0
            return low, (last.high - max(first.low, 0)) / max(over.low, 1) if first.seen and last.seen else NEVER
        longest = 1.0 if self.unit == "share" else NEVER
        low = self._length(first.high, last.low) if first.seen else -NEVER
        return low, self._length(max(first.low, 0), last.high) if first.seen and last.seen else longest

    def _length(self, a: float, b: float) -> float:
        """The span from step a to step b."""
        return 1 - a / max(b, 1) if self.unit == "share" else float(np.log10(max(b, 1) / max(a, 1)))
