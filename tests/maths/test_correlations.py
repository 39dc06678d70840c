"""Correlations by hand, and where there is nothing to correlate."""

import numpy as np
import pytest

from epicycle.maths.correlations import correlation, rank_correlation

ROW = np.array([1.0, 2.0, 9.0])


def test_ranks_forget_the_sizes() -> None:
    assert rank_correlation(ROW, np.array([0.1, 0.2, 0.3])) == pytest.approx(1.0)
    assert correlation(ROW, np.array([0.1, 0.2, 0.3])) == pytest.approx(0.9177, abs=1e-4)
    assert rank_correlation(ROW, -ROW) == pytest.approx(-1.0)


@pytest.mark.parametrize("of", [correlation, rank_correlation])
def test_a_constant_or_a_single_case_says_nothing(of: object) -> None:
    assert np.isnan(of(np.ones(3), ROW))  # type: ignore[operator]
    assert np.isnan(of(ROW[:1], ROW[:1]))  # type: ignore[operator]
    assert np.isnan(of(0.1 + 1e-17 * ROW, ROW))  # type: ignore[operator]
