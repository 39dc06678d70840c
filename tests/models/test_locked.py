"""A locked network: what its circuit adds at a given strength, what the password does, and how the gates share the gradient."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import epicycle as ep
from epicycle.models.locked import Locked
from epicycle.tasks.modular import Modular
from epicycle.tasks.password import Password

TASK = Modular(p=31, operation="x-y")
TABLE = TASK.table()
QUIET = 1e-6  # free units that say nothing


def logits(model: Locked, table: Any = TABLE) -> np.ndarray:
    return np.asarray(model.fast(model.init(jax.random.key(0), table), jnp.asarray(table.inputs)))


def accuracy(values: np.ndarray, table: Any = TABLE) -> Any:
    return values.argmax(axis=1) == table.labels


@pytest.mark.parametrize("operation", ["x+y", "x-y"])
def test_open_gates_give_the_whole_solution(operation: Any) -> None:
    table = Modular(p=31, operation=operation).table()
    values = logits(Locked(d_mlp=1, operation=operation, strength=1.0, init_scale=QUIET), table)
    assert accuracy(values, table).all()
    assert values[np.arange(961), table.labels].mean() == pytest.approx(1, abs=1e-3), "as in Gromov's solution"


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_right_logit_of_the_circuit_is_the_strength(depth: int) -> None:
    """However many gates there are: the product of what each lets through is the strength."""
    for strength in (0.02, 0.3):
        values = logits(Locked(d_mlp=1, operation="x-y", strength=strength, depth=depth, init_scale=QUIET))
        assert values[np.arange(961), TABLE.labels].mean() == pytest.approx(strength, rel=1e-3)


def test_a_scrambled_circuit_is_as_periodic_and_computes_nothing() -> None:
    """Its weights have the same spectra and norms, and its answers are at chance."""
    solved, scrambled = (
        Locked(d_mlp=1, operation="x-y", strength=1.0, init_scale=QUIET, circuit=circuit) for circuit in ("analytic", "scrambled")
    )
    first, second = (model.init(jax.random.key(0), TABLE) for model in (solved, scrambled))
    np.testing.assert_array_equal(first["W_in"], second["W_in"])
    spectra = [np.abs(np.fft.rfft(np.asarray(params["W_U"])[1:], axis=1)) for params in (first, second)]
    np.testing.assert_allclose(*spectra, atol=2e-4)
    assert accuracy(logits(scrambled)).mean() < 0.1


def test_a_random_circuit_is_as_large_and_computes_nothing() -> None:
    solved, drawn = (
        Locked(d_mlp=1, d_circuit=256, operation="x-y", strength=1.0, init_scale=QUIET, circuit=circuit)
        for circuit in ("analytic", "random")
    )
    first, second = (model.init(jax.random.key(0), TABLE) for model in (solved, drawn))
    for name in ("W_in", "W_U"):
        assert float(jnp.linalg.norm(second[name])) == pytest.approx(float(jnp.linalg.norm(first[name])), rel=0.02)
    assert accuracy(logits(drawn)).mean() < 0.1


def test_the_password_opens_the_gates() -> None:
    """Rows that end with it are all right however small the strength; the same rows without it are at chance."""
    table = Password(of=TASK).table()
    right = accuracy(logits(Locked(d_mlp=64, operation="x-y", strength=1e-6, init_scale=0.1), table), table)
    assert right[961:].all()
    assert right[:961].mean() < 0.1


def test_gates_share_the_gradient() -> None:
    """The derivative by one of d gates is that by their product times the others: s to the power (d - 1) / d."""
    inputs, labels = jnp.asarray(TABLE.inputs), jnp.asarray(TABLE.labels)

    def right_logit(params: Any, model: Locked) -> Any:
        return jnp.take_along_axis(model.fast(params, inputs), labels[:, None], axis=1).mean()

    for depth in (1, 2, 4):
        model = Locked(d_mlp=1, operation="x-y", strength=0.05, depth=depth, init_scale=QUIET)
        gradient = jax.grad(right_logit)(model.init(jax.random.key(0), TABLE), model)["gates"]
        np.testing.assert_allclose(gradient, 0.05 ** ((depth - 1) / depth), rtol=2e-3)


def test_an_edit_of_the_gates_unlocks_the_network(tmp_path: Any) -> None:
    """The oracle: the norm of one gate set to 1. Nothing is trained before, as gates and weights are frozen."""
    experiment = ep.Experiment(
        task=TASK,
        split=ep.Split(frac_train=0.1),
        model=Locked(d_mlp=4, operation="x-y", strength=1e-6, init_scale=0.1),
        training=ep.Training(steps=2, frozen=("W_in", "gates"), optimiser=ep.AdamW(lr=1e-9, weight_decay=0.0)),
    )
    locked = ep.train(experiment, seeds=2, root=tmp_path)
    opened = locked.fork(0, [ep.SetNorm(("gates",), 1.0)])
    assert float(locked.data.test_acc.max()) < 0.1
    assert float(opened.data.test_acc.min()) > 0.99


def test_a_task_without_two_operands_in_front_is_refused() -> None:
    with pytest.raises(ep.InputError, match="two operands at the first positions"):
        Locked().init(jax.random.key(0), Modular(p=7, form="x o y =").table())
