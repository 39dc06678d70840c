"""The exact interval of a share: published values, and the ends."""

import pytest
from scipy.stats import binom

from epicycle.maths.proportions import clopper_pearson


def test_of_none_the_interval_is_the_rule_of_three() -> None:
    low, high = clopper_pearson(0, 1000)
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 1000))


def test_of_all_it_is_the_mirror_image() -> None:
    assert clopper_pearson(7, 7) == pytest.approx((0.025 ** (1 / 7), 1.0))


def test_its_ends_leave_a_fortieth_on_either_side() -> None:
    low, high = clopper_pearson(12, 80)
    assert binom.sf(11, 80, low) == pytest.approx(0.025)
    assert binom.cdf(12, 80, high) == pytest.approx(0.025)
