"""Statistics over the runs of one arm or two: shares, differences between arms, and slopes along a sweep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import model_validator

from epicycle.claims.estimates import (
    NEVER,
    Estimate,
    PerRun,
    arm_phrase,
    brackets_of,
    chosen_runs,
    detectors_of,
    diverged_runs,
    median_estimate,
    open_runs,
    upper_values,
)
from epicycle.claims.intervals import share_interval, shift_interval
from epicycle.claims.quantities import AnyQuantity, OfQuantities, Quantity
from epicycle.spec.errors import InputError
from epicycle.spec.families import AnyEvent, Event, Statistic
from epicycle.spec.plain import SweptValues
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


class _Sample(NamedTuple):
    """The runs of one side of a comparison, with the bounds of their quantity."""

    data: xarray.Dataset
    bounds: PerRun

    @property
    def labels(self) -> list[str]:
        return labels_of(self.data)


class Difference(OfQuantities):
    """How much larger is a quantity in one set of runs than in another?

    Unpaired: the median of all differences between a run of the first set and a run of the second (Hodges & Lehmann 1963), with the
    exact interval that belongs to Mann and Whitney's test. Paired: the difference within each seed that both sets have, and the median
    over these seeds with its order-statistic interval.

    Attributes:
        of: the quantity of the first set, with its arm.
        against: the quantity of the second set, which is subtracted.
        paired: whether runs are compared within seeds.
    """

    kind: ClassVar[str] = "difference"

    against: AnyQuantity
    paired: bool = False

    def quantities(self) -> tuple[Quantity, ...]:
        """The two quantities that are compared."""
        return (self.of, self.against)

    def phrase(self) -> str:
        """Both quantities in words, and whether they are paired."""
        paired = " (paired by seed)" if self.paired else ""
        return f"difference between the {self.of.phrase()} and the {self.against.phrase()}{paired}"

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """One estimate for each detector of the first quantity.

        The second quantity uses the detector of the same name, or its first one where it has none of that name.

        Raises:
            InputError: the runs are paired, but the two sets share no seed.
        """
        data, against_data = (chosen_runs(arms, quantity.arm, quantity.where) for quantity in self.quantities())
        against = {bounds.detector: bounds for bounds in self.against.per_run(against_data)}
        compare = self._paired if self.paired else self._unpaired
        return [
            compare(_Sample(data, bounds), _Sample(against_data, against.get(bounds.detector, next(iter(against.values())))))
            for bounds in self.of.per_run(data)
        ]

    def _unpaired(self, first: _Sample, second: _Sample) -> Estimate:
        lows = _differences(first.bounds.lows.values(), second.bounds.highs.values(), -NEVER)
        highs = _differences(first.bounds.highs.values(), second.bounds.lows.values(), NEVER)
        sizes = len(first.bounds.lows), len(second.bounds.lows)
        of_second = (f"{label} ({self.against.arm})" for label in open_runs(second.labels, second.bounds))
        return Estimate(
            interval=shift_interval(lows, highs, *sizes),
            n=min(sizes),
            detector=first.bounds.detector,
            censored=(*open_runs(first.labels, first.bounds), *of_second),
            failed=(*diverged_runs(first.data), *diverged_runs(second.data)),
            values=upper_values(first.labels, first.bounds),
            among=sum(sizes),
        )

    def _paired(self, first: _Sample, second: _Sample) -> Estimate:
        labels, position = first.labels, {label: run for run, label in enumerate(second.labels)}
        partners = {run: position[labels[run]] for run in first.bounds.lows if labels[run] in position}
        if not partners:
            raise InputError(f"arms '{self.of.arm}' and '{self.against.arm}' share no seed, so nothing can be paired.")
        (_, lows, highs), (_, against_lows, against_highs) = first.bounds, second.bounds
        least = {run: float(_differences([lows[run]], [against_highs[partner]], -NEVER)[0]) for run, partner in partners.items()}
        most = {run: float(_differences([highs[run]], [against_lows[partner]], NEVER)[0]) for run, partner in partners.items()}
        return median_estimate(first.data, PerRun(first.bounds.detector, least, most))


class Slope(OfQuantities):
    """How steeply does a quantity change along a swept number? The least-squares slope within each seed, and the median over seeds.

    A quantity that is known between bounds moves the slope by its weight in the fit, so the bounds of the slope are exact. The
    interval is that of the median over seeds.

    Attributes:
        of: the quantity, with its arm.
        along: the swept name.
        log: whether the slope is along the natural logarithm of the swept number.
    """

    kind: ClassVar[str] = "slope"

    along: str
    log: bool = False

    def quantities(self) -> tuple[Quantity, ...]:
        """The one quantity."""
        return (self.of,)

    def phrase(self) -> str:
        """The quantity, the swept name and the arm, in words."""
        return f"median over seeds of the slope of {self.of.title()} along {'ln ' * self.log}{self.along} in {self.of.arm_phrase()}"

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """One estimate for each detector."""
        data = chosen_runs(arms, self.of.arm, self.of.where, self.along)
        along = data[self.along].values.astype(float)
        along = np.log(along) if self.log else along
        return [median_estimate(data, slopes(labels_of(data), along, bounds)) for bounds in self.of.per_run(data)]


def slopes(labels: list[str], along: Float[ndarray, " run"], bounds: PerRun) -> PerRun:
    """The least-squares slope of a quantity along a number, for each seed.

    Args:
        labels: label of each run; runs of one seed have the same.
        along: the number in each run.
        bounds: the quantity in each run.

    Returns:
        The bounds of the slopes, each at the position of the seed's first run; NaN for a seed with one run.
    """
    lows: dict[int, float] = {}
    highs: dict[int, float] = {}
    for label in dict.fromkeys(labels):
        runs = [run for run in bounds.lows if labels[run] == label]
        x = along[runs] - along[runs].mean()
        weights = x / (x * x).sum() if len(runs) > 1 else np.full(1, np.nan)
        ends = [(bounds.lows[run], bounds.highs[run]) for run in runs]
        lows[runs[0]] = _weighted_sum(weights, [low if w > 0 else high for w, (low, high) in zip(weights, ends, strict=True)])
        highs[runs[0]] = _weighted_sum(weights, [high if w > 0 else low for w, (low, high) in zip(weights, ends, strict=True)])
    return PerRun(bounds.detector, lows, highs)


def _weighted_sum(weights: Float[ndarray, " run"], values: list[float]) -> float:
    """The sum without the terms of weight 0, whose values may be infinite."""
    return float(sum(w * v for w, v in zip(weights, values, strict=True) if w))


def _differences(first: Iterable[float], second: Iterable[float], open_end: float) -> Float[ndarray, "*pair"]:
    """All differences between two samples; infinity less infinity is unknown, and becomes `open_end`."""
    with np.errstate(invalid="ignore"):
        differences = np.subtract.outer(np.array(list(first)), np.array(list(second))).ravel()
    return np.where(np.isnan(differences), open_end, differences)
