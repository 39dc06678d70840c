"""Quantities: one number for each run, judged by their median over runs.

A number that the record leaves open (the event is censored, the run diverged) enters with the bounds that are known.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import SerializeAsAny, model_validator
from scipy import stats

from epicycle.claims.estimates import (
    NEVER,
    Estimate,
    PerRun,
    baseline_of,
    brackets_of,
    censored_at,
    chosen,
    diverged,
    median_estimate,
    variants,
)
from epicycle.events.moments import Moment, events_in, span_of
from epicycle.spec.families import AnyEvent, Event, Statistic
from epicycle.spec.registry import Resolve

if TYPE_CHECKING:
    import xarray


class Quantity(Statistic):
    """A statistic of one arm that has a value in every run.

    Attributes:
        where: in an arm with a sweep, the swept values whose runs are meant.
    """

    arm: str
    where: dict[str, Any] = {}

    def arms(self) -> tuple[str, ...]:
        """The one arm."""
        return (self.arm,)

    @model_validator(mode="after")
    def _events_are_known(self) -> Quantity:
        self._events()
        return self

    def reads(self) -> tuple[str, ...]:
        """What its events read."""
        return tuple(dict.fromkeys(series for event in self._events() for series in event.series))

    def _events(self) -> list[Event]:
        """Every detector it uses."""
        return []

    def place(self) -> str:
        """The arm and the swept values, in words."""
        return f"arm {self.arm}" + (f" at {', '.join(f'{k} = {v}' for k, v in self.where.items())}" if self.where else "")

    @abstractmethod
    def title(self) -> str:
        """The quantity alone, in words."""

    def phrase(self) -> str:
        """In words."""
        return f"median {self.title()} in {self.place()}"

    @abstractmethod
    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The quantity in every run, once for each detector."""

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """The median over runs, once for each detector."""
        data = chosen(arms, self.arm, self.where)
        return [median_estimate(data, found) for found in self.per_run(data)]


AnyQuantity = Annotated[SerializeAsAny[Quantity], Resolve("statistic")]


class EventTime(Quantity):
    """Step of an event, as a number of steps, as a share of the budget, or as a natural logarithm."""

    kind: ClassVar[str] = "event_time"

    event: str
    unit: Literal["steps", "budget", "log"] = "steps"
    detectors: dict[str, AnyEvent] = {}

    def _events(self) -> list[Event]:
        return list(variants(self.event, self.detectors).values())

    def title(self) -> str:
        """In words."""
        return {"steps": f"{self.event} in steps", "budget": f"{self.event} as a share of the budget", "log": f"ln {self.event}"}[
            self.unit
        ]

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """For each detector the bracket of the event."""
        budget = float(data.attrs["budget"])

        def scaled(steps: float) -> float:
            if self.unit == "log":
                return float(np.log(max(steps, 1.0)))
            return max(steps, 0.0) / (budget if self.unit == "budget" else 1.0)

        found = []
        for name, event in variants(self.event, self.detectors).items():
            brackets = brackets_of(data, event)
            lows = {run: scaled(censored_at(data, run, event) if b is None else b[0]) for run, b in brackets.items()}
            highs = {run: NEVER if b is None else scaled(b[1]) for run, b in brackets.items()}
            found.append(PerRun(name, lows, highs))
        return found


class EventRatio(Quantity):
    """Ratio of two events' steps within a run, such as the delay t_gen / t_mem.

    Attributes:
        detectors: of the first event, beside its standard one.
        over_detector: of the second event, in the place of its standard one.
    """

    kind: ClassVar[str] = "event_ratio"

    event: str
    over: str
    detectors: dict[str, AnyEvent] = {}
    over_detector: AnyEvent | None = None

    def _events(self) -> list[Event]:
        return [*variants(self.event, self.detectors).values(), self._below()]

    def _below(self) -> Event:
        return self.over_detector or variants(self.over, {})[self.over]

    def title(self) -> str:
        """In words."""
        return f"{self.event} / {self.over}"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """For each detector of the first event, between the nearest and the farthest ends of the two brackets."""
        below = brackets_of(data, self._below())
        found = []
        for name, event in variants(self.event, self.detectors).items():
            lows: dict[int, float] = {}
            highs: dict[int, float] = {}
            for run, b in brackets_of(data, event).items():
                a = below[run]
                start = censored_at(data, run, event) if b is None else max(b[0], 0)
                if a is None:
                    # Not there yet: the divisor is at least what was seen, so only an event that happened bounds the ratio.
                    lows[run] = 0.0
                    highs[run] = NEVER if b is None else b[1] / max(censored_at(data, run, self._below()), 1)
                    continue
                lows[run] = start / max(a[1], 1)
                highs[run] = NEVER if b is None else b[1] / max(a[0], 1)
            found.append(PerRun(name, lows, highs))
        return found


