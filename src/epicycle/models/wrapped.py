"""A model made of two functions of the user's: networks in plain JAX, Flax, Equinox, or any library that keeps weights in a pytree.

The engine knows parameters as a plain dict of named float32 arrays. So the tree that a user's `init` returns is split into parameters,
named by the dotted path of their leaf, and a structure that holds everything else. For the user's `apply` the two are joined again.
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
from epicycle.spec.families import Activations, Model, Params, SitePatch
from epicycle.spec.fields import static
from epicycle.spec.table import Table

ENGINE_ARGUMENTS = ("key", "table", "params", "inputs", "positions")  # the engine passes these, so no field can have their names
Plain = bool | int | float | str | tuple[Any, ...] | None  # a default that a file can state


@dataclass(frozen=True)
class Structure:
    """A tree without its parameters.

    Attributes:
        tree: the shape of the tree, as `jax.tree` describes it.
        leaves: for each leaf, the name of a parameter, or the leaf itself (a function, a setting, an array of whole numbers).
        is_parameter: for each leaf, whether `leaves` holds the name of a parameter.
    """

    tree: Any
    leaves: tuple[Any, ...]
    is_parameter: tuple[bool, ...]

    def joined(self, params: Params) -> Any:
        """The tree with these parameters in it."""
        pairs = zip(self.leaves, self.is_parameter, strict=True)
        return jax.tree.unflatten(self.tree, [jnp.asarray(params[leaf]) if named else leaf for leaf, named in pairs])


class Wrapped(Model):
    """Base of the classes that `wrap` makes. It records a single activation, `hook_logits`.

    Attributes:
        functions: the user's `init` and `apply`.
    """

    functions: ClassVar[tuple[Callable[..., Any], Callable[..., Any]]]

    @classmethod
    def import_name(cls) -> str:
        """The name of the variable that holds the class.

        Raises:
            ValueError: no variable at the top level of the class's file holds it.
        """
        variables = vars(sys.modules[cls.__module__])
        if variables.get(cls.__qualname__) is not cls:
            names = [name for name, value in variables.items() if value is cls]
            if not names:
                raise ValueError(
                    "a wrapped model is named by its variable: write Net = ep.wrap(...) at the top level of a file, then use Net()"
                )
            cls.__name__ = cls.__qualname__ = names[0]
        return cls.__qualname__

    @model_validator(mode="after")
    def _has_a_name(self) -> "Wrapped":
        self.import_name()
        return self

    def init(self, key: jax.Array, table: Table) -> Params:
        """The floating-point arrays of the tree that the user's `init` returns, by dotted path."""
        init, _ = self.functions
        params, structure = split_tree(init(key, table, **self._field_arguments(init)))
        _STRUCTURES[self._structure_key(params)] = structure
        return params

    def apply(
        self,
        params: Params,
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        patches: Sequence[SitePatch] = (),
        positions: Sequence[int] | None = None,
    ) -> tuple[Float[Array, "row *answer d_vocab_out"], Activations]:
        """The logits of the user's `apply`.

        Raises:
            InputError: `init` has not yet run in this process for parameters of these shapes, so the structure of their tree is
                unknown; or several answers are asked for and the user's function does not take `positions`.
        """
        _, apply = self.functions
        structure = _STRUCTURES.get(self._structure_key(params))
        if structure is None:
            raise InputError("model: call its init(key, table) once before apply; init shows how the parameters fit together.")
        accepted = inspect.signature(apply).parameters
        if positions is not None and "positions" not in accepted:
            raise InputError(f"model: {self.import_name()} gives one answer for each row, and this task asks for several.")
        optional = {name: value for name, value in {"key": key, "positions": positions}.items() if name in accepted}
        site = Sites(patches)
        logits = apply(structure.joined(params), inputs, **optional, **self._field_arguments(apply))
        return site("hook_logits", logits), site.close()

    def _structure_key(self, params: Params) -> tuple[Any, ...]:
        """What a structure is remembered by: the model, and the names and shapes of its parameters."""
        return type(self), self.model_dump_json(), tuple((name, jnp.shape(params[name])) for name in sorted(params))

    def _field_arguments(self, function: Callable[..., Any]) -> dict[str, Plain]:
        """The fields that a function takes as arguments."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in inspect.signature(function).parameters}


# The structures of all trees that `init` has returned in this process. Training and resuming both run `init`, at least as a trace.
_STRUCTURES: dict[tuple[Any, ...], Structure] = {}


def wrap(init: Callable[..., Any], apply: Callable[..., Any], *, version: int = 1) -> type[Wrapped]:
    """Make a model class from two pure functions.

    Args:
        init: `init(key, table)` returns any pytree. Its floating-point arrays are the parameters; all else in it stays as it is.
        apply: `apply(params, inputs)` returns logits [row, class] for inputs [row, pos], from a tree like that of `init`. If it takes
            `key`, it gets a random key in training, and None when the network is observed. If it takes `positions`, it gets the
            positions at which a task reads several answers (else None), and returns logits [row, answer, class] there.
        version: to be raised when the same fields come to mean another network.

    Returns:
        A class. Hold it by a variable at the top level of a file: the identity of a model is this name and its fields. The fields
        are the parameters of both functions that have a plain default (`width=32`). Each function gets the fields it takes.

    Raises:
        InputError: the default of a parameter is not plain (a number, a text, a truth value, None or a tuple), the two functions give
            a parameter different defaults, or models already use its name.
    """
    defaults: dict[str, Plain] = {}
    for function in (init, apply):
        for name, default in _plain_defaults(function).items():
            if name in defaults and defaults[name] != default:
                raise InputError(
                    f"ep.wrap: init and apply have different defaults of '{name}': {defaults[name]!r} and {default!r}; choose one."
                )
            defaults[name] = default
    declared: dict[str, Any] = {name: (_field_type(default), static(default)) for name, default in defaults.items()}
    module = sys._getframe(1).f_globals.get("__name__", "__main__")
    model = create_model("Wrapped", __base__=Wrapped, __module__=module, **declared)
    model.functions, model.version, model.__qualname__ = (init, apply), version, "<wrapped>"
    return model


def split_tree(tree: Any) -> tuple[Params, Structure]:
    """Split a tree into its floating-point arrays, as float32 under dotted names, and everything else.

    Raises:
        InputError: the tree has no floating-point array, two of them would have the same name, or a JAX array is not floating-point.
    """
    leaves_by_path, tree_shape = jax.tree_util.tree_flatten_with_path(tree)
    params: Params = {}
    leaves: list[Any] = []
    is_parameter: list[bool] = []
    for path, leaf in leaves_by_path:
        name = _parameter_name(path)
        floating = _is_floating(name, leaf)
        if floating and name in params:
            raise InputError(f"model: two parameters would be called '{name}'; rename one of them.")
        if floating:
            params[name] = jnp.asarray(leaf, jnp.float32)
        leaves.append(name if floating else leaf)
        is_parameter.append(floating)
    if not params:
        raise InputError("model: init returns no floating-point array, so there is nothing to train.")
    return params, Structure(tree_shape, tuple(leaves), tuple(is_parameter))


def _parameter_name(path: tuple[Any, ...]) -> str:
    """The dotted path of a leaf. Slashes become dots too, as a slash would split the name in a file."""
    return jax.tree_util.keystr(path, simple=True, separator=".").replace("/", ".") or "weights"


def _is_floating(name: str, leaf: Any) -> bool:
    """Whether a leaf is a floating-point array.

    Raises:
        InputError: the leaf is a JAX array of another type; the engine could not tell whether it is to be trained.
    """
    floating = isinstance(leaf, jax.Array | np.ndarray) and jnp.issubdtype(leaf.dtype, jnp.floating)
    if isinstance(leaf, jax.Array) and not floating:
        raise InputError(
            f"model: '{name}' is an array of {leaf.dtype}, and parameters are floats; make it with NumPy if it is not a parameter."
        )
    return floating


def _plain_defaults(function: Callable[..., Any]) -> dict[str, Plain]:
    """The parameters of a function that become fields, with their defaults."""
    defaults: dict[str, Plain] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in ENGINE_ARGUMENTS or parameter.default is parameter.empty:
            continue
        if name.startswith("_") or name == "kind" or hasattr(Wrapped, name):
            raise InputError(f"ep.wrap: '{name}' becomes a field, but models already use this name; choose another.")
        if not isinstance(parameter.default, bool | int | float | str | tuple | None):
            raise InputError(
                f"ep.wrap: the default of '{name}' is stored as a field; it must be a number, a text, a truth value, None or a tuple."
            )
        defaults[name] = parameter.default
    return defaults


def _field_type(default: Any) -> Any:
    return Any if default is None else tuple[Any, ...] if isinstance(default, tuple) else type(default)
