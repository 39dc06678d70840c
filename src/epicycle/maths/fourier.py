"""Fourier analysis of functions of the residues modulo p, with one set of conventions.

The basis is real and orthonormal: the constant, then a cosine and a sine for each frequency (Nanda et al., arXiv 2301.05217, released
code). So the squared coefficients of an array add up to the array's squared norm. Frequencies k and p - k are the same, which leaves
p // 2 + 1 frequencies: 0 is the constant, and p / 2 of an even p has a cosine alone. Every axis of frequencies starts at frequency 0.

Every function takes NumPy or JAX arrays and gives the same kind back, so it works under `jax.jit` and `jax.vmap` in a measure, and in
float64 on the host. This module itself needs no JAX.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from epicycle.maths.sparsity import Numbers, inverse_participation

Sides = Literal["folded", "one-sided", "two-sided"]
KeyRule = Literal["equal_share", "share", "amplitude"]

# What makes a frequency k from 1 on a key frequency; {} is the threshold.
KEY_RULES: dict[KeyRule, str] = {
    "equal_share": "frequency k has at least {} times an equal share of the power, the constant left out",
    "share": "frequency k has at least {} of the power, the constant included",
    "amplitude": "the square root of the power of frequency k is at least {} of the largest",
}
THRESHOLDS: dict[KeyRule, float] = {"equal_share": 1.5, "share": 0.02, "amplitude": 0.25}


@lru_cache
def basis(p: int, frequencies: tuple[int, ...] | None = None) -> Float[ndarray, "wave residue"]:
    """The basis: row 0 is 1 / sqrt(p), rows 2 k - 1 and 2 k are the cosine and the sine of frequency k, all of norm 1.

    Args:
        p: number of residues.
        frequencies: only the rows of these, in ascending order; None is all.
    """
    rows = np.arange(p) if frequencies is None else np.flatnonzero(np.isin(wave_frequencies(p), frequencies))
    angles = 2 * np.pi * (np.outer(wave_frequencies(p)[rows], np.arange(p)) % p) / p
    is_sine = (rows % 2 == 0) & (rows > 0)
    waves = np.where(is_sine[:, None], np.sin(angles), np.cos(angles))
    waves /= np.linalg.norm(waves, axis=1, keepdims=True)
    waves.flags.writeable = False
    return waves


def wave_frequencies(p: int) -> Int[ndarray, " wave"]:
    """The frequency of each row of the basis: 0, 1, 1, 2, 2, ..."""
    return (np.arange(p) + 1) // 2


def coefficients(values: Float[Numbers, "..."], axis: int = -1) -> Float[Numbers, "..."]:
    """The coefficients of the basis along an axis of residues, which becomes an axis of waves."""
    return _along(basis(values.shape[axis]), values, axis)


def power(values: Float[Numbers, "..."], axis: int = -1) -> Float[Numbers, "..."]:
    """The squared coefficients along an axis of residues, added up by frequency: the axis becomes one of frequencies."""
    return _folded(coefficients(values, axis) ** 2, axis)


def spectrum(values: Float[Numbers, "..."], axis: int = -1) -> Float[Numbers, " frequency"]:
    """The power of each frequency along one axis of an array, added up over all other axes."""
    xp = values.__array_namespace__()
    return xp.moveaxis(power(values, axis), axis, -1).reshape(-1, values.shape[axis] // 2 + 1).sum(axis=0)


def _along(matrix: Float[ndarray, "wave residue"], values: Float[Numbers, "..."], axis: int) -> Float[Numbers, "..."]:
    """A matrix times an array along one of the array's axes."""
    xp = values.__array_namespace__()
    precision = xp.result_type(values.dtype, xp.float32)
    return xp.moveaxis(xp.tensordot(xp.asarray(matrix, dtype=precision), values, axes=([1], [axis])), 0, axis)


