"""Exact intervals for medians, for shares, and for the shift between two samples; none assumes a distribution of the values.

Their confidence is 95 %, unless the caller asks for another with `at_confidence`, as the correction for several claims does.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import special

CONFIDENCE = 0.95
LEVEL = 0.05  # the chance of error that is left, which the primary claims of a study share
_confidence: ContextVar[float] = ContextVar("confidence", default=CONFIDENCE)
RESAMPLES = 2000  # of statistics that have no exact interval, from a fixed random state


@dataclass(frozen=True)
class Interval:
    """A point estimate with its interval.

    Attributes:
        value: the point estimate; NaN or infinite where the data leave it open.
        low: lower end; minus infinity where nothing bounds the estimate from below.
        high: upper end; infinity where nothing bounds the estimate from above.
    """

    value: float
    low: float
    high: float


def confidence() -> float:
    """The confidence at which intervals are computed now. Every statistic with an interval of its own reads it."""
    return _confidence.get()


@contextmanager
def at_confidence(level: float) -> Iterator[None]:
    """Compute the intervals inside the `with` block at another confidence."""
    token = _confidence.set(level)
    try:
        yield
    finally:
        _confidence.reset(token)


def for_two_sources(level: float) -> float:
    """The confidence of each of two intervals whose hull covers an estimate with two independent sources of variance.

    The variance of the estimate is the sum of two, so its deviation is at most the root of 2 times the larger one. Each interval is
    made that much wider, in normal deviations: 95 % become 99.4 %.
    """
    return float(1 - 2 * special.ndtr(-np.sqrt(2) * special.ndtri((1 + level) / 2)))


def median_interval(lows: Sequence[float], highs: Sequence[float] | None = None) -> Interval:
    """The median of n values with the narrowest interval of order statistics that covers it with the confidence asked for.

    At 95 %, n = 6 gives minimum to maximum (96.9 %), n = 10 the 2nd to the 9th (97.9 %); fewer than six values give an open interval.

    Args:
        lows: the values, or the least that each can be.
        highs: the most that each value can be, infinite for a right-censored one; None where the values are exact. The interval
            reaches from the lows' order statistic to the highs'.
    """
    low, high = np.sort(lows), np.sort(lows if highs is None else highs)
    n = len(low)
    with np.errstate(invalid="ignore"):  # bounds of minus and plus infinity have no middle
        value = float((np.median(low) + np.median(high)) / 2) if n else float("nan")
    rank = order_statistic_rank(n)
    if rank is None:
        return Interval(value, -np.inf, np.inf)
    return Interval(value, float(low[rank - 1]), float(high[n - rank]))


def order_statistic_rank(n: int) -> int | None:
    """The largest r for which the r-th smallest to the r-th largest of n values cover the median; None for small n."""
    ranks = [r for r in range(1, n // 2 + 1) if 1 - 2 * special.bdtr(r - 1, n, 0.5) >= confidence()]
    return max(ranks, default=None)


def share_interval(successes: int, n: int) -> Interval:
    """A share with its Clopper-Pearson interval: at 95 %, 10 of 10 shows only that the share is above 0.69."""
    if n == 0:
        return Interval(float("nan"), 0.0, 1.0)
    tail = (1 - confidence()) / 2
    low = special.betaincinv(successes, n - successes + 1, tail) if successes else 0.0
    high = special.betaincinv(successes + 1, n - successes, 1 - tail) if successes < n else 1.0
    return Interval(successes / n, float(low), float(high))


def mean_share_interval(shares: Sequence[float]) -> Interval:
    """The mean of the shares of independent groups, with Hoeffding's interval for the mean of bounded values.

    The interval holds every mean q with n * (a ln(a / q) + (1 - a) ln((1 - a) / (1 - q))) <= ln(2 / (1 - confidence)), where a is the
    mean of the n shares (Hoeffding 1963, theorem 1). It assumes nothing of how shares spread, and is wider than Clopper and Pearson's
    unless all shares are 0 or all are 1.
    """
    n, mean = len(shares), float(np.mean(shares)) if len(shares) else float("nan")
    if n == 0:
        return Interval(mean, 0.0, 1.0)
    most = np.log(2 / (1 - confidence())) / n

    def end(q: float, outer: float) -> float:
        """The farthest mean from `q` towards `outer` that the interval holds, by bisection."""
        for _ in range(60):
            middle = (q + outer) / 2
            inside = special.rel_entr(mean, middle) + special.rel_entr(1 - mean, 1 - middle) <= most
            q, outer = (middle, outer) if inside else (q, middle)
        return float(outer)

    return Interval(mean, end(mean, 0.0) if mean > 0 else 0.0, end(mean, 1.0) if mean < 1 else 1.0)


def shift_interval(lows: Float[ndarray, "*pair"], highs: Float[ndarray, "*pair"], m: int, n: int) -> Interval:
    """Median of all differences between two samples, with the exact interval of Mann and Whitney's test.

    The interval goes from the c-th smallest to the c-th largest difference, where c is the largest number with P(U < c) <= 2.5 % at a
    confidence of 95 % (Hollander & Wolfe 1999, section 4.3).

    Args:
        lows: the m * n differences, or the least that each can be.
        highs: the most that each difference can be.
        m: size of the first sample.
        n: size of the second sample.
    """
    low, high = np.sort(lows), np.sort(highs)
    with np.errstate(invalid="ignore"):
        value = float((np.median(low) + np.median(high)) / 2)
    c = int((np.cumsum(rank_sum_distribution(m, n)) <= (1 - confidence()) / 2).sum())
    if c == 0:
        return Interval(value, -np.inf, np.inf)
    return Interval(value, float(low[c - 1]), float(high[m * n - c]))


def rank_sum_distribution(m: int, n: int) -> Float[ndarray, "*count"]:
    """Probabilities of U = 0 to m * n for samples of m and n values from one continuous distribution.

    U is the number of pairs in which the first sample has the larger value. Its generating function is the Gaussian binomial
    coefficient: the product of (1 - q^(n + i)) / (1 - q^i) over i from 1 to m.
    """
    counts: list[int] = [1] + [0] * (m * n)
    for i in range(1, m + 1):
        for k in range(m * n, n + i - 1, -1):
            counts[k] -= counts[k - n - i]
        for k in range(i, m * n + 1):
            counts[k] += counts[k - i]
    total = sum(counts)
    return np.array([count / total for count in counts])
