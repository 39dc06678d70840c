"""Fits of three patterns to arms: planted heights and times, and what is open where a pattern is absent."""

import numpy as np
import pytest
from tests.claims.planted_arms import STEPS, planted

from epicycle.claims.pattern_fits import ThreePatternFit
from epicycle.claims.shares import RegionShare
from epicycle.maths.patterns import GENERALISE, accuracies, logistic_shares
from epicycle.spec.claim import Region


def arm(heights: tuple[float, float, float], first: float = 15.0):
    times = np.array([first, 60.0, 500.0])
    train, test = accuracies(logistic_shares(STEPS, heights, (0.4, 0.2, 0.03), times), GENERALISE, preferred=2)
    return {"a": planted([30] * 8, [1000.0] * 8, train_acc=lambda run: train, test_acc=lambda run: test)}


def read(what: str, arms) -> float:
    return ThreePatternFit.parse({"what": what, "arm": "a"}).estimates(arms)[0].interval.value


def test_the_planted_numbers_are_read() -> None:
    arms = arm((0.5, 1.0, 0.9))
    expected = {"first_height": 0.5, "third_height": 0.9, "order": np.log(60 / 15), "second": np.log(60), "third": np.log(500)}
    assert {what: read(what, arms) for what in expected} == pytest.approx(expected, abs=0.02)
    assert read("error", arms) < 0.005
    share = RegionShare(of=ThreePatternFit(what="order", arm="a"), region=Region(above=0))
    assert share.estimates(arms)[0].interval.value == 1


def test_a_first_pattern_after_the_second_is_out_of_order() -> None:
    assert read("order", arm((0.5, 1.0, 0.9), first=90.0)) == pytest.approx(np.log(60 / 90), abs=0.05)


def test_an_absent_first_pattern_has_no_time_and_no_place_in_the_order() -> None:
    arms = arm((0.0, 1.0, 0.9))
    assert read("order", arms) == pytest.approx(np.log(500 / 60), abs=0.02)
    assert np.isnan(read("first", arms))
