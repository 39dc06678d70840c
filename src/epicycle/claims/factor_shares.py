"""Forks over several factors, such as the task and the moment: which factor decides how much sooner an event comes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from pydantic import Field, model_validator

from epicycle.claims.estimates import NEVER, Estimate, PerRun, chosen_runs, diverged_runs, unit_medians, upper_values
from epicycle.claims.intervals import median_interval
from epicycle.claims.remaining_time import LogRemainingTime
from epicycle.claims.units import units_among
from epicycle.spec.base import Spec
from epicycle.spec.families import Statistic
from epicycle.spec.plain_data import SweptValues
from epicycle.spec.plain_units import PlainUnits
from epicycle.spec.results import labels_of

if TYPE_CHECKING:
    import xarray


LATER = (0.0, 1.0, 3.0, 1000.0)  # by how much later than known a late fork may be, as a logarithm
MOST_LATE = 4  # forks of one seed, of which every combination is computed


class Cell(Spec):
    """Forks that stand for one combination of the factors' levels.

    Attributes:
        arm: the arm of forks.
        against: the arm of their controls.
        where: swept values that pick the forks out of their arm.
        levels: factor -> level.
    """

    arm: str
    against: str
    where: SweptValues = {}
    levels: dict[str, str] = Field(min_length=1)


class FactorShare(Statistic):
    """Which of several factors decides how much sooner forks reach an event? The share of one factor in the variance.

    The variance is that of log remaining times (`log_remaining_time`) among the forks of one seed, one from each cell. The share is
    the variance between the means of the factor's levels, over the whole (the eta squared of a balanced analysis of variance; Fisher
    1925). The estimate is the median over seeds, with its any-time interval.

    A fork that did not reach the event within its budget is late by an unknown amount, from nothing to without end. The share is
    computed for late forks that are later by a factor of 1, e, e^3 or e^1000, in every combination, and a seed counts with the least
    and the largest share. A seed is open if more than four of its forks are late, if a fork is missing, or if a control did not reach
    the event. These forks are listed as censored.

    Attributes:
        event: name of the event.
        cells: the forks; every combination of levels has one cell.
        factor: the factor whose share is estimated.
        over: another factor; the estimate is then the ratio of the two shares.
    """

    kind: ClassVar[str] = "factor_share"
    anytime: ClassVar[bool] = True

    event: str = "t_gen"
    cells: tuple[Cell, ...] = Field(min_length=2)
    factor: str
    over: str | None = None

    @model_validator(mode="after")
    def _cells_are_crossed(self) -> Self:
        factors = list(self.cells[0].levels)
        if any(set(cell.levels) != set(factors) for cell in self.cells):
            raise ValueError("factor_share: every cell must name the same factors")
        for name in (self.factor, self.over):
            if name is not None and name not in factors:
                raise ValueError(f"factor_share: no factor is called '{name}'; there are {', '.join(factors)}")
        wanted = set(product(*({cell.levels[name] for cell in self.cells} for name in factors)))
        combinations = [tuple(cell.levels[name] for name in factors) for cell in self.cells]
        if len(combinations) != len(set(combinations)) or set(combinations) != wanted:
            counts = f"there are {len(wanted)} combinations and {len(combinations)} cells"
            raise ValueError(f"factor_share: every combination of the factors' levels needs exactly one cell; {counts}")
        return self

    def arms(self) -> tuple[str, ...]:
        """The arms of forks and of controls of every cell."""
        return tuple(dict.fromkeys(name for cell in self.cells for name in (cell.arm, cell.against)))

    def reads(self) -> tuple[str, ...]:
        """The series that the event is read from."""
        return self._log_remaining_time(self.cells[0]).reads()

    def phrase(self) -> str:
        """The phrase names the event and the factor."""
        share = f"share of the variance of log speed-up (time left to {self.event}) between levels of {self.factor}"
        return share if self.over is None else f"{share}, over that between levels of {self.over}"

    def plain_units(self) -> PlainUnits:
        """Percent of the variance, or how many times the share of the other factor."""
        if self.over is None:
            return PlainUnits("%", times=100)
        return PlainUnits(compared="ratio", sides=("larger", "smaller"))

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """There is one estimate, under the standard detector of the event."""
        times = _Times.joined([self._times(cell, arms) for cell in self.cells])
        units = units_among(times.seed_pairs)
        ends = [self._ends(*of_seed) for of_seed in zip(times.log_times.T, times.late.T, strict=True)]
        bounds = PerRun("", *({seed: pair[end] for seed, pair in enumerate(ends)} for end in (0, 1)))
        interval = units.interval(lambda grouping: median_interval(*unit_medians(bounds, grouping)))
        censored, diverged = tuple(times.censored), tuple(times.diverged)
        values = upper_values(times.seeds, bounds)
        estimate = Estimate(interval, len(times.seeds), "", censored, diverged, values, among=times.log_times.size)
        return [estimate.among_units(units)]

    def _ends(self, log_times: Float[ndarray, " cell"], late: Bool[ndarray, " cell"]) -> tuple[float, float]:
        """The least and the largest share that the forks of one seed may have."""
        if np.isnan(log_times).any() or late.sum() > MOST_LATE:
            return 0.0, 1.0 if self.over is None else NEVER
        least = np.minimum(log_times, LATER[-1])  # of a fork that diverged
        steps = np.array(list(product(LATER, repeat=int(late.sum()))))
        values = np.repeat(least[None], len(steps), axis=0)
        values[:, late] += steps
        shares = self._shares(values)
        return float(shares.min()), float(shares.max())

    def _shares(self, values: Float[ndarray, "*seed cell"]) -> Float[ndarray, "*seed"]:
        """The factor's share, or its ratio to the share of `over`."""
        shares = factor_shares(values, [cell.levels[self.factor] for cell in self.cells])
        if self.over is None:
            return shares
        return shares / np.maximum(factor_shares(values, [cell.levels[self.over] for cell in self.cells]), 1e-9)

    def _log_remaining_time(self, cell: Cell) -> LogRemainingTime:
        return LogRemainingTime(event=self.event, arm=cell.arm, against=cell.against, where=cell.where)

    def _times(self, cell: Cell, arms: Mapping[str, xarray.Dataset]) -> _CellTimes:
        """The log remaining times of one cell."""
        control, log_times = chosen_runs(arms, cell.against, {}), self._log_remaining_time(cell)
        forks = log_times.with_controls(chosen_runs(arms, cell.arm, cell.where), control)
        bounds = log_times.per_run(forks, control)[0]
        seeds, data_seeds = (forks[name].values.tolist() for name in ("seed", "data_seed"))
        pairs = dict(zip(labels_of(forks), zip(seeds, data_seeds, strict=True), strict=True))
        return _CellTimes(pairs, labels_of(forks), bounds, diverged_runs(forks), ", ".join(cell.levels.values()))


