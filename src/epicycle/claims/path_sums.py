"""Sums along the path of training: which part of the updates has changed a loss, or Gen or memory, between two moments?

What a part of each update does is recorded at looks (`update_effect` with `along: step`), and looks are several steps apart. Between
two looks the effect of a step is taken to lie on a straight line. With a look at every step the sum is exact but for Simpson's rule.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from epicycle.claims.estimates import NEVER, PerRun, diverged
from epicycle.claims.quantities import Quantity
from epicycle.events.moments import Moment, events_in, span_of
from epicycle.spec.families import Event
from epicycle.spec.limits import MOST_NAMES

if TYPE_CHECKING:
    import xarray


class _Bounds(NamedTuple):
    """The looks between which each of two moments lies, as positions along the axis `step`."""

    since: tuple[int, int]
    until: tuple[int, int]


class PathSum(Quantity):
    """How much do the updates between two moments change a quantity, added up over all steps?

    Each series says at each look what the next step changes, or a part of that. The sum goes over the steps from the first moment to
    the second one, and over the series. The interval is that of the median over runs.

    Attributes:
        series: names of the series that are added up, such as `test_loss_by_decay_along_step`.
        since: the first moment.
        until: the second moment.
        share_of: a series whose own change between the two moments divides the sum, such as `test_loss`. With all parts of the update
            the share is 1, and its distance from 1 is the error of the sum.
    """

    kind: ClassVar[str] = "path_sum"

    series: tuple[str, ...] = Field(min_length=1, max_length=MOST_NAMES)
    since: Moment = "start"
    until: Moment = "end"
    share_of: str | None = None

    def series_read(self) -> tuple[str, ...]:
        """The series, and the one whose change divides the sum."""
        return (*self.series, *((self.share_of,) if self.share_of else ()))

    def events_read(self) -> tuple[Event, ...]:
        """The events of the two moments."""
        return (*events_in(self.since), *events_in(self.until))

    def title(self) -> str:
        """The series and the two moments."""
        share = f" as a share of the change of {self.share_of}" if self.share_of else ""
        return f"sum of {' and '.join(self.series)} over the steps from {self.since} to {self.until}{share}"

    def subject(self) -> str:
        """The same with an article."""
        return f"the {self.title()}"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The least and the largest sum that the brackets of the moments allow; open where a moment has not come."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            bounds = self._bounds(data, run)
            sums = self._sums(data, run, bounds) if bounds else [NEVER]
            lows[run], highs[run] = (min(sums), max(sums)) if np.isfinite(sums).all() else (-NEVER, NEVER)
        return [PerRun("", lows, highs)]

    def _bounds(self, data: xarray.Dataset, run: int) -> _Bounds | None:
        first, last = (span_of(data, run, moment, self.series[0]) for moment in (self.since, self.until))
        return _Bounds(first, last) if first and last and not diverged(data, run) else None

    def _sums(self, data: xarray.Dataset, run: int, bounds: _Bounds) -> list[float]:
        """The sum, or the share, for each pair of looks that may be the two moments; infinite where nothing is known."""
        pairs = list(product(bounds.since, bounds.until))
        steps, up_to = data["step"].values, np.sum([_up_to_each_look(data, run, name) for name in self.series], axis=0)
        sums = [float(up_to[last] - up_to[first]) if steps[first] <= steps[last] else NEVER for first, last in pairs]
        if not self.share_of:
            return sums
        values = data[self.share_of].values[run].astype(float)
        changes = [float(values[last] - values[first]) for first, last in pairs]
        return [of_pair / change if change else NEVER for of_pair, change in zip(sums, changes, strict=True)]


def _up_to_each_look(data: xarray.Dataset, run: int, series: str) -> Float[ndarray, " step"]:
    """What all steps before each look have changed; each step has an effect of its own, and those between looks lie on a line."""
    looks, values = data["step"].values.astype(int), data[series].values[run].astype(float)
    recorded = np.isfinite(values)
    every_step = np.arange(looks[0], looks[-1])
    effects = np.interp(every_step, looks[recorded], values[recorded]) if recorded.any() else np.full(len(every_step), np.nan)
    return np.concatenate([[0.0], np.cumsum(effects)])[looks - looks[0]]
