"""The conversion of a transformer's weights between our names and shapes and those of another code, in both directions.

A `Layout` is the table of one code's names and shapes; `weight_layouts` lists the layouts. Axes are written as in einops, see
`axis_lengths`. A key with `{layer}` stands for one tensor per block; our tensors are stacked over layers.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epicycle.interop.axis_lengths import AxisLengths, TensorShape, regrouped
from epicycle.spec.errors import InputError
from epicycle.spec.families import Params

# Our name of a tensor -> its axes.
NORM_AXES = {
    **dict.fromkeys(("ln1_w", "ln1_b", "ln2_w", "ln2_b"), "layer d_model"),
    **dict.fromkeys(("ln_final_w", "ln_final_b"), "d_model"),
}
TENSOR_AXES = {
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
    **NORM_AXES,
}
BIASES = ("b_Q", "b_K", "b_V", "b_O", "b_U", "b_in", "b_out")
LAYER = "{layer}"
MOST_NAMES = 12  # in one message

Arrays = Mapping[str, Any]  # key -> array
# Makes an array that holds no weights, from the number of positions.
MakeBuffer = Callable[[int], Any]


@dataclass(frozen=True)
class Sizes:
    """The sizes of a transformer, read off the shapes of its weights.

    Attributes:
        n_layers: blocks.
        d_model: width of the residual stream.
        n_heads: attention heads of a block.
        d_head: width of a head.
        d_mlp: hidden units of an MLP.
        n_ctx: positions.
        d_vocab: token ids.
        d_vocab_out: logits.
    """

    n_layers: int
    d_model: int
    n_heads: int
    d_head: int
    d_mlp: int
    n_ctx: int
    d_vocab: int
    d_vocab_out: int


class Entry(NamedTuple):
    """How another code stores one of our tensors.

    Attributes:
        key: its name there; with `{layer}`, one tensor per block.
        axes: the axes of a tensor of that name.
    """

    key: str
    axes: str

    def keys(self, n_layers: int) -> list[str]:
        """The keys of all blocks, or the only key."""
        return _keys(self.key, n_layers)

    def our_axes(self, name: str) -> str:
        """The axes that our tensor `name` has for the part that one key holds."""
        return TENSOR_AXES[name].removeprefix("layer ") if LAYER in self.key else TENSOR_AXES[name]


class Differences(NamedTuple):
    """How the keys of a state dict depart from a layout."""

    missing: list[str]
    unexpected: list[str]

    def __str__(self) -> str:
        missing, unexpected = (_list_names(names) for names in self)
        parts = [f"these are missing: {missing}"] if missing else []
        parts += [f"these are unexpected: {unexpected}"] if unexpected else []
        return "; ".join(parts)


@dataclass(frozen=True)
class Layout:
    """How one code names and shapes the weights.

    Attributes:
        name: the layout's name, as `import_weights` takes it.
        tensors: our name -> its entry there.
        optional: our names that a file or a network may lack.
        fills: whether `write` adds zeros for the biases that a network lacks, because the code that reads the file needs them.
        buffers: keys that hold no weights -> what makes their content. `read` ignores them.
    """

    name: str
    tensors: Mapping[str, Entry]
    optional: frozenset[str] = frozenset()
    fills: bool = False
    buffers: Mapping[str, MakeBuffer] = field(default_factory=dict)

    def differences(self, keys: set[str]) -> Differences:
        """Which keys a state dict lacks for this layout, and which of its keys the layout does not have."""
        n_layers = _count_layers(keys)
        keys_of = {name: set(entry.keys(n_layers)) for name, entry in self.tensors.items()}
        # An optional tensor is lacking in all blocks or in none: otherwise the tensors of some blocks would be left out silently.
        required = {key for name, block in keys_of.items() if name not in self.optional or block & keys for key in block}
        buffers = {key for template in self.buffers for key in _keys(template, n_layers)}
        return Differences(sorted(required - keys), sorted(keys - buffers.union(*keys_of.values())))

    def read(self, arrays: Arrays, head_sizes: Mapping[str, int] | None = None) -> tuple[Params, Sizes]:
        """Our parameters from a state dict, and the sizes of the network.

        Args:
            arrays: key -> array.
            head_sizes: `n_heads` or `d_head`, where the shapes alone do not tell them because the heads lie side by side.

        Raises:
            InputError: names, shapes or number types that do not belong to this layout.
        """
        self._check(self.differences(set(arrays)))
        n_layers = _count_layers(set(arrays))
        present = {name: entry for name, entry in self.tensors.items() if all(key in arrays for key in entry.keys(n_layers))}
        lengths = AxisLengths({**(head_sizes or {}), **({"n_layers": n_layers} if n_layers else {})})
        lengths.read([TensorShape(k, entry.axes, np.shape(arrays[k])) for entry in present.values() for k in entry.keys(n_layers)])
        params = {}
        for name, entry in present.items():
            axes = entry.our_axes(name)
            parts = [regrouped(_as_floats(arrays[key], key), entry.axes, axes, lengths) for key in entry.keys(n_layers)]
            params[name] = np.stack(parts) if LAYER in entry.key else parts[0]
        return params, _sizes(lengths)

    def write(self, params: Params) -> Params:
        """A state dict in this layout, buffers included.

        Raises:
            InputError: the layout has no key for one of the parameters, or needs a parameter that is not there.
        """
        missing = [name for name in self.tensors if name not in params and name not in self.optional]
        self._check(Differences(missing, [name for name in params if name not in self.tensors]))
        lengths = AxisLengths()
        lengths.read([TensorShape(name, TENSOR_AXES[name], np.shape(value)) for name, value in params.items()])
        arrays: Params = {}
        for name, entry in self.tensors.items():
            if name in params:
                arrays |= _split(name, entry, params[name], lengths)
            elif self.fills and name in BIASES:
                arrays |= _split(name, entry, np.zeros([lengths[axis] for axis in TENSOR_AXES[name].split()], np.float32), lengths)
        for template, make in self.buffers.items():
            arrays |= {key: make(lengths["n_ctx"]) for key in _keys(template, lengths["layer"])}
        return arrays

    def _check(self, differences: Differences) -> None:
        if any(differences):
            raise InputError(f"the names do not fit layout '{self.name}': {differences}.")


def _split(name: str, entry: Entry, tensor: Any, lengths: AxisLengths) -> Params:
    """Our tensor as the arrays that the other code stores."""
    blocks = tensor if LAYER in entry.key else [tensor]
    return {
        key: np.ascontiguousarray(regrouped(np.asarray(block), entry.our_axes(name), entry.axes, lengths))
        for key, block in zip(entry.keys(lengths["layer"]), blocks, strict=True)
    }


def _sizes(lengths: AxisLengths) -> Sizes:
    return Sizes(
        n_layers=lengths["layer"],
        d_model=lengths["d_model"],
        n_heads=lengths["head"],
        d_head=lengths["d_head"],
        d_mlp=lengths["d_mlp"],
        n_ctx=lengths["n_ctx"],
        d_vocab=lengths["d_vocab"],
        d_vocab_out=lengths["d_vocab_out"],
    )


def _as_floats(values: Any, key: str) -> Float[ndarray, "..."]:
    """Weights in float32, or in float64 where the file has float64."""
    array = np.asarray(values)
    if array.dtype == np.float64:
        return array
    if array.dtype.kind == "f" or str(array.dtype) == "bfloat16":
        return array.astype(np.float32)
    raise InputError(f"{key} holds {array.dtype}, but weights are floating-point numbers.")


def _keys(template: str, n_layers: int) -> list[str]:
    """The keys that a template stands for. A network without named blocks is compared as if it had one."""
    return [template.format(layer=layer) for layer in range(max(n_layers, 1))] if LAYER in template else [template]


def _count_layers(keys: set[str]) -> int:
    """The number of blocks that the keys name; 0 if they name none."""
    numbers = (re.match(r"blocks\.(\d{1,4})\.", key) for key in keys)
    return max((int(number[1]) + 1 for number in numbers if number), default=0)


def _list_names(names: list[str]) -> str:
    return ", ".join(names[:MOST_NAMES]) + (f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else "")
