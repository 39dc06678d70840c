"""Attribution: how much of what a network says about a row is due to each unit.

The gain that is shared out is the right logit's lead over the mean logit, or the log-probability of the right answer. Integrated
gradients and Shapley values share out the whole difference between the network and one with the baseline in the place of every unit.
"""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from epicycle.circuits.removable import Units
from epicycle.maths.cross_entropy import cross_entropy, right_logit

Gain = Literal["lead", "log_prob"]
Method = Literal["integrated_gradients", "shapley", "ablation"]
POINTS = 16  # between the baseline and the network, at which `integrated_gradients` takes gradients
_SEED = 0  # of the orders in which `shapley` adds units

_OfLogits = Callable[[Float[Array, "row d_vocab_out"]], Float[Array, " row"]]


def attributions(
    units: Units, labels: Int[Array, " row"], method: Method, gain: Gain, orders: int
) -> tuple[Float[Array, "row removable"], Float[Array, "row removable"]]:
    """The attribution of every row's gain to every unit, and its standard error.

    Where the logits are linear in all units and the gain is the lead, the three methods agree, and the attribution is exact: the
    unit's activation above its baseline times what the unit adds to the lead per unit of activation.

    Args:
        units: as `units_of` gives them.
        labels: the right class of each row.
        method: `integrated_gradients` (Sundararajan et al., arXiv 1703.01365) goes straight from all baselines to the network.
            `shapley` (Castro et al. 2009) adds the units in random orders, always the same ones. `ablation` takes each unit out alone.
        gain: what is shared out.
        orders: number of random orders.

    Returns:
        The error is 0 except for `shapley`.
    """
    if units.own is not None and gain == "lead":
        above, per_unit = units.own
        exact = above * (per_unit[:, labels].T - per_unit.mean(axis=1))
        return exact, jnp.zeros_like(exact)

    def gained(logits: Float[Array, "row d_vocab_out"]) -> Float[Array, " row"]:
        if gain == "log_prob":
            return -cross_entropy(logits, labels)
        return right_logit(logits, labels) - logits.mean(axis=1)

    if method == "shapley":
        drawn = np.random.default_rng(_SEED).permuted(np.tile(np.arange(units.n), (orders, 1)), axis=1)
        return _shapley(units, gained, drawn)
    exact = _integrated_gradients(units, gained) if method == "integrated_gradients" else _losses(units, gained)
    return exact, jnp.zeros_like(exact)


def _integrated_gradients(units: Units, gained: _OfLogits) -> Float[Array, "row removable"]:
    """The mean of the gain's derivatives by each unit's share, along the straight way from 0 to 1."""

    def slopes(share: Float[Array, ""]) -> Float[Array, "row removable"]:
        kept = jnp.full((len(units.whole), units.n), share)
        return jax.grad(lambda shares: gained(units.logits(shares)).sum())(kept)

    return jax.lax.map(slopes, (jnp.arange(POINTS, dtype=units.whole.dtype) + 0.5) / POINTS).mean(axis=0)


def _losses(units: Units, gained: _OfLogits) -> Float[Array, "row removable"]:
    """What is lost of the gain without each unit."""
    whole = gained(units.whole)
    return jax.lax.map(lambda unit: whole - gained(units.logits_without(unit)), jnp.arange(units.n)).T


def _shapley(
    units: Units, gained: _OfLogits, orders: Int[ndarray, "draw removable"]
) -> tuple[Float[Array, "row removable"], Float[Array, "row removable"]]:
    """The mean over orders of what each unit adds to the gain when its turn comes, and its standard error."""
    nothing = jnp.zeros(units.n, units.whole.dtype)

    def add(state: tuple[Array, Array], unit: Array) -> tuple[tuple[Array, Array], Array]:
        kept, before = state
        kept = kept.at[unit].set(1)
        after = gained(units.logits(kept))
        return (kept, after), after - before

    def in_order(order: Int[Array, " removable"]) -> Float[Array, "row removable"]:
        _, added = jax.lax.scan(add, (nothing, gained(units.logits(nothing))), order)
        return jnp.zeros_like(added).at[order].set(added).T

    by_order = jax.lax.map(in_order, jnp.asarray(orders))
    return by_order.mean(axis=0), by_order.std(axis=0, ddof=1) / len(orders) ** 0.5
