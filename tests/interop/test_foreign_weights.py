"""Weights as other people save them: each file is read as the network that it is, or the message names what to say."""

from pathlib import Path
from typing import Any

import jax
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tests.interop.torch_writing import dictionary, plain, save, tensor

import epicycle as ep
from epicycle.interop.weight_layouts import LAYOUTS
from epicycle.spec.errors import InputError

CASES = Path(__file__).parents[1] / "cases"
TABLE = ep.Modular(p=7, operation="x-y").table()
NETWORK = ep.Transformer(d_model=8, n_heads=2, d_mlp=16)


def case(name: str) -> Path:
    return next(CASES.glob(f"{name}*"))


def drawn(model: ep.Transformer | ep.MLP = NETWORK, table: Any = TABLE) -> dict[str, Any]:
    """Random parameters, random biases, gains and shifts too."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(lambda key: model.init(key, table), jax.random.key(0))
    return {name: rng.normal(size=value.shape).astype(np.float32) for name, value in shapes.items()}


def hooked(**changes: Any) -> dict[str, Any]:
    """A state dict of HookedTransformer."""
    return LAYOUTS["transformer-lens"].write(drawn()) | changes


def refusal(*args: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        ep.import_weights(*args, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert "unsafe" not in message
    assert "allow_pickle" not in message
    return message


# Files that stand for others


@pytest.mark.parametrize("name", ["17_lfs_pointer", "18_lfs_pointer"])
def test_a_git_lfs_pointer_is_called_so(name: str) -> None:
    assert "is a Git LFS pointer, not the file itself; `git lfs pull` in its repository fetches it" in refusal(case(name))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors", ".bin", ""])
def test_what_is_not_the_file_itself_is_named(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    for content, words in {
        case("17_lfs_pointer").read_bytes(): "Git LFS pointer",
        b"/annex/objects/SHA256E-s12--00.pt\n": "git annex get",
        b"\n<!DOCTYPE html><html>": "is a web page",
        b"": "is empty",
        b"\x80\x02]q\x00.": "weights_only" if suffix != ".safetensors" else "not a whole safetensors file",
        bytes(100): "not a zip" if suffix != ".safetensors" else "not a whole safetensors file",
    }.items():
        path.write_bytes(content)
        assert words in refusal(path)


def test_a_safetensors_file_of_another_name(tmp_path: Path) -> None:
    save_file(hooked(), tmp_path / "model.bin")
    np.testing.assert_array_equal(ep.import_weights(tmp_path / "model.bin").params["W_E"], drawn()["W_E"])


def test_half_precision_in_safetensors(tmp_path: Path) -> None:
    halves = {key: value.astype(ml_dtypes.bfloat16) for key, value in hooked().items() if value.dtype == np.float32}
    save_file(halves, tmp_path / "a.safetensors")
    imported = ep.import_weights(tmp_path / "a.safetensors")
    assert imported.params["W_E"].dtype == np.float32
    np.testing.assert_array_equal(imported.params["W_E"], halves["embed.W_E"].astype(np.float32))
    save_file({"x": np.ones(3).astype(ml_dtypes.float8_e4m3fn)}, tmp_path / "b.safetensors")
    assert "b.safetensors: x has numbers of type F8_E4M3, which are not read" in refusal(tmp_path / "b.safetensors")


# Wrappers, tensors that are none of the network's, keys


@pytest.mark.parametrize("name", ["23_prefix_lightning", "23_prefix_module"])
def test_the_prefix_of_a_wrapper_is_taken_off(name: str) -> None:
    imported = ep.import_weights(case(name))
    assert (imported.layout, imported.sizes.n_heads, imported.sizes.d_vocab_out) == ("transformer-lens", 2, 7)
    same = load_file(case(name))
    np.testing.assert_array_equal(imported.params["W_U"], next(value for key, value in same.items() if key.endswith("W_U")))


@pytest.mark.parametrize("layout", ["transformer-lens", "porth-bot"])
@pytest.mark.parametrize("template", ["_orig_mod.{}", "module._orig_mod.model.{}", "net.encoder.{}", "{}"])
def test_every_shared_prefix_is_taken_off(template: str, layout: str) -> None:
    arrays = state_of(layout)
    wrapped = {template.format(key).replace("blocks.0.", "blocks.0._checkpoint_wrapped_module."): v for key, v in arrays.items()}
    imported = ep.import_weights(wrapped, fields={"n_heads": 2})
    assert imported.layout == layout
    np.testing.assert_array_equal(imported.params["W_pos"], drawn()["W_pos"])


def state_of(layout: str) -> dict[str, Any]:
    """A state dict of a network that the layout has."""
    fields = {"norm": "pre", "final_norm": True, "act_fn": "gelu", "d_vocab_out": "classes"} if layout == "porth-bot" else {}
    return LAYOUTS[layout].write(drawn(ep.Transformer(d_model=8, n_heads=2, d_mlp=16, **fields)) | {"W_pos": drawn()["W_pos"]})


def test_alias_tensors_are_left_out_on_request() -> None:
    message = refusal(case("24_alias_tensors"))
    assert "x_embed equals embed.W_E; y_embed equals embed.W_E" in message
    assert "leave_out=['x_embed', 'y_embed']" in message
    for leave_out in (["x_embed", "y_embed"], ("x_embed", "y_embed"), "?_embed"):
        assert "W_E" in ep.import_weights(case("24_alias_tensors"), leave_out=leave_out).params
    assert "no tensor is called 'z_embed'; did you mean" in refusal(case("24_alias_tensors"), leave_out=["z_embed"])
    assert "leave_out is a list of names" in refusal(case("24_alias_tensors"), leave_out=3)


def test_what_lies_outside_the_wrapper_can_be_left_out() -> None:
    averaged = {f"module.{key}": value for key, value in hooked().items()} | {"n_averaged": np.array(3)}
    assert "these are unexpected: n_averaged. If they are no part of the network, leave them out" in refusal(averaged)
    assert ep.import_weights(averaged, leave_out=["n_averaged"]).layout == "transformer-lens"
    assert (
        ep.import_weights({f"model.{key}": value for key, value in hooked(x=np.ones(2)).items()}, leave_out=["x"]).layout
        == "transformer-lens"
    )
    two = averaged | {f"critic.{key}": value for key, value in hooked().items()}
    assert "there are 2 networks: under critic., module.; leave out all but one: leave_out=['module.*']" in refusal(two)
    assert ep.import_weights(two, leave_out=["n_averaged", "critic.*"]).layout == "transformer-lens"


@pytest.mark.parametrize("key", ["blocks.0.attn.b_Q", "blocks.0.attn.W_Q", "blocks.0.attn.qkv.bias", "blocks.0.attn.b_new"])
def test_weights_are_never_left_out(key: str) -> None:
    for prefix in ("", "model."):
        arrays = {f"{prefix}{name}": value for name, value in hooked(**{key: np.ones((2, 4), np.float32)}).items()}
        assert f"{key} would be left out, but they are weights" in refusal(arrays, leave_out=[prefix + key], fields={"norm": "none"})
    arrays = hooked() | {"blocks.0.attn.rotary_sin": np.ones((3, 4), np.float32), "W_E": drawn()["W_E"]}
    assert ep.import_weights(arrays, leave_out=["*rotary_sin", "W_E"]).layout == "transformer-lens", "a buffer and an alias"


def test_integer_keys() -> None:
    path = case("27_int_keys")
    assert "it holds 2: 0, 100; choose one of them with within='0'" in refusal(path)
    for within in ("100", 100, [100], ["100"]):
        assert ep.import_weights(path, within=within).layout == "transformer-lens"
    assert "within = '101' leads nowhere; did you mean '100'?" in refusal(path, within="101")
    assert "within is a dotted path" in refusal(path, within=1.5)
    assert "within is a dotted path" in refusal(path, within=None)


def test_keys_that_contain_dots(tmp_path: Path) -> None:
    first, second = hooked(), hooked(**{"embed.W_E": np.ones((8, 8), np.float32)})
    held = {"runs": {"lr.0.1": {"step.100": first, 100: second}, "lr": {"0": {"2": first}}}, 0.5: second}
    for within in ("runs.lr.0.1.step.100", ["runs", "lr.0.1", "step.100"], "runs.lr.0.2"):
        np.testing.assert_array_equal(ep.import_weights(held, within=within).params["W_E"], first["embed.W_E"])
    for within in ("runs.lr.0.1.100", "0.5", ["0.5"]):
        np.testing.assert_array_equal(ep.import_weights(held, within=within).params["W_E"], second["embed.W_E"])
    assert "it holds 4: runs.lr.0.1.step.100, " in refusal(held)
    double = {"a.b": first, "a": {"b": second}}
    assert "fits 2 entries; pass the keys one by one" in refusal(double, within="a.b")
    assert ep.import_weights(double, within=["a", "b"]).params["W_E"][0, 0] == 1
    assert ep.import_weights({"": first}).layout == "transformer-lens"
    body = dictionary({"epoch_1.5": dictionary({"a": tensor("FloatStorage", "0", 1, 0, (1,), (1,))}), "b": plain({(1, 2): [3]})})
    assert "look like no network" in refusal(save(tmp_path / "a.pt", body, {"0": bytes(4)}), within="epoch_1.5")


def test_long_lists_are_cut_and_long_names_do_not_stall() -> None:
    many = dict.fromkeys(range(300), hooked())
    assert len(refusal(many)) < 300
    assert len(refusal(many, within="x" * 100_000)) < 1000


# Arrays in memory


def test_a_dict_of_arrays_in_memory() -> None:
    arrays = hooked()
    for given in (arrays, {"model": arrays, "step": 3}, {key: jax.numpy.asarray(value) for key, value in arrays.items()}):
        np.testing.assert_array_equal(ep.import_weights(given).params["W_E"], arrays["embed.W_E"])
    assert "because it has other entries beside tensors: step" in refusal(arrays | {"step": 3})


class Tensor:
    """What PyTorch's parameters do when NumPy asks for their numbers."""

    def __init__(self, values: Any, dtype: str = "torch.float32", *, grad: bool = True) -> None:
        self.values, self.dtype, self.grad = values, dtype, grad

    def detach(self) -> "Tensor":
        return Tensor(self.values, self.dtype, grad=False)

    def cpu(self) -> "Tensor":
        return self

    def float(self) -> "Tensor":
        return Tensor(self.values, grad=self.grad)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if self.grad or "bfloat16" in self.dtype:
            raise RuntimeError("Can't call numpy() on Tensor")
        return self.values


