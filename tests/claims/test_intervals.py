"""Intervals against their definitions."""

import numpy as np
import pytest
from scipy import stats

from epicycle.claims.intervals import (
    median_interval,
    order_statistic_rank,
    rank_sum_distribution,
    share_interval,
    shift_interval,
)


def test_order_statistics() -> None:
    assert order_statistic_rank(5) is None
    assert [order_statistic_rank(n) for n in (6, 9, 10, 17)] == [1, 2, 2, 5]
    ten = median_interval(list(range(10)))
    assert (ten.value, ten.low, ten.high) == (4.5, 1, 8)
    six = median_interval([3, 1, 2, 5, 4, 6])
    assert (six.low, six.high) == (1, 6)
    censored = median_interval([1, 2, 3, 4, 5, 100, 100, 100], [1, 2, 3, 4, 5, np.inf, np.inf, np.inf])
    assert censored.high == np.inf
    assert median_interval([1.0, 2.0]).low == -np.inf
    rng = np.random.default_rng(0)
    covered = [(i := median_interval(rng.exponential(size=10))).low <= np.log(2) <= i.high for _ in range(2000)]
    assert np.mean(covered) == pytest.approx(1 - 2 * stats.binom.cdf(1, 10, 0.5), abs=0.01)


def test_clopper_pearson() -> None:
    assert share_interval(10, 10).low == pytest.approx(0.6915, abs=1e-4)
    assert share_interval(17, 17).low > 0.8
    assert share_interval(0, 6).high == pytest.approx(1 - 0.025 ** (1 / 6))


@pytest.mark.parametrize(("m", "n"), [(6, 6), (5, 8), (10, 10)])
def test_the_shift_interval_is_that_of_the_rank_sum_test(m: int, n: int) -> None:
    """The distribution by brute force from scipy's exact test; and the interval ends where the test stops rejecting."""
    probabilities = rank_sum_distribution(m, n)
    assert probabilities.sum() == pytest.approx(1)
    rng = np.random.default_rng(m)
    x, y = rng.normal(size=m), rng.normal(size=n)
    u = int((x[:, None] > y[None, :]).sum())
    assert probabilities[: u + 1].sum() == pytest.approx(stats.mannwhitneyu(x, y, alternative="less", method="exact").pvalue)
    pairs = np.subtract.outer(x, y).ravel()
    interval = shift_interval(pairs, pairs, m, n)
    for shift, rejected in (
        (interval.low - 1e-9, True),
        (interval.low + 1e-9, False),
        (interval.high - 1e-9, False),
        (interval.high + 1e-9, True),
    ):
        assert (stats.mannwhitneyu(x - shift, y, method="exact").pvalue <= 0.05) == rejected
    assert np.isinf(shift_interval(np.zeros(9), np.zeros(9), 3, 3).low), "three against three decide nothing"
