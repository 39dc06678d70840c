"""Every optimiser against its update written in float64 NumPy, for all decay couplings and targets; groups; Muon's matrices."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import epicycle as ep
from epicycle import SGD, AdamW, Lion, Muon, ParameterGroup, RMSProp
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Run
from epicycle.spec.kinds import KINDS
from epicycle.training.state import data_of, initialiser
from epicycle.training.update_rule import TensorwiseRule

Direction = Callable[[np.ndarray], np.ndarray]


def adamw(spec: AdamW) -> Direction:
    m = v = t = 0.0
    b1, b2 = spec.betas

    def direction(g: np.ndarray) -> np.ndarray:
        nonlocal m, v, t
        t, m, v = t + 1, b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        return (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + spec.eps)

    return direction


def sgd(spec: SGD) -> Direction:
    m = 0.0

    def direction(g: np.ndarray) -> np.ndarray:
        nonlocal m
        m = spec.momentum * m + g
        return g + spec.momentum * m if spec.nesterov else m

    return direction


def rmsprop(spec: RMSProp) -> Direction:
    m = v = 0.0

    def direction(g: np.ndarray) -> np.ndarray:
        nonlocal m, v
        v = spec.beta * v + (1 - spec.beta) * g * g
        m = spec.momentum * m + g / (np.sqrt(v) + spec.eps)
        return m

    return direction


def lion(spec: Lion) -> Direction:
    m = 0.0
    b1, b2 = spec.betas

    def direction(g: np.ndarray) -> np.ndarray:
        nonlocal m
        sign = np.sign(b1 * m + (1 - b1) * g)
        m = b2 * m + (1 - b2) * g
        return sign

    return direction


def muon(spec: Muon) -> Direction:
    m, t = 0.0, 0
    b = spec.momentum

    def direction(g: np.ndarray) -> np.ndarray:
        nonlocal m, t
        t, m = t + 1, b * m + (1 - b) * g
        x = b * m / (1 - b ** (t + 1)) + (1 - b) * g / (1 - b**t) if spec.nesterov else m / (1 - b**t)
        x = x / np.linalg.norm(x)
        for _ in range(spec.ns_steps):
            gram = x @ x.T
            x = spec.ns_coeffs[0] * x + (spec.ns_coeffs[1] * gram + spec.ns_coeffs[2] * gram @ gram) @ x
        return max(1.0, g.shape[1] / g.shape[0]) ** 0.5 * x

    return direction


RULES: dict[str, tuple[Any, list[TensorwiseRule]]] = {
    "adamw": (adamw, [AdamW(lr=0.01, weight_decay=0.03)]),
    "sgd": (sgd, [SGD(lr=0.02, weight_decay=0.3), SGD(momentum=0.9, weight_decay=0.1), SGD(momentum=0.8, nesterov=True)]),
    "rmsprop": (rmsprop, [RMSProp(lr=0.01, weight_decay=0.03, beta=0.95), RMSProp(momentum=0.9, eps=1e-3)]),
    "lion": (lion, [Lion(lr=0.01, weight_decay=0.03, betas=(0.95, 0.98))]),
    "muon": (muon, [Muon(lr=0.01, weight_decay=0.03), Muon(momentum=0.8, nesterov=False, ns_steps=3)]),
}


def numpy_descent(w: np.ndarray, gradients: list[np.ndarray], spec: TensorwiseRule, schedule: float) -> np.ndarray:
    direction, target = RULES[type(spec).kind][0](spec), (w if spec.decay_to == "initialisation" else 0.0)
    for g in gradients:
        pull = spec.weight_decay * (w - target)
        update = spec.lr * schedule * direction(g + pull if spec.decay_coupling == "coupled" else g)
        if spec.decay_coupling == "decoupled":
            update = update + spec.lr * schedule * pull
        if spec.decay_coupling == "independent":
            update = update + schedule * pull
        w = w - update
    return w


def descended(spec: TensorwiseRule, params: dict[str, Any], gradients: list[dict[str, Any]], schedule: float = 1.0) -> dict[str, Any]:
    """Parameters after the updates, float64."""
    with jax.enable_x64(True):
        transform = spec.transform(jnp.asarray(schedule))
        w = jax.tree.map(jnp.asarray, params)
        state, update = transform.init(w), jax.jit(transform.update)
        for g in gradients:
            updates, state = update(g, state, w)
            w = jax.tree.map(jnp.add, w, updates)
        return jax.tree.map(np.asarray, w)


def drawn(shapes: dict[str, tuple[int, ...]], times: int = 4) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Parameters and gradients."""
    rng = np.random.default_rng(0)
    trees = [{name: rng.normal(size=shape) for name, shape in shapes.items()} for _ in range(times + 1)]
    return trees[0], trees[1:]


