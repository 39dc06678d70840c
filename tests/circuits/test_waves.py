"""Waves on Gromov's analytic weights, on neurons that miss their phases, and on Gaussian weights; and what pruning by them does."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.circuits.altered import PrunedAccuracy
from epicycle.circuits.waves import AnalyticNeurons, NeuronIPR
from epicycle.measures.fit import Accuracy
from epicycle.models.quadratic import Quadratic, analytic
from epicycle.spec.errors import InputError
from epicycle.spec.families import Task
from epicycle.tasks.groups import Composition
from epicycle.tasks.modular import Modular
from tests.circuits.networks import network_snapshot, with_labels_replaced


def analytic_snapshot(p: int, n_units: int, scaling: Any = "standard", seed: int = 0) -> dict[str, Any]:
    task, model = Modular(p=p), Quadratic(d_mlp=n_units, scaling=scaling, weights="analytic")
    return network_snapshot(model, model.init(jax.random.key(seed), task.table()), task)


@pytest.mark.parametrize("scaling", ["standard", "mean_field"])
def test_the_analytic_neurons_are_waves_and_add_their_phases(scaling: str) -> None:
    snapshot = analytic_snapshot(31, 60, scaling)
    for part in ("mean", "first", "second", "output"):
        assert np.asarray(NeuronIPR(part=part).fn(snapshot)) == pytest.approx(1.0, abs=1e-4)
        assert np.asarray(NeuronIPR(part=part, sides="one-sided").fn(snapshot)) == pytest.approx(1.0, abs=1e-4)
        assert np.asarray(NeuronIPR(part=part, sides="two-sided").fn(snapshot)) == pytest.approx(0.5, abs=1e-4)
    assert float(AnalyticNeurons().fn(snapshot)) == 1.0
    assert float(NeuronIPR(reduce="share", above=0.9).fn(snapshot)) == 1.0
    assert float(NeuronIPR(reduce="share", above=0.2, below=0.9).fn(snapshot)) == 0.0


@pytest.mark.parametrize(
    ("n_units", "accuracy", "within"), [(24, 0.41, 0.05), (48, 0.88, 0.03), (96, 0.996, 0.004), (144, 1.0, 0.001)]
)
def test_accuracy_of_the_analytic_weights_at_p_97(n_units: int, accuracy: float, within: float) -> None:
    """The right logit is 1 on average at any width. Half as many units as residues are right on nine rows of ten."""
    snapshots = [analytic_snapshot(97, n_units, seed=seed) for seed in range(8)]
    assert np.mean([float(Accuracy(rows="all").fn(snapshot)) for snapshot in snapshots]) == pytest.approx(accuracy, abs=within)
    for snapshot in snapshots:
        right = np.asarray(snapshot["logits"])[np.arange(97**2), np.asarray(snapshot["labels"])]
        assert right.mean() == pytest.approx(1.0, abs=0.01)


def test_the_error_of_the_analytic_weights_falls_with_the_root_of_the_width() -> None:
    task, widths = Modular(p=31), np.array([60, 120, 240, 480, 960])
    errors = [
        np.mean(
            [np.std(np.asarray(analytic_snapshot(31, n, seed=seed)["logits"]) - np.eye(31)[task.table().labels]) for seed in (0, 1)]
        )
        for n in widths
    ]
    assert np.polyfit(np.log(widths), np.log(errors), 1)[0] == pytest.approx(-0.5, abs=0.1)


@pytest.mark.parametrize("task", [Modular(p=31), Modular(p=31, operation="x-y"), Modular(p=31, operation="x*y")], ids=str)
def test_phases_at_random_follow_no_rule(task: Task) -> None:
    """Of waves with phases at random, those within 0.3 radians are 0.3 / pi of all. On differences the second phase counts down."""
    from epicycle.circuits.algorithm import algorithm_of

    algorithm, rng = algorithm_of(task), np.random.default_rng(0)
    n, classes = len(algorithm.classes), algorithm.classes
    frequency, (phi, psi, other) = 1 + np.arange(600) % 10, rng.uniform(-np.pi, np.pi, (3, 600))
    angle = 2 * np.pi * np.outer(np.arange(n), frequency) / n

    def planted(out: Any) -> float:
        W_in, W_U = np.zeros((62, 600)), np.zeros((600, 31))
        W_in[classes], W_in[31 + classes], W_U[:, classes] = np.cos(angle + phi), np.cos(angle + psi), np.cos(angle + out).T
        params = {"W_in": jnp.asarray(W_in, jnp.float32), "W_U": jnp.asarray(W_U, jnp.float32)}
        return float(AnalyticNeurons().fn({"task": task, "params": params}))

    sign = -1 if task == Modular(p=31, operation="x-y") else 1
    assert planted(phi + sign * psi) == 1.0
    assert planted(phi + sign * psi + np.pi) == 0.0
    assert planted(other) == pytest.approx(0.3 / np.pi, abs=0.04)


@pytest.mark.parametrize(("p", "floor"), [(23, 0.159), (31, 0.12), (97, 0.040)])
def test_the_floor_of_gaussian_weights(p: int, floor: float) -> None:
    rng = np.random.default_rng(0)
    params = {"W_in": jnp.asarray(rng.standard_normal((2 * p, 2000))), "W_U": jnp.asarray(rng.standard_normal((2000, p)))}
    snapshot = {"task": Modular(p=p), "params": params}
    assert float(NeuronIPR(sides="one-sided", reduce="mean").fn(snapshot)) == pytest.approx(floor, abs=0.003)
    assert np.isnan(float(AnalyticNeurons().fn(snapshot)))


def test_an_embedding_is_read_through_its_part_of_the_first_layer() -> None:
    """An MLP whose tables are one-hot reads what the one-hot network reads."""
    weights = analytic(jax.random.key(0), 11, 20)
    one_hot = {"task": Modular(p=11), "params": weights}
    embedded = {"task": Modular(p=11), "params": {**weights, "W_E": jnp.eye(11)}}
    separate = {"task": Modular(p=11), "params": {**weights, "W_E": jnp.stack([jnp.eye(11)] * 2)}}
    for snapshot in (embedded, separate):
        assert np.asarray(NeuronIPR().fn(snapshot)) == pytest.approx(np.asarray(NeuronIPR().fn(one_hot)), abs=1e-5)
        assert float(AnalyticNeurons().fn(snapshot)) == 1.0


def test_pruning_separates_waves_from_memory() -> None:
    """60 analytic neurons, and one memory neuron for each of 40 corrupted rows: x is read twice and y thrice, so that no other row
    reaches the bias-free threshold by much; pruning either kind leaves the other."""
    p, task = 31, Modular(p=31)
    waves = analytic(jax.random.key(1), p, 120)
    labels = with_labels_replaced(task, 0.04)
    rows = np.flatnonzero(labels != task.table().labels)
    x, y = task.table().operands[rows].T
    memory = len(rows)
    # A pair of units for each row: (u + v)^2 - (u - v)^2 = 4 u v is 4 a^2 at its own row and 0 at all others.
    u, v, out = np.zeros((p, 2 * memory)), np.zeros((p, 2 * memory)), np.zeros((2 * memory, p))
    k = np.arange(memory)
    u[x, k], v[y, k], u[x, memory + k], v[y, memory + k] = 0.5, 0.5, 0.5, -0.5
    out[k, labels[rows]], out[memory + k, labels[rows]] = 5.0, -5.0
    params = {
        "W_in": np.concatenate([np.concatenate([waves["W_in"][:p], u], axis=1), np.concatenate([waves["W_in"][p:], v], axis=1)]),
        "W_U": np.concatenate([waves["W_U"], out]),
    }
    snapshot = network_snapshot(Quadratic(d_mlp=120 + 2 * memory, scaling="standard"), params, task, labels)
    by, share = NeuronIPR(), 2 * memory / (120 + 2 * memory)
    assert float(Accuracy(rows="all").fn(snapshot)) == 1.0
    assert float(PrunedAccuracy(by=by, which="lowest", share=share, rows="corrupted").fn(snapshot)) == 0.0
    without_memory = network_snapshot(Quadratic(d_mlp=120, scaling="standard"), waves, task)
    clean = float(Accuracy(rows="all").fn(without_memory)) * (1 - memory / p**2)
    assert float(PrunedAccuracy(by=by, which="lowest", share=share, rows="all").fn(snapshot)) == pytest.approx(clean, abs=0.01)
    assert float(PrunedAccuracy(by=by, which="above", level=0.9, rows="corrupted").fn(snapshot)) == 1.0
    assert float(PrunedAccuracy(by=by, which="highest", share=0.99 - share, rows="test").fn(snapshot)) < 0.2
    by_chance = float(PrunedAccuracy(by=by, which="random", share=share, rows="all").fn(snapshot))
    assert 0.05 < by_chance < clean


def test_what_does_not_fit_is_refused() -> None:
    weights = analytic(jax.random.key(0), 24, 20)
    with pytest.raises(InputError, match="take coset_distance"):
        NeuronIPR().fn({"task": Composition(group="S4"), "params": weights})
    with pytest.raises(InputError, match="one hidden layer"):
        NeuronIPR().fn({"task": Modular(p=24), "params": {**weights, "W_hidden": jnp.zeros((1, 2, 2))}})
    with pytest.raises(InputError, match="gives no number for each neuron"):
        PrunedAccuracy.parse({"by": {"kind": "neuron_ipr", "reduce": "mean"}})
