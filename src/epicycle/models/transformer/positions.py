"""Positions without parameters: sinusoids that are added to embeddings, and angles by which queries and keys are turned."""

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int


def sinusoids(n_pos: int, d_model: int, dtype: DTypeLike) -> Float[Array, "pos d_model"]:
    """The vectors that sinusoidal positions add to embeddings.

    Even features hold the sine and odd features the cosine of pos / 10000^(2i/d_model), where i counts pairs of features
    (Vaswani et al., arXiv 1706.03762, section 3.5).
    """
    angle = np.arange(n_pos)[:, None] / 10_000 ** (2 * (np.arange(d_model) // 2) / d_model)
    return jnp.asarray(np.where(np.arange(d_model) % 2 == 0, np.sin(angle), np.cos(angle)), dtype)


def rotated(x: Float[Array, "*row pos head d_head"], positions: Int[Array, " pos"]) -> Float[Array, "*row pos head d_head"]:
    """Queries or keys turned by their position (Su et al., arXiv 2104.09864).

    Feature i and feature i + d_head / 2 are turned together by pos / 10000^(2i/d_head), the pairing of GPT-NeoX.

    Args:
        x: queries or keys, with an even d_head.
        positions: the position of each entry along the axis `pos`.
    """
    half = x.shape[-1] // 2
    angle = positions.astype(x.dtype)[:, None, None] * jnp.asarray(10_000.0 ** (-np.arange(half) / half), x.dtype)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    first, second = x[..., :half], x[..., half:]
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
