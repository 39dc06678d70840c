"""Positions without parameters: sinusoids that are added, and angles by which queries and keys are turned."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int


def sinusoids(n_pos: int, d_model: int, dtype: Any) -> Float[Array, "pos d_model"]:
    """Sine at even features, cosine at odd ones, of pos / 10000^(2i/d_model) (Vaswani et al., arXiv 1706.03762, section 3.5)."""
    angle = np.arange(n_pos)[:, None] / 10_000 ** (2 * (np.arange(d_model) // 2) / d_model)
    return jnp.asarray(np.where(np.arange(d_model) % 2 == 0, np.sin(angle), np.cos(angle)), dtype)


def rotated(x: Float[Array, "*row pos head d_head"], places: Int[Array, " pos"]) -> Float[Array, "*row pos head d_head"]:
    """Feature i and feature i + d_head / 2 turned by pos / 10000^(2i/d_head) (Su et al., arXiv 2104.09864; GPT-NeoX's pairing)."""
    half = x.shape[-1] // 2
    angle = places.astype(x.dtype)[:, None, None] * jnp.asarray(10_000.0 ** (-np.arange(half) / half), x.dtype)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    first, second = x[..., :half], x[..., half:]
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