@pytest.mark.parametrize("dtype", ["torch.float32", "torch.bfloat16"])
def test_tensors_of_pytorch_in_memory(dtype: str) -> None:
    imported = ep.import_weights({key: Tensor(value, dtype) for key, value in hooked().items()})
    np.testing.assert_array_equal(imported.params["W_Q"], drawn()["W_Q"])


def test_what_holds_no_weights_is_refused() -> None:
    sparse = type("Sparse", (Tensor,), {"detach": lambda self: self})(np.ones(2))
    assert "a Sparse in the dict of weights has no plain array" in refusal(hooked(x=sparse))

    class Module:
        def state_dict(self) -> None: ...

    assert "pass its state dict: model.state_dict()" in refusal(Module())
    for source in (None, 3, [hooked()], b"path"):
        assert "pass a file's path or a dict of arrays" in refusal(source)
    assert "holds none" in refusal({})
    assert "fields is a dict" in refusal(hooked(), fields=["norm"])
    assert "layout = ['pizza'] is not known" in refusal(hooked(), ["pizza"])


# Norms that names do not show


def test_a_folded_norm_must_be_told() -> None:
    path = case("25_ln_folded")
    message = refusal(path)
    assert "(b_Q, b_K, b_V)" in message
    assert "{'norm': 'pre', 'final_norm': True}" in message
    assert "{'norm': 'none'}" in message
    plain_network = ep.import_weights(path, fields={"norm": "none"})
    assert set(plain_network.model.biases) == {"b_Q", "b_K", "b_V", "b_in", "b_out"}
    folded = ep.import_weights(path, fields={"norm": "pre"})
    assert (folded.model.norm, folded.model.final_norm) == ("pre", True)
    assert ep.import_weights(path, fields={"norm": "pre", "final_norm": False}).model.final_norm is False
    for name, value in folded.params.items():
        if name.startswith("ln"):
            np.testing.assert_array_equal(value, float(name.endswith("_w")))
    assert "the model does not have b_Q" in refusal(path, fields={"norm": "none", "biases": ["b_in", "b_out"]})