@pytest.mark.parametrize("decay_to", ["origin", "initialisation"])
@pytest.mark.parametrize("coupling", ["decoupled", "independent", "coupled"])
@pytest.mark.parametrize("kind", RULES)
def test_updates(kind: str, coupling: str, decay_to: str) -> None:
    start, gradients = drawn({"W_in": (3, 5)}, 6)
    for optimiser in RULES[kind][1]:
        spec = optimiser.model_copy(update={"decay_coupling": coupling, "decay_to": decay_to})
        updated = descended(spec, start, gradients, 0.5)["W_in"]
        np.testing.assert_allclose(updated, numpy_descent(start["W_in"], [g["W_in"] for g in gradients], spec, 0.5), rtol=1e-7)


def test_every_optimiser_is_tested_here() -> None:
    assert set(KINDS["optimiser"]) == set(RULES)


def test_without_groups_adamw_is_optax_to_the_bit() -> None:
    """Results on disk were trained by this arithmetic."""
    rng = np.random.default_rng(0)
    w, g = ({name: rng.normal(size=(3, 4)).astype(np.float32) for name in ("W_E", "W_U")} for _ in range(2))
    plain = optax.chain(optax.scale_by_adam(0.9, 0.98, 1e-8), optax.add_decayed_weights(0.5), optax.scale(-1e-3))
    results = []
    for transform in (plain, AdamW(weight_decay=0.5).transform(jnp.ones(()))):
        updates, _ = jax.jit(transform.update)(g, transform.init(w), w)
        results.append(updates)
    jax.tree.map(np.testing.assert_array_equal, *results)


@pytest.mark.parametrize("coupling", ["decoupled", "independent", "coupled"])
@pytest.mark.parametrize("kind", RULES)
def test_groups(kind: str, coupling: str) -> None:
    start, gradients = drawn({"W_in": (3, 5), "W_out": (5, 3), "W_hidden": (2, 4, 4)})
    spec = RULES[kind][1][0].model_copy(update={"decay_coupling": coupling, "weight_decay": 0.2})
    first, second = ParameterGroup(tensors=("W_o*",), lr_scale=0.5, decay_scale=3), ParameterGroup(tensors=("W_[io]*",), decay_scale=0)
    updated = descended(spec.model_copy(update={"groups": (first, second)}), start, gradients)
    rates = {"W_in": (1, 0), "W_out": (0.5, 3), "W_hidden": (1, 1)}  # the first group that holds a tensor decides
    for name, (lr_scale, decay_scale) in rates.items():
        alone = spec.model_copy(update={"lr": spec.lr * lr_scale, "weight_decay": 0.2 * decay_scale})
        expected = descended(alone, {name: start[name]}, [{name: g[name]} for g in gradients])[name]
        np.testing.assert_allclose(updated[name], expected, rtol=1e-9, err_msg=name)


def test_a_group_that_holds_nothing_is_refused(tiny: ep.Experiment) -> None:
    table = tiny.task.table()
    for patterns, message in (
        (["W_posn"], "did you mean 'W_pos'"),
        (["W_E", "gain*"], "no tensor is called 'gain\\*'; allowed here: W_E"),
    ):
        experiment = tiny.swept("training.optimiser.groups", [{"tensors": ["W_*"]}, {"tensors": patterns}])
        begin = initialiser(experiment, table)
        with pytest.raises(InputError, match=message) as error:
            begin(Run(experiment=experiment), data_of(Run(experiment=experiment), table))
        assert str(error.value).startswith("training.optimiser.groups.1.tensors: ")


