"""How unequally an amount is shared out: Gini coefficient, inverse participation ratio, skewness, and what Gaussian noise gives.

All functions but the last take NumPy or JAX arrays and give the same kind back; nothing in this file needs JAX.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

Numbers = Any  # a NumPy or a JAX array


def gini(amounts: Float[Numbers, "..."], axis: int = -1) -> Float[Numbers, "..."]:
    """Gini coefficient of non-negative amounts: 0 if all n are equal, 1 - 1/n if one has everything (Hurley and Rickard 2009).

    NaN if all amounts are 0.
    """
    xp = amounts.__array_namespace__()
    ascending = xp.sort(xp.moveaxis(amounts, axis, -1), axis=-1)
    n = amounts.shape[axis]
    ranks = xp.arange(1, n + 1, dtype=ascending.dtype)
    return (ascending * (2 * ranks - n - 1)).sum(axis=-1) / (n * ascending.sum(axis=-1))


def inverse_participation(amounts: Float[Numbers, "..."], axis: int = -1) -> Float[Numbers, "..."]:
    """Sum of the squared shares of non-negative amounts: 1/n if all n are equal, 1 if one has everything. NaN if all are 0."""
    shares = amounts / amounts.sum(axis=axis, keepdims=True)
    return (shares**2).sum(axis=axis)


def skewness(amounts: Float[Numbers, "..."], axis: int = -1) -> Float[Numbers, "..."]:
    """Third moment of the amounts less their mean, over the cube of their standard deviation: above 0 if a few are far above the rest.

    NaN if all amounts are equal. With n amounts it cannot be above about the square root of n.
    """
    above = amounts - amounts.mean(axis=axis, keepdims=True)
    return (above**3).mean(axis=axis) / (above**2).mean(axis=axis) ** 1.5


def l_skewness(amounts: Float[Numbers, "..."], axis: int = -1) -> Float[Numbers, "..."]:
    """Third over second L-moment of the amounts, from -1 to 1; single extreme amounts weigh less than in `skewness`.

    0 for a uniform or a Gaussian, 1/3 for an exponential distribution (Hosking 1990). NaN if all amounts are equal.
    """
    xp = amounts.__array_namespace__()
    ascending = xp.sort(xp.moveaxis(amounts, axis, -1), axis=-1)
    n = amounts.shape[axis]
    below = xp.arange(n, dtype=ascending.dtype)  # the number of amounts below each
    first, second, third = (
        (ascending * weight).mean(axis=-1) for weight in (below**0, below / (n - 1), below * (below - 1) / ((n - 1) * (n - 2)))
    )
    return (6 * third - 6 * second + first) / (2 * second - first)


def gaussian_values(
    statistic: Callable[[ndarray], Any], shape: tuple[int, ...], draws: int = 2000, seed: int = 0
) -> Float[ndarray, " draw"]:
    """A statistic of standard Gaussian arrays, one value a draw: its floor is their mean or a percentile.

    Args:
        statistic: gives one value for each array of a stack.
        shape: the shape of one array.
        draws: number of arrays.
        seed: of the draws.
    """
    return np.asarray(statistic(np.random.default_rng(seed).standard_normal((draws, *shape))))
