"""Exact intervals for medians (order statistics) and shares (Clopper-Pearson)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A point estimate with its interval; an open end is infinite."""

    value: float
    low: float
    high: float


def median_interval(lows: Sequence[float], highs: Sequence[float] | None = None) -> Interval:
    """Median of n values with the widest order-statistic interval of at least 95 % coverage.

    n = 6 gives minimum to maximum (96.9 %), n = 10 the 2nd to the 9th (97.9 %); fewer than six give an open interval. Values known
    only to lie between bounds are passed as two lists: the interval then reaches from the lows' order statistic to the highs', and
    a right-censored value has an infinite high.
    """
    low, high = np.sort(lows), np.sort(lows if highs is None else highs)
    n = len(low)
    value = float((np.median(low) + np.median(high)) / 2) if n else float("nan")
    rank = order_statistic_rank(n)
    if rank is None:
        return Interval(value, -np.inf, np.inf)
    return Interval(value, float(low[rank - 1]), float(high[n - rank]))


def order_statistic_rank(n: int) -> int | None:
    """The largest r such that the r-th smallest to the r-th largest of n values cover the median with 95 %."""
    ranks = [r for r in range(1, n // 2 + 1) if 1 - 2 * special.bdtr(r - 1, n, 0.5) >= CONFIDENCE]
    return max(ranks, default=None)


def share_interval(successes: int, n: int) -> Interval:
    """A share with its Clopper-Pearson interval: 10 of 10 shows only that the share is above 0.69."""
    if n == 0:
        return Interval(float("nan"), 0.0, 1.0)
    tail = (1 - CONFIDENCE) / 2
    low = special.betaincinv(successes, n - successes + 1, tail) if successes else 0.0
    high = special.betaincinv(successes + 1, n - successes, 1 - tail) if successes < n else 1.0
    return Interval(successes / n, float(low), float(high))
