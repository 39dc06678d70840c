"""Where attention looks: how much each head reads from each position where the answer is read, and how evenly."""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from epicycle.spec.errors import InputError
from epicycle.spec.families import Measure


class OfAttention(Measure):
    """What the measures of attention share."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The activations on all rows."""
        return ("activations",)

    def patterns(self, snapshot: Mapping[str, Any]) -> Float[Array, "layer row head pos"]:
        """The weights with which the last position reads every position.

        They add up to 1 unless the network has an `attention_rate`.

        Raises:
            InputError: the network has no attention.
        """
        activations = snapshot["activations"]
        names = [name for name in activations if name.endswith("attn.hook_pattern")]
        if not names:
            raise InputError(
                f"measures of attention need a transformer (a site ...attn.hook_pattern); this network has {', '.join(activations)}."
            )
        return jnp.stack([activations[name][:, :, -1] for name in names])


class AttentionPattern(OfAttention):
    """How much each head reads from each position, where the answer is read: the mean of the attention weights over all rows."""

    kind: ClassVar[str] = "attention_pattern"
    dims: ClassVar[tuple[str, ...]] = ("layer", "head", "pos")

    @property
    def name(self) -> str:
        """`attention_pattern`."""
        return "attention_pattern"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "layer head pos"]:
        """From 0 to 1."""
        return self.patterns(snapshot).mean(axis=1)


class AttentionEntropy(OfAttention):
    """How evenly each head reads, where the answer is read: 0 if from one position in every row, 1 if from all alike.

    The mean over rows of the entropy of the attention weights, divided by that of equal weights. Weights that do not add up to 1 are
    divided by their sum first.
    """

    kind: ClassVar[str] = "attention_entropy"
    dims: ClassVar[tuple[str, ...]] = ("layer", "head")

    @property
    def name(self) -> str:
        """`attention_entropy`."""
        return "attention_entropy"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "layer head"]:
        """From 0 to 1; NaN if there is one position only."""
        weights = self.patterns(snapshot)
        shares = weights / weights.sum(axis=-1, keepdims=True)
        entropy = -jnp.where(shares > 0, shares * jnp.log(jnp.where(shares > 0, shares, 1)), 0).sum(axis=-1)
        return entropy.mean(axis=1) / jnp.log(shares.shape[-1])
