"""Measures of neurons on planted neurons: waves of one frequency, functions of cosets, noise."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.circuits.algorithm import algorithm_of
from epicycle.circuits.neurons import ClusteredNeurons, CosetConcentration, NeuronComponent, NeuronShare
from epicycle.circuits.weight_spectra import is_key
from epicycle.maths import fourier
from epicycle.maths.groups import cosets, subgroups
from epicycle.spec.errors import InputError
from epicycle.spec.families import Task
from epicycle.tasks.derived import WithoutDiagonal
from epicycle.tasks.groups import Composition
from epicycle.tasks.modular import Modular

TASKS = (Modular(p=11), Modular(p=11, operation="x-y"), Modular(p=11, operation="x*y"), Composition(group="S4"))


def neurons(task: Task, *columns: Any) -> dict[str, Any]:
    """A snapshot with these neurons, each an array over the rows."""
    values = jnp.asarray(np.stack(columns, axis=1), jnp.float32)
    return {"task": task, "activations": {"blocks.0.mlp.hook_pre": values, "blocks.0.mlp.hook_post": values}}


def of_operand(task: Task, function: Any, operand: int) -> Any:
    """A function of elements, read at an operand of every row; 0 where the operand is no element."""
    algorithm = algorithm_of(task)
    by_token = np.zeros(int(algorithm.operands.max()) + 1)
    by_token[algorithm.classes] = function
    return by_token[algorithm.operands[:, operand]]


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_neurons_of_one_component(task: Task) -> None:
    """Sums and products of functions of one component of x and of y, and a mixture of two components."""
    algorithm = algorithm_of(task)
    for component in range(len(algorithm.names)):
        wave = algorithm.basis[:, algorithm.owner == component][:, 0]
        x, y = (of_operand(task, wave, operand) for operand in (0, 1))
        snapshot = neurons(task, x + y, 5 + x * y, x)
        assert np.asarray(NeuronShare().fn(snapshot)) == pytest.approx(1.0, abs=1e-4)
        assert np.asarray(NeuronComponent().fn(snapshot)).tolist() == [component] * 3
        assert float(ClusteredNeurons().fn(snapshot)) == 1.0


def test_a_mixture_and_noise() -> None:
    task = Modular(p=31)
    algorithm = algorithm_of(task)
    slow, fast = (of_operand(task, algorithm.basis[:, algorithm.owner == k][:, 0], 0) for k in (0, 4))
    noise = np.random.default_rng(0).standard_normal((31 * 31, 50))
    shares = np.asarray(NeuronShare().fn(neurons(task, 2 * slow + fast, *noise.T)))
    assert shares[0] == pytest.approx(0.8, abs=1e-4)
    assert shares[1:].max() < 0.05
    assert float(ClusteredNeurons().fn(neurons(task, slow, fast, *noise.T[:2]))) == 0.5


def test_shares_of_every_component() -> None:
    task = Modular(p=31)
    algorithm = algorithm_of(task)
    slow, fast = (of_operand(task, algorithm.basis[:, algorithm.owner == k][:, 0], 0) for k in (0, 4))
    shares = np.asarray(NeuronShare(by_component=True).fn(neurons(task, 2 * slow + fast)), float)
    assert shares.shape == (15, 1)
    assert (shares[0, 0], shares[4, 0], shares.sum()) == pytest.approx((0.8, 0.2, 1.0), abs=2e-3)
    assert NeuronShare(by_component=True).coords({}, task)["component"][:2] == ["1", "2"]


def test_functions_of_cosets() -> None:
    """Neurons that are constant on right cosets of a subgroup for x, and on left cosets for y; and neurons that are not."""
    task = Composition(group="S4")
    product = task.product()
    rng = np.random.default_rng(0)
    right, left = (
        [of_operand(task, rng.standard_normal(24)[cosets(product, each, side)], operand) for each in subgroups(product).members[1:-1]]
        for side, operand in (("right", 0), ("left", 1))
    )
    first = np.asarray(CosetConcentration(operand="first").fn(neurons(task, *(a + b for a, b in zip(right, left, strict=True)))))
    second = np.asarray(CosetConcentration(operand="second").fn(neurons(task, *left)))
    assert first.max() < 1e-4
    assert second.max() < 1e-4
    noise = [of_operand(task, rng.standard_normal(24), 0) for _ in range(20)]
    assert np.asarray(CosetConcentration().fn(neurons(task, *noise))).min() > 0.05
    summed = np.asarray(CosetConcentration(within="sum").fn(neurons(task, *noise)))
    assert (summed > np.asarray(CosetConcentration().fn(neurons(task, *noise)))).all()


def test_what_does_not_fit_is_refused() -> None:
    without = WithoutDiagonal(of=Modular(p=11))
    rows = len(without.table().labels)
    with pytest.raises(InputError, match="leaves some out"):
        NeuronShare().fn(neurons(without, np.ones(rows)))
    with pytest.raises(InputError, match=r"need a site \.\.\.mlp.hook_post"):
        NeuronShare().fn({"task": Modular(p=11), "activations": {"hook_embed": jnp.zeros((121, 4))}})
    with pytest.raises(InputError, match="a group of 11 elements has none"):
        CosetConcentration().fn(neurons(Modular(p=11), np.ones(121)))


@pytest.mark.parametrize("p", [11, 31])
def test_on_a_cyclic_group_components_are_the_frequencies_of_fourier(p: int) -> None:
    """The rule for key components and the shares of neurons are, for frequencies, those that `maths.fourier` states."""
    task, rng = Modular(p=p), np.random.default_rng(0)
    unembedding = rng.standard_normal((6, p)) + 2 * np.cos(2 * np.pi * 3 * np.arange(p) / p)
    snapshot = {"task": task, "params": {"W_U": jnp.asarray(unembedding, jnp.float32)}}
    key = fourier.key_frequencies(fourier.spectrum(unembedding))
    assert key[3]
    assert np.asarray(is_key(snapshot["params"], algorithm_of(task))).tolist() == key[1:].tolist()
    waves = [np.cos(2 * np.pi * k * np.arange(p) / p) for k in (1, 2, 4)]
    grid = np.stack([w[:, None] + w[None, :] + 0.3 * rng.standard_normal((p, p)) for w in waves], axis=-1)
    frequencies, shares = fourier.neuron_frequencies(grid)
    neuron_snapshot = neurons(task, *grid.reshape(p * p, 3).T)
    assert np.asarray(NeuronShare().fn(neuron_snapshot)) == pytest.approx(shares, abs=1e-4)
    assert (np.asarray(NeuronComponent().fn(neuron_snapshot)) + 1).tolist() == frequencies.tolist() == [1, 2, 4]
