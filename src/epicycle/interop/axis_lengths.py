"""Arrays with the same numbers but other axes: reordered, split and merged. Axes are written as in einops.

`d_model (head d_head)` are two axes; the second one holds the heads side by side.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from epicycle.spec.errors import InputError

# Axis -> the model's field that holds its length, where the names differ.
FIELDS = {"layer": "n_layers", "head": "n_heads"}


class TensorShape(NamedTuple):
    """The shape of one array, for `AxisLengths`.

    Attributes:
        key: the array's name, for messages.
        axes: its axes, as in einops.
        shape: its shape.
    """

    key: str
    axes: str
    shape: tuple[int, ...]


class _Length(NamedTuple):
    """The length of an axis, and where it comes from."""

    value: int
    source: str


class AxisLengths:
    """The length of every axis. All tensors of a network must agree about it."""

    def __init__(self, fields: Mapping[str, int] | None = None) -> None:
        """Begin with the lengths that are not to be read off shapes.

        Args:
            fields: field of a model (`n_heads`, `d_head`, ...) -> length.
        """
        axes = {field: axis for axis, field in FIELDS.items()}
        self._lengths = {axes.get(field, field): _Length(int(value), "given") for field, value in (fields or {}).items()}

    def __getitem__(self, axis: str) -> int:
        return self._lengths[axis].value

    def get(self, axis: str, default: int) -> int:
        """The length of an axis, or the default if no tensor has it."""
        return self[axis] if axis in self._lengths else default

    def read(self, tensors: Sequence[TensorShape]) -> None:
        """Read the lengths off the shapes of tensors.

        Raises:
            InputError: a tensor has another number of axes, two tensors disagree, or the lengths of merged axes cannot be told apart.
        """
        lengths = []
        for key, axes, shape in tensors:
            groups = axis_groups(axes)
            if len(groups) != len(shape) or 0 in shape:
                raise InputError(f"{key} has shape {tuple(shape)}, but a tensor with the axes ({axes}) is expected.")
            lengths += [(key, group, length) for group, length in zip(groups, shape, strict=True)]
        for key, group, length in sorted(lengths, key=lambda entry: len(entry[1])):  # single axes first: they split the merged ones
            self._read_group(key, group, length)

    def _read_group(self, key: str, group: list[str], length: int) -> None:
        """Read the one unknown axis of merged axes, or check that their lengths multiply to the one in the shape."""
        unknown = [axis for axis in group if axis not in self._lengths]
        product = math.prod(self[axis] for axis in group if axis in self._lengths)
        if len(unknown) > 1:
            names = " and ".join(FIELDS.get(axis, axis) for axis in group)
            raise InputError(
                f"{key} holds {names} merged into one axis, so its shape does not tell them apart; give n_heads in fields."
            )
        if unknown and length % product == 0:
            self._lengths[unknown[0]] = _Length(length // product, key)
        elif unknown or length != product:
            factors = [f"{FIELDS.get(a, a)} = {self[a]} ({self._lengths[a].source})" for a in group if a in self._lengths]
            raise InputError(
                f"{key} has {length} numbers along the axis {' x '.join(group)}, which does not fit {', '.join(factors)}."
            )


def axis_groups(axes: str) -> list[list[str]]:
    """The names of the axes; merged axes form one group: `d_model (head d_head)` gives [[d_model], [head, d_head]]."""
    return [group.strip("()").split() for group in re.findall(r"\([^)]*\)|\w+", axes)]


def regrouped(array: Any, before: str, after: str, lengths: AxisLengths) -> Any:
    """The array with its axes reordered, split and merged.

    Args:
        array: a numpy array with the axes `before`.
        before: axes as in einops.
        after: the same axes, in another order or grouped differently.
        lengths: length of every axis.
    """
    order = [axis for group in axis_groups(before) for axis in group]
    groups = axis_groups(after)
    split = array.reshape([lengths[axis] for axis in order])
    turned = split.transpose([order.index(axis) for group in groups for axis in group])
    return turned.reshape([math.prod(lengths[axis] for axis in group) for group in groups])
