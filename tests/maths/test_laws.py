"""Laws, broken lines and parabolas, on points that lie on them."""

import numpy as np
import pytest

from epicycle.maths.laws import N_NUMBERS, Law, broken_line, criterion, fewest_points, log_log, squares

X = np.linspace(1, 6, 8)
LAWS = {
    "constant": 3 + 0 * X,
    "exponential": 3 * np.exp(0.7 * X),
    "power": 3 * X**1.7,
    "arrhenius": 3 * np.exp(2.5 / X),
    "logistic": 3 / (1 + np.exp(-(X - 3) / 0.6)),
}
NOISE = 1 + 0.02 * np.random.default_rng(0).normal(size=len(X))


@pytest.mark.parametrize("law", LAWS)
def test_points_on_a_law_are_fitted_by_it(law: Law) -> None:
    assert squares(law, X, LAWS[law]) == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("law", ["exponential", "power", "arrhenius", "logistic"])
def test_the_law_of_the_points_has_the_smallest_criterion(law: Law) -> None:
    values = {name: criterion(name, X, LAWS[law] * NOISE) for name in N_NUMBERS}
    assert min(values, key=lambda name: values[name]) == law


def test_a_logistic_curve_may_fall() -> None:
    assert squares("logistic", X, 1 / (1 + np.exp(2 * (X - 3)))) == pytest.approx(0, abs=1e-10)


def test_the_criterion_in_closed_form() -> None:
    """Of a constant through 1 and e^2, four times each: S is 8; k is 2, so the criterion is 8 ln 1 + 4 + 12 / 5."""
    y = np.exp([0.0, 2.0] * 4)
    assert criterion("constant", X, y) == pytest.approx(4 + 12 / 5)


def test_the_criterion_is_finite_from_its_fewest_points_on() -> None:
    for law in N_NUMBERS:
        n = fewest_points(law)
        assert np.isfinite(criterion(law, X[:n], LAWS["power"][:n] * NOISE[:n]))


@pytest.mark.parametrize("dense", [np.linspace(0, 10, 40), np.geomspace(1, 11, 40) - 1])
def test_a_broken_line_is_found(dense: np.ndarray) -> None:
    """Whether points lie evenly or crowd at the start. The lines meet between two points."""
    line = broken_line(dense, 1 + 0.1 * dense + 2 * np.maximum(dense - 6.3, 0))
    assert line.at == pytest.approx(6.3, abs=1e-3)
    assert line.slopes == pytest.approx((0.1, 2.1), abs=1e-3)
    assert line.rise == pytest.approx(0.63, abs=1e-3)


def test_crowded_points_do_not_pull_a_broken_line() -> None:
    """Of a parabola, which is no broken line, the best lines meet in the middle however densely the points lie."""
    even, crowded = np.linspace(0, 1, 4000), np.linspace(0, 1, 4000) ** 3
    for x in (even, crowded):
        assert broken_line(x, x**2).at == pytest.approx(0.5, abs=0.01)


def test_a_power_law_does_not_bend() -> None:
    fit = log_log(X, 5 * X**2.5)
    assert fit == pytest.approx((2.5, 0.0, 1.0), abs=1e-9)


def test_a_parabola_bends_by_what_it_is() -> None:
    """ln y = (ln x)^2: the exponent grows from 0 at 1 to 2 ln 6 at 6."""
    assert log_log(X, np.exp(np.log(X) ** 2)).bend == pytest.approx(2 * np.log(6))
    assert log_log(X, np.exp((np.log(X) - 1) ** 2)).r2 < 0.9
