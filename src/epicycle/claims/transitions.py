"""Where along a dose a quantity turns from low to high, and how sharply."""

from __future__ import annotations

from collections.abc import Mapping
from math import e
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from epicycle.claims.estimates import NEVER, Estimate, PerRun, chosen_runs, median_estimate
from epicycle.claims.quantities import AnyQuantity, OfQuantities, Quantity
from epicycle.claims.slopes import numbers_along
from epicycle.spec.plain_units import PlainUnits
from epicycle.spec.results import labels_of

if TYPE_CHECKING:
    import xarray

Bounds = tuple[float, float]


class Transition(OfQuantities):
    """At which dose does a quantity turn from low to high, and how sharply?

    For each seed the doses are joined by straight lines, and the dose is found at which the quantity comes up to a level. Of several
    such doses the largest counts. Where a seed is above the level at every dose, its crossing lies below the smallest dose. Where it
    is below the level at every dose, its crossing lies above the largest. The interval is that of the median over seeds.

    Attributes:
        of: the quantity, with its arm.
        along: the swept name of the dose.
        complement: whether the dose is 1 minus the swept value: what is left where a share is removed.
        level: the level that is crossed.
        low: the lower level of the width.
        high: the upper level of the width.
        what: `midpoint` is the dose at `level`; `width` is the distance between the doses at `low` and at `high`, over the midpoint;
            `log_ratio` is ln of the midpoint over the midpoint of `over`, in seeds that both have.
        over: the quantity, with its arm, that `log_ratio` compares with.
    """

    kind: ClassVar[str] = "transition"
    anytime: ClassVar[bool] = True

    along: str
    complement: bool = False
    level: float = 0.5
    low: float = 0.1
    high: float = 0.9
    what: Literal["midpoint", "width", "log_ratio"] = "midpoint"
    over: AnyQuantity | None = None

    def quantities(self) -> tuple[Quantity, ...]:
        """The quantity, and the one it is compared with."""
        return (self.of,) if self.over is None else (self.of, self.over)

    def phrase(self) -> str:
        """The phrase names the dose, the quantity and the arm."""
        dose = f"1 - {self.along}" if self.complement else self.along
        crossing = f"{self.of.title()} crosses {self.level:g} in {self.of.arm_phrase()}"
        if self.what == "width":
            levels = f"{self.low:g} to {self.high:g}"
            return f"median width ({levels}) over midpoint of the transition of {self.of.title()} in {self.of.arm_phrase()}"
        if self.what == "log_ratio" and self.over is not None:
            return f"median of {dose} at which {crossing}, compared with that in {self.over.arm_phrase()},"
        return f"median of {dose} at which {crossing}"

    def plain_units(self) -> PlainUnits:
        """The dose, the width as a share of the midpoint, or how many times the dose of the other arm."""
        return PlainUnits(base=e, compared="ratio") if self.what == "log_ratio" else PlainUnits()

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """There is one estimate, under the quantity's first detector."""
        data = chosen_runs(arms, self.of.arm, self.of.where, self.along)
        by_seed = self._by_seed(data, arms)
        labels = labels_of(data)
        first = {label: labels.index(label) for label in by_seed}
        lows, highs = ({first[seed]: bounds[end] for seed, bounds in by_seed.items()} for end in (0, 1))
        return [median_estimate(data, PerRun("", lows, highs))]

    def _by_seed(self, data: xarray.Dataset, arms: Mapping[str, xarray.Dataset]) -> dict[str, Bounds]:
        """For each seed the bounds of what is estimated."""
        midpoints = self._crossings(data, self.of, self.level)
        if self.what == "width":
            low, high = (self._crossings(data, self.of, level) for level in (self.low, self.high))
            return {seed: _ratio(_difference(high[seed], low[seed]), midpoint) for seed, midpoint in midpoints.items()}
        if self.what == "log_ratio" and self.over is not None:
            over = self._crossings(chosen_runs(arms, self.over.arm, self.over.where, self.along), self.over, self.level)
            return {seed: _log(_ratio(midpoint, over[seed])) for seed, midpoint in midpoints.items() if seed in over}
        return midpoints

    def _crossings(self, data: xarray.Dataset, of: Quantity, level: float) -> dict[str, Bounds]:
        """For each seed the least and the largest dose at which the quantity can cross the level."""
        labels, bounds = labels_of(data), of.per_run(data)[0]
        doses = numbers_along(data, self.along)
        doses = 1 - doses if self.complement else doses
        crossings = {}
        for label in dict.fromkeys(labels):
            runs = sorted((run for run in bounds.lows if labels[run] == label), key=lambda run: doses[run])
            x = [float(doses[run]) for run in runs]
            ends = [_crossing(x, [values[run] for run in runs], level) for values in (bounds.highs, bounds.lows)]
            crossings[label] = (min(end[0] for end in ends), max(end[1] for end in ends))
        return crossings


def _crossing(x: list[float], y: list[float], level: float) -> Bounds:
    """Bounds of the largest dose at which the line through the points comes up to the level."""
    if all(value >= level for value in y):
        return 0.0, x[0]
    for i in range(len(x) - 1, 0, -1):
        if y[i] >= level > y[i - 1]:
            if not np.isfinite([y[i], y[i - 1]]).all():
                return x[i - 1], x[i]
            dose = x[i - 1] + (x[i] - x[i - 1]) * (level - y[i - 1]) / (y[i] - y[i - 1])
            return dose, dose
    return (x[-1], NEVER) if y[-1] < level else (0.0, NEVER)


def _difference(minuend: Bounds, subtrahend: Bounds) -> Bounds:
    return minuend[0] - subtrahend[1], minuend[1] - subtrahend[0]


def _ratio(dividend: Bounds, divisor: Bounds) -> Bounds:
    """Bounds of a ratio whose divisor is not negative."""
    divide_by = divisor[1] if dividend[0] >= 0 and divisor[1] > 0 else divisor[0]
    low = dividend[0] / divide_by if divide_by > 0 else -NEVER
    high = dividend[1] / divisor[0] if divisor[0] > 0 else NEVER
    return (0.0 if np.isnan(low) else low), (NEVER if np.isnan(high) else high)


def _log(bounds: Bounds) -> Bounds:
    low, high = (float(np.log(end)) if end > 0 else -NEVER for end in bounds)
    return low, high
