"""Other people's names and shapes for a transformer's weights, both ways. A layout is a table; `read` and `write` carry it out.

Axes are written as in einops: `d_model (head d_head)` has the heads side by side in its second axis. A key with `{layer}` stands for
one tensor per block; ours are stacked over layers. Sources: progress-measures-paper `transformers.py` (fjzzq2002/pizza's
`train-main.py` has the same names and shapes), TransformerLens 2.18 `components/`, TransformerLens 4.3
`utilities/tl_checkpoint_conversion.py`.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epicycle.spec.errors import InputError, nearest

OURS = {
    "W_E": "d_vocab d_model",
    "W_pos": "n_ctx d_model",
    **dict.fromkeys(("W_Q", "W_K", "W_V"), "layer head d_model d_head"),
    "W_O": "layer head d_head d_model",
    "W_in": "layer d_model d_mlp",
    "b_in": "layer d_mlp",
    "W_out": "layer d_mlp d_model",
    "b_out": "layer d_model",
    "W_U": "d_model d_vocab_out",
    **dict.fromkeys(("b_Q", "b_K", "b_V"), "layer head d_head"),
    "b_O": "layer d_model",
    "b_U": "d_vocab_out",
}
NORMS = {
    **dict.fromkeys(("ln1_w", "ln1_b", "ln2_w", "ln2_b"), "layer d_model"),
    **dict.fromkeys(("ln_final_w", "ln_final_b"), "d_model"),
}
OURS |= NORMS
BIASES = ("b_Q", "b_K", "b_V", "b_O", "b_U", "b_in", "b_out")
SPELLINGS = {"layer": "n_layers", "head": "n_heads"}  # of axes as sizes
Arrays = Mapping[str, Any]


@dataclass(frozen=True)
class Layout:
    """How one code names and shapes the weights.

    Attributes:
        tensors: our name -> its key and its axes there.
        optional: our names that a file, or a network, may lack.
        fills: whether `write` puts zeros where the network lacks them, because the code that reads the file wants them.
        buffers: keys that hold no weights -> what they hold, given the number of positions; not read.
    """

    name: str
    tensors: Mapping[str, tuple[str, str]]
    optional: frozenset[str] = frozenset()
    fills: bool = False
    buffers: Mapping[str, Callable[[int], Any]] = field(default_factory=dict)

    def differences(self, keys: set[str]) -> tuple[list[str], list[str]]:
        """What a state dict with these keys lacks, and what the layout does not expect."""
        n_layers = _layers(keys)
        wanted = {name: set(_each(key, n_layers)) for name, (key, _) in self.tensors.items()}
        # What may be lacking is lacking in every block: a part of it would be left out without a word.
        must = {key for name, every in wanted.items() if name not in self.optional or every & keys for key in every}
        may = {each for key in (*(k for k, _ in self.tensors.values()), *self.buffers) for each in _each(key, n_layers)}
        return sorted(must - keys), sorted(keys - may)

    def read(self, arrays: Arrays, known: Mapping[str, int] | None = None) -> tuple[dict[str, Float[ndarray, "..."]], dict[str, int]]:
        """Our parameters from a state dict, and the sizes they have.

        Args:
            arrays: key -> array.
            known: sizes that the shapes alone do not tell (`n_heads`, where heads lie side by side).

        Raises:
            InputError: names, shapes or dtypes that are not this layout's.
        """
        missing, unexpected = self.differences(set(arrays))
        if missing or unexpected:
            raise InputError(_mismatch(self.name, missing, unexpected))
        n_layers = _layers(set(arrays))
        sizes = _Sizes({**(known or {}), **({"n_layers": n_layers} if n_layers else {})})
        present = {name: entry for name, entry in self.tensors.items() if all(key in arrays for key in _each(entry[0], n_layers))}
        keys = [(key, axes) for key, axes in present.values()]
        sizes.bind([(each, axes, np.shape(arrays[each])) for key, axes in keys for each in _each(key, n_layers)])
        params = {}
        for name, (key, axes) in present.items():
            parts = [_regrouped(_number(arrays[each], each), axes, _within(key, OURS[name]), sizes) for each in _each(key, n_layers)]
            params[name] = np.stack(parts) if "{layer}" in key else parts[0]
        return params, sizes.told()

    def write(self, params: Arrays) -> dict[str, Any]:
        """A state dict in this layout, buffers included.

        Raises:
            InputError: parameters that it has no key for, or lacks.
        """
        lacking = [name for name in self.tensors if name not in params and name not in self.optional]
        homeless = [name for name in params if name not in self.tensors]
        if lacking or homeless:
            raise InputError(_mismatch(self.name, lacking, homeless))
        sizes = _Sizes({})
        sizes.bind([(name, OURS[name], np.shape(value)) for name, value in params.items()])
        n_layers, arrays = sizes["layer"], {}
        for name, (key, axes) in self.tensors.items():
            if name not in params and not (self.fills and name in BIASES):
                continue
            value = params[name] if name in params else np.zeros([sizes[axis] for axis in OURS[name].split()], np.float32)
            parts = value if "{layer}" in key else [value]
            for each, part in zip(_each(key, n_layers), parts, strict=True):
                arrays[each] = np.ascontiguousarray(_regrouped(np.asarray(part), _within(key, OURS[name]), axes, sizes))
        for template, made in self.buffers.items():
            arrays |= {each: made(sizes["n_ctx"]) for each in _each(template, n_layers)}
        return arrays


def layout_of(keys: set[str], name: str = "auto") -> Layout:
    """The layout of that name; `auto` means the one that fits the keys.

    Raises:
        InputError: no such layout, or keys that fit none; what the nearest lacks and does not expect is told.
    """
    if name != "auto":
        if name not in LAYOUTS:
            raise InputError(f"there is no layout '{name}'; {nearest(name, ['auto', *LAYOUTS])}")
        return LAYOUTS[name]
    differences = {layout.name: layout.differences(keys) for layout in LAYOUTS.values()}
    closest = min(differences, key=lambda layout: sum(map(len, differences[layout])))
    if any(differences[closest]):
        raise InputError(f"no layout fits; the nearest does not: {_mismatch(closest, *differences[closest])}")
    return LAYOUTS[closest]


class _Sizes:
    """Axis -> length, each bound once; a second tensor that says otherwise is refused."""

    def __init__(self, known: Mapping[str, int]) -> None:
        axes = {spelling: axis for axis, spelling in SPELLINGS.items()}
        self._found = {axes.get(name, name): (int(size), "given") for name, size in known.items()}

    def __getitem__(self, axis: str) -> int:
        return self._found[axis][0]

    def told(self) -> dict[str, int]:
        """The lengths under the names of a model's fields."""
        return {SPELLINGS.get(axis, axis): size for axis, (size, _) in self._found.items()}

    def bind(self, tensors: list[tuple[str, str, tuple[int, ...]]]) -> None:
        """Hold the shapes of all tensors against each other."""
        places = []
        for key, axes, shape in tensors:
            groups = _groups(axes)
            if len(groups) != len(shape) or 0 in shape:
                raise InputError(f"{key} has shape {tuple(shape)}; expected are the axes ({axes}).")
            places += [(key, group, length) for group, length in zip(groups, shape, strict=True)]
        for key, group, length in sorted(places, key=lambda place: len(place[1])):  # single axes first: they split the groups
            self._bind(key, group, length)

    def _bind(self, key: str, group: list[str], length: int) -> None:
        open_axes = [axis for axis in group if axis not in self._found]
        rest = math.prod(self[axis] for axis in group if axis in self._found)
        if len(open_axes) > 1:
            raise InputError(f"{key} does not tell {' and '.join(SPELLINGS.get(a, a) for a in group)} apart; give n_heads in fields.")
        if open_axes and length % rest == 0:
            self._found[open_axes[0]] = (length // rest, key)
        elif open_axes or length != rest:
            told = ", ".join(f"{SPELLINGS.get(a, a)} = {self[a]} ({self._found[a][1]})" for a in group if a in self._found)
            raise InputError(f"{key} has {length} where {' x '.join(group)} is expected, but elsewhere {told}.")


def _number(value: Any, key: str) -> Float[ndarray, "..."]:
    """Weights in float32, float64 where the file has it."""
    array = np.asarray(value)
    if array.dtype == np.float64:
        return array
    if array.dtype.kind == "f" or str(array.dtype) == "bfloat16":
        return array.astype(np.float32)
    raise InputError(f"{key} holds {array.dtype}, not floating-point numbers.")


def _regrouped(value: Any, here: str, there: str, sizes: _Sizes) -> Any:
    """An array with its axes reordered, split and merged."""
    order = [axis for group in _groups(here) for axis in group]
    flat = value.reshape([sizes[axis] for axis in order])
    turned = flat.transpose([order.index(axis) for group in _groups(there) for axis in group])
    return turned.reshape([math.prod(sizes[axis] for axis in group) for group in _groups(there)])


def _groups(axes: str) -> list[list[str]]:
    return [group.strip("()").split() for group in re.findall(r"\([^)]*\)|\w+", axes)]


def _within(key: str, ours: str) -> str:
    """Our axes of what one key holds."""
    return ours.removeprefix("layer ") if "{layer}" in key else ours


def _each(key: str, n_layers: int) -> list[str]:
    return [key.format(layer=layer) for layer in range(max(n_layers, 1))] if "{layer}" in key else [key]


def _layers(keys: set[str]) -> int:
    """Blocks that a state dict names; 0 where it names none."""
    return max((int(found[1]) + 1 for key in keys if (found := re.match(r"blocks\.(\d{1,4})\.", key))), default=0)


def _mismatch(layout: str, missing: list[str], unexpected: list[str]) -> str:
    parts = [f"it lacks {_listed(missing)}"] if missing else []
    parts += [f"it does not expect {_listed(unexpected)}"] if unexpected else []
    return f"against layout '{layout}' {' and '.join(parts)}."


def _listed(names: list[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _causal(n_ctx: int) -> Any:
    return np.tril(np.ones((n_ctx, n_ctx), bool))


_PROGRESS_MEASURES = {
    "W_E": ("embed.W_E", "d_model d_vocab"),
    "W_pos": ("pos_embed.W_pos", "n_ctx d_model"),
    **{name: (f"blocks.{{layer}}.attn.{name}", "head d_head d_model") for name in ("W_Q", "W_K", "W_V")},
    "W_O": ("blocks.{layer}.attn.W_O", "d_model (head d_head)"),
    "W_in": ("blocks.{layer}.mlp.W_in", "d_mlp d_model"),
    "b_in": ("blocks.{layer}.mlp.b_in", "d_mlp"),
    "W_out": ("blocks.{layer}.mlp.W_out", "d_model d_mlp"),
    "b_out": ("blocks.{layer}.mlp.b_out", "d_model"),
    "W_U": ("unembed.W_U", "d_model d_vocab_out"),
}
_MASK: dict[str, Callable[[int], Any]] = {"blocks.{layer}.attn.mask": lambda n_ctx: _causal(n_ctx).astype(np.float32)}
# HookedTransformer registers both as buffers, so that load_state_dict(strict=True) asks for them.
_HOOKED: dict[str, Callable[[int], Any]] = {
    "blocks.{layer}.attn.mask": _causal,
    "blocks.{layer}.attn.IGNORE": lambda n_ctx: np.array(-np.inf, np.float32),
}
_NATIVE = {
    "W_E": ("embed.weight", "d_vocab d_model"),
    "W_pos": ("pos_embed.weight", "n_ctx d_model"),
    **{f"W_{x}": (f"blocks.{{layer}}.attn.{x.lower()}.weight", "(head d_head) d_model") for x in "QKV"},
    **{f"b_{x}": (f"blocks.{{layer}}.attn.{x.lower()}.bias", "(head d_head)") for x in "QKV"},
    "W_O": ("blocks.{layer}.attn.o.weight", "d_model (head d_head)"),
    "b_O": ("blocks.{layer}.attn.o.bias", "d_model"),
    "W_in": ("blocks.{layer}.mlp.in.weight", "d_mlp d_model"),
    "b_in": ("blocks.{layer}.mlp.in.bias", "d_mlp"),
    "W_out": ("blocks.{layer}.mlp.out.weight", "d_model d_mlp"),
    "b_out": ("blocks.{layer}.mlp.out.bias", "d_model"),
    "W_U": ("unembed.weight", "d_vocab_out d_model"),
    "b_U": ("unembed.bias", "d_vocab_out"),
}


def _hooked_key(name: str) -> str:
    if name in NORMS:
        place, part = name.rsplit("_", 1)
        return f"{place}.{part}" if place == "ln_final" else f"blocks.{{layer}}.{place}.{part}"
    if name in ("W_E", "W_pos", "W_U", "b_U"):
        return {"W_E": "embed.", "W_pos": "pos_embed."}.get(name, "unembed.") + name
    return f"blocks.{{layer}}.{'mlp' if name[2:] in ('in', 'out') else 'attn'}.{name}"


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("progress-measures", _PROGRESS_MEASURES, buffers=_MASK),
        Layout("pizza", _PROGRESS_MEASURES, buffers=_MASK),
        Layout(
            "transformer-lens",
            {name: (_hooked_key(name), axes.removeprefix("layer ")) for name, axes in OURS.items()},
            frozenset((*BIASES, *NORMS)),
            fills=True,
            buffers=_HOOKED,
        ),
        Layout("transformer-lens-native", _NATIVE, frozenset(BIASES), fills=True),
        Layout("epicycle", {name: (name, axes) for name, axes in OURS.items()}, frozenset((*BIASES, *NORMS))),
    )
}
