"""The layouts: other codes' names and shapes for a transformer's weights.

A new layout is one more entry of `LAYOUTS`. Sources: progress-measures-paper `transformers.py` (fjzzq2002/pizza's `train-main.py` has
the same names and shapes), TransformerLens 2.18 `components/`, TransformerLens 4.3 `utilities/tl_checkpoint_conversion.py`.
"""

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from epicycle.interop.layout_conversion import BIASES, NORM_AXES, TENSOR_AXES, Entry, Layout, MakeBuffer
from epicycle.spec.errors import InputError, nearest


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


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("progress-measures", _PROGRESS_MEASURES, buffers=_MASK),
        Layout("pizza", _PROGRESS_MEASURES, buffers=_MASK),
        Layout(
            "transformer-lens",
            {name: Entry(_hooked_key(name), axes.removeprefix("layer ")) for name, axes in TENSOR_AXES.items()},
            frozenset((*BIASES, *NORM_AXES)),
            fills=True,
            buffers=_HOOKED,
        ),
        Layout("transformer-lens-native", _NATIVE, frozenset(BIASES), fills=True),
        Layout("epicycle", {name: Entry(name, axes) for name, axes in TENSOR_AXES.items()}, frozenset((*BIASES, *NORM_AXES))),
    )
}


def layout_of(keys: set[str], name: str = "auto") -> Layout:
    """The layout of that name; `auto` means the first one that fits the keys.

    Raises:
        InputError: there is no such layout, or none fits the keys; the message says how the nearest one differs.
    """
    if name != "auto":
        if name not in LAYOUTS:
            raise InputError(f"layout = '{name}' is not known; {nearest(name, ['auto', *LAYOUTS])}")
        return LAYOUTS[name]
    differences = {layout.name: layout.differences(keys) for layout in LAYOUTS.values()}
    closest = min(differences, key=lambda layout: sum(map(len, differences[layout])))
    if any(differences[closest]):
        raise InputError(
            f"the names fit none of the layouts {', '.join(LAYOUTS)}; they are nearest to '{closest}', but {differences[closest]}."
        )
    return LAYOUTS[closest]
