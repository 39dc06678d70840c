"""Finite groups by their Cayley table, where row x, column y holds the element x y: inverses, conjugacy classes, subgroups, cosets."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray


def identity_of(product: Int[ndarray, "element element"]) -> int:
    """The identity."""
    return int(np.flatnonzero((product == np.arange(len(product))).all(axis=1))[0])


def inverses(product: Int[ndarray, "element element"]) -> Int[ndarray, " element"]:
    """The inverse of every element."""
    return np.argmax(product == identity_of(product), axis=1)


def conjugates(product: Int[ndarray, "element element"]) -> Int[ndarray, "element element"]:
    """Row x, column y holds x y x^-1."""
    return product[product, inverses(product)[:, None]]


def conjugacy_classes(product: Int[ndarray, "element element"]) -> list[list[int]]:
    """The elements by class, each class in ascending order."""
    conjugated = conjugates(product)
    classes = {tuple(np.unique(conjugated[:, y]).tolist()) for y in range(len(product))}
    return [list(members) for members in sorted(classes)]


@dataclass(frozen=True, eq=False)
class Subgroups:
    """All subgroups of a group, the smaller ones first.

    Attributes:
        members: which elements each subgroup has.
        classes: a number for each subgroup; conjugate subgroups share it.
    """

    members: Bool[ndarray, "subgroup element"]
    classes: Int[ndarray, " subgroup"]


def subgroups(product: Int[ndarray, "element element"]) -> Subgroups:
    """All subgroups. One subgroup of each class is extended by one more element in all ways, up from the trivial subgroup.

    S5 takes a fraction of a second, S6 some seconds.
    """
    inverse_images = conjugates(product)[inverses(product)]  # row g, column x: g^-1 x g
    trivial = np.arange(len(product)) == identity_of(product)
    classes = {trivial.tobytes(): 0}
    waiting, generators = [trivial], _generators_of_cyclic_subgroups(product)
    for subgroup in waiting:
        for larger in (_generated(product, subgroup, x) for x in generators if not subgroup[x]):
            if larger.tobytes() not in classes:
                classes |= {conjugate.tobytes(): len(waiting) for conjugate in larger[inverse_images]}
                waiting.append(larger)
    members = np.array([np.frombuffer(subgroup, dtype=bool) for subgroup in classes])
    order = np.lexsort((np.array(list(classes.values())), members.sum(axis=1)))
    return Subgroups(members[order], np.array(list(classes.values()))[order])


def cosets(
    product: Int[ndarray, "element element"], members: Bool[ndarray, " element"], side: Literal["left", "right"]
) -> Int[ndarray, " element"]:
    """The number of every element's coset: x H for `left`, H x for `right`. H has number 0 if the identity is element 0."""
    images = product[:, members] if side == "left" else product[members].T
    return np.unique(images.min(axis=1), return_inverse=True)[1]


def powers_of(product: Int[ndarray, "element element"], x: int) -> Iterator[int]:
    """x, x x, ..., up to the identity."""
    identity, power = identity_of(product), x
    yield power
    while power != identity:
        power = int(product[power, x])
        yield power


def powers_of_generator(p: int) -> Int[ndarray, " element"]:
    """g^0, g^1, ... modulo a prime p, for the smallest g whose powers are all residues but 0.

    In this order of the residues, multiplication modulo p is addition of positions modulo p - 1.

    Raises:
        ValueError: p is not prime.
    """
    if p < 2 or any(p % divisor == 0 for divisor in range(2, int(p**0.5) + 1)):
        raise ValueError(f"{p} is not prime")
    candidates = (np.array([pow(generator, exponent, p) for exponent in range(p - 1)]) for generator in range(1, p))
    return next(powers for powers in candidates if len(np.unique(powers)) == p - 1)


def _generators_of_cyclic_subgroups(product: Int[ndarray, "element element"]) -> list[int]:
    """One generator of each cyclic subgroup."""
    return list({frozenset(powers_of(product, x)): x for x in range(len(product))}.values())


def _generated(product: Int[ndarray, "element element"], members: Bool[ndarray, " element"], x: int) -> Bool[ndarray, " element"]:
    """The smallest subgroup that holds a subgroup and an element."""
    larger = members.copy()
    larger[x] = True
    size = 0
    while size < larger.sum():
        size = larger.sum()
        if 2 * size > len(product):  # the order of a subgroup divides that of the group
            return np.ones_like(members)
        elements = np.flatnonzero(larger)
        larger[product[np.ix_(elements, elements)]] = True
    return larger
