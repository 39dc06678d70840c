"""Elementwise non-linearities under the names that the field uses, and the two normalisations."""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Activation = Literal["relu", "gelu", "gelu_tanh", "silu", "leaky_relu", "quadratic"]
ACTIVATIONS: dict[str, Callable[[Float[Array, "..."]], Float[Array, "..."]]] = {
    "relu": jax.nn.relu,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "gelu_tanh": lambda x: jax.nn.gelu(x, approximate=True),
    "silu": jax.nn.silu,
    "leaky_relu": lambda x: jax.nn.leaky_relu(x, 0.2),
    "quadratic": jnp.square,
}
EPSILON = 1e-5  # under the root of every normalisation, as in PyTorch and TransformerLens


def normalised(
    x: Float[Array, "..."], gain: Float[Array, " d_model"], shift: Float[Array, " d_model"] | None, axis: int
) -> Float[Array, "..."]:
    """Activations after LayerNorm (Ba et al., arXiv 1607.06450) or RMSNorm (Zhang & Sennrich, arXiv 1910.07467).

    Args:
        x: activations with d_model features along `axis`.
        gain: multiplies each feature.
        shift: added to each feature. None makes this RMSNorm, which does not subtract the mean either.
        axis: the axis of the features.
    """
    shape = [1] * x.ndim
    shape[axis] = -1
    if shift is not None:
        x = x - x.mean(axis=axis, keepdims=True)
    scaled = x * jax.lax.rsqrt(jnp.square(x).mean(axis=axis, keepdims=True) + jnp.asarray(EPSILON, x.dtype))
    return scaled * gain.reshape(shape) + (0 if shift is None else shift.reshape(shape))
