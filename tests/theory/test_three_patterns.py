"""Three patterns: the published curves, and the identity for any number of patterns without a preferred one."""

import itertools

import numpy as np
import pytest

from epicycle.maths.patterns import accuracies
from epicycle.spec.errors import InputError
from epicycle.theory.three_patterns import ThreePatterns

DESCENT = (0.7, 1.0, 0.2)


def first(values: np.ndarray, level: float) -> int:
    return int(np.argmax(values >= level))


def test_double_descent_has_the_published_curve() -> None:
    simulated = ThreePatterns(heights=DESCENT).simulate([0])
    train, test = simulated.series["train_acc"][0], simulated.series["test_acc"][0]
    assert np.array_equal(simulated.steps, np.arange(300))
    peak, dip = int(test[:98].argmax()), 45 + int(test[45:].argmin())
    assert (peak, dip) == (44, 98)
    assert (test[peak], test[dip], test[-1]) == pytest.approx((0.5335, 0.3510, 0.4791), abs=1e-3)
    assert (first(train, 0.95), first(train, 0.99)) == (61, 73)


def test_grokking_has_the_published_curve() -> None:
    series = ThreePatterns().simulate([0]).series
    train, test = series["train_acc"][0], series["test_acc"][0]
    assert (first(train, 0.95), first(train, 0.99)) == (70, 81)
    assert (first(test, 0.5), first(test, 0.95)) == (200, 259)
    assert test[-1] == pytest.approx(0.9930, abs=1e-4)


def test_the_dip_vanishes_on_the_way_to_grokking() -> None:
    dips = []
    for way in np.linspace(0, 1, 9):
        heights = tuple((1 - way) * a + way * b for a, b in zip(DESCENT, (0.0, 1.0, 1.0), strict=True))
        test = ThreePatterns(heights=heights).simulate([0]).series["test_acc"][0]
        dips.append(float((np.maximum.accumulate(test) - test).max()))
    assert dips[0] > 0.15
    assert dips[-1] < 0.005
    assert all(later < earlier for earlier, later in itertools.pairwise(dips))


def test_without_a_preferred_pattern_the_weights_are_those_of_the_identity() -> None:
    """The weight of pattern i is p_i times the sum over k of (-1)^k e_k / (k + 1), e_k symmetric in the others."""
    shares, generalise = np.random.RandomState(0).uniform(size=(6, 4)), (0.1, 0.9, 0.4, 1.0)
    expected = np.zeros(6)
    for i in range(4):
        others = np.delete(shares, i, axis=1)
        symmetric = [sum(np.prod(others[:, list(c)], axis=1) for c in itertools.combinations(range(3), k)) for k in range(4)]
        expected += generalise[i] * shares[:, i] * sum((-1) ** k * e / (k + 1) for k, e in enumerate(symmetric))
    train, test = accuracies(shares, generalise, preferred=None)
    np.testing.assert_allclose(test, expected, rtol=1e-12)
    np.testing.assert_allclose(train, 1 - np.prod(1 - shares, axis=1))


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="every pattern needs a height"):
        ThreePatterns.parse({"heights": [1.0, 0.5]})
    with pytest.raises(InputError, match="the last one is 1"):
        ThreePatterns.parse({"heights": [1, 1], "rates": [1, 1], "times": [1, 1], "generalise": [1, 1]})
