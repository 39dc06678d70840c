"""The conversion of a network's weights between our names and shapes and those of another code, in both directions.

A `Layout` is the table of one code's names and shapes; `weight_layouts` lists the layouts. Axes are written as in einops, see
`axis_lengths`. A key with `{layer}` stands for one tensor per block, a key with `{operand}` for one per operand; our tensors are
stacked over layers and operands.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epicycle.interop.axis_lengths import AxisLengths, TensorShape, regrouped
from epicycle.spec.errors import InputError
from epicycle.spec.families import Params
from epicycle.spec.plain_data import Plain

# Our name of a transformer's tensor -> its axes.
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
# The same for an MLP with an embedding for each operand.
MLP_AXES = {"W_E": "operand d_vocab d_model", "W_in": "(operand d_model) d_mlp", "W_U": "d_mlp d_vocab_out"}
BIASES = ("b_Q", "b_K", "b_V", "b_O", "b_U", "b_in", "b_out")
LAYER, OPERAND, OPERANDS = "{layer}", "{operand}", "xy"
MOST_NAMES = 12  # in one message

Arrays = Mapping[str, Any]  # key -> array
# Makes an array that holds no weights, from the number of positions.
MakeBuffer = Callable[[int], Any]


@dataclass(frozen=True)
class Sizes:
    """The sizes of a network, read off the shapes of its weights.

    Attributes:
        n_layers: blocks; 1 for an MLP.
        d_model: width of the residual stream, or of an MLP's embedding.
        n_heads: attention heads of a block; 0 for an MLP.
        d_head: width of a head; 0 for an MLP.
        d_mlp: hidden units of an MLP.
        n_ctx: positions; 2 for an MLP, which reads two operands.
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


class Part(NamedTuple):
    """One of several equal parts that lie side by side along the first axis of an array."""

    position: int
    parts: int


class Entry(NamedTuple):
    """How another code stores one of our tensors.

    Attributes:
        key: its name there; with `{layer}`, one tensor per block; with `{operand}`, one per operand.
        axes: the axes of a tensor of that name, or of its part.
        part: which part of that tensor it is, where one tensor holds several of ours.
    """

    key: str
    axes: str
    part: Part = Part(0, 1)

    @property
    def is_stacked(self) -> bool:
        """Whether several keys hold our tensor, one for each index of its first axis."""
        return LAYER in self.key or OPERAND in self.key

    def keys(self, n_layers: int) -> list[str]:
        """The keys of all blocks or operands, or the only key."""
        return _keys(self.key, n_layers)

    def our_axes(self, axes: str) -> str:
        """The axes that our tensor, with these axes, has for the part that one key holds."""
        return axes.partition(" ")[2] if self.is_stacked else axes


