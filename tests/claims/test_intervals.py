"""Any-time intervals against their definitions, and against looking after every value."""

import numpy as np
import pytest
from scipy import integrate

from epicycle.claims.intervals import (
    LEVEL,
    at_confidence,
    median_interval,
    order_statistic_rank,
    share_interval,
)


def test_order_statistics() -> None:
    assert order_statistic_rank(7) is None
    ranks = {n: order_statistic_rank(n) for n in (8, 10, 16, 30, 50, 100)}
    assert {n: (rank, n + 1 - rank) for n, rank in ranks.items() if rank} == {
        8: (1, 8),
        10: (1, 10),
        16: (3, 14),
        30: (7, 24),
        50: (15, 36),
        100: (35, 66),
    }
    sixteen = median_interval(list(range(16)))
    assert (sixteen.value, sixteen.low, sixteen.high) == (7.5, 2, 13)
    censored = median_interval([1, 2, 3, 4, 5, 100, 100, 100], [1, 2, 3, 4, 5, np.inf, np.inf, np.inf])
    assert censored.high == np.inf
    assert median_interval([1.0, 2.0]).low == -np.inf
    with at_confidence(1 - LEVEL / 3):
        assert [order_statistic_rank(n) for n in (9, 10)] == [None, 1]


@pytest.mark.parametrize(("successes", "n"), [(0, 6), (10, 10), (17, 48), (24, 48), (2.5, 8)])
def test_the_ends_of_a_share_are_where_the_mixture_ratio_is_20(successes: float, n: int) -> None:
    """The mixture by numerical integration over every share that could be true."""
    interval = share_interval(successes, n)
    mixture, _ = integrate.quad(lambda p: p**successes * (1 - p) ** (n - successes), 0, 1)
    for end in {interval.low, interval.high} - {0.0, 1.0}:
        assert mixture / (end**successes * (1 - end) ** (n - successes)) == pytest.approx(20, rel=1e-6)
    assert (interval.low == 0, interval.high == 1) == (successes == 0, successes == n)
    assert interval.low <= interval.value <= interval.high


def test_one_may_look_after_every_value() -> None:
    """Of 2,000 samples that grow to 200 values, at most 5 % ever have an interval without the true median; so with shares."""
    rng = np.random.default_rng(0)
    ranks = {n: rank for n in range(1, 201) if (rank := order_statistic_rank(n))}
    below = (rng.random((2000, 200)) < 0.5).cumsum(axis=1)
    missed = np.zeros(2000, bool)
    for n, rank in ranks.items():
        missed |= (below[:, n - 1] < rank) | (n - below[:, n - 1] < rank)
    assert 0.01 < missed.mean() <= 0.05
    successes = (rng.random((500, 100)) < 0.9).cumsum(axis=1)
    outside = np.zeros(500, bool)
    for n in range(1, 101):
        intervals = {s: share_interval(s, n) for s in set(successes[:, n - 1].tolist())}
        outside |= np.array([not intervals[s].low <= 0.9 <= intervals[s].high for s in successes[:, n - 1].tolist()])
    assert 0.005 < outside.mean() <= 0.05
