"""Any two functions as a model: networks in plain JAX, Flax, Equinox, or whatever else keeps its weights in a pytree.

The engine knows parameters as a plain dict of named float32 arrays. So the tree that a user's `init` gives is taken apart (leaves are
named by their dotted path) and put together again for their `apply`.
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from pydantic import create_model, model_validator

from epicycle.models.sites import Sites
from epicycle.spec.errors import InputError
from epicycle.spec.families import Model
from epicycle.spec.fields import static
from epicycle.spec.table import Table

GIVEN = ("key", "table", "params", "inputs", "positions")  # what the engine fills in; no field can be called so
PLAIN = (bool, int, float, str, tuple, type(None))


@dataclass(frozen=True)
class Structure:
    """A tree without its arrays.

    Attributes:
        leaves: for each leaf the name of a parameter, or what is kept as it is (functions, settings, arrays of whole numbers).
        is_parameter: for each leaf, which of the two.
    """

    tree: Any
    leaves: tuple[Any, ...]
    is_parameter: tuple[bool, ...]

    def filled(self, params: dict[str, Any]) -> Any:
        """The tree with these parameters in it."""
        pairs = zip(self.leaves, self.is_parameter, strict=True)
        return jax.tree.unflatten(self.tree, [jnp.asarray(params[leaf]) if named else leaf for leaf, named in pairs])


class Wrapped(Model):
    """Base of the classes that `wrap` makes. Its activations have one name, `hook_logits`."""

    functions: ClassVar[tuple[Callable[..., Any], Callable[..., Any]]]

    @classmethod
    def import_name(cls) -> str:
        """The variable that holds the class.

        Raises:
            ValueError: no variable at the top level of its file does.
        """
        here = vars(sys.modules[cls.__module__])
        if here.get(cls.__qualname__) is not cls:
            names = [name for name, value in here.items() if value is cls]
            if not names:
                raise ValueError(
                    "a wrapped model is named by its variable: write Net = ep.wrap(...) at the top level of a file, then Net()"
                )
            cls.__name__ = cls.__qualname__ = names[0]
        return cls.__qualname__

    @model_validator(mode="after")
    def _can_be_named(self) -> "Wrapped":
        self.import_name()
        return self

    def init(self, key: jax.Array, table: Table) -> dict[str, Float[Array, "..."]]:
        """The floating-point arrays of the user's tree, by dotted path."""
        init, _ = self.functions
        params, structure = taken_apart(init(key, table, **self._fields_of(init)))
        _STRUCTURES[self._known_by(params)] = structure
        return params

    def apply(
        self,
        params: dict[str, Any],
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        patches: Sequence[Any] = (),
        positions: Sequence[int] | None = None,
    ) -> tuple[Float[Array, "row *answer d_vocab_out"], dict[str, Any]]:
        """The user's logits.

        Raises:
            InputError: `init` has not been called in this process for parameters of these shapes, so their tree is not known; or
                several answers are asked of a function that does not take `positions`.
        """
        _, apply = self.functions
        structure = _STRUCTURES.get(self._known_by(params))
        if structure is None:
            raise InputError("model: call its init(key, table) once before apply; it says how the parameters fit together.")
        takes = inspect.signature(apply).parameters
        if positions is not None and "positions" not in takes:
            raise InputError(f"model: {self.import_name()} has one answer for each row, and this task asks for several.")
        told = {name: value for name, value in {"key": key, "positions": positions}.items() if name in takes}
        site = Sites(patches)
        return site("hook_logits", apply(structure.filled(params), inputs, **told, **self._fields_of(apply))), site.close()

    def _known_by(self, params: dict[str, Any]) -> tuple[Any, ...]:
        return type(self), self.model_dump_json(), tuple((name, jnp.shape(params[name])) for name in sorted(params))

    def _fields_of(self, function: Callable[..., Any]) -> dict[str, Any]:
        """The fields that a function takes."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in inspect.signature(function).parameters}


# By the model and the names and shapes of its parameters; `init` is at least traced in every process that trains or resumes.
_STRUCTURES: dict[tuple[Any, ...], Structure] = {}


def wrap(init: Callable[..., Any], apply: Callable[..., Any], *, version: int = 1) -> type[Wrapped]:
    """A model class from two pure functions.

    Args:
        init: `init(key, table)` gives any pytree; its floating-point arrays are the parameters, all else in it is kept as it is.
        apply: `apply(params, inputs)` gives logits [row, class] for inputs [row, pos], from a tree like that of `init`. If it takes
            `key`, it gets a random key in training and None when the network is observed.
        version: to be raised when the same fields come to mean another network.

    Returns:
        A class, to be held by a variable at the top level of a file: that name and the fields are its identity. Its fields are the
        parameters of both functions that have a plain default (`width=32`); each function gets those it takes.

    Raises:
        InputError: a default that no file can state, or two that contradict each other.
    """
    fields: dict[str, Any] = {}
    for function in (init, apply):
        for name, default in _defaults(function).items():
            if name in fields and fields[name] != default:
                raise InputError(f"ep.wrap: init and apply have different defaults of '{name}': {fields[name]!r} and {default!r}.")
            fields[name] = default
    declared: dict[str, Any] = {name: (_kind(default), static(default)) for name, default in fields.items()}
    module = sys._getframe(1).f_globals.get("__name__", "__main__")
    made = create_model("Wrapped", __base__=Wrapped, __module__=module, **declared)
    made.functions, made.version, made.__qualname__ = (init, apply), version, "<wrapped>"
    return made


def taken_apart(tree: Any) -> tuple[dict[str, Float[Array, "..."]], Structure]:
    """The floating-point arrays of a tree as float32 under dotted names, and what is left.

    Raises:
        InputError: there is none, two would have one name, or a JAX array is not floating-point.
    """
    pairs, rest = jax.tree_util.tree_flatten_with_path(tree)
    params: dict[str, Any] = {}
    leaves: list[Any] = []
    named: list[bool] = []
    for path, leaf in pairs:
        name = jax.tree_util.keystr(path, simple=True, separator=".").replace("/", ".") or "weights"
        floating = isinstance(leaf, jax.Array | np.ndarray) and jnp.issubdtype(leaf.dtype, jnp.floating)
        if isinstance(leaf, jax.Array) and not floating:
            raise InputError(
                f"model: '{name}' is an array of {leaf.dtype}; parameters are floats. Make it with NumPy to keep it aside."
            )
        if floating and name in params:
            raise InputError(f"model: two parameters would be called '{name}'; rename one of them.")
        if floating:
            params[name] = jnp.asarray(leaf, jnp.float32)
        leaves.append(name if floating else leaf)
        named.append(floating)
    if not params:
        raise InputError("model: init gives no floating-point array, so there is nothing to train.")
    return params, Structure(rest, tuple(leaves), tuple(named))


def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    found = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in GIVEN or parameter.default is parameter.empty:
            continue
        if name.startswith("_") or name == "kind" or hasattr(Wrapped, name):
            raise InputError(f"ep.wrap: '{name}' becomes a field, and models use that name otherwise; choose another.")
        if not isinstance(parameter.default, PLAIN):
            raise InputError(f"ep.wrap: the default of '{name}' becomes a field: a number, a word, a truth value or a tuple of them.")
        found[name] = parameter.default
    return found


def _kind(default: Any) -> Any:
    return Any if default is None else tuple[Any, ...] if isinstance(default, tuple) else type(default)
