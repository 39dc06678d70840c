"""Any-time intervals for medians and for shares; none assumes a distribution of the values.

They are confidence sequences: with 95 % confidence they hold at every number of seeds at once. So one may look after each seed, add
seeds until a claim is decided, and stop; looking costs nothing (Robbins 1970; Howard & Ramdas 2022, "Sequential estimation of
quantiles"). Their confidence is 95 %, unless the caller asks for another with `at_confidence`, as the correction for several claims
does.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import special

Values = Sequence[float] | Float[ndarray, " unit"]
CONFIDENCE = 0.95
LEVEL = 0.05  # the chance of error that is left, which the primary claims of a study share
_confidence: ContextVar[float] = ContextVar("confidence", default=CONFIDENCE)
RESAMPLES = 2000  # of statistics that have no any-time interval, from a fixed random state


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


def median_interval(lows: Values, highs: Values | None = None) -> Interval:
    """The median of n values with the narrowest any-time interval of order statistics.

    At 95 %, n = 8 gives minimum to maximum, n = 16 the 3rd to the 14th, n = 50 the 15th to the 36th; fewer than eight values give an
    open interval.

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
    """The largest r for which the r-th smallest to the r-th largest of n values cover the median at any time; None for small n.

    The median lies below the r-th smallest value only if fewer than r values lie below the median. Each value does so with probability
    1/2. So the numbers of values that the mixture ratio rules out for a share of 1/2 are those that the interval need not cover.
    """
    return _rank(n, confidence())


@lru_cache(maxsize=10_000)
def _rank(n: int, level: float) -> int | None:
    if not n:
        return None
    below = np.arange(n // 2 + 1)  # how many values lie below the median
    ruled_out = _log_mixture_ratio(below, n, 0.5) >= -np.log(1 - level)
    return int(ruled_out.sum()) or None


def share_interval(successes: float, n: int) -> Interval:
    """A share with its any-time interval: at 95 %, 10 of 10 shows only that the share is above 0.58.

    The interval has every share whose mixture ratio is below 1 / (1 - confidence), which is 20 at 95 %. At the true share the ratio is
    a martingale that begins at 1. So the chance that it ever comes to 20 is at most 1 in 20 (Ville 1939).

    Args:
        successes: number of successes. It may be the sum of n shares between 0 and 1, such as that of each split: the ratio at their
            mean is then a supermartingale, as a^x b^(1 - x) <= x a + (1 - x) b.
        n: number of trials, or of shares.
    """
    return _share(float(successes), n, confidence())


@lru_cache(maxsize=100_000)
def _share(successes: float, n: int, level: float) -> Interval:
    if n == 0:
        return Interval(float("nan"), 0.0, 1.0)
    share, most = successes / n, -np.log(1 - level)

    def end(inner: float, outer: float) -> float:
        """The farthest share from `inner` towards `outer` that the interval has, by bisection."""
        for _ in range(60):
            middle = (inner + outer) / 2
            inside = _log_mixture_ratio(successes, n, middle) < most
            inner, outer = (middle, outer) if inside else (inner, middle)
        return float(outer)

    return Interval(share, end(share, 0.0) if share > 0 else 0.0, end(share, 1.0) if share < 1 else 1.0)


def _log_mixture_ratio(successes: Float[ndarray, "*count"] | float, n: int, share: float) -> Float[ndarray, "*count"]:
    """Logarithm of the Beta mixture ratio B(1 + S, 1 + n - S) / (q^S (1 - q)^(n - S)) for S successes in n trials and a share q."""
    mixture = special.betaln(1 + successes, 1 + n - successes)
    return mixture - special.xlogy(successes, share) - special.xlog1py(n - successes, -share)
