"""The pickle in a file of `torch.save`, read without executing anything.

A pickle is a program for a small stack machine, and it may import and call whatever it likes. The machine here carries out only the
opcodes that build plain data, one by one, and no callable ever lies on its stack. PyTorch's tensors need a few globals: the machine
knows them by name and makes the arrays itself. It refuses every other global and says which one it was. PyTorch's own `weights_only`
reader works in the same way (torch/_weights_only_unpickler.py).
"""

import math
import pickletools
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Shaped
from numpy import ndarray

from epicycle.interop.torch_archive import DTYPES, Archive, Storage
from epicycle.spec.errors import InputError

# Globals are written as in a pickle: module, space, name.
STORAGES = {f"torch {name}": name for name in DTYPES}
ORDERED_DICT, TENSOR, PARAMETER = "collections OrderedDict", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter"
ALLOWED = {ORDERED_DICT, TENSOR, PARAMETER, *STORAGES}
NUMBERS = {"BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"}
LITERALS = NUMBERS | {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}


class Global(NamedTuple):
    """A global that the pickle named. It is never imported and never called."""

    name: str


class Machine:
    """The pickle's stack machine, without its power to import and call."""

    def __init__(self, archive: Archive) -> None:
        """Begin with an empty stack.

        Args:
            archive: the file that holds the numbers.
        """
        self._archive = archive
        self._stack: list[Any] = []
        self._outer_stacks: list[list[Any]] = []  # for each open mark, the stack below it
        self._memo: dict[int, Any] = {}

    def run(self, pickled: bytes) -> Any:
        """The object that the pickle describes.

        Raises:
            InputError: the pickle needs more than plain data and tensors, or it ends too soon.
        """
        for opcode, argument, _ in pickletools.genops(pickled):
            if opcode.name == "STOP":
                return self._stack.pop()
            self._carry_out(opcode.name, argument)
        raise InputError("the pickle in it ends too soon; the file is damaged.")

    def _carry_out(self, opcode: str, argument: Any) -> None:
        """One opcode: those that push values here, those that join values in `_join`."""
        stack = self._stack
        match opcode:
            case "PROTO" | "FRAME":
                pass
            case _ if opcode in LITERALS:
                stack.append(argument)
            case _ if opcode in CONSTANTS:
                stack.append(CONSTANTS[opcode])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "MARK":
                self._outer_stacks.append(stack)
                self._stack = []
            case "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self._memo[argument])
            case "GLOBAL":
                stack.append(_allowed_global(argument))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                stack.append(_allowed_global(f"{module} {name}"))
            case _:
                self._join(opcode)

    def _join(self, opcode: str) -> None:
        match opcode:
            case "TUPLE":
                joined = tuple(self._pop_to_mark())
                self._stack.append(joined)
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(opcode[-1])
                self._stack[-count:] = [tuple(self._stack[-count:])]
            case "APPEND":
                item = self._stack.pop()
                self._top(list).append(item)
            case "APPENDS":
                items = self._pop_to_mark()
                self._top(list).extend(items)
            case "SETITEM":
                value, key = self._stack.pop(), self._stack.pop()
                self._top(dict)[key] = value
            case "SETITEMS":
                items = self._pop_to_mark()
                self._top(dict).update(zip(items[::2], items[1::2], strict=True))
            case "BINPERSID":
                self._stack.append(self._storage(self._stack.pop()))
            case "REDUCE":
                arguments, function = self._stack.pop(), self._stack.pop()
                self._stack.append(_rebuild(function, arguments))
            case "BUILD":  # attributes of an OrderedDict (`_metadata` of a state dict): they say nothing about the weights
                self._stack.pop()
                self._top(dict)
            case _:
                raise InputError(
                    f"its pickle uses the opcode {opcode}, which plain data does not need; nothing in it was executed. "
                    "Save the state dict alone: torch.save(model.state_dict(), path)."
                )

    def _pop_to_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._outer_stacks.pop()
        return items

    def _top(self, kind: type) -> Any:
        """The value on top of the stack, which must be of this type."""
        if not isinstance(self._stack[-1], kind):
            raise InputError(
                f"its pickle changes a {type(self._stack[-1]).__name__} as if it were a {kind.__name__}; "
                "the file is damaged or hostile."
            )
        return self._stack[-1]

    def _storage(self, persistent_name: Any) -> Storage:
        """The storage of PyTorch's persistent name `("storage", kind, key, device, count)`."""
        label, kind, key, _, count = persistent_name
        if label != "storage" or not isinstance(kind, Global) or kind.name not in STORAGES or not isinstance(key, str):
            raise InputError(f"its pickle refers to {label!r}, which is not a storage of numbers; the file is damaged or hostile.")
        if type(count) is not int or count < 0:
            raise InputError(f"storage {key} is said to hold {count!r} numbers; the file is damaged or hostile.")
        return self._archive.storage(STORAGES[kind.name], key, count)


def _allowed_global(name: str) -> Global:
    if name not in ALLOWED:
        raise InputError(
            f"its pickle asks for {name.replace(' ', '.')}, which is not part of plain data and tensors; nothing in it was executed. "
            "Save the state dict alone: torch.save(model.state_dict(), path)."
        )
    return Global(name)


def _rebuild(function: Any, arguments: Any) -> Any:
    """What an allowed global makes of its arguments, computed here."""
    name = function.name if isinstance(function, Global) else ""
    if name == ORDERED_DICT and isinstance(arguments, tuple):
        return dict(*arguments)
    if name == TENSOR:
        return _tensor(*arguments[:4])
    if name == PARAMETER and isinstance(arguments[0], ndarray):
        return arguments[0]
    raise InputError(
        f"its pickle calls {name.replace(' ', '.') or type(function).__name__}, which does not make a tensor; "
        "nothing in it was executed."
    )


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> Shaped[ndarray, "..."]:
    """A read-only view of a storage; refused where it would reach past the storage's ends. Offset and strides count numbers."""
    if not isinstance(storage, Storage) or any(type(n) is not int or n < 0 for n in [offset, *shape, *strides]):
        raise InputError(f"a tensor of shape {shape}, strides {strides} and offset {offset!r} cannot exist; the file is damaged.")
    if len(shape) != len(strides):
        raise InputError(f"a tensor has shape {tuple(shape)}, but strides {tuple(strides)}; the file is damaged.")
    values, count = storage.values, math.prod(shape)
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    if count and (last >= len(values) or count > len(values)):
        raise InputError(
            f"a tensor of shape {tuple(shape)}, strides {tuple(strides)} and offset {offset} reaches past its storage of "
            f"{len(values):,} numbers; the file is damaged."
        )
    if not count:
        return np.zeros(shape, values.dtype)
    byte_strides = [stride * values.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(values[offset:], shape, byte_strides, writeable=False)
