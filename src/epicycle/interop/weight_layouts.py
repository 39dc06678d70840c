"""The layouts: other codes' names and shapes for a network's weights.

A new layout is one more entry of `LAYOUTS`. Sources: progress-measures-paper `transformers.py` (fjzzq2002/pizza's `train-main.py` has
the same names and shapes), TransformerLens 2.18 `components/`, TransformerLens 4.3 `utilities/tl_checkpoint_conversion.py`,
porth-bot/grokking-transformer `grokking/model.py`, bilal-chughtai/rep-theory-mech-interp `rep_theory/utils/models.py` (OneLayerMLP;
the transformers of that code are HookedTransformers).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from epicycle.interop.layout_conversion import (
    BIASES,
    MLP_AXES,
    MOST_NAMES,
    NORM_AXES,
    TENSOR_AXES,
    Arrays,
    Entry,
    Layout,
    MakeBuffer,
    Part,
    Sizes,
    list_names,
)
from epicycle.spec.errors import InputError, nearest, shortened
from epicycle.spec.families import Params


def _causal_mask(n_ctx: int) -> Bool[ndarray, "query pos"]:
    """Which positions each query position attends to: itself and those before it."""
    return np.tril(np.ones((n_ctx, n_ctx), bool))


def _hooked_key(name: str) -> str:
    """HookedTransformer's key of our tensor."""
    if name in NORM_AXES:
        norm, part = name.rsplit("_", 1)
        return f"{norm}.{part}" if norm == "ln_final" else f"blocks.{{layer}}.{norm}.{part}"
    if name in ("W_E", "W_pos", "W_U", "b_U"):
        return {"W_E": "embed.", "W_pos": "pos_embed."}.get(name, "unembed.") + name
    return f"blocks.{{layer}}.{'mlp' if name[2:] in ('in', 'out') else 'attn'}.{name}"


_PROGRESS_MEASURES = {
    "W_E": Entry("embed.W_E", "d_model d_vocab"),
    "W_pos": Entry("pos_embed.W_pos", "n_ctx d_model"),
    **{name: Entry(f"blocks.{{layer}}.attn.{name}", "head d_head d_model") for name in ("W_Q", "W_K", "W_V")},
    "W_O": Entry("blocks.{layer}.attn.W_O", "d_model (head d_head)"),
    "W_in": Entry("blocks.{layer}.mlp.W_in", "d_mlp d_model"),
    "b_in": Entry("blocks.{layer}.mlp.b_in", "d_mlp"),
    "W_out": Entry("blocks.{layer}.mlp.W_out", "d_model d_mlp"),
    "b_out": Entry("blocks.{layer}.mlp.b_out", "d_model"),
    "W_U": Entry("unembed.W_U", "d_model d_vocab_out"),
}
_MASK: dict[str, MakeBuffer] = {"blocks.{layer}.attn.mask": lambda n_ctx: _causal_mask(n_ctx).astype(np.float32)}
# HookedTransformer registers both as buffers, so load_state_dict(strict=True) asks for them.
_HOOKED: dict[str, MakeBuffer] = {
    "blocks.{layer}.attn.mask": _causal_mask,
    "blocks.{layer}.attn.IGNORE": lambda n_ctx: np.array(-np.inf, np.float32),
}
_NATIVE = {
    "W_E": Entry("embed.weight", "d_vocab d_model"),
    "W_pos": Entry("pos_embed.weight", "n_ctx d_model"),
    **{f"W_{x}": Entry(f"blocks.{{layer}}.attn.{x.lower()}.weight", "(head d_head) d_model") for x in "QKV"},
    **{f"b_{x}": Entry(f"blocks.{{layer}}.attn.{x.lower()}.bias", "(head d_head)") for x in "QKV"},
    "W_O": Entry("blocks.{layer}.attn.o.weight", "d_model (head d_head)"),
    "b_O": Entry("blocks.{layer}.attn.o.bias", "d_model"),
    "W_in": Entry("blocks.{layer}.mlp.in.weight", "d_mlp d_model"),
    "b_in": Entry("blocks.{layer}.mlp.in.bias", "d_mlp"),
    "W_out": Entry("blocks.{layer}.mlp.out.weight", "d_model d_mlp"),
    "b_out": Entry("blocks.{layer}.mlp.out.bias", "d_model"),
    "W_U": Entry("unembed.weight", "d_vocab_out d_model"),
    "b_U": Entry("unembed.bias", "d_vocab_out"),
}


