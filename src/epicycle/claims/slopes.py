"""Slopes: how does a number change along a swept field?"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from math import log
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from epicycle.claims.estimates import (
    Estimate,
    PerRun,
    chosen_runs,
    median_estimate,
)
from epicycle.claims.quantities import OfQuantities, Quantity
from epicycle.spec.errors import InputError
from epicycle.spec.plain_units import PlainUnits
from epicycle.spec.results import labels_of

if TYPE_CHECKING:
    import xarray


class _AlongSweep(OfQuantities):
    """A number that each seed has along a swept field, and its median over seeds."""

    anytime: ClassVar[bool] = True

    along: str
    log: bool = False
    raised_to: float = 1.0

    def quantities(self) -> tuple[Quantity, ...]:
        """The one quantity."""
        return (self.of,)

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """There is one estimate for each detector."""
        data = chosen_runs(arms, self.of.arm, self.of.where, self.along)
        along = numbers_along(data, self.along, self.raised_to, above_zero=self.log)
        along = np.log(along) if self.log else along
        return [median_estimate(data, self._bounds_of_seeds(labels_of(data), along, bounds)) for bounds in self.of.per_run(data)]

    def _axis(self) -> str:
        """What the quantity is compared along, in words."""
        return raised(self.along, self.raised_to)

    @abstractmethod
    def _bounds_of_seeds(self, labels: list[str], along: Float[ndarray, " run"], bounds: PerRun) -> PerRun:
        """The number of each seed, given the label, the swept number and the quantity of each run."""


class Slope(_AlongSweep):
    """How steeply does a quantity change along a swept number? The least-squares slope within each seed, and the median over seeds.

    A quantity that is known between bounds moves the slope by its weight in the fit, so the bounds of the slope are exact. The
    interval is that of the median over seeds.

    Attributes:
        of: the quantity, with its arm.
        along: the swept name.
        log: whether the slope is along the natural logarithm of the swept number.
        raised_to: the exponent to which the swept number is raised first. The temperature of noise grows as its square, so -2 gives
            the slope along the inverse temperature.
        per: how much more of the swept number words speak of: `twice as early for each 0.1 more`. What is judged is the slope for 1
            more. Along a logarithm, words speak of ten times the swept number.
    """

    kind: ClassVar[str] = "slope"

    per: float = Field(1.0, gt=0)

    def phrase(self) -> str:
        """The phrase names the quantity, the swept name and the arm."""
        return f"median over seeds of the change of {self.of.subject()} with {self._axis()} in {self.of.arm_phrase()}"

    def plain_units(self) -> PlainUnits:
        """How much more, or how many times more, for a step along the swept number."""
        change = self.of.plain_units().comparing()
        tail = f"for ten times {self._axis()}" if self.log else f"for each {self.per:g} more {self._axis()}"
        return replace(change, times=change.times * (log(10) if self.log else self.per), tail=tail)

    def _bounds_of_seeds(self, labels: list[str], along: Float[ndarray, " run"], bounds: PerRun) -> PerRun:
        return slopes(labels, along, bounds)


class Bend(_AlongSweep):
    """Does a quantity change along a swept number by a straight line? Its slope over the larger numbers less that over the smaller.

    The swept numbers are cut at their median, which belongs to both halves. Both slopes are least-squares slopes within a seed, and 0
    means a straight line. Along a logarithm, the bend of a logarithm tells a power law from other laws. The interval is that of the
    median over seeds.

    Attributes:
        of: the quantity, with its arm.
        along: the swept name.
        log: whether both slopes are along the natural logarithm of the swept number.
        raised_to: the exponent to which the swept number is raised first.
    """

    kind: ClassVar[str] = "bend"

    def phrase(self) -> str:
        """The phrase names the quantity, the swept name and the arm."""
        return f"median over seeds of the bend of {self.of.subject()} along {self._axis()} in {self.of.arm_phrase()}"

    def _bounds_of_seeds(self, labels: list[str], along: Float[ndarray, " run"], bounds: PerRun) -> PerRun:
        cut = float(np.median(np.unique(along)))
        halves = [[run for run in bounds.lows if sign * along[run] >= sign * cut] for sign in (-1, 1)]
        smaller, larger = (slopes(labels, along, bounds.of(runs)) for runs in halves)
        seeds = {labels[run]: run for run in smaller.lows}
        lows = {seeds[labels[run]]: low - smaller.highs[seeds[labels[run]]] for run, low in larger.lows.items()}
        highs = {seeds[labels[run]]: high - smaller.lows[seeds[labels[run]]] for run, high in larger.highs.items()}
        return PerRun(bounds.detector, lows, highs)


def numbers_along(data: xarray.Dataset, along: str, raised_to: float = 1.0, *, above_zero: bool = False) -> Float[ndarray, " run"]:
    """The numbers of a swept name, one for each run.

    Args:
        data: the dataset of the arm.
        along: the swept name.
        raised_to: the exponent to which the numbers are raised.
        above_zero: whether the numbers must be above 0, as their logarithm is needed; an exponent other than 1 needs the same.

    Raises:
        InputError: a value is no number, or not above 0.
    """
    values, above_zero = data[along].values.tolist(), above_zero or raised_to != 1
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or (above_zero and value <= 0):
            raise InputError(f"{along} is swept over {value!r}, and the statistic needs numbers{' above 0' if above_zero else ''}.")
    return np.array(values, float) ** raised_to


def raised(along: str, raised_to: float) -> str:
    """A swept name and the exponent to which its numbers are raised, in words."""
    return along if raised_to == 1 else f"{along}^{raised_to:g}"


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
