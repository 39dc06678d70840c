"""Which law does a quantity follow along a swept number: exponential, power, or another one?

Each law is fitted to the logarithm of the quantity, and laws are compared by Akaike's criterion (AIC), corrected for few points. The
evidence for a law is the least AIC of the laws that it is compared with, less its own. Above 0 the law is the better one. Evidence of
10 means that the other law is about 150 times less likely (Burnham & Anderson 2002, section 2.6).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, model_validator

from epicycle.claims.estimates import NEVER, Estimate, PerRun, chosen_runs, diverged_runs, median_estimate, open_runs, upper_values
from epicycle.claims.intervals import RESAMPLES, Interval, confidence, for_two_sources
from epicycle.claims.quantities import OfQuantities, Quantity
from epicycle.claims.shares import share_in_region
from epicycle.claims.slopes import numbers_along, raised
from epicycle.claims.units import Grouping, units_of
from epicycle.maths.laws import ABOVE_ZERO, Law, criterion, fewest_points
from epicycle.spec.claim import Region
from epicycle.spec.errors import InputError
from epicycle.spec.plain_units import PlainUnits
from epicycle.spec.results import labels_of

if TYPE_CHECKING:
    import xarray

Points = tuple[Float[ndarray, " point"], Float[ndarray, " point"]]


class _OfLaws(OfQuantities):
    """What the statistics of laws share: a law, those it is compared with, and the points of every seed."""

    along: str
    law: Law
    against: tuple[Law, ...] = Field(min_length=1)
    raised_to: float = 1.0

    @model_validator(mode="after")
    def _laws_can_be_compared(self) -> Self:
        if self.law in self.against:
            raise ValueError(f"the law {self.law} is compared with itself; take it out of 'against'")
        if getattr(self.of, "unit", "") == "log" or getattr(self.of, "log", False):
            raise ValueError("the laws take the logarithm of the quantity themselves; give the quantity without it")
        return self

    def quantities(self) -> tuple[Quantity, ...]:
        """The one quantity."""
        return (self.of,)

    def _between(self) -> str:
        """The law and the others in words."""
        return (
            f"{self.law} law against {' or '.join(self.against)} law of {self.of.title()} along {raised(self.along, self.raised_to)}"
        )

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """There is one estimate for each detector of the quantity."""
        data = chosen_runs(arms, self.of.arm, self.of.where, self.along)
        laws = (self.law, *self.against)
        along = numbers_along(data, self.along, self.raised_to, above_zero=any(law in ABOVE_ZERO for law in laws))
        n_levels, fewest = len(np.unique(along)), max(map(fewest_points, laws))
        if n_levels < fewest:
            raise InputError(
                f"{self.along} is swept over {n_levels} values in arm '{self.of.arm}', and statistic {self.kind} compares laws that"
                f" need {fewest}; sweep more values."
            )
        return [self._estimate(data, along, bounds) for bounds in self.of.per_run(data)]

    @abstractmethod
    def _estimate(self, data: xarray.Dataset, along: Float[ndarray, " run"], bounds: PerRun) -> Estimate:
        """The estimate under one detector."""

    def _points(self, data: xarray.Dataset, along: Float[ndarray, " run"], bounds: PerRun) -> dict[int, Points | None]:
        """For the first run of each seed, the swept numbers and the quantity at them; None for a seed with an open value."""
        labels, points = labels_of(data), dict[int, Points | None]()
        for label in dict.fromkeys(labels):
            runs = [run for run in bounds.lows if labels[run] == label]
            middles = np.array([(bounds.lows[run] + bounds.highs[run]) / 2 for run in runs])
            whole = np.isfinite(middles).all() and len(runs) >= max(map(fewest_points, (self.law, *self.against)))
            if whole and (middles <= 0).any():
                raise InputError(
                    f"{self.of.title()} is {middles.min():g} in a run of seed {label} in arm '{self.of.arm}'. Statistic {self.kind}"
                    " fits laws to the logarithm, so it needs numbers above 0."
                )
            points[runs[0]] = (along[runs], middles) if whole else None
        return points

    def _evidence(self, points: Sequence[Points]) -> float:
        """The evidence of all these points for the law."""
        x, y = (np.concatenate(column) for column in zip(*points, strict=True))
        return min(criterion(law, x, y) for law in self.against) - criterion(self.law, x, y)

    def _of_seeds(self, data: xarray.Dataset, along: Float[ndarray, " run"], bounds: PerRun) -> PerRun:
        """The evidence of each seed."""
        points = self._points(data, along, bounds)
        evidence = {run: None if of_seed is None else self._evidence([of_seed]) for run, of_seed in points.items()}
        lows, highs = ({run: end if value is None else value for run, value in evidence.items()} for end in (-NEVER, NEVER))
        return PerRun(bounds.detector, lows, highs)


class LawEvidence(_OfLaws):
    """How much better does one law describe a quantity along a swept number than others? The evidence of a seed, median over seeds.

    A value that is known between bounds counts as their middle; a seed in which a value is open has any evidence. The interval is that
    of the median over seeds.

    Attributes:
        of: the quantity, with its arm. It must be above 0; a time is given in steps, as the laws take its logarithm themselves.
        along: the swept name.
        law: the law that is asked about: `constant`, `exponential` (a exp(b x)), `power` (a x^b), `arrhenius` (a exp(b / x)) or
            `logistic` (a / (1 + exp(-(x - b) / c))).
        against: the laws that it is compared with.
        raised_to: the exponent to which the swept number is raised first. The temperature of noise grows as its square.
    """

    kind: ClassVar[str] = "law_evidence"
    anytime: ClassVar[bool] = True

    def phrase(self) -> str:
        """The phrase names the laws, the quantity, the swept name and the arm."""
        return f"median over seeds of the evidence for the {self._between()} in {self.of.arm_phrase()}"

    def _estimate(self, data: xarray.Dataset, along: Float[ndarray, " run"], bounds: PerRun) -> Estimate:
        return median_estimate(data, self._of_seeds(data, along, bounds))


class LawShare(_OfLaws):
    """In how many seeds does one law describe a quantity along a swept number better than others? The share of these seeds.

    A value that is known between bounds counts as their middle; a seed in which a value is open may or may not count. The interval is
    the any-time interval of a share.

    Attributes:
        of: the quantity, with its arm; see `LawEvidence`.
        along: the swept name.
        law: the law that is asked about; see `LawEvidence`.
        against: the laws that it is compared with.
        raised_to: the exponent to which the swept number is raised first; see `LawEvidence`.
        by: the evidence above which the law is better in a seed.
    """

    kind: ClassVar[str] = "law_share"
    anytime: ClassVar[bool] = True

    by: float = 10.0

    def phrase(self) -> str:
        """The phrase names the evidence, the laws, the quantity, the swept name and the arm."""
        return f"share of seeds with evidence above {self.by:g} for the {self._between()} in {self.of.arm_phrase()}"

    def plain_units(self) -> PlainUnits:
        """Of how many seeds."""
        return PlainUnits(counts_runs=True)

    def _estimate(self, data: xarray.Dataset, along: Float[ndarray, " run"], bounds: PerRun) -> Estimate:
        return share_in_region(data, self._of_seeds(data, along, bounds), Region(above=self.by))


class PooledLaws(_OfLaws):
    """How much better does one law describe a quantity along a swept number than others? The evidence of all seeds together.

    Each law has one curve for all seeds, so the evidence grows with their number. The interval resamples seeds 2,000 times from a
    fixed random state, and is widened as that of `VarianceShare`. It holds at one number of seeds, so seeds that are added after a
    look do not count. Where a value is open, nothing is known.

    Attributes:
        of: the quantity, with its arm; see `LawEvidence`.
        along: the swept name.
        law: the law that is asked about; see `LawEvidence`. A logistic law takes too long.
        against: the laws that it is compared with.
        raised_to: the exponent to which the swept number is raised first; see `LawEvidence`.
    """

    kind: ClassVar[str] = "pooled_laws"

    @model_validator(mode="after")
    def _fits_are_quick(self) -> Self:
        if "logistic" in (self.law, *self.against):
            raise ValueError("pooled_laws fits each law 2,000 times, which takes too long for a logistic law; take law_evidence")
        return self

    def phrase(self) -> str:
        """The phrase names the laws, the quantity, the swept name and the arm."""
        return f"evidence of all seeds for the {self._between()} in {self.of.arm_phrase()}"

    def _estimate(self, data: xarray.Dataset, along: Float[ndarray, " run"], bounds: PerRun) -> Estimate:
        labels, points = labels_of(data), self._points(data, along, bounds)
        units, seeds = units_of(data, list(points)), [of_seed for of_seed in points.values() if of_seed]
        whole = len(seeds) == len(points) > 1
        return Estimate(
            interval=units.interval(lambda grouping: self._resampled(seeds, grouping)) if whole else Interval(np.nan, -NEVER, NEVER),
            n=len(points),
            detector=bounds.detector,
            censored=open_runs(labels, bounds),
            failed=diverged_runs(data),
            values=upper_values(labels, self._of_seeds(data, along, bounds)),
            among=len(bounds.lows),
        ).among_units(units)

    def _resampled(self, seeds: list[Points], grouping: Grouping) -> Interval:
        """The evidence with its bootstrap interval."""
        members = [np.flatnonzero(grouping == unit) for unit in range(int(grouping.max()) + 1)]
        draws = np.random.RandomState(0).randint(len(members), size=(RESAMPLES, len(members)))
        values = [self._evidence([seeds[seed] for unit in draw for seed in members[unit]]) for draw in draws]
        tail = 100 * (1 - for_two_sources(confidence())) / 2
        low, high = np.percentile(values, [tail, 100 - tail])
        return Interval(self._evidence(seeds), float(low), float(high))
