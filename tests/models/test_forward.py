"""Both architectures against forward passes written here in float64 NumPy, and the fast path against the plain one."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from epicycle import MLP, InputError, Modular, Transformer
from epicycle.spec.families import Model
from epicycle.spec.registry import KINDS, resolve
from epicycle.spec.table import Table

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


def weights_of(model: Model, dtype: Any = np.float32, table: Table = TABLE) -> dict[str, Any]:
    """Every tensor random, biases too, so that none can be forgotten."""
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), table))
    rng = np.random.default_rng(1)
    return {name: (0.3 * rng.normal(size=s.shape)).astype(dtype) for name, s in sorted(shapes.items())}


def test_every_kind_of_model_has_a_reference_here() -> None:
    assert set(KINDS["model"]) == set(REFERENCE) == set(MODELS)
    assert all(isinstance(model, resolve("model", kind)) for kind, models in MODELS.items() for model in models)


@pytest.mark.parametrize("model", CASES, ids=repr)
def test_logits_agree_with_numpy(model: Model) -> None:
    weights = weights_of(model)
    expected = REFERENCE[model.kind]({name: value.astype(np.float64) for name, value in weights.items()}, TABLE.inputs)
    logits, _ = model.apply(weights, jnp.asarray(TABLE.inputs))
    assert np.abs(logits - expected).max() <= 1e-5 * np.abs(expected).max()


def configurations(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Settings of a model, drawn from its own fields: every static number small, every other choice open."""
    fields = resolve("model", kind).model_fields
    small = {name: st.integers(1, 3 if name == "n_layers" else 10) for name, field in fields.items() if field.annotation is int}
    if kind == "transformer":
        small["n_heads"] = st.sampled_from([1, 2, 3])
        small["d_head"] = st.integers(1, 5)
        small["d_mlp"] = st.integers(1, 60)
    return st.fixed_dictionaries(small)


@st.composite
def tables(draw: Any) -> Table:
    """Tokens at random, some positions constant; up to more positions than `fast` follows one by one."""
    d_vocab, n_rows = draw(st.integers(2, 12)), draw(st.integers(1, 40))
    n_pos = draw(st.sampled_from([2, 3, 3, 4, 9]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    inputs = rng.integers(0, d_vocab, (n_rows, n_pos))
    for place in draw(st.sets(st.integers(0, n_pos - 1))):
        inputs[:, place] = inputs[0, place]
    return Table(inputs, rng.integers(0, d_vocab, n_rows), inputs[:, :2], d_vocab, d_vocab)


@pytest.mark.parametrize("kind", sorted(KINDS["model"]))
@settings(max_examples=8, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_fast_equals_apply(kind: str, data: Any) -> None:
    """Values and gradients, in float64 to 1e-12 and in float32 to 1e-5 of the largest."""
    model, table = resolve("model", kind)(**data.draw(configurations(kind))), data.draw(tables())
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-5)):
        with jax.enable_x64(dtype is np.float64):
            weights = weights_of(model, dtype, table)
            for constant in ((), table.constant)[dtype is np.float32 :]:
                plain, fast = both_ways(model, weights, table, constant)
                for name, values in plain.items():
                    np.testing.assert_allclose(fast[name], values, rtol=0, atol=tolerance * max(np.abs(values).max(), 1e-3))


def both_ways(model: Model, weights: dict[str, Any], table: Table, constant: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Logits, and the gradient of a random combination of them, by `apply` and by `fast`."""
    inputs = jnp.asarray(table.inputs)
    target = np.random.default_rng(2).normal(size=jax.eval_shape(model.fast, weights, inputs).shape).astype(weights["W_U"].dtype)

    def along(forward: Any) -> dict[str, Any]:
        def value(w: Any) -> Any:
            logits = forward(w)
            return (logits * target).sum(), logits

        quickly = {"xla_backend_optimization_level": 0}
        (_, logits), slope = jax.jit(jax.value_and_grad(value, has_aux=True), compiler_options=quickly)(weights)
        return {**slope, "logits": logits}

    return along(lambda w: model.apply(w, inputs)[0]), along(lambda w: model.fast(w, inputs, constant=constant))


def test_shortcuts_follow_the_shape() -> None:
    table = Modular(p=53, operation="x-y").table()
    wide, narrow = Transformer(d_model=128).shortcuts(table, 800), Transformer(d_model=32).shortcuts(table, 800)
    assert any("W_out and W_U" in phrase for phrase in wide)
    assert not any("W_out and W_U" in phrase for phrase in narrow), "with few features the product of the two is larger than both"
    assert MLP().shortcuts(table, 800)


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
