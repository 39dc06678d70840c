"""The update that all optimisers here share, w <- w - lr * direction, and where learning rate and weight decay are applied.

An optimiser in `optimisers.py` gives the direction. This module adds weight decay with its couplings, and parameter groups. Every
number is a knob, so changing one compiles nothing.
"""

from abc import abstractmethod
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float
from pydantic import Field

from epicycle.spec.base import Spec
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.families import Optimiser
from epicycle.spec.fields import knob, static
from epicycle.spec.limits import MOST_NAMES, MOST_RATE
from epicycle.spec.paths import matches

Fraction = Annotated[float, Field(ge=0, lt=1)]
TensorRate = Callable[[str], Any]  # name of a tensor -> number


class ParameterGroup(Spec):
    """Tensors with a learning rate and a decay of their own.

    Attributes:
        tensors: patterns over tensor names: `W_E`, `b_*`.
        lr_scale: multiplies the learning rate, and so a decoupled decay too; 0 freezes the tensors unless the decay is independent.
        decay_scale: multiplies the weight decay.
    """

    tensors: tuple[str, ...] = static(min_length=1, max_length=MOST_NAMES)
    lr_scale: float = knob(1.0, ge=0, le=MOST_RATE)
    decay_scale: float = knob(1.0, ge=0, le=MOST_RATE)

    def holds(self, name: str) -> bool:
        """Whether a pattern of this group matches a tensor's name."""
        return matches(name, self.tensors)


class TensorwiseRule(Optimiser):
    """Optimisers that move every tensor against a direction and decay it, with rates that may differ between tensors.

    Subclass `UpdateRule` instead if all tensors have the same learning rate and weight decay, groups aside.

    Attributes:
        lr: learning rate.
        weight_decay: decay coefficient; its meaning follows `decay_coupling`.
        decay_coupling: `decoupled` subtracts lr * weight_decay * w (AdamW as PyTorch and optax have it). `independent` subtracts
            weight_decay * w whatever lr is; warm-up and annealing scale both. `coupled` adds weight_decay * w to the gradient (L2, as
            PyTorch's SGD, RMSprop and Adam do).
        decay_to: what tensors decay towards. `initialisation` puts w - w_0 in the place of w: the update is w += (w_0 - w) lr
            weight_decay if decay is decoupled (Power et al., arXiv 2201.02177; `to_init` in openai/grok). It costs one more copy of
            the parameters.
        groups: tensors with rates of their own; the first group that holds a tensor decides.
    """

    aliases = {"learning_rate": "lr", "wd": "weight_decay", "epsilon": "eps"}

    lr: float = knob(ge=0, le=MOST_RATE)
    weight_decay: float = knob(ge=0, le=MOST_RATE)
    decay_coupling: Literal["decoupled", "independent", "coupled"] = static("decoupled")
    decay_to: Literal["origin", "initialisation"] = static("origin")
    groups: tuple[ParameterGroup, ...] = Field((), max_length=100)

    @abstractmethod
    def direction(self) -> optax.GradientTransformation:
        """The transformation of the gradient whose result is multiplied by -lr: momentum and scaling."""

    @abstractmethod
    def rates(self, name: str) -> tuple[Any, Any]:
        """Learning rate and weight decay of a tensor before its group scales them."""

    @abstractmethod
    def check_fields(self, params: Any) -> None:
        """Check the fields of this optimiser against a network; the fields above are checked already.

        Args:
            params: a tree of parameters or of their shapes.

        Raises:
            InputError: a field does not fit the network.
        """

    def refuse(self, params: Any) -> None:
        """Check all fields against a network.

        Raises:
            InputError: a group's pattern matches no tensor, or what `check_fields` refuses.
        """
        names = tensor_names(params)
        for i, group in enumerate(self.groups):
            for pattern in group.tensors:
                if not any(fnmatchcase(name, pattern) for name in names):
                    path = f"training.optimiser.groups.{i}.tensors"
                    raise InputError(f"{path}: no tensor is called '{pattern}'; {nearest(pattern, names)}")
        self.check_fields(params)

    def transform(self, schedule: Float[Array, ""]) -> optax.GradientTransformation:
        """The update of one step; `schedule` multiplies lr (and an independent decay).

        Raises:
            InputError: at `init`, what `refuse` refuses.
        """
        direction, descend = self.direction(), _scaled(lambda name: -self.lr_of(name) * schedule)
        if self.decay_coupling == "coupled":
            rule = optax.chain(self._decay_added(self.decay_of), direction, descend)
        elif self.decay_coupling == "decoupled":
            rule = optax.chain(direction, self._decay_added(self.decay_of), descend)
        else:
            rule = optax.chain(direction, descend, self._decay_added(lambda name: -self.decay_of(name) * schedule))

        def init(params: Any) -> Any:
            self.refuse(params)
            return rule.init(params)

        return optax.GradientTransformation(init, rule.update)

    def lr_of(self, name: str) -> Any:
        """The learning rate of a tensor, with what its group makes of it."""
        lr, group = self.rates(name)[0], self._group_of(name)
        return lr if group is None else lr * group.lr_scale

    def decay_of(self, name: str) -> Any:
        """The weight decay of a tensor, with what its group makes of it."""
        decay, group = self.rates(name)[1], self._group_of(name)
        return decay if group is None else decay * group.decay_scale

    def _group_of(self, name: str) -> ParameterGroup | None:
        return next((group for group in self.groups if group.holds(name)), None)

    def _decay_added(self, rate: TensorRate) -> optax.GradientTransformation:
        """A transformation that adds rate * w to every update, or rate * (w - w_0) if tensors decay to their initialisation."""
        if self.decay_to == "origin":
            return optax.stateless(lambda updates, params: by_name(lambda n, u, w: u + _as(rate(n), w) * w, updates, params))

        def update(updates: Any, anchor: Anchor, params: Any) -> tuple[Any, Anchor]:
            return by_name(lambda n, u, w, w0: u + _as(rate(n), w) * (w - w0), updates, params, anchor.initial), anchor

        return optax.GradientTransformation(Anchor, update)


