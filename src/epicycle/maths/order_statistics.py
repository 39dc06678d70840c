"""Order statistics of many columns at once. Compiled sorting is slow on a processor; this is about seven times faster."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def kth_smallest(amounts: Float[Array, "row column"], k: Int[Array, ""] | int) -> Float[Array, " column"]:
    """The k-th smallest amount of each column, counted from 0, exactly; NaN where there are no more than k.

    Non-negative floats are ordered as the whole numbers with the same bits, and NaN comes last. The bits of the result are found one
    by one, from the highest on: a bit is 1 if no more than k amounts lie below.

    Args:
        amounts: none is below 0.
        k: may be known only when the program runs.
    """
    width = amounts.dtype.itemsize * 8
    bits = jax.lax.bitcast_convert_type(amounts, jnp.dtype(f"int{width}"))

    def with_bit(position: Array, result: Int[Array, " column"]) -> Int[Array, " column"]:
        candidate = result | (jnp.ones_like(result) << (width - 2 - position).astype(result.dtype))
        return jnp.where((bits < candidate).sum(axis=0) <= k, candidate, result)

    result = jax.lax.fori_loop(0, width - 1, with_bit, jnp.zeros_like(bits[0]))
    return jnp.where(k < (~jnp.isnan(amounts)).sum(axis=0), jax.lax.bitcast_convert_type(result, amounts.dtype), jnp.nan)


def median(amounts: Float[Array, "row column"]) -> Float[Array, " column"]:
    """The median of each column of amounts that are not below 0; rows that are NaN throughout do not count."""
    counted = (~jnp.isnan(amounts[:, 0])).sum()
    return (kth_smallest(amounts, (counted - 1) // 2) + kth_smallest(amounts, counted // 2)) / 2
