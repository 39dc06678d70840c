"""Forks over many settings: how the time left falls with a dose, and which factor of several decides how much it falls."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, model_validator

from epicycle.claims.estimates import NEVER, Estimate, chosen, failed, labels_of, median_estimate
from epicycle.claims.intervals import CONFIDENCE, Interval
from epicycle.claims.statistics import RESAMPLES, LogRemainingTime, slopes
from epicycle.spec.base import Spec
from epicycle.spec.families import Statistic

if TYPE_CHECKING:
    import xarray


class DoseExponent(LogRemainingTime):
    """How the time left falls with a dose: b in (time left of the fork) = (time left of its control) * dose^-b.

    The least-squares slope of the log remaining times of each seed along -ln dose, a bounded one moving it by its weight; the median
    over seeds. 1 is as fast as the dose, 0 no faster.

    Attributes:
        along: the swept name of the dose.
        doses: those that enter; None is all.
    """

    kind: ClassVar[str] = "dose_exponent"

    along: str
    doses: tuple[float, ...] | None = None

    def phrase(self) -> str:
        """In words."""
        among = "" if self.doses is None else f" over {', '.join(f'{dose:g}' for dose in self.doses)}"
        return f"median exponent with which the time left to {self.event} falls with {self.along}{among}, arm {self.arm}"

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """One estimate for each detector.

        Raises:
            InputError: the arm is not swept over the dose.
        """
        forks = chosen(arms, self.arm, self.where, self.along)
        if self.doses is not None:
            forks = forks.isel(run=np.isin(forks[self.along].values.astype(float), self.doses))
        dose = -np.log(forks[self.along].values.astype(float))
        return [median_estimate(forks, slopes(labels_of(forks), dose, one)) for one in self.per_run(forks, arms[self.against])]


class Cell(Spec):
    """Forks of one kind, and the level of each factor that they stand for.

    Attributes:
        against: their control.
        where: swept values that pick the forks out of their arm.
        levels: factor -> level.
    """

    arm: str
    against: str
    where: dict[str, Any] = {}
    levels: dict[str, str] = Field(min_length=1)


class FactorShare(Statistic):
    """Share of the variance of log remaining times (`log_remaining_time`) that lies between the levels of one factor.

    The variance between the factor's level means over the whole: that between cells plus the mean variance over seeds within them
    (the eta squared of a balanced analysis of variance; Fisher 1925). The interval resamples seeds, 2,000 times from a fixed random
    state. How late a fork is that did not get there within its budget is not known, so the share is computed twice: with the bound
    that each is known to exceed, which depends on budgets, and with all of them as late as the latest is known to be. The interval
    covers both. A fork whose control did not get there is left out. Both are listed as censored.

    Attributes:
        over: another factor: the ratio of the two shares instead.
    """

    kind: ClassVar[str] = "factor_share"

    event: str = "t_gen"
    cells: tuple[Cell, ...] = Field(min_length=2)
    factor: str
    over: str | None = None

    @model_validator(mode="after")
    def _cells_are_crossed(self) -> FactorShare:
        factors = list(self.cells[0].levels)
        if any(set(cell.levels) != set(factors) for cell in self.cells):
            raise ValueError("factor_share: every cell names the same factors")
        for name in (self.factor, self.over):
            if name is not None and name not in factors:
                raise ValueError(f"factor_share: no factor is called '{name}'; there are {', '.join(factors)}")
        wanted = set(product(*({cell.levels[name] for cell in self.cells} for name in factors)))
        given = [tuple(cell.levels[name] for name in factors) for cell in self.cells]
        if len(given) != len(set(given)) or set(given) != wanted:
            raise ValueError(f"factor_share: the cells are not crossed; {len(wanted)} combinations of levels, {len(given)} cells")
        return self

    def arms(self) -> tuple[str, ...]:
        """Forks and controls of every cell."""
        return tuple(dict.fromkeys(name for cell in self.cells for name in (cell.arm, cell.against)))

    def reads(self) -> tuple[str, ...]:
        """What its event is read from."""
        return self._times(self.cells[0]).reads()

    def phrase(self) -> str:
        """In words."""
        what = f"share of the variance of log speed-up (time left to {self.event}) between levels of {self.factor}"
        return what if self.over is None else f"{what}, over that between levels of {self.over}"

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """One estimate."""
        seeds, values, late, open_ones, lost = self._values(arms)
        factors = list(self.cells[0].levels)
        levels = [[cell.levels[name] for cell in self.cells] for name in factors]
        mine = levels[factors.index(self.factor)]
        other = None if self.over is None else levels[factors.index(self.over)]

        def share(rows: Float[ndarray, "cell seed"]) -> float:
            found = factor_share(rows, mine)
            return found if other is None else found / max(factor_share(rows, other), 1e-9)

        draw, n = np.random.RandomState(0), len(seeds)
        latest = np.nanmax(np.where(np.isinf(values), np.nan, values), initial=0.0)
        as_known, alike = np.where(np.isinf(values), latest, values), np.where(late, latest, values)
        picks = [draw.randint(n, size=n) for _ in range(RESAMPLES)]
        ends = [
            np.nanpercentile([share(rows[:, pick]) for pick in picks], [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)])
            for rows in ((as_known, alike) if late.any() else (as_known,))
        ]
        interval = Interval(share(as_known), float(min(low for low, _ in ends)), float(max(high for _, high in ends)))
        return [Estimate(interval, n, "", tuple(open_ones), tuple(lost), among=values.size)]

    def _times(self, cell: Cell) -> LogRemainingTime:
        return LogRemainingTime(event=self.event, arm=cell.arm, against=cell.against, where=cell.where)

    def _values(self, arms: Mapping[str, xarray.Dataset]) -> tuple[list[str], Any, Any, list[str], list[str]]:
        """Seeds; the least each log remaining time can be (cell, seed; NaN unknown); where it may be more; the open; the lost."""
        seeds: list[str] = []
        rows: list[dict[str, float]] = []
        after: list[dict[str, bool]] = []
        open_ones: list[str] = []
        lost: list[str] = []
        for cell in self.cells:
            forks, control = chosen(arms, cell.arm, cell.where), chosen(arms, cell.against, {})
            found, labels = self._times(cell).per_run(forks, control)[0], labels_of(forks)
            row, late = {}, {}
            for run, low in found.lows.items():
                high = found.highs[run]
                row[labels[run]] = (low + high) / 2 if np.isfinite([low, high]).all() else low if low > -NEVER else float("nan")
                late[labels[run]] = bool(low > -NEVER and high == NEVER)
                if not np.isfinite([low, high]).all():
                    open_ones.append(f"{labels[run]} ({', '.join(cell.levels.values())})")
            rows.append(row)
            after.append(late)
            lost += [f"{label} ({', '.join(cell.levels.values())})" for label in failed(forks)]
            seeds += [label for label in labels if label not in seeds]
        values = np.array([[row.get(seed, np.nan) for seed in seeds] for row in rows])
        return seeds, values, np.array([[late.get(seed, False) for seed in seeds] for late in after]), open_ones, lost


def factor_share(values: Float[ndarray, "cell seed"], levels: list[str]) -> float:
    """Variance between the means of a factor's levels, over that between cells plus the mean within cells; NaN are left out."""
    with np.errstate(invalid="ignore"):
        known = np.isfinite(values)
        counts = known.sum(axis=1)
        means = np.where(known, values, 0).sum(axis=1) / np.where(counts, counts, np.nan)
        within = np.nanmean(np.where(known, (values - means[:, None]) ** 2, np.nan)) if known.any() else np.nan
        between = np.nanmean((means - np.nanmean(means)) ** 2)
        groups = [np.array(levels) == level for level in dict.fromkeys(levels)]
        of_levels = np.array([np.nanmean(means[group]) if np.isfinite(means[group]).any() else np.nan for group in groups])
        sizes = np.array([group.sum() for group in groups])
        explained = np.nansum(sizes * (of_levels - np.nanmean(means)) ** 2) / sizes.sum()
    total = between + within
    return float(explained / total) if total > 0 else 0.0
