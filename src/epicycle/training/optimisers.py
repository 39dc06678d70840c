"""Optimisers: optax transformations whose hyper-parameters are traced, so that changing one compiles nothing."""

from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float
from pydantic import Field

from epicycle.spec.families import Optimiser
from epicycle.spec.fields import knob, static

Fraction = Annotated[float, Field(ge=0, lt=1)]


class AdamW(Optimiser):
    """Adam with weight decay on every tensor (Loshchilov & Hutter, arXiv 1711.05101).

    Attributes:
        lr: learning rate.
        weight_decay: decay coefficient; its meaning follows `decay_coupling`.
        decay_coupling: `decoupled` subtracts lr * weight_decay * w (AdamW as PyTorch and optax have it), `independent` subtracts
            weight_decay * w whatever lr is (the warm-up scales both), `coupled` adds weight_decay * w to the gradient (L2 in Adam).
        betas: decay rates of the first and second moment.
        eps: added to the root of the second moment; it mutes gradients far below it.
    """

    kind = "adamw"
    aliases = {"learning_rate": "lr", "wd": "weight_decay", "epsilon": "eps"}

    lr: float = knob(1e-3, ge=0)
    weight_decay: float = knob(1.0, ge=0)
    decay_coupling: Literal["decoupled", "independent", "coupled"] = static("decoupled")
    betas: tuple[Fraction, Fraction] = knob((0.9, 0.98))
    eps: float = knob(1e-8, ge=0)

    def transform(self, schedule: Float[Array, ""]) -> optax.GradientTransformation:
        """The update of one step; `schedule` multiplies lr (and an independent decay)."""
        adam = optax.scale_by_adam(b1=self.betas[0], b2=self.betas[1], eps=self.eps)
        descend = _scaled(-self.lr * schedule)
        if self.decay_coupling == "coupled":
            return optax.chain(_decayed(self.weight_decay), adam, descend)
        if self.decay_coupling == "decoupled":
            return optax.chain(adam, _decayed(self.weight_decay), descend)
        return optax.chain(adam, descend, _decayed(-self.weight_decay * schedule))


def _scaled(factor: Float[Array, ""]) -> optax.GradientTransformation:
    return optax.stateless(lambda updates, params: jax.tree.map(lambda u: u * jnp.asarray(factor, u.dtype), updates))


def _decayed(rate: Float[Array, ""] | float) -> optax.GradientTransformation:
    return optax.stateless(lambda updates, params: jax.tree.map(lambda u, w: u + jnp.asarray(rate, w.dtype) * w, updates, params))
