"""Which units grow, on planted series of 200 units."""

import numpy as np
import pytest
from tests.claims.planted_arms import STEPS, planted

from epicycle.claims.axis_correlation import GrowthCorrelation

UNITS = 200
HAD = np.random.default_rng(0).random((8, 1, UNITS))  # what each unit has throughout
OTHER = np.random.default_rng(1).random((8, 1, UNITS))


def of(series: np.ndarray, strength: np.ndarray, compares: str = "change", reached: float | None = 1000.0) -> tuple[float, float]:
    data = planted([100] * 8, [reached] * 8)
    units = {
        name: (("run", "step", "neuron"), np.broadcast_to(v, (8, len(STEPS), UNITS))) for name, v in (("c", series), ("s", strength))
    }
    statistic = GrowthCorrelation(series="c", of="s", compares=compares, since="t_gen", until="end", arm="a")
    interval = statistic.estimates({"a": data.assign(units)})[0].interval
    return interval.low, interval.high


def later(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return np.where(STEPS[None, :, None] <= 2000, before, after)


@pytest.mark.parametrize(
    ("compares", "before", "after", "value"),
    [
        ("change", OTHER, OTHER + HAD**3, 1.0),
        ("change", OTHER, OTHER - HAD, -1.0),
        ("growth", 0.01 + OTHER, (0.01 + OTHER) * np.exp(HAD), 1.0),
        ("value", OTHER, np.exp(HAD), 1.0),
    ],
)
def test_units_that_have_more_grow_more(compares: str, before: np.ndarray, after: np.ndarray, value: float) -> None:
    assert of(HAD, later(before, after), compares) == pytest.approx((value, value), abs=1e-6)


def test_chance_and_units_that_have_nothing_to_grow_from() -> None:
    low, high = of(HAD, later(OTHER, 2 * OTHER))
    assert -0.2 < low <= high < 0.2
    negative = np.where(np.arange(UNITS) < 100, -1.0, 1.0) * (0.01 + OTHER)
    assert of(HAD, later(negative, negative * np.exp(np.where(np.arange(UNITS) < 100, -HAD, HAD))), "growth") == pytest.approx((1, 1))


def test_what_is_not_known_is_open() -> None:
    assert of(HAD, later(OTHER, OTHER + HAD), reached=None) == (-1.0, 1.0)
    assert of(0 * HAD, later(OTHER, OTHER + HAD)) == (-1.0, 1.0)