class _CellTimes(NamedTuple):
    """The log remaining times of one cell.

    Attributes:
        seed_pairs: label -> seed and data_seed.
        labels: label of each fork.
        bounds: the log remaining time of each fork.
        diverged: labels of the forks that diverged.
        levels: the cell's levels in words.
    """

    seed_pairs: dict[str, tuple[int, int]]
    labels: list[str]
    bounds: PerRun
    diverged: tuple[str, ...]
    levels: str

    def log_times(self) -> dict[str, float]:
        """By label the middle of the bounds, or the lower bound of a late fork; NaN where the control did not reach the event."""
        times = {}
        for run, low in self.bounds.lows.items():
            high = self.bounds.highs[run]
            times[self.labels[run]] = (low + high) / 2 if np.isfinite([low, high]).all() else low if low > -NEVER else float("nan")
        return times

    def late(self) -> dict[str, bool]:
        """By label whether the fork did not reach the event within its budget, although its control did."""
        return {self.labels[run]: bool(low > -NEVER and self.bounds.highs[run] == NEVER) for run, low in self.bounds.lows.items()}

    def censored(self) -> list[str]:
        """Labels, with the cell's levels, of the forks whose time is open."""
        ends = [(run, low, self.bounds.highs[run]) for run, low in self.bounds.lows.items()]
        return [f"{self.labels[run]} ({self.levels})" for run, low, high in ends if not np.isfinite([low, high]).all()]


class _Times(NamedTuple):
    """The log remaining times of all cells.

    Attributes:
        seeds: labels of the seeds, in the order of the second axis.
        seed_pairs: seed and data_seed of each.
        log_times: the middle of the bounds of each log remaining time; for a late fork the least that it can be, which is infinite if
            the fork diverged; NaN where the time is unknown.
        late: whether the fork did not reach the event within its budget, although its control did.
        censored: labels of the forks whose time is open.
        diverged: labels of the forks that diverged.
    """

    seeds: list[str]
    seed_pairs: list[tuple[int, int]]
    log_times: Float[ndarray, "cell seed"]
    late: Bool[ndarray, "cell seed"]
    censored: list[str]
    diverged: list[str]

    @classmethod
    def joined(cls, cells: list[_CellTimes]) -> _Times:
        """The cells' times on a common axis of seeds."""
        seeds = list(dict.fromkeys(label for cell in cells for label in cell.labels))
        pairs = {label: pair for cell in cells for label, pair in cell.seed_pairs.items()}
        return cls(
            seeds,
            [pairs[seed] for seed in seeds],
            np.array([[times.get(seed, np.nan) for seed in seeds] for times in (cell.log_times() for cell in cells)]),
            np.array([[late.get(seed, False) for seed in seeds] for late in (cell.late() for cell in cells)]),
            [label for cell in cells for label in cell.censored()],
            [f"{label} ({cell.levels})" for cell in cells for label in cell.diverged],
        )


def factor_shares(values: Float[ndarray, "*seed cell"], levels: list[str]) -> Float[ndarray, "*seed"]:
    """Variance between the means of a factor's levels, over the variance between cells; 0 where nothing varies.

    Args:
        values: the cells along the last axis.
        levels: the factor's level in each cell.
    """
    mean = values.mean(axis=-1, keepdims=True)
    groups = [np.array(levels) == level for level in dict.fromkeys(levels)]
    explained = sum(group.mean() * (values[..., group].mean(axis=-1) - mean[..., 0]) ** 2 for group in groups)
    total = ((values - mean) ** 2).mean(axis=-1)
    return explained / np.where(total > 0, total, 1.0)
