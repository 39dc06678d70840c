"""The fit of three patterns finds what was planted, and finds no first pattern where there is none."""

import numpy as np
import pytest

from epicycle.maths.patterns import GENERALISE, accuracies, fit_three_patterns, logistic_shares

STEPS = np.unique(np.round(np.geomspace(1, 2000, 150)))
RATES, TIMES = (0.4, 0.2, 0.03), (15.0, 60.0, 500.0)


def planted(heights: tuple[float, float, float], noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    shares = logistic_shares(STEPS, heights, RATES, np.array(TIMES))
    train, test = accuracies(shares, GENERALISE, preferred=2)
    draw = np.random.RandomState(0)
    return train + noise * draw.normal(size=len(STEPS)), test + noise * draw.normal(size=len(STEPS))


@pytest.mark.parametrize("heights", [(0.5, 1.0, 0.9), (0.7, 1.0, 0.2)])
def test_planted_patterns_are_found(heights: tuple[float, float, float]) -> None:
    fit = fit_three_patterns(STEPS, *planted(heights))
    assert fit.error < 1e-3
    assert fit.heights == pytest.approx(heights, abs=0.01)
    assert fit.times == pytest.approx(TIMES, rel=0.01)
    assert fit.rates == pytest.approx(RATES, rel=0.03)


def test_noise_moves_the_times_little_and_is_the_error() -> None:
    fit = fit_three_patterns(STEPS, *planted((0.5, 1.0, 0.9), noise=0.02))
    assert fit.times == pytest.approx(TIMES, rel=0.1)
    assert fit.error == pytest.approx(0.02, rel=0.1)


def test_where_there_is_no_first_pattern_none_is_found() -> None:
    fit = fit_three_patterns(STEPS, *planted((0.0, 1.0, 0.95)))
    assert fit.heights[0] == 0
    assert fit.times[1:] == pytest.approx(TIMES[1:], rel=0.01)
    assert fit.error < 1e-3


def test_curves_that_three_patterns_cannot_make_have_an_error() -> None:
    """A held-out accuracy that rises while that on trained rows stays at 0."""
    assert fit_three_patterns(STEPS, np.zeros(len(STEPS)), np.clip(STEPS / 1000, 0, 1)).error > 0.1