def test_a_folded_network_computes_what_it_did_before_folding() -> None:
    """LayerNorm folded in as HookedTransformer's fold_ln does: the gains go into what reads the stream, the shifts into biases."""
    biases = ("b_Q", "b_K", "b_V", "b_in", "b_out", "b_U")
    model = ep.Transformer(n_layers=2, d_model=8, n_heads=2, d_mlp=16, norm="pre", final_norm=True, biases=biases)
    params = drawn(model)
    folded = {name: value.astype(np.float64) for name, value in params.items() if not name.startswith("ln")}
    for letter in "QKV":
        weight = folded[f"W_{letter}"]
        folded[f"b_{letter}"] += np.einsum("ld,lhdk->lhk", params["ln1_b"], weight)
        folded[f"W_{letter}"] = params["ln1_w"][:, None, :, None] * weight
    folded["b_in"] += np.einsum("ld,ldm->lm", params["ln2_b"], folded["W_in"])
    folded["W_in"] = params["ln2_w"][:, :, None] * folded["W_in"]
    folded["b_U"] += params["ln_final_b"] @ folded["W_U"]
    folded["W_U"] = params["ln_final_w"][:, None] * folded["W_U"]
    arrays = LAYOUTS["transformer-lens"].write({name: value.astype(np.float32) for name, value in folded.items()})
    assert "norm" in refusal(arrays)
    imported = ep.import_weights(arrays, fields={"norm": "pre"})
    before, after = (m.apply(w, TABLE.inputs)[0] for m, w in ((model, params), (imported.model, imported.params)))
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("layout", ["transformer-lens", "transformer-lens-native"])
@pytest.mark.parametrize("clue", ["b_O", "b_U", "centred reading", "centred writing"])
def test_every_trace_of_folding_is_asked_about(clue: str, layout: str) -> None:
    params = drawn()
    if clue.startswith("b_"):
        params[clue] = np.ones((1, 8) if clue == "b_O" else params["W_U"].shape[1], np.float32)
    else:
        axes = {"W_Q": 2, "W_K": 2, "W_V": 2, "W_in": 1} if clue == "centred reading" else {"W_E": 1, "W_O": 3, "W_out": 2}
        params |= {name: params[name] - params[name].mean(axis, keepdims=True) for name, axis in axes.items()}
    arrays = LAYOUTS[layout].write(params)
    assert "do not tell whether the network normalises" in refusal(arrays, fields={"n_heads": 2})
    assert ep.import_weights(arrays, fields={"n_heads": 2, "norm": "none"}).model.norm == "none"