class Differences(NamedTuple):
    """How the keys of a state dict depart from a layout."""

    missing: list[str]
    unexpected: list[str]

    def __str__(self) -> str:
        missing, unexpected = (list_names(names) for names in self)
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
        kind: the kind of our model that has these tensors.
        axes: our name -> the axes of our tensor.
        fields: fields of our model that hold for every network of that code.
        n_ctx: positions that the code's networks read, where it is one number.
        norm_is_open: whether that code can fold the gains of a norm into other weights, so that a file without gains does not tell
            whether the network normalises.
    """

    name: str
    tensors: Mapping[str, Entry]
    optional: frozenset[str] = frozenset()
    fills: bool = False
    buffers: Mapping[str, MakeBuffer] = field(default_factory=dict)
    kind: Literal["transformer", "mlp"] = "transformer"
    axes: Mapping[str, str] = field(default_factory=lambda: TENSOR_AXES)
    fields: Plain = field(default_factory=dict)
    n_ctx: int | None = None
    norm_is_open: bool = False

    def differences(self, keys: set[str]) -> Differences:
        """Which keys a state dict lacks for this layout, and which of its keys the layout does not have."""
        n_layers = _count_layers(keys)
        keys_of = {name: set(entry.keys(n_layers)) for name, entry in self.tensors.items()}
        # An optional tensor is lacking in all blocks or in none: otherwise the tensors of some blocks would be left out silently.
        required = {key for name, block in keys_of.items() if name not in self.optional or block & keys for key in block}
        buffers = {key for template in self.buffers for key in _keys(template, n_layers)}
        return Differences(sorted(required - keys), sorted(keys - buffers.union(*keys_of.values())))

    def tensor_keys(self, keys: set[str]) -> set[str]:
        """Those of the keys that hold weights in this layout."""
        return keys & {key for entry in self.tensors.values() for key in entry.keys(_count_layers(keys))}

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
        stored = {
            name: [_part_of(arrays[key], key, entry.part) for key in entry.keys(n_layers)]
            for name, entry in self.tensors.items()
            if all(key in arrays for key in entry.keys(n_layers))
        }
        lengths = AxisLengths({**(head_sizes or {}), "operand": len(OPERANDS), **({"n_layers": n_layers} if n_layers else {})})
        lengths.read(
            [
                TensorShape(key, self.tensors[name].axes, np.shape(part))
                for name, parts in stored.items()
                for key, part in zip(self.tensors[name].keys(n_layers), parts, strict=True)
            ]
        )
        return {name: self._ours(name, parts, n_layers, lengths) for name, parts in stored.items()}, _sizes(lengths)

    def _ours(self, name: str, parts: list[Any], n_layers: int, lengths: AxisLengths) -> Float[ndarray, "..."]:
        """Our tensor, from what the keys hold."""
        entry = self.tensors[name]
        axes = entry.our_axes(self.axes[name])
        pairs = zip(parts, entry.keys(n_layers), strict=True)
        regrouped_parts = [regrouped(_as_floats(part, key), entry.axes, axes, lengths) for part, key in pairs]
        return np.stack(regrouped_parts) if entry.is_stacked else regrouped_parts[0]

    def write(self, params: Params) -> Params:
        """A state dict in this layout, buffers included.

        Raises:
            InputError: the layout has no key for one of the parameters, or needs a parameter that is not there.
        """
        missing = [name for name in self.tensors if name not in params and name not in self.optional]
        self._check(Differences(missing, [name for name in params if name not in self.tensors]))
        lengths = AxisLengths({"operand": len(OPERANDS)})
        lengths.read([TensorShape(name, self.axes[name], np.shape(value)) for name, value in params.items()])
        parts: dict[str, list[Any]] = {}
        for name, entry in self.tensors.items():
            tensor = params.get(name)
            if tensor is None and self.fills and name in BIASES:
                tensor = np.zeros([lengths[axis] for axis in self.axes[name].split()], np.float32)
            if tensor is not None:
                for key, part in self._theirs(name, entry, tensor, lengths).items():
                    parts.setdefault(key, []).append(part)
        arrays: Params = {key: np.ascontiguousarray(np.concatenate(some) if len(some) > 1 else some[0]) for key, some in parts.items()}
        for template, make in self.buffers.items():
            arrays |= {key: make(lengths["n_ctx"]) for key in _keys(template, lengths["layer"])}
        return arrays

    def _theirs(self, name: str, entry: Entry, tensor: Any, lengths: AxisLengths) -> Params:
        """Our tensor as the arrays, or parts of arrays, that the other code stores."""
        blocks = tensor if entry.is_stacked else [tensor]
        axes = entry.our_axes(self.axes[name])
        keys = entry.keys(len(blocks))
        return {key: regrouped(np.asarray(block), axes, entry.axes, lengths) for key, block in zip(keys, blocks, strict=True)}

    def _check(self, differences: Differences) -> None:
        if any(differences):
            raise InputError(f"the names do not fit layout '{self.name}': {differences}.")


def list_names(names: list[str], most: int = MOST_NAMES) -> str:
    """Names for a message; a long list is cut."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _part_of(array: Any, key: str, part: Part) -> Any:
    """The part of an array that holds one of our tensors."""
    if part.parts == 1:
        return array
    if not np.ndim(array) or len(array) % part.parts:
        raise InputError(f"{key} has shape {np.shape(array)}, but {part.parts} tensors of one size lie in it side by side.")
    return np.split(np.asarray(array), part.parts)[part.position]


def _sizes(lengths: AxisLengths) -> Sizes:
    return Sizes(
        n_layers=lengths.get("layer", 1),
        d_model=lengths["d_model"],
        n_heads=lengths.get("head", 0),
        d_head=lengths.get("d_head", 0),
        d_mlp=lengths["d_mlp"],
        n_ctx=lengths.get("n_ctx", len(OPERANDS)),
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
    if OPERAND in template:
        return [template.format(operand=operand) for operand in OPERANDS]
    return [template.format(layer=layer) for layer in range(max(n_layers, 1))] if LAYER in template else [template]


def _count_layers(keys: set[str]) -> int:
    """The number of blocks that the keys name; 0 if they name none."""
    numbers = (re.match(r"blocks\.(\d{1,4})\.", key) for key in keys)
    return max((int(number[1]) + 1 for number in numbers if number), default=0)
