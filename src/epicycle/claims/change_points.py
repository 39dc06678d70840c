"""How often the level of a series shifts within a run."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from epicycle.claims.estimates import NEVER, PerRun
from epicycle.claims.series_quantities import Between
from epicycle.events.moments import Moment
from epicycle.spec.plain_units import PlainUnits

if TYPE_CHECKING:
    import xarray


class ChangePoints(Between):
    """How often does the level of a series shift between two moments?

    The series is fitted by levels that are constant over stretches of evaluations. The number of shifts is the one that Bayes'
    information criterion chooses: the squared error, in units of the noise, plus 2 ln n for each shift is smallest (Yao, Statistics &
    Probability Letters 6, 1988). The noise is estimated from the changes between neighbouring evaluations, so that slow drift is not
    taken for noise. The interval is that of the median over runs.

    Attributes:
        beside: a series that is taken off `series` first.
        shortest: the least number of evaluations in a level, as a share of the evaluations between the moments. A level that lies in
            height between its neighbours and lasts less than twice as long is the passage from the first to the second, and is
            not counted.
        resolution: the least standard deviation of the noise.
    """

    kind: ClassVar[str] = "change_points"

    beside: str | None = None
    since: Moment = "start"
    until: Moment = "end"
    shortest: float = Field(default=0.1, gt=0, lt=0.5)
    resolution: float = Field(default=0.02, gt=0)

    def series_read(self) -> tuple[str, ...]:
        """The series that is taken off, and the series."""
        return (self.beside, self.series) if self.beside else (self.series,)

    def title(self) -> str:
        """The series and the two moments."""
        series = f"{self.series} less {self.beside}" if self.beside else self.series
        return f"number of shifts in the level of {series} from {self.since} to {self.until}"

    def plain_units(self) -> PlainUnits:
        """Shifts."""
        return PlainUnits("shifts", counts=True)

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The exact number; open where a moment has not come, the run diverged, or fewer than four levels would fit between them."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            lows[run], highs[run] = 0.0, NEVER
            difference = data[self.series] - data[self.beside] if self.beside else data[self.series]
            values = difference.values[run, self.evaluations(data, run)].astype(float)
            values = values[np.isfinite(values)]
            shortest = max(3, round(self.shortest * len(values)))
            if len(values) >= 4 * shortest:
                lows[run] = highs[run] = float(shifts(values, shortest, self.resolution))
        return [PerRun("", lows, highs)]


def shifts(values: Float[ndarray, " step"], shortest: int, resolution: float) -> int:
    """Number of shifts of the best piecewise constant fit, by optimal partitioning (Jackson et al., 2005).

    Args:
        values: the finite values, one for each evaluation.
        shortest: least number of values in a piece.
        resolution: least standard deviation of the noise.
    """
    n = len(values)
    # The median absolute deviation of a normal is 0.6745 standard deviations, and a difference has the noise of two values.
    noise = max(float(np.median(np.abs(np.diff(values)))) / (0.6745 * np.sqrt(2)), resolution)
    sums, squares = (np.concatenate([[0.0], np.cumsum(power)]) for power in (values / noise, (values / noise) ** 2))
    cost, begin = np.full(n + 1, np.inf), np.zeros(n + 1, int)  # of the best fit up to each end; where its last piece begins
    cost[0] = 0.0
    for end in range(shortest, n + 1):
        starts = np.arange(0, end - shortest + 1)
        error = squares[end] - squares[starts] - (sums[end] - sums[starts]) ** 2 / (end - starts)
        costs = cost[starts] + error + 2 * np.log(n)
        begin[end] = int(np.argmin(costs))
        cost[end] = costs[begin[end]]
    ends = [n]
    while begin[ends[-1]]:
        ends.append(int(begin[ends[-1]]))
    pieces = [values[a:b] for a, b in itertools.pairwise([0, *reversed(ends)])]
    return len(_levels(pieces, 2 * shortest)) - 1


def _levels(pieces: list[Float[ndarray, " step"]], passage: int) -> list[float]:
    """The means of the pieces, without those of passages: shorter than `passage`, and in height between their neighbours."""
    means = [float(piece.mean()) for piece in pieces]
    ends = {0, len(pieces) - 1}
    return [
        mean
        for i, (mean, piece) in enumerate(zip(means, pieces, strict=True))
        if i in ends or len(piece) >= passage or not min(means[i - 1], means[i + 1]) < mean < max(means[i - 1], means[i + 1])
    ]