class Span(Quantity):
    """Steps from one event to another, as a share of the later one's step, or in decades (factors of ten)."""

    kind: ClassVar[str] = "span"

    since: str = "t_on"
    until: str = "t_gen"
    unit: Literal["share", "decades"] = "share"

    def _events(self) -> list[Event]:
        return [variants(name, {})[name] for name in (self.since, self.until)]

    def title(self) -> str:
        """In words."""
        unit = f"as a share of {self.until}" if self.unit == "share" else "in decades"
        return f"span from {self.since} to {self.until} {unit}"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """Between the nearest and the farthest ends of the brackets."""

        def length(a: float, b: float) -> float:
            return 1 - a / max(b, 1) if self.unit == "share" else float(np.log10(max(b, 1) / max(a, 1)))

        first, last = (brackets_of(data, event) for event in self._events())
        most = 1.0 if self.unit == "share" else NEVER
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run, a in first.items():
            b = last[run]
            if a is None:
                lows[run], highs[run] = -NEVER, most
                continue
            lows[run] = length(a[1], censored_at(data, run, self._events()[1]) if b is None else b[0])
            highs[run] = most if b is None else length(max(a[0], 0), b[1])
        return [PerRun("", lows, highs)]


class Extreme(Quantity):
    """A series' largest, smallest or last recorded value, as it is or above the task's baseline."""

    kind: ClassVar[str] = "extreme"

    series: str
    which: Literal["max", "min", "last"] = "last"
    above_baseline: bool = False

    def reads(self) -> tuple[str, ...]:
        """Its series."""
        return (self.series,)

    def title(self) -> str:
        """In words."""
        which = {"max": "largest", "min": "smallest", "last": "last"}[self.which]
        relative = " above the task's baseline" if self.above_baseline else ""
        return f"{which} {self.series}{relative}"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """Exact; a diverged run may be anywhere."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            values = data[self.series].values[run]
            values = values[np.isfinite(values)]
            if diverged(data, run) or not len(values):
                lows[run], highs[run] = -NEVER, NEVER
                continue
            value = {"max": values.max(), "min": values.min(), "last": values[-1]}[self.which]
            lows[run] = highs[run] = float(value) - (baseline_of(data, run) if self.above_baseline else 0.0)
        return [PerRun("", lows, highs)]


class ValueAt(Quantity):
    """A series at a moment, less the task's baseline or the share of test rows whose mirror is trained on where asked for.

    An event lies between two evaluations; the value then lies between those at both.

    Attributes:
        beside: the value is that of `series` less this one's at the same moment.
    """

    kind: ClassVar[str] = "value_at"

    series: str
    at: Moment
    minus: Literal["nothing", "baseline", "mirror_share"] = "nothing"
    beside: str | None = None

    def _events(self) -> list[Event]:
        return events_in(self.at)

    def reads(self) -> tuple[str, ...]:
        """Its series and what the moment reads."""
        return tuple(dict.fromkeys([self.series, *([self.beside] if self.beside else []), *super().reads()]))

    def title(self) -> str:
        """In words."""
        less = {"nothing": "", "baseline": " above the task's baseline", "mirror_share": " above the share of test rows seen mirrored"}
        return f"{self.series}{f' less {self.beside}' if self.beside else ''} at {self.at}{less[self.minus]}"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """Between the values at both ends of the moment; anything where it has not come."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            low, high = values_at(data, run, self.series, self.at, beside=self.beside)
            less = 0.0 if self.minus == "nothing" else float(data[self.minus].values[run])
            lows[run], highs[run] = low - less, high - less
        return [PerRun("", lows, highs)]


