"""Subgroups, cosets and discrete logarithms, against the numbers of any textbook."""

import numpy as np
import pytest

from epicycle.maths.groups import cosets, inverses, powers_of_generator, subgroups
from epicycle.tasks.groups import named

# group -> number of subgroups, number of classes of conjugate subgroups
FACTS = {"C1": (1, 1), "C12": (6, 6), "C2 x C2": (5, 5), "S3": (6, 4), "D4": (10, 8), "S4": (30, 11), "A5": (59, 9), "S5": (156, 19)}


@pytest.mark.parametrize("name", FACTS)
def test_numbers_of_subgroups(name: str) -> None:
    product = named(name)
    groups = subgroups(product)
    assert (len(groups.members), len(np.unique(groups.classes))) == FACTS[name]
    assert len(np.unique(groups.members, axis=0)) == len(groups.members)
    assert groups.members[0].sum() == 1
    assert groups.members[-1].all()
    for members in groups.members:
        elements = np.flatnonzero(members)
        assert set(product[np.ix_(elements, elements)].ravel()) == set(elements)


def test_conjugate_subgroups_share_a_class() -> None:
    product = named("S4")
    groups = subgroups(product)
    for number in np.unique(groups.classes):
        members = groups.members[groups.classes == number]
        x = np.flatnonzero(members[0])
        images = {frozenset(product[product[g, x], inverses(product)[g]].tolist()) for g in range(24)}
        assert images == {frozenset(np.flatnonzero(row).tolist()) for row in members}


@pytest.mark.parametrize("side", ["left", "right"])
def test_cosets(side: str) -> None:
    product = named("S4")
    for members in subgroups(product).members:
        elements, numbers = np.flatnonzero(members), cosets(product, members, side)  # type: ignore[arg-type]
        assert np.bincount(numbers).tolist() == [len(elements)] * (24 // len(elements))
        assert set(np.flatnonzero(numbers == 0)) == set(elements)
        for x in range(24):
            coset = product[x, elements] if side == "left" else product[elements, x]
            assert len(set(numbers[coset])) == 1


@pytest.mark.parametrize("p", [2, 3, 7, 31, 113])
def test_powers_of_a_generator_make_multiplication_cyclic(p: int) -> None:
    powers = powers_of_generator(p)
    assert sorted(powers) == list(range(1, p))
    exponents = np.arange(p - 1)
    sums = np.add.outer(exponents, exponents) % (p - 1)
    np.testing.assert_array_equal(powers[sums], np.multiply.outer(powers, powers) % p)


@pytest.mark.parametrize("n", [0, 1, 4, 9, 91])
def test_other_numbers_have_no_such_generator(n: int) -> None:
    with pytest.raises(ValueError, match="not prime"):
        powers_of_generator(n)