def _folded(squares: Float[Numbers, "..."], axis: int) -> Float[Numbers, "..."]:
    """Values of waves, added up by frequency."""
    p = squares.shape[axis]
    return _along((np.arange(p // 2 + 1)[:, None] == wave_frequencies(p)).astype(float), squares, axis)


def ipr(values: Float[Numbers, "..."], axis: int = -1, sides: Sides = "folded") -> Float[Numbers, "..."]:
    """Inverse participation ratio of the spectrum of real functions: 1 for one wave, small for noise.

    Args:
        values: functions of the residues.
        axis: the axis of residues.
        sides: what counts as one component of the spectrum. `folded`: a frequency of the real basis. `one-sided`: an entry of the FFT
            from frequency 0 to p // 2, as in the released code of Doshi et al. (arXiv 2310.13061); the constant then counts double.
            `two-sided`: an entry of the whole FFT; one wave then gives 0.5.
    """
    xp = values.__array_namespace__()
    powers = xp.moveaxis(power(values, axis), axis, -1)
    frequencies = np.arange(powers.shape[-1])
    is_pair = xp.asarray((frequencies > 0) & (2 * frequencies != values.shape[axis]))
    if sides == "one-sided":
        powers = xp.where(is_pair, powers, 2 * powers)
    if sides == "two-sided":
        powers = xp.concat([xp.where(is_pair, powers / 2, powers), xp.where(is_pair, powers / 2, 0.0)], axis=-1)
    return inverse_participation(powers)


def key_frequencies(
    powers: Float[Numbers, "*batch frequency"], rule: KeyRule = "equal_share", threshold: float | None = None
) -> Bool[Numbers, "*batch frequency"]:
    """Which frequencies are key, given the spectrum of an unembedding over the classes. The constant never is.

    The default asks for 1.5 times an equal share. Gaussian weights and networks trained on random labels stay below that with 31
    classes. A fixed share of 2 % would call each of their frequencies key, as an equal share is then 6.7 %.

    Args:
        powers: the power of every frequency, see `spectrum`.
        rule: see `KEY_RULES`. The source of `share` is a suggestion, that of `amplitude` a demonstration by Nanda et al. A third rule
            of theirs, the frequencies of neurons, is `key_by_neurons`.
        threshold: in place of the rule's own.
    """
    threshold = THRESHOLDS[rule] if threshold is None else threshold
    xp = powers.__array_namespace__()
    waves = powers[..., 1:]
    if rule == "amplitude":
        least = threshold**2 * waves.max(axis=-1, keepdims=True)
    elif rule == "share":
        least = threshold * powers.sum(axis=-1, keepdims=True)
    else:
        least = threshold * waves.mean(axis=-1, keepdims=True)
    is_key = (waves >= least) & (waves > 0)
    return xp.concat([xp.zeros_like(is_key[..., :1]), is_key], axis=-1)


def key_rule_text(rule: KeyRule = "equal_share", threshold: float | None = None) -> str:
    """The rule in words, for captions and reports."""
    return KEY_RULES[rule].format(f"{THRESHOLDS[rule] if threshold is None else threshold:g}")


def neuron_frequencies(activations: Float[Numbers, "x y d_mlp"]) -> tuple[Int[Numbers, " d_mlp"], Float[Numbers, " d_mlp"]]:
    """The frequency that explains most of each neuron's variance over all pairs of residues, and the share of the variance explained.

    A frequency explains what lies in the products of {constant, cosine, sine} of x with those of y (Nanda et al., arXiv 2301.05217).
    The share of a neuron that is constant is NaN.
    """
    centred = activations - activations.mean(axis=(0, 1))
    powers = _folded(_folded(coefficients(coefficients(centred, 0), 1) ** 2, 0), 1)
    k = np.arange(1, powers.shape[0])
    shares = (powers[k, k] + powers[k, 0] + powers[0, k]) / powers.sum(axis=(0, 1))
    return shares.argmax(axis=0) + 1, shares.max(axis=0)


def key_by_neurons(
    frequencies: Int[Numbers, " d_mlp"], shares: Float[Numbers, " d_mlp"], p: int, least_share: float = 0.0
) -> Bool[Numbers, " frequency"]:
    """Which frequencies are a neuron's own, of the neurons with at least some share of their variance explained.

    Args:
        frequencies: the frequency of each neuron, see `neuron_frequencies`.
        shares: the share of each neuron's variance that its frequency explains.
        p: number of residues.
        least_share: neurons below that are left out; Nanda et al. take none out for the key frequencies, and 0.85 for clusters.
    """
    is_own = frequencies[None, :] == np.arange(p // 2 + 1)[:, None]
    return (is_own & (shares >= least_share)[None, :]).any(axis=1)


def along_sums(grid: Float[Numbers, "x y ..."], sign: Literal[1, -1] = 1) -> Float[Numbers, "..."]:
    """The part of functions of pairs that depends on x + y alone, in orthonormal coordinates, one for each sum.

    `coefficients` of the result along axis 0 are those of the directions cos w(x + y) and sin w(x + y) of norm 1. `from_sums` is the
    inverse.

    Args:
        grid: a value for each pair of residues.
        sign: -1 for x - y in place of x + y.
    """
    p = grid.shape[0]
    x, sums = np.arange(p)[None, :], np.arange(p)[:, None]
    return grid[x, sign * (sums - x) % p].sum(axis=1) / p**0.5


def from_sums(values: Float[Numbers, "residue ..."], sign: Literal[1, -1] = 1) -> Float[Numbers, "..."]:
    """The functions of pairs that depend on x + y alone (x - y for sign -1), given their orthonormal coordinates."""
    p = values.shape[0]
    residues = np.arange(p)
    return values[(residues[:, None] + sign * residues) % p] / p**0.5