_PORTH_BOT = {
    "W_E": Entry("tok_emb.weight", "d_vocab d_model"),
    "W_pos": Entry("pos_emb", "n_ctx d_model"),
    **{f"W_{x}": Entry("blocks.{layer}.attn.qkv.weight", "(head d_head) d_model", Part(i, 3)) for i, x in enumerate("QKV")},
    "W_O": Entry("blocks.{layer}.attn.proj.weight", "d_model (head d_head)"),
    "W_in": Entry("blocks.{layer}.mlp.up.weight", "d_mlp d_model"),
    "b_in": Entry("blocks.{layer}.mlp.up.bias", "d_mlp"),
    "W_out": Entry("blocks.{layer}.mlp.down.weight", "d_model d_mlp"),
    "b_out": Entry("blocks.{layer}.mlp.down.bias", "d_model"),
    "W_U": Entry("unembed.weight", "d_vocab_out d_model"),
    **{f"{norm}_w": Entry(f"blocks.{{layer}}.{norm}.gamma", "d_model") for norm in ("ln1", "ln2")},
    **{f"{norm}_b": Entry(f"blocks.{{layer}}.{norm}.beta", "d_model") for norm in ("ln1", "ln2")},
    "ln_final_w": Entry("ln_f.gamma", "d_model"),
    "ln_final_b": Entry("ln_f.beta", "d_model"),
}
_REP_THEORY = {
    "W_E": Entry("W_{operand}", "d_vocab d_model"),
    "W_in": Entry("W", "(operand d_model) d_mlp"),
    "W_U": Entry("W_U", "d_mlp d_vocab_out"),
}
_MLP_BIASES = frozenset(("b_in", "b_out"))


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("progress-measures", _PROGRESS_MEASURES, _MLP_BIASES, buffers=_MASK),
        # That code stores a mask but does not use it, and its rows are two operands without a token for "=".
        Layout("pizza", _PROGRESS_MEASURES, _MLP_BIASES, buffers=_MASK, fields={"causal": False}, n_ctx=2),
        Layout(
            "transformer-lens",
            {name: Entry(_hooked_key(name), axes.removeprefix("layer ")) for name, axes in TENSOR_AXES.items()},
            frozenset((*BIASES, *NORM_AXES)),
            fills=True,
            buffers=_HOOKED,
            norm_is_open=True,
        ),
        Layout("transformer-lens-native", _NATIVE, frozenset(BIASES), fills=True, norm_is_open=True),
        Layout(
            "porth-bot",
            _PORTH_BOT,
            buffers={"blocks.{layer}.attn.causal_mask": lambda n_ctx: ~_causal_mask(n_ctx)},
            fields={"act_fn": "gelu", "norm": "pre", "norm_kind": "layer", "final_norm": True, "d_vocab_out": "classes"},
        ),
        Layout("epicycle", {name: Entry(name, axes) for name, axes in TENSOR_AXES.items()}, frozenset((*BIASES, *NORM_AXES))),
        Layout(
            "rep-theory",
            _REP_THEORY,
            kind="mlp",
            axes=MLP_AXES,
            fields={"operands": "embedded", "combine": "concat", "embeddings": "separate", "biases": []},
        ),
    )
}


class Reading(NamedTuple):
    """A state dict, read in one layout."""

    layout: Layout
    params: Params
    sizes: Sizes


def readings(arrays: Arrays, name: str = "auto", head_sizes: Mapping[str, int] | None = None) -> list[Reading]:
    """The state dict in the layout of that name; `auto` means in every layout whose names and shapes fit.

    Args:
        arrays: key -> array.
        name: a layout's name, or `auto`.
        head_sizes: `n_heads` or `d_head`, where shapes do not tell them.

    Raises:
        InputError: there is no such layout, or none fits; the message says how the nearest one differs.
    """
    keys = set(arrays)
    if name != "auto":
        if not isinstance(name, str) or name not in LAYOUTS:
            raise InputError(f"layout = {shortened(repr(name))} is not known; {nearest(str(name), ['auto', *LAYOUTS])}")
        if any(LAYOUTS[name].differences(keys)):
            raise InputError(f"the names do not fit layout '{name}': {_misfit(LAYOUTS[name], arrays)}")
        return [Reading(LAYOUTS[name], *LAYOUTS[name].read(arrays, head_sizes))]
    candidates = [layout for layout in LAYOUTS.values() if not any(layout.differences(keys))]
    if not candidates:
        raise InputError(_fits_nothing(arrays))
    return _that_fit_by_shape(candidates, arrays, head_sizes)


def _that_fit_by_shape(candidates: list[Layout], arrays: Arrays, head_sizes: Mapping[str, int] | None) -> list[Reading]:
    """The state dict in each of the layouts that its shapes fit; its names fit them all."""
    fitting, problems = [], []
    for layout in candidates:
        try:
            reading = Reading(layout, *layout.read(arrays, head_sizes))
        except InputError as error:
            problems.append(str(error) if len(candidates) == 1 else f"as {layout.name}: {error}")
            continue
        fitting += [reading] if layout.n_ctx in (None, reading.sizes.n_ctx) else []
    if not fitting:
        raise InputError(" ".join(problems))
    return fitting


def _fits_nothing(arrays: Arrays) -> str:
    """Why the names of a state dict fit no layout."""
    differences = {name: layout.differences(set(arrays)) for name, layout in LAYOUTS.items()}
    closest = min(differences, key=lambda name: sum(map(len, differences[name])))
    missing, unexpected = differences[closest]
    if len(arrays) - len(unexpected) < len(missing):
        return (
            f"the names ({list_names(sorted(arrays))}) look like no network that can be read. These can be: transformers (layouts "
            f"{', '.join(name for name, layout in LAYOUTS.items() if layout.kind == 'transformer')}), and the MLP of rep-theory with "
            "the tensors W_x, W_y, W, W_U."
        )
    nearest_one = f"they are nearest to '{closest}', but {_misfit(LAYOUTS[closest], arrays)}"
    return f"the names fit none of the layouts {', '.join(LAYOUTS)}; {nearest_one}"


def _misfit(layout: Layout, arrays: Arrays) -> str:
    """How the names differ from a layout's, and what to do about names that are too many."""
    differences = layout.differences(set(arrays))
    if differences.missing:
        return f"{differences}."
    known = sorted(set(arrays) - set(differences.unexpected))
    same = {key: next((name for name in known if are_equal(arrays[key], arrays[name])), None) for key in differences.unexpected}
    equal = "".join(f"; {key} equals {name}" for key, name in same.items() if name is not None)
    return (
        f"{differences}{equal}. If they are no part of the network, leave them out: leave_out={differences.unexpected[:MOST_NAMES]}."
    )


def are_equal(first: Any, second: Any) -> bool:
    """Whether two arrays have the same shape and the same numbers."""
    return np.shape(first) == np.shape(second) and bool(np.array_equal(first, second))
