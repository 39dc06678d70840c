"""The local learning coefficient where it is known: quadratics, monomials of two weights, and what makes chains invalid."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.measures.basin import Dynamics, LocalLearningCoefficient, sample
from epicycle.models.mlp import MLP
from epicycle.spec.experiment import Experiment, Training
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.optimisers import AdamW
from tests.measures.landscapes import in_training, planted

N_BETA = 1000 / np.log(1000)


def read(snapshot: dict[str, Any], **fields: Any) -> dict[str, float]:
    readings = ("mean", "signed", "reason", "spread", "r_hat")
    return {reading: float(LocalLearningCoefficient(reading=reading, **fields).fn(snapshot)) for reading in readings}


@pytest.mark.parametrize("d", [4, 20, 100])
def test_a_quadratic_has_half_a_direction_for_each_weight(d: int) -> None:
    """n / ln n is taken from the number of rows, which is 1,000 here."""
    curvatures = jnp.linspace(1.0, 10.0, d)
    value = read(planted(lambda w: (curvatures * w * w).sum() / 2, np.zeros(d)), localisation=1.0, draws=4000, burn_in=500)
    assert value["mean"] == pytest.approx(d / 2, rel=0.1)
    assert value["reason"] == 0
    assert value["r_hat"] < 1.05
    assert value["spread"] < 0.1 * d


def test_localisation_counts_directions_in_part() -> None:
    """A direction of curvature h counts n beta h / (n beta h + gamma) of a half."""
    curvatures = jnp.linspace(0.01, 2.0, 40)
    gamma = 50.0
    expected = float((N_BETA * curvatures / (N_BETA * curvatures + gamma)).sum() / 2)
    value = read(planted(lambda w: (curvatures * w * w).sum() / 2, np.zeros(40)), localisation=gamma, draws=4000)
    assert value["mean"] == pytest.approx(expected, rel=0.1)
    assert expected < 0.75 * 20


MONOMIALS = [(first, second) for first in range(4) for second in range(1, 4)]


def test_monomials_of_two_weights() -> None:
    """The potential (x^a y^b)^2 / 2 has 1 / (2 max(a, b)), however curved its valley is (Lau et al. 2023)."""
    n_beta = 1e6 / np.log(1e6)

    def coefficient(powers: Any, step_size: Any) -> Any:
        """Of one monomial; its powers are chosen among all, so that one program serves them."""
        powers_of = lambda weight: jnp.stack([weight**0, weight, weight**2, weight**3])  # noqa: E731
        loss = lambda w: jnp.square((powers[0] @ powers_of(w[0])) * (powers[1] @ powers_of(w[1]))) / 2  # noqa: E731
        dynamics = Dynamics(n_beta, 1.0, step_size, chains=24, burn_in=30_000, draws=150_000)
        return sample(loss, jnp.zeros(2), dynamics).coefficient.mean()

    truths = np.array([1 / (2 * max(a, b)) for a, b in MONOMIALS])
    chosen = jnp.asarray([[np.eye(4)[a], np.eye(4)[b]] for a, b in MONOMIALS], jnp.float32)
    step_sizes = jnp.asarray(np.where(truths == 0.5, 4e-6, 1e-5), jnp.float32)  # a weight with the power 1 has the steepest valley
    estimates = np.asarray(jax.jit(jax.vmap(coefficient))(chosen, step_sizes))
    assert np.abs(estimates - truths).max() <= 0.1, dict(zip(MONOMIALS, estimates, strict=True))
    for larger, smaller in zip(*np.where(truths[:, None] > truths + 1e-9), strict=True):
        assert estimates[larger] > estimates[smaller], (MONOMIALS[larger], MONOMIALS[smaller])


def test_chains_that_find_something_better_are_invalid() -> None:
    downhill = planted(lambda w: 3 * w.sum() + jnp.square(w).sum() / 2, np.zeros(10))
    value = read(downhill)
    assert value["reason"] == 1
    assert np.isnan(value["mean"])
    assert value["signed"] < 0
    across = read(downhill, across_gradient=True)
    assert across["reason"] == 0
    assert across["mean"] > 0


def test_chains_that_run_away_are_invalid() -> None:
    value = read(planted(lambda w: jnp.square(w).sum() / 2 + jnp.power(w, 4).sum(), np.zeros(10)), step_size=1.0)
    assert value["reason"] == 2
    assert np.isnan(value["mean"])


def test_a_network_in_training() -> None:
    """The step size follows the curvature, so the chains are valid; the tighter the weights are held, the less there is to find."""
    experiment = Experiment(
        task=Modular(p=5), split=Split(frac_train=0.6), model=MLP(d_model=4, d_mlp=6), training=Training(optimiser=AdamW(lr=1e-2))
    )
    snapshot = in_training(experiment, 60)
    loose, tight = (read(snapshot, localisation=gamma, draws=300) for gamma in (30.0, 1000.0))
    assert loose["reason"] == tight["reason"] == 0
    assert loose["mean"] > 2 * tight["mean"] > 0


def test_names() -> None:
    names = [LocalLearningCoefficient(reading=reading).name for reading in ("mean", "reason")]
    assert names == ["llc", "llc_reason"]
    assert LocalLearningCoefficient(across_gradient=True, reading="r_hat").name == "llc_across_gradient_r_hat"
