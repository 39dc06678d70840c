"""How unequally an amount is shared out: Gini coefficient and inverse participation ratio, and what Gaussian noise gives.

The first two functions take NumPy or JAX arrays and give the same kind back; nothing here needs JAX.
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
