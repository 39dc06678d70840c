"""What all optimisers here share: w <- w - lr * direction, with weight decay, its couplings and parameter groups.

The members in `optimisers.py` say the direction. Every number is a knob, so that changing one compiles nothing.
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
from epicycle.spec.paths import matches

Fraction = Annotated[float, Field(ge=0, lt=1)]
Rate = Callable[[str], Any]  # name of a tensor -> number


class ParameterGroup(Spec):
    """Tensors with a learning rate and a decay of their own.

    Attributes:
        tensors: patterns over tensor names: `W_E`, `b_*`.
        lr_scale: multiplies the learning rate (and so a decoupled decay with it); 0 freezes the tensors, but for an independent decay.
        decay_scale: multiplies the weight decay.
    """

    tensors: tuple[str, ...] = static(min_length=1)
    lr_scale: float = knob(1.0, ge=0)
    decay_scale: float = knob(1.0, ge=0)

    def holds(self, name: str) -> bool:
        """Whether a tensor is in this group, earlier groups aside."""
        return matches(name, self.tensors)


class UpdateRule(Optimiser):
    """Optimisers that move every tensor against a direction and decay it.

    Attributes:
        lr: learning rate.
        weight_decay: decay coefficient; its meaning follows `decay_coupling`.
        decay_coupling: `decoupled` subtracts lr * weight_decay * w (AdamW as PyTorch and optax have it), `independent` subtracts
            weight_decay * w whatever lr is (warm-up and annealing scale both), `coupled` adds weight_decay * w to the gradient (L2;
            what PyTorch's SGD, RMSprop and Adam do).
        decay_to: what tensors decay towards. `initialisation` puts w - w_0 in the place of w: w += (w_0 - w) lr weight_decay when
            decoupled (Power et al., arXiv 2201.02177; `to_init` in openai/grok). It costs one more copy of the parameters.
        groups: tensors with rates of their own; the first group that holds a tensor decides.
    """

    aliases = {"learning_rate": "lr", "wd": "weight_decay", "epsilon": "eps"}

    lr: float = knob(ge=0)
    weight_decay: float = knob(ge=0)
    decay_coupling: Literal["decoupled", "independent", "coupled"] = static("decoupled")
    decay_to: Literal["origin", "initialisation"] = static("origin")
    groups: tuple[ParameterGroup, ...] = ()

    @abstractmethod
    def direction(self) -> optax.GradientTransformation:
        """The gradient as it is multiplied by -lr: after momentum and scaling."""

    def rates(self, name: str) -> tuple[Any, Any]:
        """Learning rate and weight decay of a tensor before its group scales them."""
        del name
        return self.lr, self.weight_decay

    def refuse(self, params: Any) -> None:
        """Check the fields against a network.

        Raises:
            InputError: a group's pattern matches no tensor.
        """
        known = tensor_names(params)
        for i, group in enumerate(self.groups):
            for pattern in group.tensors:
                if not any(fnmatchcase(name, pattern) for name in known):
                    where = f"training.optimiser.groups.{i}.tensors"
                    raise InputError(f"{where}: no tensor is called '{pattern}'; {nearest(pattern, known)}")

    def transform(self, schedule: Float[Array, ""]) -> optax.GradientTransformation:
        """The update of one step; `schedule` multiplies lr (and an independent decay).

        Raises:
            InputError: at `init`, what `refuse` finds.
        """
        direction, descend = self.direction(), _scaled(lambda name: -self._lr(name) * schedule)
        if self.decay_coupling == "coupled":
            rule = optax.chain(self._decayed(self._decay), direction, descend)
        elif self.decay_coupling == "decoupled":
            rule = optax.chain(direction, self._decayed(self._decay), descend)
        else:
            rule = optax.chain(direction, descend, self._decayed(lambda name: -self._decay(name) * schedule))

        def init(params: Any) -> Any:
            self.refuse(params)
            return rule.init(params)

        return optax.GradientTransformation(init, rule.update)

    def _lr(self, name: str) -> Any:
        lr, group = self.rates(name)[0], self._group(name)
        return lr if group is None else lr * group.lr_scale

    def _decay(self, name: str) -> Any:
        decay, group = self.rates(name)[1], self._group(name)
        return decay if group is None else decay * group.decay_scale

    def _group(self, name: str) -> ParameterGroup | None:
        return next((group for group in self.groups if group.holds(name)), None)

    def _decayed(self, rate: Rate) -> optax.GradientTransformation:
        if self.decay_to == "origin":
            return optax.stateless(lambda updates, params: by_name(lambda n, u, w: u + _as(rate(n), w) * w, updates, params))

        def update(updates: Any, anchor: Anchor, params: Any) -> tuple[Any, Anchor]:
            return by_name(lambda n, u, w, w0: u + _as(rate(n), w) * (w - w0), updates, params, anchor.initial), anchor

        return optax.GradientTransformation(Anchor, update)


class Anchor(NamedTuple):
    """The parameters a run started from."""

    initial: Any


def tensor_names(params: Any) -> list[str]:
    """Names of the tensors in a tree of parameters; `/` joins those of nested ones."""
    return jax.tree.leaves(by_name(lambda name, _: name, params))


def by_name(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """`function(name, leaf, ...)` of every tensor in trees of one structure."""
    named = lambda path, *leaves: function(jax.tree_util.keystr(path, simple=True, separator="/"), *leaves)  # noqa: E731
    return jax.tree_util.tree_map_with_path(named, tree, *others)


def _scaled(factor: Rate) -> optax.GradientTransformation:
    return optax.stateless(lambda updates, params: by_name(lambda name, u: u * _as(factor(name), u), updates))


def _as(number: Any, like: Float[Array, "..."]) -> Float[Array, ""]:
    return jnp.asarray(number, like.dtype)
