"""Where along a dose a quantity turns from low to high, and how sharply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from epicycle.claims.estimates import NEVER, Estimate, PerRun, chosen, labels_of, median_estimate
from epicycle.claims.quantities import AnyQuantity, Quantity
from epicycle.claims.statistics import _OfQuantities

if TYPE_CHECKING:
    import xarray


class Transition(_OfQuantities):
    """The dose at which a quantity crosses a level, its width, or how far it lies from another arm's; the median over seeds.

    Doses are joined by straight lines for each seed; of several crossings the one at the largest dose counts. Where a seed is above
    the level at every dose, its crossing is known to lie below the smallest, and the other way round.

    Attributes:
        along: the swept name.
        complement: the dose is 1 minus the swept value: what is left where a share is removed.
        level: of the crossing.
        what: `midpoint` is the dose at the level; `width` the distance between the doses at `low` and `high`, over the midpoint;
            `log_ratio` ln of the midpoint over that of `over`, in seeds that both have.
    """

    kind: ClassVar[str] = "transition"

    along: str
    complement: bool = False
    level: float = 0.5
    low: float = 0.1
    high: float = 0.9
    what: Literal["midpoint", "width", "log_ratio"] = "midpoint"
    over: AnyQuantity | None = None

    def _quantities(self) -> tuple[Quantity, ...]:
        return (self.of,) if self.over is None else (self.of, self.over)

    def phrase(self) -> str:
        """In words."""
        dose = f"1 - {self.along}" if self.complement else self.along
        place = f"{self.of.title()} crosses {self.level:g} in {self.of.place()}"
        if self.what == "width":
            ends = f"{self.low:g} to {self.high:g}"
            return f"median width ({ends}) over midpoint of the transition of {self.of.title()} in {self.of.place()}"
        if self.what == "log_ratio" and self.over is not None:
            return f"median ln ratio of the {dose} at which {place} to that in {self.over.place()}"
        return f"median {dose} at which {place}"

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """One estimate."""
        data = chosen(arms, self.of.arm, self.of.where, self.along)
        here = self._crossings(data, self.of, self.level)
        if self.what == "width":
            low, high = (self._crossings(data, self.of, level) for level in (self.low, self.high))
            found = {seed: _over(_less(high[seed], low[seed]), here[seed]) for seed in here}
        elif self.what == "log_ratio" and self.over is not None:
            other = self._crossings(chosen(arms, self.over.arm, self.over.where, self.along), self.over, self.level)
            found = {seed: _log(_over(here[seed], other[seed])) for seed in here if seed in other}
        else:
            found = here
        labels = labels_of(data)
        first = {label: labels.index(label) for label in found}
        lows, highs = ({first[seed]: bounds[end] for seed, bounds in found.items()} for end in (0, 1))
        return [median_estimate(data, PerRun("", lows, highs))]

    def _crossings(self, data: xarray.Dataset, of: Quantity, level: float) -> dict[str, tuple[float, float]]:
        """For each seed the least and the largest dose at which the quantity can cross the level."""
        labels, one = labels_of(data), of.per_run(data)[0]
        doses = data[self.along].values.astype(float)
        doses = 1 - doses if self.complement else doses
        found = {}
        for label in dict.fromkeys(labels):
            runs = sorted((run for run in one.lows if labels[run] == label), key=lambda run: doses[run])
            x = [float(doses[run]) for run in runs]
            ends = [_crossing(x, [bounds[run] for run in runs], level) for bounds in (one.highs, one.lows)]
            found[label] = (min(end[0] for end in ends), max(end[1] for end in ends))
        return found


def _crossing(x: list[float], y: list[float], level: float) -> tuple[float, float]:
    """Bounds of the largest dose at which a line through the points comes up to the level."""
    if all(value >= level for value in y):
        return 0.0, x[0]
    for i in range(len(x) - 1, 0, -1):
        if y[i] >= level > y[i - 1]:
            if not np.isfinite([y[i], y[i - 1]]).all():
                return x[i - 1], x[i]
            here = x[i - 1] + (x[i] - x[i - 1]) * (level - y[i - 1]) / (y[i] - y[i - 1])
            return here, here
    return (x[-1], NEVER) if y[-1] < level else (0.0, NEVER)


Bounds = tuple[float, float]


def _less(one: Bounds, other: Bounds) -> Bounds:
    return one[0] - other[1], one[1] - other[0]


def _over(one: Bounds, other: Bounds) -> Bounds:
    """A ratio of bounds whose denominator is not negative."""
    low = one[0] / other[1] if one[0] >= 0 and other[1] > 0 else (one[0] / other[0] if other[0] > 0 else -NEVER)
    high = one[1] / other[0] if other[0] > 0 else NEVER
    return (0.0 if np.isnan(low) else low), (NEVER if np.isnan(high) else high)


def _log(bounds: Bounds) -> Bounds:
    low, high = (float(np.log(end)) if end > 0 else -NEVER for end in bounds)
    return low, high
