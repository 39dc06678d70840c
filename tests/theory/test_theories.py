"""What every theory must keep: the same numbers from the same seed in any company, and the series that it declares."""

import numpy as np
import pytest

from epicycle.spec.families import Theory
from epicycle.spec.kinds import KINDS
from epicycle.theory.barrier_hopping import BarrierHopping
from epicycle.theory.circuit_efficiency import CircuitEfficiency
from epicycle.theory.gradient_free import Evolution, GradientDescent, RandomSearch
from epicycle.theory.mixture import Mixture
from epicycle.theory.product_of_factors import ProductOfFactors
from epicycle.theory.sampling.boolean_sampler import BooleanSampler
from epicycle.theory.sampling.cluster_sampler import ClusterSampler
from epicycle.theory.sampling.modular_sampler import ModularSampler
from epicycle.theory.summed_basins import SummedBasins
from epicycle.theory.three_patterns import ThreePatterns

# One small setting of each theory.
THEORIES: dict[str, Theory] = {
    "barrier_hopping": BarrierHopping(temperature=0.5, steps=2000),
    "boolean_sampler": BooleanSampler(
        n_bits=4, hidden=(4,), n_random=8192, n_trained=64, n_train=4, n_compared=3, fewest=2, target="random"
    ),
    "circuit_efficiency": CircuitEfficiency(steps=300, spread=0.3),
    "cluster_sampler": ClusterSampler(n_bits=4, hidden=(4,), n_random=1024, n_trained=16),
    "evolution": Evolution(bits=3, evaluations=300),
    "gradient_descent": GradientDescent(bits=3, evaluations=300),
    "mixture": Mixture(n_skills=4, steps=2000),
    "modular_sampler": ModularSampler(p=3, frac_train=0.5, hidden=(8,), n_random=20, moves=2, n_trained=2, steps=20),
    "product_of_factors": ProductOfFactors(factors=3, strengths=(1.0, 2.0), lr=0.5, steps=400, spread=0.5),
    "random_search": RandomSearch(bits=3, evaluations=300),
    "summed_basins": SummedBasins(coupling=0.1, temperature=0.01, wide_dims=4, steps=200),
    "three_patterns": ThreePatterns(spread=0.2),
}


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