class UpdateRule(TensorwiseRule):
    """Optimisers whose learning rate and weight decay hold for all tensors, groups aside. A subclass gives only `direction`."""

    def rates(self, name: str) -> tuple[Any, Any]:
        """`lr` and `weight_decay`, whatever the tensor."""
        del name
        return self.lr, self.weight_decay

    def check_fields(self, params: Any) -> None:
        """No field of these optimisers depends on the network."""
        del params


class Anchor(NamedTuple):
    """The parameters a run started from, kept for decay towards them."""

    initial: Any


def tensor_names(params: Any) -> list[str]:
    """Names of the tensors in a tree of parameters; the keys of nested ones are joined by `/`."""
    return jax.tree.leaves(by_name(lambda name, _: name, params))


def by_name(function: Callable[..., Any], tree: Any, *more_trees: Any) -> Any:
    """The tree of `function(name, leaf, ...)` over all tensors.

    Args:
        function: takes a tensor's name and its leaf in each tree.
        tree: a tree of tensors.
        more_trees: trees of the same structure.
    """
    named = lambda path, *leaves: function(jax.tree_util.keystr(path, simple=True, separator="/"), *leaves)  # noqa: E731
    return jax.tree_util.tree_map_with_path(named, tree, *more_trees)


def _scaled(factor: TensorRate) -> optax.GradientTransformation:
    return optax.stateless(lambda updates, params: by_name(lambda name, u: u * _as(factor(name), u), updates))


def _as(number: Any, like: Float[Array, "..."]) -> Float[Array, ""]:
    """A number in the number type of a tensor."""
    return jnp.asarray(number, like.dtype)
