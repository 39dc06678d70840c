"""Shifts of level, planted under noise."""

from typing import Any

import numpy as np
from tests.claims.planted_arms import STEPS, planted

from epicycle.claims.change_points import ChangePoints


def test_shifts_of_level_are_counted() -> None:
    """Levels planted under noise; what drifts or passes slowly from one level to the next is not counted twice."""
    rng = np.random.default_rng(0)
    position = np.linspace(0, 1, len(STEPS))

    def noisy(run: int) -> Any:
        return 0.05 * rng.normal(size=len(STEPS))

    levels = {
        "none": lambda run: noisy(run),
        "once": lambda run: noisy(run) + (position > 0.4),
        "twice": lambda run: noisy(run) + ((position > 0.3) & (position < 0.7)),
        "again": lambda run: 1 - np.clip((position - 0.3) / 0.04, 0, 1),
        "silent": lambda run: np.ones(len(STEPS)),
    }
    data = {"a": planted([30] * 8, [1000.0] * 8, **levels)}
    for series, number in (("none", 0), ("once", 1), ("twice", 2), ("again", 1), ("silent", 0)):
        assert ChangePoints(series=series, arm="a").estimates(data)[0].interval.value == number, series
    gap = ChangePoints(series="twice", beside="once", arm="a").estimates(data)[0].interval
    assert gap.value == 3, "up at 0.3, down at 0.4 where the other rises, down at 0.7"
    assert ChangePoints(series="once", since="t_gen", arm="a").estimates(data)[0].interval.value == 0, "long past it"
    short = ChangePoints(series="once", until="t_mem", shortest=0.45, arm="a").estimates(data)[0]
    assert np.isinf(short.interval.high), "no room for four levels: anything"