class Between(Quantity):
    """A quantity of one series between two moments."""

    series: str
    since: Moment
    until: Moment

    def _events(self) -> list[Event]:
        return [*events_in(self.since), *events_in(self.until)]

    def reads(self) -> tuple[str, ...]:
        """Its series and what the moments read."""
        return tuple(dict.fromkeys([self.series, *super().reads()]))

    def _evaluations(self, data: xarray.Dataset, run: int) -> slice:
        """From the later end of the first moment to the earlier end of the second; none where one has not come or the run diverged."""
        first, last = (span_of(data, run, moment, self.series) for moment in (self.since, self.until))
        if first is None or last is None or diverged(data, run):
            return slice(0, 0)
        return slice(first[1], last[0] + 1)


class SeriesChange(Between):
    """A series' change between two moments: a difference, or a difference of decimal logarithms (decades)."""

    kind: ClassVar[str] = "change"

    since: Moment = "start"
    until: Moment = "end"
    decades: bool = False

    def title(self) -> str:
        """In words."""
        return f"change of {self.series} from {self.since} to {self.until}{' in decades' if self.decades else ''}"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """Between the least and the largest difference that the brackets allow."""

        def unit(value: Any) -> float:
            if not self.decades or not np.isfinite(value):
                return value
            return float(np.log10(max(value, 1e-38)))  # a loss of exactly 0

        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            before, after = (values_at(data, run, self.series, moment, self.since) for moment in (self.since, self.until))
            lows[run] = unit(after[0]) - unit(before[1])
            highs[run] = unit(after[1]) - unit(before[0])
        return [PerRun("", lows, highs)]


class Trend(Between):
    """Spearman's rank correlation of a series with the step between two moments: 1 rises throughout, -1 falls throughout."""

    kind: ClassVar[str] = "trend"

    def title(self) -> str:
        """In words."""
        return f"rank correlation of {self.series} with the step from {self.since} to {self.until}"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """Over the evaluations from the later end of the first moment to the earlier end of the second; at least four."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            lows[run], highs[run] = -1.0, 1.0
            values = data[self.series].values[run, self._evaluations(data, run)]
            kept = np.isfinite(values)
            if kept.sum() > 3 and np.ptp(values[kept]) > 0:
                lows[run] = highs[run] = float(stats.spearmanr(np.flatnonzero(kept), values[kept]).statistic)
        return [PerRun("", lows, highs)]


class Correlation(Between):
    """Pearson's correlation of the changes of two series from one evaluation to the next, between two moments."""

    kind: ClassVar[str] = "correlation"

    beside: str
    since: Moment = "start"
    until: Moment = "end"

    def reads(self) -> tuple[str, ...]:
        """Both series and what the moments read."""
        return tuple(dict.fromkeys([self.beside, *super().reads()]))

    def title(self) -> str:
        """In words."""
        return f"correlation of the changes of {self.series} and {self.beside} from {self.since} to {self.until}"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """Over the evaluations between the moments; at least four changes, and both series must change."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            lows[run], highs[run] = -1.0, 1.0
            both = np.stack([data[name].values[run, self._evaluations(data, run)] for name in (self.series, self.beside)])
            changes = np.diff(both[:, np.isfinite(both).all(axis=0)].astype(float), axis=1)
            if changes.shape[1] >= 4 and (np.ptp(changes, axis=1) > 0).all():
                lows[run] = highs[run] = float(np.corrcoef(changes)[0, 1])
        return [PerRun("", lows, highs)]


def values_at(
    data: xarray.Dataset, run: int, series: str, moment: str, since: str = "start", beside: str | None = None
) -> tuple[float, float]:
    """The least and the largest value that a series may have at a moment; anything where it has not come or the run diverged.

    Args:
        beside: a series recorded at the same evaluations, to be taken off it.
    """
    span = None if diverged(data, run) else span_of(data, run, moment, series, since)
    if span is None:
        return -NEVER, NEVER
    ends = data[series].values[run, list(span)]
    if beside:
        ends = ends - data[beside].values[run, list(span)]
    if not np.isfinite(ends).all():  # not recorded together
        return -NEVER, NEVER
    return float(np.min(ends)), float(np.max(ends))
