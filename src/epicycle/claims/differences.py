"""Differences: how much larger is a number in one arm than in another?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epicycle.claims.estimates import (
    NEVER,
    Estimate,
    PerRun,
    chosen_runs,
    diverged_runs,
    median_estimate,
    open_runs,
    unit_medians,
    upper_values,
)
from epicycle.claims.intervals import Interval, median_interval
from epicycle.claims.quantities import AnyQuantity, OfQuantities, Quantity
from epicycle.claims.units import Grouping, units_of_two
from epicycle.spec.errors import InputError
from epicycle.spec.plain_units import PlainUnits
from epicycle.spec.results import labels_of

if TYPE_CHECKING:
    import xarray


Bounds = tuple[list[float], list[float]]  # the lower and the upper bounds of some units


class _Sample(NamedTuple):
    """The runs of one side of a comparison, with the bounds of their quantity."""

    data: xarray.Dataset
    bounds: PerRun

    @property
    def labels(self) -> list[str]:
        return labels_of(self.data)


class Difference(OfQuantities):
    """How much larger is a quantity in one set of runs than in another?

    Unpaired: the median of all differences between a run of the first set and a run of the second (Hodges & Lehmann 1963). Its
    interval is the any-time interval of the median of independent differences: each run of the first set less one run of the second.
    Runs on the same split are partners; the others are matched in the order of their seeds. So nothing is assumed of how far either
    set spreads, and a run without a partner does not narrow the interval. Where the runs of a set share splits or seeds, the medians
    of these units are compared instead of the runs. Two sets that each lie on one split are compared only if it is the same one:
    otherwise nobody can tell the sets from their splits. Paired: the difference within each seed that both sets have, and the median
    over these seeds with its any-time interval.

    Attributes:
        of: the quantity of the first set, with its arm.
        against: the quantity of the second set, which is subtracted.
        paired: whether runs are compared within seeds.
    """

    kind: ClassVar[str] = "difference"
    anytime: ClassVar[bool] = True

    against: AnyQuantity
    paired: bool = False

    def quantities(self) -> tuple[Quantity, ...]:
        """The two quantities that are compared."""
        return (self.of, self.against)

    def phrase(self) -> str:
        """Both quantities in words, and whether they are paired."""
        first, second = (f"{quantity.subject()} in {quantity.arm_phrase()}" for quantity in self.quantities())
        return f"median of {first}, compared{' seed by seed' if self.paired else ''} with {second},"

    def plain_units(self) -> PlainUnits:
        """How much more, or how many times more where logarithms are subtracted."""
        return self.of.plain_units().comparing()

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
        units = units_of_two(first.data, second.data)
        sizes = len(first.bounds.lows), len(second.bounds.lows)

        def shift(of_first: Grouping, of_second: Grouping) -> Interval:
            (lows, highs), (other_lows, other_highs) = unit_medians(first.bounds, of_first), unit_medians(second.bounds, of_second)
            return _shift((lows, highs), (other_lows, other_highs))

        of_second = (f"{label} ({self.against.arm})" for label in open_runs(second.labels, second.bounds))
        return Estimate(
            interval=units.interval(shift),
            n=min(sizes),
            detector=first.bounds.detector,
            censored=(*open_runs(first.labels, first.bounds), *of_second),
            failed=(*diverged_runs(first.data), *diverged_runs(second.data)),
            values=upper_values(first.labels, first.bounds),
            among=sum(sizes),
        ).among_units(units)

    def _paired(self, first: _Sample, second: _Sample) -> Estimate:
        labels, position = first.labels, {label: run for run, label in enumerate(second.labels)}
        partners = {run: position[labels[run]] for run in first.bounds.lows if labels[run] in position}
        if not partners:
            raise InputError(f"arms '{self.of.arm}' and '{self.against.arm}' share no seed, so nothing can be paired.")
        (_, lows, highs), (_, against_lows, against_highs) = first.bounds, second.bounds
        least = {run: float(_differences([lows[run]], [against_highs[partner]], -NEVER)[0, 0]) for run, partner in partners.items()}
        most = {run: float(_differences([highs[run]], [against_lows[partner]], NEVER)[0, 0]) for run, partner in partners.items()}
        return median_estimate(first.data, PerRun(first.bounds.detector, least, most))


def _shift(first: Bounds, second: Bounds) -> Interval:
    """The median of all differences between two samples, with the any-time interval of the differences between partners.

    Args:
        first: the bounds of each unit of the first sample.
        second: those of the second sample. Units at the same position are partners.
    """
    (lows, highs), (other_lows, other_highs) = first, second
    pairs = range(min(len(lows), len(other_lows)))
    least, most = _differences(lows, other_highs, -NEVER), _differences(highs, other_lows, NEVER)
    value = median_interval(least.ravel(), most.ravel()).value
    partners = median_interval(least[pairs, pairs], most[pairs, pairs])
    return (
        Interval(value, min(partners.low, value), max(partners.high, value)) if np.isfinite(value) else replace(partners, value=value)
    )


def _differences(first: Iterable[float], second: Iterable[float], open_end: float) -> Float[ndarray, "unit other_unit"]:
    """All differences between two samples; infinity less infinity is unknown, and becomes `open_end`."""
    with np.errstate(invalid="ignore"):
        differences = np.subtract.outer(np.array(list(first)), np.array(list(second)))
    return np.where(np.isnan(differences), open_end, differences)
