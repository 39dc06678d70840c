"""Shares: in how many of an arm's runs did something happen, or does a quantity have a certain size?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epicycle.claims.estimates import Estimate, PerRun, chosen_runs, diverged_runs, known_steps, open_runs
from epicycle.claims.intervals import Interval, share_interval
from epicycle.claims.of_event import OfEvent
from epicycle.claims.quantities import OfQuantities, Quantity
from epicycle.claims.units import Grouping, units_of
from epicycle.spec.claim import Region
from epicycle.spec.families import Event
from epicycle.spec.plain_units import PlainUnits
from epicycle.spec.results import labels_of

if TYPE_CHECKING:
    import xarray


class Share(OfEvent):
    """In how many of the runs does an event happen? The share of runs in which it happened within the budget.

    The interval is the any-time interval of a share. A run that ends while the event holds, too early to confirm it, is counted as not
    reaching the event for the lower end, and as reaching it for the upper end. Where runs share splits, the share of each split counts
    as one trial.
    """

    kind: ClassVar[str] = "share"

    def arms(self) -> tuple[str, ...]:
        """The statistic reads one arm."""
        return (self.arm,)

    def phrase(self) -> str:
        """The phrase names the event and the arm."""
        return f"share of runs that reach {self.event} within the budget in {self.arm_phrase()}"

    def plain_units(self) -> PlainUnits:
        """Of how many runs."""
        return PlainUnits(counts_runs=True)

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """There is one estimate for each detector."""
        data = chosen_runs(arms, self.arm, self.where)
        return [self._estimate(data, name, event) for name, event in self.every_detector().items()]

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


class RegionShare(OfQuantities):
    """In how many of the runs does a quantity lie in a region? The share of these runs.

    The interval is the any-time interval of a share. Where the record bounds the quantity of a run, and the bounds lie on both sides
    of the region's edge, the run does not count for the lower end and counts for the upper end. Where runs share splits, the share of
    each split counts as one trial.

    Attributes:
        of: the quantity, with its arm.
        region: the values that count.
    """

    kind: ClassVar[str] = "region_share"
    anytime: ClassVar[bool] = True

    region: Region

    def quantities(self) -> tuple[Quantity, ...]:
        """The one quantity."""
        return (self.of,)

    def phrase(self) -> str:
        """The phrase names the quantity, the region and the arm."""
        region = self.of.plain_units().region(self.region.pieces())
        return f"share of runs of {self.of.arm_phrase()} in which {self.of.subject()} is {region}"

    def plain_units(self) -> PlainUnits:
        """Of how many runs."""
        return PlainUnits(counts_runs=True)

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """There is one estimate for each detector of the quantity."""
        data = chosen_runs(arms, self.of.arm, self.of.where)
        return [share_in_region(data, bounds, self.region) for bounds in self.of.per_run(data)]


def share_in_region(data: xarray.Dataset, bounds: PerRun, region: Region) -> Estimate:
    """The share of runs in which a quantity lies in a region.

    Args:
        data: the dataset of the arm.
        bounds: the quantity in each run that counts.
        region: the region.
    """
    labels, runs = labels_of(data), list(bounds.lows)
    ends = [(bounds.lows[run], bounds.highs[run]) for run in runs]
    surely = np.array([region.holds(low, high) for low, high in ends], float)
    perhaps = np.array([any(low < below and high > above for above, below in region.pieces()) for low, high in ends], float)
    units = units_of(data, runs)
    return Estimate(
        interval=units.interval(lambda grouping: _between(surely, np.maximum(surely, perhaps), grouping)),
        n=len(runs),
        detector=bounds.detector,
        censored=open_runs(labels, bounds),
        failed=diverged_runs(data),
        values={labels[run]: inside if inside == may else None for run, inside, may in zip(runs, surely, perhaps, strict=True)},
        unconfirmed=tuple(labels[run] for run, inside, may in zip(runs, surely, perhaps, strict=True) if inside < may),
    ).among_units(units)


def _between(surely: Float[ndarray, " run"], perhaps: Float[ndarray, " run"], grouping: Grouping) -> Interval:
    """The interval that covers the share of the runs that surely reached the event, and that of those that perhaps did."""
    low, high = _interval(surely, grouping), _interval(perhaps, grouping)
    return Interval(low.value if low.value == high.value else float("nan"), low.low, high.high)


def _interval(reached: Float[ndarray, " run"], grouping: Grouping) -> Interval:
    """The mean over units of the share of their runs."""
    shares = [float(reached[grouping == unit].mean()) for unit in range(int(grouping.max(initial=-1)) + 1)]
    return share_interval(sum(shares), len(shares))
