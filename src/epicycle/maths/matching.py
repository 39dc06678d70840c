"""Networks as alike as they can be: neurons and heads of one network permuted to fit those of another.

The weights of the two are matched group by group: each group of units gets the permutation with the largest sum of products of
weights, given the permutations of all other groups, until none of them changes (weight matching: Ainsworth et al., arXiv 2209.04836,
algorithm 1). The sum never falls, so the rounds end; they may end before the largest sum of all.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.spec.families import Params
from epicycle.spec.interchangeable import Interchangeable, UnitsIn

MOST_ROUNDS = 100


def matched(params: Params, target: Params, groups: Sequence[Interchangeable]) -> Params:
    """The network whose units are permuted to fit those of another.

    Args:
        params: the network.
        target: the other network, with tensors of the same shapes.
        groups: the units that can change places.
    """
    from scipy.optimize import linear_sum_assignment  # takes a third of a second to load

    moved = {name: np.asarray(value) for name, value in params.items()}
    for _ in range(MOST_ROUNDS):
        settled = True
        for group in groups:
            order = linear_sum_assignment(_likeness(target, moved, group), maximize=True)[1]
            if np.any(order != np.arange(len(order))):
                moved, settled = permuted(moved, group, order), False
        if settled:
            break
    return moved


def permuted(params: Params, group: Interchangeable, order: Int[ndarray, " unit"]) -> Params:
    """The network with the units of a group in another order: unit i is what unit `order[i]` was."""
    moved = {name: np.array(value) for name, value in params.items()}
    for units in _present(params, group):
        whole = moved[units.tensor] if units.layer is None else moved[units.tensor][units.layer]
        steps = np.arange(units.times)[:, None] * len(order)
        whole[...] = np.take(whole, (steps + order).ravel(), axis=units.axis)
    return moved


def size_of(params: Params, group: Interchangeable) -> int:
    """The number of units of a group."""
    return len(_by_unit(params, _present(params, group)[0]))


def _present(params: Params, group: Interchangeable) -> list[UnitsIn]:
    """The places of the group in tensors that the network has."""
    return [units for units in group.places if units.tensor in params]


def _likeness(target: Params, params: Params, group: Interchangeable) -> Float[ndarray, "unit other_unit"]:
    """The sum of products of the weights of each unit of the target and each unit of the network."""
    pairs = [(_by_unit(target, units), _by_unit(params, units)) for units in _present(params, group)]
    likeness: Float[ndarray, "unit other_unit"] = np.sum([first @ second.T for first, second in pairs], axis=0)
    return likeness


def _by_unit(params: Params, units: UnitsIn) -> Float[ndarray, "unit number"]:
    """The weights of each unit in one place."""
    whole = np.asarray(params[units.tensor], np.float64)
    whole = np.moveaxis(whole if units.layer is None else whole[units.layer], units.axis, 0)
    parts = whole.reshape(units.times, len(whole) // units.times, -1)
    return np.moveaxis(parts, 1, 0).reshape(parts.shape[1], -1)