def test_a_norm_before_the_unembedding_alone() -> None:
    gains = {"ln_final.w": np.full(8, 2, np.float32), "ln_final.b": np.ones(8, np.float32)}
    imported = ep.import_weights(hooked(**gains))
    assert (imported.model.norm, imported.model.final_norm) == ("none", True)


# Layouts


def test_shapes_decide_where_names_fit_two_layouts() -> None:
    """Without masks and zero biases, HookedTransformer and the progress-measures code have the same names."""
    bare = {key: value for key, value in hooked().items() if np.any(value) and not key.endswith(("mask", "IGNORE"))}
    theirs = {key: value for key, value in LAYOUTS["progress-measures"].write(drawn()).items() if not key.endswith("mask")}
    assert set(bare) == set(theirs)
    for arrays, layout in ((bare, "transformer-lens"), (theirs, "progress-measures")):
        imported = ep.import_weights(arrays)
        assert imported.layout == layout
        for name, value in drawn().items():
            np.testing.assert_array_equal(imported.params[name], value)
    neither = bare | {"embed.W_E": np.ones((9, 3), np.float32)}
    message = refusal(neither)
    assert "as progress-measures: " in message
    assert "as transformer-lens: " in message
    without = {key: value for key, value in theirs.items() if ".b_" not in key}
    assert ep.import_weights(without).model.biases == ()


def test_two_positions_may_be_pizza() -> None:
    """Its code attends in both directions, and the names do not tell it from the progress-measures code."""
    arrays = LAYOUTS["pizza"].write(drawn(table=ep.Modular(p=7, form="x y").table()))
    message = refusal(arrays)
    assert "differ in causal (True or False)" in message
    assert "layout='pizza'" in message
    assert ep.import_weights(arrays, "pizza").model.causal is False
    assert ep.import_weights(arrays, "progress-measures").model.causal is True
    assert ep.import_weights(arrays, fields={"causal": False}).model.causal is False


def test_the_mlp_of_rep_theory_computes_the_same_logits() -> None:
    """The forward pass is that of OneLayerMLP in rep_theory/utils/models.py."""
    w = {key: value.astype(np.float64) for key, value in load_file(case("26_mlp")).items()}
    imported = ep.import_weights(case("26_mlp"))
    assert imported.layout == "rep-theory"
    expected = ep.MLP(d_model=16, d_mlp=8, embeddings="separate", biases=())
    assert imported.model == expected
    inputs = np.stack(np.divmod(np.arange(3600), 60), axis=1)
    stacked = np.hstack((w["W_x"][inputs[:, 0]], w["W_y"][inputs[:, 1]]))
    logits = np.maximum(stacked @ w["W"], 0) @ w["W_U"]
    np.testing.assert_allclose(imported.model.apply(imported.params, inputs)[0], logits, rtol=1e-4, atol=1e-3)
    measured = imported.measure(ep.Composition(group="A5", form="x y"))
    assert 0 <= float(measured.all_acc) < 0.1


