"""Changes of weights on planted losses, the energy of weight decay, and profiles that rescaling leaves alone."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.measures.perturbations import ChangeGain, DirectionProfile, PerturbationRadius, filter_normalised
from epicycle.models.mlp import MLP
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment, Training
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.optimisers import SGD, AdamW, Lion
from tests.measures.landscapes import in_training, planted


def small(optimiser: Any) -> Experiment:
    training = Training(optimiser=optimiser, warmup=0)
    return Experiment(task=Modular(p=5), split=Split(frac_train=0.6), model=MLP(d_model=4, d_mlp=6), training=training)


def test_single_weights_hurt_and_blocks_help() -> None:
    """Each of 60 weights has a partner that must be taken out with it, and half of the weights are worth nothing."""

    def loss(w: Any) -> Any:
        return 10 * jnp.square(w[:30] - w[30:60]).sum() + w[:60].sum()

    snapshot = planted(loss, np.ones(120))
    assert float(ChangeGain(samples=1000).fn(snapshot)) == 0.0, "10 for a lost partner, and 1 gained; equal where nothing changes"
    assert float(ChangeGain(block=120, samples=10).fn(snapshot)) == 1.0
    with pytest.raises(InputError, match="this network has 120 weights that are trained; take a smaller block"):
        ChangeGain(block=121).fn(snapshot)


def test_small_shifts_lower_a_slope_half_of_the_time_and_a_minimum_never() -> None:
    slope = planted(lambda w: w.sum(), np.ones(50))
    assert float(ChangeGain(change="shift", size=0.01, block=3, samples=2000).fn(slope)) == pytest.approx(0.5, abs=0.05)
    minimum = planted(lambda w: jnp.square(w - 1).sum(), np.ones(50))
    assert float(ChangeGain(change="shift", size=0.01, samples=100).fn(minimum)) == 0.0


@pytest.mark.parametrize("coupling", ["decoupled", "coupled", "independent"])
def test_the_energy_of_decay_is_what_a_step_descends(coupling: Any) -> None:
    """Without momentum the update is minus the rate times the gradient of the loss and of the energy, over the scale."""
    for optimiser in (
        SGD(lr=0.1, weight_decay=0.3, decay_coupling=coupling),
        AdamW(lr=0.1, weight_decay=0.3, betas=(0.0, 0.0), decay_coupling=coupling),
    ):
        if optimiser.kind == "adamw" and coupling == "coupled":
            continue  # the decay is in the moments, and the next scale is not the present one
        snapshot = in_training(small(optimiser), 5)
        objective, update = snapshot["objective"], snapshot["update_parts"]["decay"]
        assert objective.penalty is not None
        slope = jax.grad(objective.penalty)(objective.trained)
        for name, value in update.items():
            scale = objective.scale[name] if optimiser.kind == "adamw" else 1.0
            np.testing.assert_allclose(value, -0.1 * slope[name] / scale, rtol=1e-3, atol=1e-6)


def test_an_optimiser_without_a_known_energy() -> None:
    snapshot = in_training(small(Lion()), 1)
    with pytest.raises(InputError, match="write penalised: false"):
        ChangeGain().fn(snapshot)
    assert 0 <= float(ChangeGain(penalised=False, samples=20).fn(snapshot)) <= 1


def test_a_rescaled_network_has_the_same_profile() -> None:
    """A ReLU network whose first layer is doubled and whose second one is halved computes the same (Li et al. 2018)."""
    snapshot = in_training(small(AdamW(lr=1e-2)), 60)
    objective = snapshot["objective"]
    first = {name: 4.0 if name in ("W_in", "b_in") else 0.25 if name == "W_U" else 1.0 for name in objective.trained}
    rescaled = objective._replace(trained={name: first[name] * value for name, value in objective.trained.items()})
    profiles = [
        np.asarray(DirectionProfile(directions=4).fn({"elapsed": None, "objective": each, "once": lambda _, compute: compute()}))
        for each in (objective, rescaled)
    ]
    np.testing.assert_allclose(profiles[1], profiles[0], rtol=0.01)
    assert profiles[0][-1] > 0.1


def test_a_direction_is_as_long_as_the_weights_of_each_unit() -> None:
    rng = np.random.default_rng(0)
    params = {"W_in": jnp.asarray(rng.normal(size=(5, 7)), jnp.float32), "b_in": jnp.ones(7), "W_Q": jnp.ones((2, 3, 4))}
    direction = filter_normalised(jax.random.key(0), params)
    for name in ("W_in", "W_Q"):
        np.testing.assert_allclose(jnp.linalg.norm(direction[name], axis=-2), jnp.linalg.norm(params[name], axis=-2), rtol=1e-5)
    assert not direction["b_in"].any()


def test_the_radius_of_a_quadratic() -> None:
    """The loss |w|^2 of weights [n, 1] of length 1 around 0 rises by the square of the distance, whatever the direction."""
    matrix = jnp.ones((400, 1)) / 20
    centred = {"trained": {"W": matrix}, "logits": lambda params: params["W"] - matrix}
    distances = tuple(float(d) for d in np.linspace(0.01, 1, 100))
    snapshot = planted(lambda w: jnp.square(w).sum(), np.zeros(1), **centred)
    assert float(PerturbationRadius(rise=0.09, distances=distances).fn(snapshot)) == pytest.approx(0.3, rel=1e-2)
    profile = DirectionProfile(distances=(0.5, 1.0)).fn(snapshot)
    np.testing.assert_allclose(profile, [0.25, 1.0], rtol=1e-4)
    assert DirectionProfile(distances=(0.5, 1.0)).coords({}, Modular(p=5)) == {"distance": ["0.5", "1"]}
    assert float(PerturbationRadius(rise=9.0).fn(snapshot)) == 1.0, "it never rises so much: the last distance"
    assert np.isnan(float(PerturbationRadius().fn(planted(lambda w: jnp.nan * w.sum(), np.zeros(1), **centred))))


def test_the_best_single_changes_are_made_together() -> None:
    """Weights below 10 gain 1 each when they are taken out, and those from 10 on lose 1; any two that gain disturb each other by 3."""

    def loss(w: Any) -> Any:
        gain = (1 - w[:10]).sum()
        return (1 - w[10:]).sum() - gain + 1.5 * gain * (gain - 1)

    snapshot = planted(loss, np.ones(40))
    one, two = (ChangeGain(chosen="best", block=block, samples=40) for block in (1, 2))
    assert [one.name, two.name] == ["gain_of_removing_best_1", "gain_of_removing_best_2"]
    assert (float(one.fn(snapshot)), float(two.fn(snapshot))) == (1.0, 0.0)
    assert float(ChangeGain(samples=400).fn(snapshot)) == pytest.approx(0.25, abs=0.1)
    with pytest.raises(InputError, match="take a smaller block"):
        ChangeGain(chosen="best", block=11, samples=10).fn(snapshot)


def test_a_whole_neuron_is_taken_out() -> None:
    """The loss is how far the sum of all weights of neurons, 9 each, is from that of three neurons."""
    params = {"W_E": jnp.ones((2, 3)), "W_in": jnp.ones((3, 4)), "b_in": jnp.ones(4), "W_U": jnp.ones((4, 5))}
    of_neurons = {"trained": params, "logits": lambda each: jnp.concatenate([each["W_in"], each["b_in"][None], each["W_U"].T])}
    snapshot = planted(lambda sums: jnp.abs(sums.sum(axis=0).sum() - 27), np.zeros(1), **of_neurons)
    neuron, neurons = ChangeGain(chosen="neurons"), ChangeGain(chosen="neurons", block=2)
    assert neuron.name == "gain_of_removing_neurons_1"
    assert (float(neuron.fn(snapshot)), float(neurons.fn(snapshot))) == (1.0, 0.0), "36 become 27, or 18"
    with pytest.raises(InputError, match="this network has 4 neurons"):
        ChangeGain(chosen="neurons", block=5).fn(snapshot)
    with pytest.raises(InputError, match="need one hidden layer"):
        ChangeGain(chosen="neurons").fn(planted(lambda w: w.sum(), np.ones(4)))
