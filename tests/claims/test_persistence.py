"""What units keep between two moments, on planted labels and ranks of 200 units."""

import numpy as np
import pytest
import xarray
from tests.claims.planted_arms import STEPS, planted

from epicycle.claims.persistence import Persistence

UNITS = 200


def with_units(values: object) -> dict[str, xarray.Dataset]:
    """Eight runs that memorise at step 100 and generalise at 1000, with a number for each unit at each step."""
    data = planted([100] * 8, [1000.0] * 8)
    return {"a": data.assign({"units": (("run", "step", "neuron"), np.asarray(values, float))})}


def switching(kept: float, labels: int = 5) -> np.ndarray:
    """Labels that change once, at step 500: a share of the units keeps its own, and the others draw a new one."""
    rng = np.random.default_rng(0)
    before = rng.integers(labels, size=(8, 1, UNITS))
    redrawn = np.where(rng.random((8, 1, UNITS)) < kept, before, rng.integers(labels, size=(8, 1, UNITS)))
    return np.where(STEPS[None, :, None] < 500, before, redrawn)


def of(values: object, compares: str = "labels", since: str = "t_mem") -> float:
    statistic = Persistence.parse({"series": "units", "since": since, "until": "end", "compares": compares, "arm": "a"})
    return statistic.estimates(with_units(values))[0].interval.value


@pytest.mark.parametrize("kept", [0.0, 0.3, 1.0])
def test_kappa_is_the_share_of_the_units_that_keep_their_label(kept: float) -> None:
    assert of(switching(kept)) == pytest.approx(kept, abs=0.05)


def test_chance_is_taken_off_where_one_label_is_common() -> None:
    """Four fifths of the units have label 0 at both moments, and not the same ones: two thirds agree by chance."""
    rng = np.random.default_rng(0)
    one, other = ((rng.random((8, 1, UNITS)) < 0.2).astype(float) for _ in range(2))
    values = np.where(STEPS[None, :, None] < 500, one, other)
    assert (one == other).mean() > 0.6
    assert of(values) == pytest.approx(0, abs=0.08)


def test_ranks() -> None:
    first = np.random.default_rng(0).random((8, 1, UNITS))
    for later, value in ((first**3, 1.0), (-first, -1.0), (np.random.default_rng(1).random((8, 1, UNITS)), 0.0)):
        assert of(np.where(STEPS[None, :, None] < 500, first, later), "ranks") == pytest.approx(value, abs=0.08)


def test_what_is_not_known_is_open() -> None:
    statistic = Persistence(series="units", since="t_gen", until="end", arm="a")
    assert statistic.reads_with_axes() == ("units",)
    alike = statistic.estimates(with_units(np.zeros((8, len(STEPS), UNITS))))[0]
    assert (alike.interval.low, alike.interval.high) == (-1, 1)
    never = planted([100] * 8, [None] * 8).assign({"units": (("run", "step", "neuron"), switching(1.0))})
    assert statistic.estimates({"a": never})[0].interval.low == -1