def test_a_network_of_another_kind_is_called_so(tmp_path: Path) -> None:
    w = load_file(case("26_mlp"))
    assert "W has 32 numbers along the axis operand x d_model" in refusal(w | {"W_x": w["W_x"][:, :8], "W_y": w["W_y"][:, :8]})
    assert "missing: W." in refusal({key: value for key, value in w.items() if key != "W"})
    assert "look like no network that can be read. These can be: transformers" in refusal(
        {f"fc{i}.{name}": np.ones(2, np.float32) for i in (1, 2) for name in ("weight", "bias")}
    )
    own = tmp_path / "own.safetensors"
    save_file(w, own, metadata={"epicycle": '{"model": {"kind": "mlp"}}'})
    assert "a network of kind 'mlp'; of our own files only transformers are read" in refusal(own)


def test_porth_bot_computes_the_same_logits() -> None:
    """The forward pass is that of grokking/model.py, in float64."""
    from math import erf

    fields = {"norm": "pre", "final_norm": True, "act_fn": "gelu", "d_vocab_out": "classes"}
    model = ep.Transformer(n_layers=2, d_model=8, n_heads=2, d_mlp=16, **fields)
    arrays = LAYOUTS["porth-bot"].write(drawn(model))
    assert arrays["blocks.1.attn.qkv.weight"].shape == (24, 8)
    assert arrays["blocks.0.attn.causal_mask"][0].tolist() == [False, True, True], "true where attention is forbidden"
    w = {key: value.astype(np.float64) for key, value in arrays.items()}

    def norm(x: Any, name: str) -> Any:
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * w[f"{name}.gamma"] + w[f"{name}.beta"]

    x = w["tok_emb.weight"][TABLE.inputs] + w["pos_emb"]
    for block in ("blocks.0.", "blocks.1."):
        q, k, v = np.split(norm(x, f"{block}ln1") @ w[f"{block}attn.qkv.weight"].T, 3, axis=-1)
        q, k, v = (part.reshape(*part.shape[:2], 2, 4).swapaxes(1, 2) for part in (q, k, v))
        scores = np.where(w[f"{block}attn.causal_mask"] > 0, -np.inf, q @ k.swapaxes(-1, -2) / 2)
        pattern = np.exp(scores - scores.max(-1, keepdims=True))
        z = (pattern / pattern.sum(-1, keepdims=True) @ v).swapaxes(1, 2).reshape(x.shape)
        x = x + z @ w[f"{block}attn.proj.weight"].T
        hidden = norm(x, f"{block}ln2") @ w[f"{block}mlp.up.weight"].T + w[f"{block}mlp.up.bias"]
        hidden = hidden * (1 + np.vectorize(erf)(hidden / 2**0.5)) / 2
        x = x + hidden @ w[f"{block}mlp.down.weight"].T + w[f"{block}mlp.down.bias"]
    logits = (norm(x, "ln_f") @ w["unembed.weight"].T)[:, -1]
    assert "give n_heads" in refusal(arrays)
    imported = ep.import_weights(arrays, fields={"n_heads": 2})
    assert imported.layout == "porth-bot"
    np.testing.assert_allclose(imported.model.apply(imported.params, TABLE.inputs)[0], logits, rtol=1e-3, atol=1e-3)
    damaged = arrays | {"blocks.0.attn.qkv.weight": np.ones((23, 8), np.float32)}
    assert "3 tensors of one size lie in it" in refusal(damaged, fields={"n_heads": 2})


@pytest.mark.parametrize("name", ["23_prefix_module", "24_alias_tensors", "26_mlp", "27_int_keys"])
def test_damage_is_refused_or_harmless(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    whole, path = case(name).read_bytes(), tmp_path / f"damaged{case(name).suffix}"
    for trial in range(60):
        content = bytearray(whole[: len(whole) - int(rng.integers(300)) * (trial % 3 == 0)])
        for position in rng.integers(min(len(content), 1200), size=rng.integers(1, 4)):
            content[position] = rng.integers(256)
        path.write_bytes(content)
        try:
            ep.import_weights(path, within="100" if name.startswith("27") else "")
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017
