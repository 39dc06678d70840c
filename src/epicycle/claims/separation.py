"""Does a number tell in advance in which runs something happens?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import model_validator
from scipy import special

from epicycle.claims.estimates import Estimate, arm_phrase, chosen_runs, detectors_of, diverged_runs, known_steps
from epicycle.claims.intervals import Interval, confidence
from epicycle.claims.quantities import AnyQuantity, Quantity
from epicycle.claims.units import Grouping, units_of
from epicycle.spec.errors import InputError
from epicycle.spec.families import AnyEvent, Event, Statistic
from epicycle.spec.plain_data import SweptValues
from epicycle.spec.results import labels_of

if TYPE_CHECKING:
    import xarray

Bounds = tuple[float, float]


class Separation(Statistic):
    """How well does a number tell the runs in which an event happens from the others? The area under the ROC curve.

    It is the chance that the number is larger in a run in which the event happens than in one in which it does not; equal numbers
    count half. 0.5 is as good as a coin, 1 and 0 are without error. The interval is that of Newcombe (Statistics in Medicine 25, 2006,
    p. 559, method 5), and wider where one side spreads more. It holds at one number of seeds, so seeds that are added after a look do
    not count. Where the number of a run is open, the interval covers all that it may be. Runs that diverged, or end while the event
    holds, too early to confirm it, are left out. Where runs share splits or seeds, each unit counts with its first run.

    Attributes:
        of: the quantity, with its arm. It may be an arm of forks; runs are matched by their seeds.
        less: a quantity that is taken off the first one, with its arm; None takes nothing off.
        event: name of the event.
        within: name of the arm in which the event happens or not.
        where: in an arm with a sweep, the swept values of the runs that count.
        detector: detector of the event, instead of its standard one.
    """

    kind: ClassVar[str] = "separation"

    of: AnyQuantity
    less: AnyQuantity | None = None
    event: str
    within: str
    where: SweptValues = {}
    detector: AnyEvent | None = None

    @model_validator(mode="after")
    def _event_is_known(self) -> Self:
        self._detector()
        return self

    def _detector(self) -> Event:
        return self.detector or detectors_of(self.event, {})[self.event]

    def quantities(self) -> tuple[Quantity, ...]:
        """The quantity, and the one that is taken off."""
        return (self.of,) if self.less is None else (self.of, self.less)

    def arms(self) -> tuple[str, ...]:
        """The arms of the quantities, and that of the event."""
        return tuple(dict.fromkeys((*(quantity.arm for quantity in self.quantities()), self.within)))

    def reads(self) -> tuple[str, ...]:
        """The series of the quantities, and those of the event."""
        series = (name for quantity in self.quantities() for name in quantity.reads())
        return tuple(dict.fromkeys((*series, *self._detector().series)))

    def reads_with_axes(self) -> tuple[str, ...]:
        """Series that its quantities may read with several numbers at a step."""
        return tuple(series for quantity in self.quantities() for series in quantity.reads_with_axes())

    def phrase(self) -> str:
        """The quantities, the event and the arms."""
        less = "" if self.less is None else f" less {self.less.subject()} in {self.less.arm_phrase()}"
        number = f"{self.of.subject()} in {self.of.arm_phrase()}{less}"
        return f"area under the ROC curve of {number} for {self.event} in {arm_phrase(self.within, self.where)}"

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """There is one estimate, under the first detector of each quantity.

        Raises:
            InputError: the arms share no seed.
        """
        data = chosen_runs(arms, self.within, self.where)
        labels, known = labels_of(data), known_steps(data, self._detector())
        tables = [_by_label(chosen_runs(arms, quantity.arm, quantity.where), quantity) for quantity in self.quantities()]
        failed = diverged_runs(data)
        runs = [run for run, label in enumerate(labels) if label not in failed and all(label in table for table in tables)]
        if not runs:
            raise InputError(f"{self.kind}: the arms {', '.join(self.arms())} share no seed, so nothing can be compared.")
        runs = [run for run in runs if not known[run].unconfirmed]
        numbers = [_less(*(table[labels[run]] for table in tables)) for run in runs]
        units = units_of(data, runs)
        return [
            Estimate(
                interval=units.interval(lambda grouping: _of_units(numbers, [known[run].seen for run in runs], grouping)),
                n=len(runs),
                censored=tuple(labels[run] for run, ends in zip(runs, numbers, strict=True) if not np.isfinite(ends).all()),
                failed=failed,
                values={labels[run]: ends[1] if np.isfinite(ends[1]) else None for run, ends in zip(runs, numbers, strict=True)},
            ).among_units(units)
        ]


def _by_label(data: xarray.Dataset, quantity: Quantity) -> dict[str, Bounds]:
    """The bounds of a quantity by the label of the run's seed."""
    bounds, labels = quantity.per_run(data)[0], labels_of(data)
    return {labels[run]: (bounds.lows[run], bounds.highs[run]) for run in bounds.lows}


def _less(number: Bounds, taken_off: Bounds = (0.0, 0.0)) -> Bounds:
    """The bounds of a difference; what is open on both sides stays so."""
    low, high = number[0] - taken_off[1], number[1] - taken_off[0]
    return (-np.inf if np.isnan(low) else low), (np.inf if np.isnan(high) else high)


def _of_units(numbers: Sequence[Bounds], happened: Sequence[bool], grouping: Grouping) -> Interval:
    """The area with its interval, from the first run of each unit."""
    firsts = [int(np.argmax(grouping == unit)) for unit in range(int(grouping.max(initial=-1)) + 1)]
    with_event, without = ([numbers[i] for i in firsts if happened[i] is side] for side in (True, False))
    if not with_event or not without:
        return Interval(float("nan"), 0.0, 1.0)
    (lows, highs), (other_lows, other_highs) = (np.array(ends).T for ends in (with_event, without))
    least, most = _area(lows, other_highs), _area(highs, other_lows)
    return Interval(least.value if least.value == most.value else float("nan"), least.low, most.high)


def _area(first: Float[ndarray, " unit"], second: Float[ndarray, " other_unit"]) -> Interval:
    """The share of pairs in which the number of the first sample is larger; equal ones count half.

    The interval has all areas from which the one found is not too many standard deviations away. Their variance is that of Hanley &
    McNeil (1982), with the mean of the two sizes in place of each (Newcombe 2006). It is multiplied by as much as the variance of
    DeLong et al. (1988) is larger at the area found, as where one sample spreads more than the other.
    """
    wins = (first[:, None] > second) + (first[:, None] == second) / 2
    value, sizes = float(wins.mean()), (len(first), len(second))
    more, product = sum(sizes) / 2 - 1, sizes[0] * sizes[1]

    def variance(area: float) -> float:
        return area * (1 - area) * (1 + more * ((1 - area) / (2 - area) + area / (1 + area))) / product

    of_placements = sum(float(wins.mean(axis=1 - side).var(ddof=1)) / n if n > 1 else np.inf for side, n in enumerate(sizes))
    times = max(1.0, of_placements / variance(value)) if 0 < value < 1 else 1.0
    deviations = float(special.ndtri((1 + confidence()) / 2))

    def end(outer: float) -> float:
        """The farthest area towards `outer` that is near enough, by bisection."""
        inner = value
        for _ in range(60):
            middle = (inner + outer) / 2
            is_near = abs(value - middle) <= deviations * (times * variance(middle)) ** 0.5
            inner, outer = (middle, outer) if is_near else (inner, middle)
        return inner

    return Interval(value, end(0.0), end(1.0))
