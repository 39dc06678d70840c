"""What every theory must keep: the same numbers from the same seed in any company, and the series that it declares."""

import numpy as np
import pytest

from epicycle.spec.families import Theory
from epicycle.spec.kinds import KINDS

# One small setting of each theory.
THEORIES: dict[str, Theory] = {}


def test_every_kind_is_tested_here() -> None:
    assert set(THEORIES) == set(KINDS["theory"])


@pytest.mark.parametrize("theory", THEORIES.values(), ids=THEORIES)
def test_a_theory_keeps_its_contract(theory: Theory) -> None:
    whole, alone = theory.simulate([3, 0, 7]), theory.simulate([7])
    assert 0 <= whole.steps[0] <= whole.steps[-1] == theory.last_step
    assert (np.diff(whole.steps) > 0).all()
    assert whole.series.keys() == theory.series.keys()
    for name, values in whole.series.items():
        own_axes = theory.series[name]
        assert values.shape == (3, len(whole.steps), *(len(whole.labels[axis]) for axis in own_axes)), name
        assert np.isfinite(values).any(), f"{name} says nothing"
        assert np.array_equal(values[2:], alone.series[name], equal_nan=True), f"{name} depends on the other seeds"
    again = theory.simulate([7])
    assert all(np.array_equal(again.series[name], alone.series[name], equal_nan=True) for name in alone.series)
