"""Where the variance of a quantity comes from: the seed of the weights, or that of the split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epicycle.claims.estimates import Estimate, PerRun, chosen_runs, diverged_runs, open_runs, upper_values
from epicycle.claims.intervals import RESAMPLES, Interval, confidence, for_two_sources
from epicycle.claims.quantities import OfQuantities, Quantity
from epicycle.claims.units import units_of
from epicycle.spec.plain_units import PlainUnits
from epicycle.spec.results import labels_of

if TYPE_CHECKING:
    import xarray


class VarianceShare(OfQuantities):
    """How much of a quantity's variance does one of the two seeds explain?

    The arm must combine every seed with every data_seed. The share is that of the seed's variance component in a two-way layout
    without replication. Components are estimated from mean squares (Searle, Casella & McCulloch 1992, section 4.3); a negative one
    becomes 0. The interval resamples both seeds (Owen 2007, "The pigeonhole bootstrap"), 2,000 times from a fixed random state, and is
    widened for two sources of variance, as 95 % percentiles miss too often with a dozen seeds. It holds at one number of seeds, so
    seeds that are added after a look do not count. Where the value of a run is open, the interval is from 0 to 1.

    Attributes:
        of: the quantity, with its arm.
        factor: `seed` or `data_seed`.
    """

    kind: ClassVar[str] = "variance_share"

    factor: Literal["seed", "data_seed"] = "data_seed"

    def quantities(self) -> tuple[Quantity, ...]:
        """The one quantity."""
        return (self.of,)

    def phrase(self) -> str:
        """The phrase names the quantity, the seed and the arm."""
        return f"share of the variance of {self.of.title()} that {self.factor} explains in {self.of.arm_phrase()}"

    def plain_units(self) -> PlainUnits:
        """Percent of the variance."""
        return PlainUnits("%", times=100)

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """There is one estimate for each detector."""
        data = chosen_runs(arms, self.of.arm, self.of.where)
        return [self._estimate(data, bounds) for bounds in self.of.per_run(data)]

    def _estimate(self, data: xarray.Dataset, bounds: PerRun) -> Estimate:
        labels, grid = labels_of(data), self._grid(data, bounds)
        whole = np.isfinite(grid).all() and min(grid.shape) > 1
        return Estimate(
            interval=_resampled(grid) if whole else Interval(float("nan"), 0.0, 1.0),
            n=len(bounds.lows),
            detector=bounds.detector,
            censored=open_runs(labels, bounds),
            failed=diverged_runs(data),
            values=upper_values(labels, bounds),
        ).among_units(units_of(data, list(bounds.lows)))

    def _grid(self, data: xarray.Dataset, bounds: PerRun) -> Float[ndarray, "seed data_seed"]:
        """The middle of each run's bounds, with the explaining seed along the first axis."""
        (seeds, row), (data_seeds, column) = (np.unique(data[name].values, return_inverse=True) for name in ("seed", "data_seed"))
        grid = np.full((len(seeds), len(data_seeds)), np.nan)
        for run, high in bounds.highs.items():
            grid[row[run], column[run]] = (bounds.lows[run] + high) / 2
        return grid.T if self.factor == "data_seed" else grid


def variance_shares(grid: Float[ndarray, "*draw seed data_seed"]) -> Float[ndarray, "*draw"]:
    """The share of the first axis in the sum of the variance components; 0 where nothing varies."""
    a, b = grid.shape[-2:]
    mean = grid.mean(axis=(-2, -1), keepdims=True)
    rows, columns = grid.mean(axis=-1, keepdims=True), grid.mean(axis=-2, keepdims=True)
    noise = ((grid - rows - columns + mean) ** 2).sum(axis=(-2, -1)) / max((a - 1) * (b - 1), 1)
    first = np.maximum(((rows - mean) ** 2).sum(axis=(-2, -1)) / (a - 1) - noise / b, 0.0)
    second = np.maximum(((columns - mean) ** 2).sum(axis=(-2, -1)) / (b - 1) - noise / a, 0.0)
    total = first + second + noise
    return first / np.where(total > 0, total, 1.0)


def _resampled(grid: Float[ndarray, "seed data_seed"]) -> Interval:
    """The variance share with its bootstrap interval."""
    draw = np.random.RandomState(0)
    rows, columns = (draw.randint(n, size=(RESAMPLES, n)) for n in grid.shape)
    shares = variance_shares(grid[rows[:, :, None], columns[:, None, :]])
    tail = 100 * (1 - for_two_sources(confidence())) / 2
    low, high = np.percentile(shares, [tail, 100 - tail])
    return Interval(float(variance_shares(grid)), float(low), float(high))