def test_decay_to_the_initialisation_keeps_it_in_the_state(tiny: ep.Experiment) -> None:
    experiment, table = tiny.swept("training.optimiser.decay_to", "initialisation"), tiny.task.table()
    state = initialiser(experiment, table)(Run(experiment=experiment), data_of(Run(experiment=experiment), table))
    optimiser = experiment.training.optimiser.transform(jnp.ones(()))
    still = jax.tree.map(np.zeros_like, state.params)
    updates, moments = optimiser.update(still, state.moments, state.params)
    assert all((update == 0).all() for update in updates.values()), "at the start there is nothing to decay"
    away = jax.tree.map(lambda w: w + 1, state.params)
    updates, _ = optimiser.update(still, moments, away)
    for update in updates.values():
        np.testing.assert_allclose(update, -1e-3, rtol=1e-3)


def test_muon_is_optax_muon_on_a_plain_matrix() -> None:
    for shape in ((4, 6), (6, 4)):
        (start, gradients), spec = drawn({"W_in": shape, "b_in": shape[1:]}), Muon(weight_decay=0.3)
        reference = optax.contrib.muon(0.03, weight_decay=0.3, adam_learning_rate=1e-3, adam_weight_decay=1.0)
        with jax.enable_x64(True):
            w = jax.tree.map(jnp.asarray, start)
            state = reference.init(w)
            for g in gradients:
                updates, state = reference.update(jax.tree.map(jnp.asarray, g), state, w)
                w = jax.tree.map(jnp.add, w, updates)
        updated = descended(spec, start, gradients)
        np.testing.assert_allclose(updated["W_in"], w["W_in"], rtol=1e-9)


def test_muon_takes_each_layer_with_its_heads_side_by_side() -> None:
    layers, heads, d_model, d_head, d_mlp = 2, 3, 6, 4, 10
    shapes = {
        **dict.fromkeys(("W_Q", "W_K", "W_V"), (layers, heads, d_model, d_head)),
        "W_O": (layers, heads, d_head, d_model),
        "W_in": (layers, d_model, d_mlp),
        "W_out": (layers, d_mlp, d_model),
        "W_E": (7, d_model),
        "W_pos": (3, d_model),
        "W_U": (d_model, 7),
        "b_in": (layers, d_mlp),
    }
    start, gradients = drawn(shapes)
    spec = Muon()
    updated = descended(spec, start, gradients)

    def matrix(name: str, value: np.ndarray, layer: int) -> np.ndarray:
        if name in ("W_Q", "W_K", "W_V"):
            return np.concatenate(list(value[layer]), axis=1)
        return np.concatenate(list(value[layer]), axis=0) if name == "W_O" else value[layer]

    def matrices(tree: dict[str, Any]) -> dict[str, Any]:
        hidden = ("W_Q", "W_K", "W_V", "W_O", "W_in", "W_out")
        return {f"{name} {layer}": matrix(name, tree[name], layer) for name in hidden for layer in range(layers)}

    alone = descended(Muon(matrices=("*",)), matrices(start), [matrices(g) for g in gradients])
    for name, value in matrices(updated).items():
        np.testing.assert_allclose(value, alone[name], rtol=1e-9, err_msg=name)
    adam_params = {name: start[name] for name in ("W_E", "W_pos", "W_U", "b_in")}
    adam = descended(
        AdamW(lr=1e-3, weight_decay=1.0, betas=(0.9, 0.999)), adam_params, [{name: g[name] for name in adam_params} for g in gradients]
    )
    for name in adam_params:
        np.testing.assert_allclose(updated[name], adam[name], rtol=1e-9, err_msg=name)


def test_muon_steps_are_almost_orthogonal() -> None:
    start, gradients = drawn({"W_Q": (2, 4, 16, 4)}, 1)
    step = (descended(Muon(lr=1.0, weight_decay=0), start, gradients)["W_Q"] - start["W_Q"]).transpose(0, 2, 1, 3).reshape(2, 16, 16)
    sizes = np.linalg.svd(step, compute_uv=False)
    assert (sizes > 0.3).all()
    assert (sizes < 1.3).all()


def test_muon_without_matrices_is_refused() -> None:
    params = {"kernel": jnp.ones((3, 3)), "bias": jnp.ones(3)}
    with pytest.raises(InputError, match="Its tensors: bias, kernel"):
        Muon().transform(jnp.ones(())).init(params)
    with pytest.raises(InputError, match="bias has fewer than two axes"):
        Muon(matrices=("*",)).transform(jnp.ones(())).init(params)
    Muon(matrices=("kernel",)).transform(jnp.ones(())).init(params)
