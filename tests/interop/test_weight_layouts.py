"""Weight layouts: each converts there and back, computes what the other code computes, and refuses what does not fit."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.interop.torch_writing import dictionary, plain, save, tensor

import epicycle as ep
from epicycle.interop.layout_conversion import BIASES, TENSOR_AXES
from epicycle.interop.weight_layouts import LAYOUTS, readings
from epicycle.spec.errors import InputError
from epicycle.spec.table import Table

SHAPES: dict[str, ep.Transformer] = {
    "one block": ep.Transformer(d_model=12, n_heads=3, d_mlp=20),
    "two blocks": ep.Transformer(n_layers=2, d_model=8, n_heads=2, d_mlp=16),
    "wide heads": ep.Transformer(n_layers=3, d_model=6, n_heads=2, d_head=5, d_mlp=4),
}
TABLE = ep.Modular(p=7, operation="x-y").table()
# Layout -> the fields that the shapes of its tensors do not tell.
GIVEN: dict[str, tuple[str, ...]] = {
    "progress-measures": (),
    "pizza": (),
    "transformer-lens": (),
    "transformer-lens-native": ("n_heads",),
    "porth-bot": ("n_heads",),
    "epicycle": (),
}
NORMED = {"norm": "pre", "final_norm": True, "act_fn": "gelu", "d_vocab_out": "classes"}  # every network of porth-bot


def weights(model: ep.Transformer, table: Table = TABLE) -> dict[str, Any]:
    """Random parameters, random biases too."""
    drawn = jax.tree.map(np.asarray, model.init(jax.random.key(0), table))
    rng = np.random.default_rng(0)
    return {name: value + rng.normal(size=value.shape).astype(np.float32) for name, value in drawn.items()}


def test_every_layout_is_tested_here() -> None:
    assert {*GIVEN, "rep-theory"} == set(LAYOUTS)


def test_an_mlp_there_and_back() -> None:
    model, table = ep.MLP(d_model=4, d_mlp=6, embeddings="separate", biases=()), ep.Modular(p=7, form="x y").table()
    params = {name: np.asarray(value) for name, value in model.init(jax.random.key(0), table).items()}
    arrays = LAYOUTS["rep-theory"].write(params)
    assert {key: value.shape for key, value in arrays.items()} == {"W_x": (7, 4), "W_y": (7, 4), "W": (8, 6), "W_U": (6, 7)}
    imported = ep.import_weights(arrays)
    assert imported.model == model
    for name, value in params.items():
        np.testing.assert_array_equal(imported.params[name], value)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", GIVEN)
def test_there_and_back(name: str, shape: str, tmp_path: Path) -> None:
    model, layout = SHAPES[shape], LAYOUTS[name]
    if name == "porth-bot":
        model = model.model_copy(update=NORMED)
    params = weights(model)
    arrays = layout.write(params)
    assert layout.differences(set(arrays)) == ([], [])
    path = tmp_path / "weights.safetensors"
    save_file(arrays, path)
    fields = {field: getattr(model, field) for field in GIVEN[name]}
    for layout_name in {name, "auto"} - ({"auto"} if name == "pizza" else set()):
        imported = ep.import_weights(path, layout_name, fields=fields)
        assert imported.layout == name
        assert set(imported.params) == set(params)
        for key, value in params.items():
            np.testing.assert_array_equal(imported.params[key], value)
            assert imported.params[key].dtype == np.float32
        assert (imported.sizes.n_ctx, imported.sizes.d_vocab, imported.sizes.d_vocab_out) == (3, 8, 7 if name == "porth-bot" else 8)
        same = model.model_copy(update={"d_head": model.d_head or model.d_model // model.n_heads, "causal": name != "pizza"})
        assert imported.model == same
        logits, _ = imported.model.apply(imported.params, TABLE.inputs)
        if imported.model.causal:
            np.testing.assert_array_equal(logits, model.apply(params, TABLE.inputs)[0])


def test_the_progress_measures_code_computes_the_same_logits() -> None:
    """The einsums are copied from the `forward` of that code, and computed in float64."""
    model = SHAPES["two blocks"]
    params = weights(model)
    w = {key: np.asarray(value, np.float64) for key, value in LAYOUTS["progress-measures"].write(params).items()}
    x = np.einsum("dbp->bpd", w["embed.W_E"][:, TABLE.inputs]) + w["pos_embed.W_pos"]
    for layer in range(2):
        at = f"blocks.{layer}."
        q, k, v = (np.einsum("ihd,bpd->biph", w[f"{at}attn.W_{letter}"], x) for letter in "QKV")
        scores = np.einsum("biph,biqh->biqp", k, q) - 1e10 * (1 - w[f"{at}attn.mask"])
        pattern = np.exp(scores / 2 - (scores / 2).max(-1, keepdims=True))  # d_head 4
        pattern /= pattern.sum(-1, keepdims=True)
        z = np.einsum("biph,biqp->biqh", v, pattern).transpose(0, 2, 1, 3).reshape(*x.shape[:2], -1)
        x = x + np.einsum("df,bqf->bqd", w[f"{at}attn.W_O"], z)
        hidden = np.maximum(np.einsum("md,bpd->bpm", w[f"{at}mlp.W_in"], x) + w[f"{at}mlp.b_in"], 0)
        x = x + np.einsum("dm,bpm->bpd", w[f"{at}mlp.W_out"], hidden) + w[f"{at}mlp.b_out"]
    np.testing.assert_allclose(model.apply(params, TABLE.inputs)[0], (x @ w["unembed.W_U"])[:, -1], rtol=2e-4, atol=2e-4)


def test_hooked_transformer_gets_all_that_its_strict_loading_asks_for() -> None:
    arrays = LAYOUTS["transformer-lens"].write(weights(SHAPES["one block"]))
    attention = {"W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V", "b_O", "mask", "IGNORE"}
    expected = {f"blocks.0.attn.{name}" for name in attention} | {
        f"blocks.0.mlp.{name}" for name in ("W_in", "b_in", "W_out", "b_out")
    }
    assert set(arrays) == expected | {"embed.W_E", "pos_embed.W_pos", "unembed.W_U", "unembed.b_U"}
    assert arrays["blocks.0.attn.mask"].dtype == bool
    np.testing.assert_array_equal(arrays["blocks.0.attn.mask"], np.tril(np.ones((3, 3), bool)))
    assert arrays["blocks.0.attn.IGNORE"] == -np.inf
    assert not any(arrays[f"blocks.0.attn.{name}"].any() for name in ("b_Q", "b_K", "b_V", "b_O"))


def torch_file(path: Path, arrays: dict[str, Any], wrapped: str = "") -> Path:
    """A state dict as PyTorch saves it, written without PyTorch."""
    kinds = {"f4": "FloatStorage", "f8": "DoubleStorage", "b1": "BoolStorage", "i8": "LongStorage"}
    entries, storages = {}, {}
    for number, (name, value) in enumerate(arrays.items()):
        strides = tuple(int(step // value.itemsize) for step in np.ascontiguousarray(value).strides) if value.ndim else ()
        kind = kinds[value.dtype.str[1:]]
        entries[name] = tensor(kind, str(number), value.size, 0, tuple(map(int, value.shape)), strides)
        storages[str(number)] = value.tobytes()
    body = dictionary(entries)
    if wrapped:
        body = dictionary({"step": plain(12), wrapped: body, "losses": plain([0.5])})
    return save(path, body, storages)


def test_a_checkpoint_that_holds_more_than_the_weights(tmp_path: Path) -> None:
    params = weights(SHAPES["one block"])
    arrays = LAYOUTS["progress-measures"].write(params)
    for path, within in ((torch_file(tmp_path / "a.pt", arrays), ""), (torch_file(tmp_path / "b.pt", arrays, "model"), "model")):
        for chosen in {within, ""}:
            np.testing.assert_array_equal(ep.import_weights(path, within=chosen).params["W_O"], params["W_O"])
    with pytest.raises(InputError, match="did you mean 'model'"):
        ep.import_weights(tmp_path / "b.pt", within="modle")
    save(tmp_path / "none.pt", dictionary({"step": plain(3)}), {})
    with pytest.raises(InputError, match=r"not a state dict.*it holds none"):
        ep.import_weights(tmp_path / "none.pt")
    two = dictionary({name: dictionary({"a": tensor("FloatStorage", "0", 1, 0, (1,), (1,))}) for name in ("early", "late")})
    save(tmp_path / "two.pt", two, {"0": bytes(4)})
    with pytest.raises(InputError, match="it holds 2: early, late; choose one of them with within='early'"):
        ep.import_weights(tmp_path / "two.pt")
    itself = b"]q\x00(" + b"h\x00" * 3000 + b"e"  # a list that holds itself 3000 times
    save(tmp_path / "itself.pt", itself, {})
    with pytest.raises(InputError, match="it holds none"):
        ep.import_weights(tmp_path / "itself.pt")
    with pytest.raises(InputError, match="is not a file"):
        ep.import_weights(tmp_path / "nowhere.pt")


def test_float64_stays(tmp_path: Path) -> None:
    arrays = {key: value.astype(np.float64) for key, value in LAYOUTS["progress-measures"].write(weights(SHAPES["one block"])).items()}
    assert ep.import_weights(torch_file(tmp_path / "a.pt", arrays)).params["W_E"].dtype == np.float64


def refused(tmp_path: Path, arrays: dict[str, Any], *words: str, layout: str = "auto", **fields: Any) -> None:
    with pytest.raises(InputError) as caught:
        ep.import_weights(torch_file(tmp_path / "refused.pt", arrays), layout, fields=fields)
    for word in ("refused.pt", *words):
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_unexpected_names_are_listed(tmp_path: Path) -> None:
    arrays = LAYOUTS["progress-measures"].write(weights(SHAPES["two blocks"]))
    without = {key: value for key, value in arrays.items() if key != "blocks.1.attn.W_O"}
    refused(tmp_path, without, "missing: blocks.1.attn.W_O")
    refused(tmp_path, {**arrays, "blocks.0.ln3.w": np.ones(8, np.float32)}, "unexpected: blocks.0.ln3.w")
    refused(tmp_path, {"lstm.weight_ih": np.ones(8, np.float32)}, "the names (lstm.weight_ih) look like no network")
    refused(tmp_path, arrays, "missing: blocks.0.attn.k.weight", layout="transformer-lens-native")
    refused(tmp_path, arrays, "did you mean 'pizza'", layout="piza")
    hooked = LAYOUTS["transformer-lens"].write(weights(SHAPES["two blocks"]))
    refused(tmp_path, {**hooked, "blocks.1.ln1.w": np.ones(8, np.float32)}, "missing: blocks.0.ln1.w")


def test_shapes_that_disagree_are_refused(tmp_path: Path) -> None:
    arrays = LAYOUTS["progress-measures"].write(weights(SHAPES["one block"]))
    narrow = {**arrays, "blocks.0.mlp.W_in": np.ones((20, 11), np.float32)}
    refused(tmp_path, narrow, "d_model")
    refused(tmp_path, {**arrays, "blocks.0.attn.W_O": np.ones((12, 13), np.float32)}, "blocks.0.attn.W_O has 13", "n_heads = 3")
    refused(tmp_path, {**arrays, "unembed.W_U": np.ones(12, np.float32)}, "unembed.W_U has shape (12,)", "d_model d_vocab_out")
    refused(tmp_path, {**arrays, "embed.W_E": np.ones((12, 8), np.int64)}, "embed.W_E holds int64")
    refused(tmp_path, arrays, "4 (given)", n_heads=4)
    refused(
        tmp_path, {**arrays, "unembed.W_U": np.ones((12, 5), np.float32)}, "do not fit", "W_U (12, 5) instead", d_vocab_out="tokens"
    )
    hooked = LAYOUTS["transformer-lens"].write(weights(SHAPES["one block"]))
    refused(
        tmp_path,
        {**hooked, "blocks.0.attn.b_Q": np.ones((3, 4), np.float32)},
        "the model does not have b_Q",
        norm="none",
        biases=["b_in", "b_out"],
    )
    native = LAYOUTS["transformer-lens-native"].write(weights(SHAPES["one block"]))
    refused(tmp_path, native, "give n_heads")
    refused(tmp_path, arrays, "unknown field 'd_modle'", d_modle=4)


def test_what_cannot_be_written_is_refused() -> None:
    params = weights(SHAPES["one block"])
    with pytest.raises(InputError, match="unexpected: w_ln"):
        LAYOUTS["transformer-lens"].write({**params, "w_ln": np.ones(3)})
    with pytest.raises(InputError, match="missing: W_U"):
        LAYOUTS["pizza"].write({name: value for name, value in params.items() if name != "W_U"})
    assert [reading.layout.name for reading in readings(params)] == ["epicycle"]
    assert set(BIASES) < set(TENSOR_AXES)


def test_names_tell_biases_norms_and_classes(tmp_path: Path) -> None:
    hooked = LAYOUTS["transformer-lens"].write(weights(SHAPES["one block"]))
    arrays = {**hooked, "blocks.0.attn.b_Q": np.ones((3, 4), np.float32)}
    biased = ep.import_weights(torch_file(tmp_path / "a.pt", arrays), fields={"norm": "none"})
    assert biased.model.biases == ("b_Q", "b_in", "b_out")
    assert "b_K" not in biased.params, "zero throughout"
    classes = {**hooked, "unembed.W_U": np.ones((12, 5), np.float32), "unembed.b_U": np.zeros(5, np.float32)}
    assert ep.import_weights(torch_file(tmp_path / "b.pt", classes)).model.d_vocab_out == "classes"
    table = ep.Modular(p=7).table()
    normed = ep.Transformer(n_layers=2, d_model=8, n_heads=2, norm="pre", final_norm=True)
    params = {name: np.asarray(value) + 1 for name, value in normed.init(jax.random.key(0), table).items()}
    arrays = LAYOUTS["transformer-lens"].write(params)
    assert {"blocks.1.ln1.w", "blocks.0.ln2.b", "ln_final.w"} <= set(arrays)
    again = ep.import_weights(torch_file(tmp_path / "c.pt", arrays))
    assert (again.model.norm, again.model.final_norm, again.model.norm_kind) == ("pre", True, "layer")
    for name, value in params.items():
        np.testing.assert_array_equal(again.params[name], value)


def test_imported_weights_can_be_measured(tmp_path: Path) -> None:
    """A network that adds, by its unembedding alone: attention copies nothing, the last token's embedding is its row."""
    task = ep.Modular(p=7, operation="polynomial", terms=((1, 0, 1),), form="x y")  # the label is y
    model = ep.Transformer(d_model=8, n_heads=2, d_mlp=4)
    params = {name: np.zeros_like(value) for name, value in model.init(jax.random.key(0), task.table()).items()}
    params["W_E"], params["W_U"] = np.eye(7, 8, dtype=np.float32), 20 * np.eye(8, 7, dtype=np.float32)
    path = tmp_path / "weights.safetensors"
    save_file(LAYOUTS["progress-measures"].write(params), path)
    weights = ep.import_weights(path, "progress-measures")
    measured = weights.measure(task, ep.Split(frac_train=0.5))
    assert float(measured.train_acc) == float(measured.test_acc) == 1.0
    assert float(measured.weight_norm.sel(tensor="W_E")) == pytest.approx(7**0.5)
    assert float(weights.measure(ep.Modular(p=7, form="x y")).test_acc) < 0.4
    with pytest.raises(InputError, match="2 positions of 7 tokens, and the task has 3 of 8"):
        weights.measure(ep.Modular(p=7))


@pytest.mark.parametrize("header", ["[]", "{", '{"model": 1}'])
def test_a_damaged_header_is_refused(tmp_path: Path, header: str) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"W_E": np.zeros((2, 2), np.float32)}, path, metadata={"epicycle": header})
    with pytest.raises(InputError, match="not a whole safetensors file"):
        ep.import_weights(path)
