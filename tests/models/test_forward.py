"""Every architecture agrees with a forward pass written in this file in float64 NumPy, and its fast form with its plain form."""

import itertools
from functools import partial
from typing import Any, Literal, get_args, get_origin

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from epicycle import (
    MLP,
    FrequencyToy,
    GatedBank,
    GatedCircuit,
    InputError,
    Modular,
    NumberedRows,
    Quadratic,
    Transformer,
    TwoHeads,
)
from epicycle.models.initialisation import Scheme
from epicycle.models.key_value import KeyValue
from epicycle.models.locked import Locked
from epicycle.spec.families import Model, Params
from epicycle.spec.kinds import KINDS
from epicycle.spec.registry import resolve
from epicycle.spec.table import Table

TABLE = Modular(p=11, operation="x-y").table()
NUMBERED = NumberedRows(n_seen=6, n_new=5, num_classes=4).table()
OF_WRITTEN_CIRCUITS = ("gated_bank", "two_heads", "frequency_toy")  # they look rows up by their number
QUICKLY = {"xla_backend_optimization_level": 0}
EVERY_BIAS = ("b_Q", "b_K", "b_V", "b_O", "b_in", "b_out", "b_U")
MODELS: dict[str, list[Model]] = {
    "transformer": [
        Transformer(d_model=16, n_heads=4, d_mlp=24),
        Transformer(n_layers=2, d_model=12, n_heads=3, d_head=5, biases=EVERY_BIAS, act_fn="gelu"),
        Transformer(n_layers=3, d_model=8, n_heads=1, d_mlp=4, biases=(), causal=False, attention_rate=0.3),
        Transformer(n_layers=2, d_model=8, n_heads=2, norm="pre", final_norm=True, act_fn="gelu_tanh", positions="sinusoidal"),
        Transformer(n_layers=2, d_model=8, n_heads=2, norm="post", act_fn="silu", positions="rotary", d_vocab_out="classes"),
        Transformer(n_layers=2, d_model=8, n_heads=2, norm="pre", norm_kind="rms", act_fn="quadratic", tied=True, positions="none"),
        Transformer(n_layers=2, d_model=8, n_heads=2, smeared_keys=True, act_fn="leaky_relu"),
        Transformer(n_layers=2, d_model=8, n_heads=2, norm="pre_stream", final_norm=True, scaled_embedding=True),
    ],
    "mlp": [
        MLP(d_model=8, d_mlp=16),
        MLP(n_layers=2, d_model=5, d_mlp=9, reach=0.6),
        MLP(d_model=5, d_mlp=9, reach=0.6, reach_by="first"),
        MLP(n_layers=3, d_model=6, d_mlp=10, combine="sum", act_fn="silu"),
        MLP(n_layers=2, d_mlp=7, operands="one_hot", biases=("b_U",), act_fn="quadratic"),
        MLP(d_model=5, d_mlp=7, embeddings="separate", biases=()),
        MLP(d_mlp=7, operands="one_hot", combine="sum", trained="read_out"),
    ],
    "quadratic": [Quadratic(d_mlp=9), Quadratic(d_mlp=9, scaling="standard")],
    "gated_bank": [
        GatedBank(),
        GatedBank(circuits=(GatedCircuit(n_factors=3, logit_per_norm=2.0, elsewhere="wrong"), GatedCircuit(coverage=0.4)), power=0.6),
    ],
    "two_heads": [TwoHeads(parameters=parameters) for parameters in ("strengths", "unit_strengths", "entries")],
    "frequency_toy": [FrequencyToy(), FrequencyToy(rule_factors=3, memory_factors=2, rule_logit=2.0)],
    "key_value": [
        *(KeyValue(memory=memory, d_mlp=9) for memory in ("mlp", "attention", "convolution")),
        KeyValue(d_mlp=9, weights="hand_built"),
    ],
    "locked": [Locked(d_mlp=5, d_circuit=7), Locked(d_mlp=5, d_circuit=7, depth=3, operation="x-y", circuit="scrambled")],
}
CASES = [model for models in MODELS.values() for model in models]


