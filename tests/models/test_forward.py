"""Both architectures against forward passes written here in float64 NumPy, and the fast path against the plain one."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epicycle import MLP, InputError, Modular, Transformer
from epicycle.spec.families import Model
from epicycle.spec.registry import KINDS, resolve

TABLE = Modular(p=11, operation="x-y").table()
MODELS: dict[str, list[Model]] = {
    "transformer": [
        Transformer(d_model=16, n_heads=4, d_mlp=24),
        Transformer(n_layers=2, d_model=12, n_heads=3, d_head=5),
        Transformer(n_layers=3, d_model=8, n_heads=1, d_mlp=4),
    ],
    "mlp": [MLP(d_model=8, d_mlp=16), MLP(n_layers=3, d_model=6, d_mlp=10)],
}
CASES = [model for models in MODELS.values() for model in models]


def numpy_transformer(w: dict[str, Any], tokens: Any) -> Any:
    """Row by row, head by head, all positions; nothing shared with the library."""
    out = []
    for row in tokens:
        x = np.stack([w["W_E"][t] + w["W_pos"][i] for i, t in enumerate(row)])
        for layer in range(w["W_Q"].shape[0]):
            added = np.zeros_like(x)
            for head in range(w["W_Q"].shape[1]):
                q, k, v = (x @ w[name][layer, head] for name in ("W_Q", "W_K", "W_V"))
                for i in range(len(x)):
                    scores = np.array([q[i] @ k[j] / np.sqrt(q.shape[1]) for j in range(i + 1)])
                    weights = np.exp(scores - scores.max())
                    weights /= weights.sum()
                    added[i] += sum(a * v[j] for j, a in enumerate(weights)) @ w["W_O"][layer, head]
            x = x + added
            hidden = np.maximum(x @ w["W_in"][layer] + w["b_in"][layer], 0)
            x = x + hidden @ w["W_out"][layer] + w["b_out"][layer]
        out.append(x[-1] @ w["W_U"])
    return np.stack(out)


def numpy_mlp(w: dict[str, Any], tokens: Any) -> Any:
    out = []
    for a, b, _ in tokens:
        x = np.maximum(np.concatenate([w["W_E"][a], w["W_E"][b]]) @ w["W_in"] + w["b_in"], 0)
        for weight, bias in zip(w.get("W_hidden", []), w.get("b_hidden", []), strict=True):
            x = np.maximum(x @ weight + bias, 0)
        out.append(x @ w["W_U"])
    return np.stack(out)


REFERENCE = {"transformer": numpy_transformer, "mlp": numpy_mlp}


def weights_of(model: Model, dtype: Any = np.float32) -> dict[str, Any]:
    """Every tensor random, biases too, so that none can be forgotten."""
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), TABLE))
    rng = np.random.default_rng(1)
    return {name: (0.3 * rng.normal(size=s.shape)).astype(dtype) for name, s in sorted(shapes.items())}


@pytest.fixture
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def test_every_kind_of_model_has_a_reference_here() -> None:
    assert set(KINDS["model"]) == set(REFERENCE) == set(MODELS)
    assert all(isinstance(model, resolve("model", kind)) for kind, models in MODELS.items() for model in models)


@pytest.mark.parametrize("model", CASES, ids=repr)
def test_logits_agree_with_numpy(model: Model) -> None:
    weights = weights_of(model)
    expected = REFERENCE[model.kind]({name: value.astype(np.float64) for name, value in weights.items()}, TABLE.inputs)
    logits, _ = model.apply(weights, jnp.asarray(TABLE.inputs))
    assert np.abs(logits - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("model", CASES, ids=repr)
def test_fast_equals_apply_in_float64(model: Model, float64: None) -> None:
    weights, inputs = weights_of(model, np.float64), jnp.asarray(TABLE.inputs)
    target = np.random.default_rng(2).normal(size=jax.eval_shape(model.fast, weights, inputs).shape)

    def along(forward: Any) -> Any:
        def value(w: Any) -> Any:
            logits = forward(w)
            return (logits * target).sum(), logits

        return jax.jit(jax.value_and_grad(value, has_aux=True))(weights)

    (plain, plain_logits), slope = along(lambda w: model.apply(w, inputs)[0])
    (fast, fast_logits), fast_slope = along(lambda w: model.fast(w, inputs))
    np.testing.assert_allclose(fast_logits, plain_logits, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(fast, plain, rtol=1e-12)
    for name in weights:
        np.testing.assert_allclose(fast_slope[name], slope[name], rtol=1e-10, atol=1e-12 * np.abs(slope[name]).max())


@pytest.mark.parametrize("model", CASES, ids=repr)
def test_every_site_is_an_edit_point(model: Model) -> None:
    weights, inputs = weights_of(model), jnp.asarray(TABLE.inputs[:5])
    logits, sites = model.apply(weights, inputs)
    for name in sites:
        doubled, _ = model.apply(weights, inputs, edits=[(name, lambda value: value * 0 + 1.0)])
        assert not np.array_equal(doubled, logits), f"editing {name} changes nothing"
    with pytest.raises(InputError, match="matches no site"):
        model.apply(weights, inputs, edits=[("blocks.9.*", lambda value: value)])


def test_published_parameter_count() -> None:
    table = Modular(p=113, operation="x+y").table()
    shapes = jax.eval_shape(lambda: Transformer().init(jax.random.key(0), table))
    assert sum(int(np.prod(s.shape)) for s in shapes.values()) == 226_816  # the released progress-measures checkpoint


def test_initial_scales() -> None:
    params = Transformer().init(jax.random.key(0), Modular(p=113, operation="x+y").table())
    assert float(params["W_in"].std()) == pytest.approx(128**-0.5, rel=0.02)
    assert float(params["W_U"].std()) == pytest.approx(114**-0.5, rel=0.02)
    assert not params["b_in"].any()
    assert not params["b_out"].any()


def test_heads_must_divide() -> None:
    with pytest.raises(ValueError, match="does not divide"):
        Transformer(d_model=10, n_heads=4)
    assert Transformer(d_model=10, n_heads=4, d_head=3).d_head == 3
