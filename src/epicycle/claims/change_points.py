"""How often the level of a series shifts within a run."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from epicycle.claims.estimates import NEVER, PerRun
from epicycle.claims.quantities import Between
from epicycle.events.moments import Moment

if TYPE_CHECKING:
    import xarray
    from numpy.typing import NDArray


class ChangePoints(Between):
    """Number of shifts of a series' level between two moments, chosen by Bayes' information criterion.

    The levels are the least-squares steps (piecewise constant over the evaluations) whose squared error, in units of the noise, plus
    2 ln n for each shift is smallest (Yao, Statistics & Probability Letters 6, 1988). The noise is estimated from the changes
    between neighbouring evaluations, so slow drift is not taken for noise.

    Attributes:
        beside: the levels are those of `series` less this one.
        shortest: evaluations that a level lasts at least, as a share of those between the moments. What lies in height between its
            neighbours and lasts less than twice as long is their passage, not a level of its own.
        resolution: the noise is taken to be no smaller than this.
    """

    kind: ClassVar[str] = "change_points"

    beside: str | None = None
    since: Moment = "start"
    until: Moment = "end"
    shortest: float = Field(default=0.1, gt=0, lt=0.5)
    resolution: float = Field(default=0.02, gt=0)

    def reads(self) -> tuple[str, ...]:
        """Its series and what the moments read."""
        return tuple(dict.fromkeys([*([self.beside] if self.beside else []), *super().reads()]))

    def title(self) -> str:
        """In words."""
        what = f"{self.series} less {self.beside}" if self.beside else self.series
        return f"number of shifts in the level of {what} from {self.since} to {self.until}"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """Exact; any number where a moment has not come, the run diverged, or less than four levels would fit between them."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            lows[run], highs[run] = 0.0, NEVER
            levels = data[self.series] - data[self.beside] if self.beside else data[self.series]
            values = levels.values[run, self._evaluations(data, run)].astype(float)
            values = values[np.isfinite(values)]
            least = max(3, round(self.shortest * len(values)))
            if len(values) >= 4 * least:
                lows[run] = highs[run] = float(shifts(values, least, self.resolution))
        return [PerRun("", lows, highs)]


def shifts(values: NDArray[np.float64], least: int, resolution: float) -> int:
    """Number of shifts of the best piecewise constant fit, by optimal partitioning (Jackson et al., 2005).

    Args:
        values: finite, (evaluation,).
        least: values in a piece, at least.
        resolution: smallest standard deviation of the noise.
    """
    n = len(values)
    # The median absolute deviation of a normal is 0.6745 standard deviations, and a difference has two of its noises.
    noise = max(float(np.median(np.abs(np.diff(values)))) / (0.6745 * np.sqrt(2)), resolution)
    total, squares = (np.concatenate([[0.0], np.cumsum(power)]) for power in (values / noise, (values / noise) ** 2))
    best, begin = np.full(n + 1, np.inf), np.zeros(n + 1, int)
    best[0] = 0.0
    for end in range(least, n + 1):
        starts = np.arange(0, end - least + 1)
        error = squares[end] - squares[starts] - (total[end] - total[starts]) ** 2 / (end - starts)
        costs = best[starts] + error + 2 * np.log(n)
        begin[end] = int(np.argmin(costs))
        best[end] = costs[begin[end]]
    ends = [n]
    while begin[ends[-1]]:
        ends.append(int(begin[ends[-1]]))
    pieces = [values[a:b] for a, b in itertools.pairwise([0, *reversed(ends)])]
    return len(_levels(pieces, 2 * least)) - 1


def _levels(pieces: list[NDArray[np.float64]], passage: int) -> list[float]:
    """The pieces' means, without those of passages."""
    means = [float(piece.mean()) for piece in pieces]
    ends = {0, len(pieces) - 1}
    return [
        mean
        for i, (mean, piece) in enumerate(zip(means, pieces, strict=True))
        if i in ends or len(piece) >= passage or not min(means[i - 1], means[i + 1]) < mean < max(means[i - 1], means[i + 1])
    ]