def act(name: str, x: Any) -> Any:
    tanh = 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    table = {
        "relu": np.maximum(x, 0),
        "gelu": x * scipy.stats.norm.cdf(x),
        "gelu_tanh": x * tanh,
        "silu": x / (1 + np.exp(-x)),
        "leaky_relu": np.where(x > 0, x, 0.2 * x),
        "quadratic": x * x,
    }
    return table[name]


def norm(model: Transformer, w: Params, name: str, x: Any, layer: Any = ()) -> Any:
    """Normalise one vector."""
    if model.norm_kind == "layer":
        x = x - x.mean()
    out = x / np.sqrt((x * x).mean() + 1e-5) * w[f"{name}_w"][layer]
    return out + w[f"{name}_b"][layer] if model.norm_kind == "layer" else out


def position_vector(model: Transformer, w: Params, i: int) -> Any:
    if model.positions == "learned":
        return w["W_pos"][i]
    if model.positions != "sinusoidal":
        return 0.0
    d = model.d_model
    return np.array([(np.sin, np.cos)[f % 2](i / 10_000 ** (2 * (f // 2) / d)) for f in range(d)])


def turn(model: Transformer, x: Any, i: int) -> Any:
    """Turn the pairs (f, f + half) as complex numbers."""
    if model.positions != "rotary":
        return x
    half = len(x) // 2
    z = (x[:half] + 1j * x[half:]) * np.exp(1j * i * 10_000 ** (-np.arange(half) / half))
    return np.concatenate([z.real, z.imag])


def numpy_transformer(model: Transformer, w: Params, tokens: Any) -> Any:
    """The transformer row by row, head by head, at all positions; nothing is shared with the library."""
    out = []
    for row in tokens:
        n = len(row)
        scale = np.sqrt(model.d_model) if model.scaled_embedding else 1.0
        x = np.stack([scale * w["W_E"][t] + position_vector(model, w, i) for i, t in enumerate(row)])
        for layer in range(w["W_Q"].shape[0]):
            read = np.stack([norm(model, w, "ln1", v, layer) for v in x]) if model.norm.startswith("pre") else x
            x = read if model.norm == "pre_stream" else x
            added = np.zeros_like(x) + (w["b_O"][layer] if "b_O" in w else 0)
            for head in range(w["W_Q"].shape[1]):
                q, k, v = (read @ w[f"W_{s}"][layer, head] + (w[f"b_{s}"][layer, head] if f"b_{s}" in w else 0) for s in "QKV")
                if model.smeared_keys:
                    share = 1 / (1 + np.exp(-w["smear"][layer, head]))
                    k = np.stack([k[0]] + [share * k[i] + (1 - share) * k[i - 1] for i in range(1, n)])
                q, k = (np.stack([turn(model, y[i], i) for i in range(n)]) for y in (q, k))
                for i in range(n):
                    visible = range(i + 1) if model.causal else range(n)
                    scores = np.array([q[i] @ k[j] / np.sqrt(q.shape[1]) for j in visible])
                    weights = np.exp(scores - scores.max())
                    weights /= weights.sum()
                    if model.attention_rate is not None:
                        weights = model.attention_rate * weights + 1 - model.attention_rate
                    added[i] += sum(a * v[j] for a, j in zip(weights, visible, strict=True)) @ w["W_O"][layer, head]
            x = x + added
            x = np.stack([norm(model, w, "ln1", v, layer) for v in x]) if model.norm == "post" else x
            read = np.stack([norm(model, w, "ln2", v, layer) for v in x]) if model.norm.startswith("pre") else x
            hidden = act(model.act_fn, read @ w["W_in"][layer] + (w["b_in"][layer] if "b_in" in w else 0))
            x = x + hidden @ w["W_out"][layer] + (w["b_out"][layer] if "b_out" in w else 0)
            x = np.stack([norm(model, w, "ln2", v, layer) for v in x]) if model.norm == "post" else x
        last = norm(model, w, "ln_final", x[-1]) if model.final_norm else x[-1]
        out.append(last @ (w["W_E"].T if model.tied else w["W_U"]) + w.get("b_U", 0))
    return np.stack(out)


def reached(model: MLP, a: int, b: int) -> Any:
    """1 at the hidden units that a row reaches, by the hash in Python's integers."""
    if model.reach is None:
        return 1
    hashed = []
    for unit in range(model.d_mlp):
        second = int(b) * 0x85EBCA77 if model.reach_by == "row" else 0
        mixed = (int(a) * 0x9E3779B1 + second + unit * 0xC2B2AE3D) % 2**32
        for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39), (15, 1)):
            mixed = (mixed ^ mixed >> shift) * factor % 2**32
        hashed.append((mixed >> 8) / 2**24)
    return np.array(hashed) < model.reach


def numpy_mlp(model: MLP, w: Params, tokens: Any) -> Any:
    out = []
    for a, b in tokens[:, :2]:
        own = reached(model, a, b)
        if model.operands == "one_hot":
            parts = list(np.eye(len(w["W_in"]) // (2 if model.combine == "concat" else 1))[[a, b]])
        else:
            parts = [w["W_E"][0][a], w["W_E"][1][b]] if model.embeddings == "separate" else [w["W_E"][a], w["W_E"][b]]
        x = np.concatenate(parts) if model.combine == "concat" else parts[0] + parts[1]
        x = own * act(model.act_fn, x @ w["W_in"] + w.get("b_in", 0))
        for i, weight in enumerate(w.get("W_hidden", [])):
            x = own * act(model.act_fn, x @ weight + (w["b_hidden"][i] if "b_hidden" in w else 0))
        out.append(x @ w["W_U"] + w.get("b_U", 0))
    return np.stack(out)


def numpy_key_value(model: KeyValue, w: Params, tokens: Any) -> Any:
    n, out = len(w["W_in"]) // 2, []
    keys = w["W_in"].reshape(2, n, -1)
    for a, b in tokens[:, :2]:
        if model.memory == "convolution":
            places = [keys[1, a], keys[0, a] + keys[1, b], keys[0, b]]
            matched = sum(np.maximum(place + w["b_in"], 0) for place in places)
        else:
            scores = keys[0, a] + keys[1, b] + w["b_in"]
            weights = np.exp(scores - scores.max())
            matched = weights / weights.sum() if model.memory == "attention" else np.maximum(scores, 0)
        out.append(matched @ w["W_U"])
    return np.stack(out)


def numpy_locked(model: Locked, w: Params, tokens: Any) -> Any:
    p, out = len(w["W_in"]) // 2, []
    for row in tokens:
        squares = (w["W_in"][row[0]] + w["W_in"][p + row[1]]) ** 2
        squares[model.d_mlp :] *= 1 if row[-1] == p + 1 else np.prod(w["gates"])
        out.append(squares @ w["W_U"])
    return np.stack(out)


def numpy_quadratic(model: Quadratic, w: Params, tokens: Any) -> Any:
    p, n = len(w["W_in"]) // 2, w["W_in"].shape[1]
    inner, outer = ((2 * p) ** -0.5, 1 / n) if model.scaling == "mean_field" else (1, 1)
    return np.stack([outer * (inner * (w["W_in"][a] + w["W_in"][p + b])) ** 2 @ w["W_U"] for a, b in tokens[:, :2]])


def numpy_gated_bank(model: GatedBank, w: Params, tokens: Any) -> Any:
    strengths = []
    for circuit, gates in zip(model.circuits, w["W_gate"], strict=True):
        product = np.prod(gates[: circuit.n_factors])
        strengths.append(circuit.logit_per_norm * np.sign(product) * abs(product) ** model.power)
    return np.stack([sum(s * w["W_U"][i, row] for i, s in enumerate(strengths)) for row in tokens[:, 0]])


def numpy_two_heads(model: TwoHeads, w: Params, tokens: Any) -> Any:
    n, by_entry = len(w["W_OV"]) - 1, model.parameters == "entries"
    logits = []
    for row in tokens[:, 0]:
        total = 0.0
        for head in range(n + 1) if row < n else ():
            if head in (0, row + 1):
                size = n**-0.5 if head == 0 and model.parameters == "unit_strengths" else 1
                score, value = (size * w[name][head, row if by_entry else 0] for name in ("W_QK", "W_OV"))
                total += value * np.exp(score) / (np.exp(score) + 1)
        logits.append(total * w["W_U"][row])
    return np.stack(logits)


def numpy_frequency_toy(model: FrequencyToy, w: Params, tokens: Any) -> Any:
    rule, n = model.rule_logit * np.prod(w["W_rule"]), len(w["W_memory"])
    return np.stack(
        [rule * w["W_U"][r] + model.memory_logit * np.prod(w["W_memory"][r % n]) * w["W_U_memory"][r] for r in tokens[:, 0]]
    )


REFERENCE: dict[str, Any] = {
    "transformer": numpy_transformer,
    "mlp": numpy_mlp,
    "quadratic": numpy_quadratic,
    "gated_bank": numpy_gated_bank,
    "two_heads": numpy_two_heads,
    "frequency_toy": numpy_frequency_toy,
    "key_value": numpy_key_value,
    "locked": numpy_locked,
}


def table_of(model: Model) -> Table:
    return NUMBERED if model.kind in OF_WRITTEN_CIRCUITS else TABLE


def weights_of(model: Model, dtype: Any = np.float32, table: Table | None = None) -> Params:
    """Random values for every tensor, biases too, so that a forgotten tensor is noticed."""
    table = table or table_of(model)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), table))
    rng = np.random.default_rng(1)
    return {name: (0.3 * rng.normal(size=s.shape)).astype(dtype) for name, s in sorted(shapes.items())}


def test_every_kind_of_model_has_a_reference() -> None:
    assert set(KINDS["model"]) == set(REFERENCE) == set(MODELS)
    assert all(isinstance(model, resolve("model", kind)) for kind, models in MODELS.items() for model in models)


@pytest.mark.parametrize("model", CASES, ids=repr)
def test_logits_agree_with_numpy(model: Model) -> None:
    weights = weights_of(model)
    expected = REFERENCE[model.kind](
        model, {name: value.astype(np.float64) for name, value in weights.items()}, table_of(model).inputs
    )
    logits, _ = model.apply(weights, jnp.asarray(table_of(model).inputs))
    assert np.abs(logits - expected).max() <= 1e-5 * np.abs(expected).max()


def configurations(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Random settings of a model, drawn from its own fields: static numbers are small, other choices are free."""
    small: dict[str, Any] = {}
    for name, field in resolve("model", kind).model_fields.items():
        if field.annotation is int:
            small[name] = st.integers(1, 3 if name == "n_layers" else 10)
        elif field.annotation is bool:
            small[name] = st.booleans()
        elif get_origin(field.annotation) is Literal and name not in ("initialisation", "weights"):
            small[name] = st.sampled_from(get_args(field.annotation))
    if kind == "transformer":
        small |= {"n_heads": st.sampled_from([1, 2, 3]), "d_head": st.sampled_from([2, 4]), "d_mlp": st.integers(1, 60)}
        small |= {"biases": st.sampled_from([(), EVERY_BIAS]), "attention_rate": st.sampled_from([None, 0.3])}
    return st.fixed_dictionaries(small).map(lambda fields: fields | {"tied": False} if "tied" in fields else fields)


@st.composite
def tables(draw: Any, kind: str = "") -> Table:
    """Random tokens, some positions constant; the longest input is too long for the transformer's fast form."""
    if kind in OF_WRITTEN_CIRCUITS:
        return NumberedRows(n_seen=draw(st.integers(1, 9)), n_new=draw(st.integers(1, 9)), num_classes=draw(st.integers(2, 5))).table()
    d_vocab, n_rows = draw(st.integers(2, 12)), draw(st.integers(1, 40))
    n_pos = draw(st.sampled_from([2, 3, 3, 4, 9]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    inputs = rng.integers(0, d_vocab, (n_rows, n_pos))
    for position in draw(st.sets(st.integers(0, n_pos - 1))):
        inputs[:, position] = inputs[0, position]
    return Table(inputs, rng.integers(0, d_vocab, n_rows), inputs[:, :2], d_vocab, d_vocab)


@pytest.mark.parametrize("kind", sorted(KINDS["model"]))
@settings(max_examples=8, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_fast_equals_apply(kind: str, data: Any) -> None:
    """Values and gradients agree to 1e-12 of the largest in float64 and to 1e-5 in float32."""
    model, table = resolve("model", kind)(**data.draw(configurations(kind))), data.draw(tables(kind))
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-5)):
        with jax.enable_x64(dtype is np.float64):
            weights = weights_of(model, dtype, table)
            plain = logits_and_gradients(model, weights, table, lambda w, inputs: model.apply(w, inputs)[0])
            # A true gradient may be exactly 0 (a bias on keys shifts all scores alike). Its rounding error is that of other gradients.
            least = 0.01 * max(np.abs(values).max() for values in plain.values())
            for constant in ((), table.constant)[dtype is np.float32 :]:
                fast = logits_and_gradients(model, weights, table, partial(model.fast, constant=constant))
                for name, values in plain.items():
                    np.testing.assert_allclose(fast[name], values, rtol=0, atol=tolerance * max(np.abs(values).max(), least))


def logits_and_gradients(model: Model, weights: Params, table: Table, forward: Any) -> dict[str, Any]:
    """Logits, and the gradient of a random combination of them."""
    inputs = jnp.asarray(table.inputs)
    target = np.random.default_rng(2).normal(size=jax.eval_shape(model.fast, weights, inputs).shape).astype(weights["W_U"].dtype)

    def value(w: Any) -> Any:
        logits = forward(w, inputs)
        return (logits * target).sum(), logits

    (_, logits), gradients = jax.jit(jax.value_and_grad(value, has_aux=True), compiler_options=QUICKLY)(weights)
    return {**gradients, "logits": logits}


def test_shortcuts_follow_the_shape() -> None:
    table = Modular(p=53, operation="x-y").table()
    wide, narrow = Transformer(d_model=128).shortcuts(table, 800), Transformer(d_model=32).shortcuts(table, 800)
    assert any("W_out and W_U" in phrase for phrase in wide)
    assert not any("W_out and W_U" in phrase for phrase in narrow), "with few features the product of the two is larger than both"
    assert MLP().shortcuts(table, 800)


@pytest.mark.parametrize("model", CASES, ids=repr)
def test_every_site_can_be_patched(model: Model) -> None:
    weights, inputs = weights_of(model), jnp.asarray(table_of(model).inputs[:5])
    logits, sites = model.apply(weights, inputs)
    for name in sites:
        patched, _ = model.apply(weights, inputs, patches=[(name, lambda value: value * 0 + 1.0)])
        assert not np.array_equal(patched, logits), f"patching {name} changes nothing"
    with pytest.raises(InputError, match="matches no site"):
        model.apply(weights, inputs, patches=[("blocks.9.*", lambda value: value)])


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


@pytest.mark.parametrize("scheme", get_args(Scheme))
def test_initialisations(scheme: str) -> None:
    """Standard deviations as in the published codes, at the canonical sizes."""
    table = Modular(p=113, operation="x+y").table()
    params = Transformer(initialisation=scheme, biases=EVERY_BIAS).init(jax.random.key(0), table)
    deviations = {
        "progress_measures": {"W_E": 128**-0.5, "W_in": 128**-0.5, "W_out": 128**-0.5, "W_U": 114**-0.5},
        "pizza": {"W_E": 128**-0.5, "W_in": 512**-0.5, "W_out": 128**-0.5, "W_U": 114**-0.5},
        "torch": {"W_E": 1.0, "W_pos": 1.0, "W_in": (3 * 128) ** -0.5, "W_out": (3 * 512) ** -0.5, "b_out": (3 * 512) ** -0.5},
        "transformer_lens": {"W_E": 0.8 * 128**-0.5, "W_in": 0.8 * 128**-0.5, "W_out": 0.8 * 128**-0.5, "W_U": 0.8 * 128**-0.5},
        "gpt2": {"W_E": 0.02, "W_out": 0.02},
        "fan_in": {"W_in": 128**-0.5, "W_out": 512**-0.5},
        "he": {"W_in": 64**-0.5, "W_out": 256**-0.5},
    }
    for name, expected in deviations[scheme].items():
        assert float(params[name].std()) == pytest.approx(expected, rel=0.25 if params[name].size < 1000 else 0.02), name
    drawn = {name: value.ravel()[:20] / np.abs(value).max() for name, value in params.items() if np.any(value)}
    for first, second in itertools.combinations(drawn, 2):
        n = min(len(drawn[first]), len(drawn[second]))
        assert abs(np.corrcoef(drawn[first][:n], drawn[second][:n])[0, 1]) < 0.95, f"{first} and {second} come from one key"
    assert scheme == "torch" or not any(params[name].any() for name in EVERY_BIAS)
    doubled = Transformer(initialisation=scheme, init_scale=2.0).init(jax.random.key(0), table)
    np.testing.assert_allclose(doubled["W_E"], 2 * params["W_E"], rtol=1e-6)


def test_attention_may_have_its_own_initialisation() -> None:
    """PyTorch's MultiheadAttention draws its stacked [3 d, d] matrix within Xavier's bound and leaves W_O to nn.Linear's default."""
    table, scheme = Modular(p=113, operation="x+y").table(), "transformer_lens"
    for choice, bound_of_W_O in (("same", None), ("torch_multihead", None), ("xavier", (6 / 256) ** 0.5)):
        model = Transformer(initialisation=scheme, biases=EVERY_BIAS, attention_initialisation=choice)
        params = model.init(jax.random.key(0), table)
        bounds = {} if choice == "same" else dict.fromkeys(("W_Q", "W_K", "W_V"), (6 / 512) ** 0.5)
        for name, bound in (bounds | ({} if bound_of_W_O is None else {"W_O": bound_of_W_O})).items():
            assert 0.99 * bound <= float(jnp.abs(params[name]).max()) <= bound
            assert float(params[name].std()) == pytest.approx(bound / 3**0.5, rel=0.02)
        if bound_of_W_O is None:
            assert float(params["W_O"].std()) == pytest.approx(0.8 * 128**-0.5, rel=0.02)
    torch = Transformer(initialisation="torch", biases=EVERY_BIAS, attention_initialisation="torch_multihead")
    params = torch.init(jax.random.key(0), table)
    assert float(params["W_O"].std()) == pytest.approx((3 * 128) ** -0.5, rel=0.02)
    for name in EVERY_BIAS:
        assert bool(params[name].any()) == (name in ("b_in", "b_out", "b_U"))


def test_dropout_needs_a_key_and_keeps_the_mean() -> None:
    model = Transformer(d_model=16, n_heads=2, dropout=0.3, n_layers=1)
    weights, inputs = weights_of(model), jnp.asarray(TABLE.inputs[:4])
    plain = Transformer(d_model=16, n_heads=2).apply(weights, inputs)[0]
    np.testing.assert_array_equal(model.apply(weights, inputs)[0], plain)
    np.testing.assert_array_equal(
        model.fast(weights, inputs, key=jax.random.key(0)), model.apply(weights, inputs, key=jax.random.key(0))[0]
    )
    sites = [model.apply(weights, inputs, key=jax.random.key(i))[1]["blocks.0.hook_attn_out"] for i in range(2)]
    assert not np.array_equal(*sites)
    many = jax.vmap(lambda key: model.apply(weights, inputs, key=key)[1]["blocks.0.hook_attn_out"])(
        jax.random.split(jax.random.key(1), 4000)
    )
    whole = model.apply(weights, inputs)[1]["blocks.0.hook_attn_out"]
    assert (many == 0).mean() == pytest.approx(0.3, abs=0.01)
    np.testing.assert_allclose(many.mean(axis=0), whole, atol=0.06 * float(np.abs(whole).max()))


def test_answers_at_several_positions() -> None:
    model = Transformer(d_model=16, n_heads=2, n_layers=2, norm="post")
    weights, inputs = weights_of(model), jnp.asarray(TABLE.inputs)
    answers = model.fast(weights, inputs, positions=(1, 2))
    np.testing.assert_allclose(answers[:, 1], model.apply(weights, inputs)[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(answers[:, 0], model.apply(weights, inputs[:, :2])[0], rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match="use a transformer"):
        MLP().fast(weights_of(MLP()), inputs, positions=(1, 2))


@pytest.mark.parametrize("scaling", ["mean_field", "standard"])
def test_gromovs_weights_add(scaling: Any) -> None:
    """At p = 97 the accuracy over all pairs, by width, is that computed from the formula; the right logit is 1 on average."""
    table = Modular(p=97, operation="x+y").table()
    for n, least, most in ((24, 0.25, 0.5), (48, 0.85, 0.92), (96, 0.99, 1.0), (192, 1.0, 1.0)):
        model = Quadratic(d_mlp=n, weights="analytic", scaling=scaling)
        for seed in range(3):
            logits = np.asarray(model.fast(model.init(jax.random.key(seed), table), jnp.asarray(table.inputs)))
            assert least <= (logits.argmax(axis=1) == table.labels).mean() <= most
            assert logits[np.arange(len(logits)), table.labels].mean() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("scaling", ["standard", "mean_field"])
def test_a_lookup_adds_by_a_unit_for_each_row(scaling: Any) -> None:
    """The right logit leads by 1 on every row, with spare units too; waves beside a lookup use other units."""
    table = Modular(p=7, operation="x+y").table()
    rows = np.arange(49)
    for d_mlp in (49, 60):
        model = Quadratic(d_mlp=d_mlp, weights="lookup", scaling=scaling)
        logits = np.array(model.fast(model.init(jax.random.key(0), table), jnp.asarray(table.inputs)))
        right = logits[rows, table.labels]
        logits[rows, table.labels] = -np.inf
        np.testing.assert_allclose(right - logits.max(axis=1), 1, rtol=1e-4)
    waves = Quadratic(d_mlp=60, weights="analytic", written=11, scaling=scaling).init(jax.random.key(0), table)
    few = Quadratic(d_mlp=11, weights="analytic", scaling="standard").init(jax.random.key(0), table)
    assert not np.asarray(waves["W_in"])[:, 11:].any()
    assert np.asarray(waves["W_in"])[:, :11].all()
    if scaling == "standard":
        np.testing.assert_array_equal(waves["W_U"][:11], few["W_U"])
    with pytest.raises(InputError, match="49 units of a quadratic network are to be written, and d_mlp is 48"):
        Quadratic(d_mlp=48, weights="lookup").init(jax.random.key(0), table)


def test_random_features_train_the_read_out_only() -> None:
    model = MLP(d_mlp=7, operands="one_hot", trained="read_out", n_layers=2)
    assert set(model.init(jax.random.key(0), TABLE)) - set(model.frozen()) == {"W_U"}


def test_rows_reach_units_without_a_rule() -> None:
    """Each row reaches about the share of the units, also in each line of the table and for each answer; each unit that of rows."""
    table, reach, width = Modular(p=31, operation="x-y").table(), 0.3, 200
    model = MLP(d_model=3, d_mlp=width, reach=reach)
    ones = {"W_E": jnp.ones((33, 3)), "W_in": jnp.ones((6, width)), "b_in": jnp.ones(width), "W_U": jnp.eye(width, 31)}
    reached = np.asarray(model.apply(ones, jnp.asarray(table.inputs))[1]["blocks.0.mlp.hook_post"]) > 0
    for groups in (np.arange(961), np.zeros(961, int), *table.operands.T, table.labels):
        for group in np.unique(groups):
            n = (groups == group).sum() * width
            assert abs(reached[groups == group].mean() - reach) < 5 * np.sqrt(reach * (1 - reach) / n)
    assert np.abs(reached.mean(axis=0) - reach).max() < 5 * np.sqrt(reach * (1 - reach) / 961)
    together = reached.T.astype(float) @ reached / 961  # of two units, how often one row reaches both
    assert np.abs(together[~np.eye(width, dtype=bool)] - reach**2).max() < 0.08


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"positions": "rotary", "d_head": 5}, "even width"), ({"tied": True, "d_vocab_out": "classes"}, "tied unembedding")],
)
def test_contradictory_fields_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Transformer(**fields)


def test_an_answer_before_the_last_token_needs_a_causal_mask() -> None:
    table = Modular(p=7, form="eos x o y = z eos").table()
    Transformer().init(jax.random.key(0), table)
    with pytest.raises(InputError, match="read before its last token"):
        Transformer(causal=False).init(jax.random.key(0), table)


def test_operands_must_come_first() -> None:
    for model in (MLP(), Quadratic()):
        with pytest.raises(InputError, match="two operands at the first positions"):
            model.init(jax.random.key(0), Modular(p=7, form="x o y =").table())
