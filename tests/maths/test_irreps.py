"""Irreps of groups against their textbook characters, and the projectors that circuits are measured with."""

import itertools
from functools import cache

import jax
import numpy as np
import pytest
from numpy import ndarray

from epicycle.maths import fourier
from epicycle.maths.groups import conjugacy_classes, subgroups
from epicycle.maths.irreps import (
    Irrep,
    character_table,
    complex_irreps,
    isotypic_power,
    isotypic_projectors,
    real_irreps,
    symmetric_irreps,
)
from epicycle.tasks.groups import named

GOLDEN = (1 + 5**0.5) / 2
# group -> dimensions of the complex irreps, and of the real ones with their types: (r)eal, (c)omplex, (q)uaternionic
GROUPS = {
    "C1": ("1", "1r"),
    "C2 x C2": ("1 1 1 1", "1r 1r 1r 1r"),
    "C7": ("1 1 1 1 1 1 1", "1r 2c 2c 2c"),
    "C8": ("1 1 1 1 1 1 1 1", "1r 1r 2c 2c 2c"),
    "D5": ("1 1 2 2", "1r 1r 2r 2r"),
    "A4": ("1 1 1 3", "1r 2c 3r"),
    "Q8": ("1 1 1 1 2", "1r 1r 1r 1r 4q"),
    "C3 x S3": ("1 1 1 1 1 1 2 2 2", "1r 1r 2c 2c 2r 4c"),
    "S3": ("1 1 2", "1r 1r 2r"),
    "S4": ("1 1 2 3 3", "1r 1r 2r 3r 3r"),
    "A5": ("1 3 3 4 5", "1r 3r 3r 4r 5r"),
    "S5": ("1 1 4 4 5 5 6", "1r 1r 4r 4r 5r 5r 6r"),
}


def table_of(name: str) -> ndarray:
    """The Cayley table; Q8 are the quaternions 1, i, j, k, -1, -i, -j, -k."""
    if name != "Q8":
        return named(name)
    product = np.array([[0, 1, 2, 3], [1, 4, 3, 6], [2, 7, 4, 1], [3, 2, 5, 4]])
    return np.array([[(product[a % 4, b % 4] + 4 * (a // 4 + b // 4)) % 8 for b in range(8)] for a in range(8)])


@cache
def irreps_of(name: str) -> tuple[Irrep, ...]:
    return real_irreps(table_of(name))


@pytest.mark.parametrize("name", GROUPS)
def test_real_irreps(name: str) -> None:
    product, irreps = table_of(name), irreps_of(name)
    assert sorted(f"{irrep.dim}{irrep.kind[0]}" for irrep in irreps) == sorted(GROUPS[name][1].split())
    assert [irrep.is_trivial for irrep in irreps] == [True] + [False] * (len(irreps) - 1)
    assert len({irrep.name for irrep in irreps}) == len(irreps)
    for irrep in irreps:
        rho = irrep.matrices
        np.testing.assert_allclose(np.einsum("xij,yjk->xyik", rho, rho), rho[product], atol=1e-12)
        np.testing.assert_allclose(rho @ rho.transpose(0, 2, 1), np.broadcast_to(np.eye(irrep.dim), rho.shape), atol=1e-12)


@pytest.mark.parametrize("name", GROUPS)
def test_complex_irreps_and_the_orthogonality_of_characters(name: str) -> None:
    product = table_of(name)
    irreps = complex_irreps(product)
    assert [matrices.shape[1] for matrices in irreps] == [int(dim) for dim in GROUPS[name][0].split()]
    for rho in irreps:
        np.testing.assert_allclose(np.einsum("xij,yjk->xyik", rho, rho), rho[product], atol=1e-12)
    characters, sizes = character_table(product), [len(members) for members in conjugacy_classes(product)]
    assert characters.shape == (len(sizes), len(sizes))
    np.testing.assert_allclose((characters * sizes) @ characters.conj().T, len(product) * np.eye(len(sizes)), atol=1e-10)


@pytest.mark.parametrize("name", GROUPS)
def test_isotypic_projectors(name: str) -> None:
    irreps, n = irreps_of(name), len(table_of(name))
    projectors = isotypic_projectors(irreps)
    np.testing.assert_allclose(projectors.sum(axis=0), np.eye(n), atol=1e-12)
    np.testing.assert_allclose(np.einsum("axy,byz->abxz", projectors, projectors), _diagonal(projectors), atol=1e-12)
    values = np.random.default_rng(0).normal(size=(n, 3, 2))
    powers = isotypic_power(projectors, values)
    assert powers.sum() == pytest.approx((values**2).sum())
    np.testing.assert_allclose(jax.jit(isotypic_power)(projectors.astype(np.float32), values.astype(np.float32)), powers, rtol=1e-3)
    for irrep, projector in zip(irreps, projectors, strict=True):
        np.testing.assert_allclose(projector @ irrep.functions, irrep.functions, atol=1e-12)
        np.testing.assert_allclose(projector @ irrep.character, irrep.character, atol=1e-12)
        np.testing.assert_allclose(irrep.functions.T @ irrep.functions, np.eye(irrep.functions.shape[1]), atol=1e-12)


def _diagonal(projectors: ndarray) -> ndarray:
    return np.einsum("ab,axy->abxy", np.eye(len(projectors)), projectors)


def test_a_cyclic_group_has_the_folded_frequencies() -> None:
    values = np.random.default_rng(0).normal(size=(13, 2))
    powers = isotypic_power(isotypic_projectors(irreps_of("C13")), values)
    np.testing.assert_allclose(sorted(powers), sorted(fourier.spectrum(values, 0)))


# The characters of symmetric groups by cycle type, and of A5 with its two classes of 5-cycles in either order.
CYCLES = {
    "S3": {"1,1,1": 0, "2,1": 1, "3": 2},
    "S4": {"1,1,1,1": 0, "2,1,1": 1, "2,2": 2, "3,1": 3, "4": 4},
    "S5": {"1,1,1,1,1": 0, "2,1,1,1": 1, "2,2,1": 2, "3,1,1": 3, "3,2": 4, "4,1": 5, "5": 6},
}
CHARACTERS = {
    "S3": {"trivial": [1, 1, 1], "sign": [1, -1, 1], "standard": [2, 0, -1]},
    "S4": {
        "trivial": [1, 1, 1, 1, 1],
        "sign": [1, -1, 1, 1, -1],
        "2,2": [2, 0, 2, -1, 0],
        "standard": [3, 1, -1, 0, -1],
        "standard x sign": [3, -1, -1, 0, 1],
    },
    "S5": {
        "trivial": [1, 1, 1, 1, 1, 1, 1],
        "sign": [1, -1, 1, 1, -1, -1, 1],
        "standard": [4, 2, 0, 1, -1, 0, -1],
        "standard x sign": [4, -2, 0, 1, 1, 0, -1],
        "3,2": [5, 1, 1, -1, 1, -1, 0],
        "2,2,1": [5, -1, 1, -1, -1, 1, 0],
        "3,1,1": [6, 0, -2, 0, 0, 0, 1],
    },
}


def cycle_type(permutation: tuple[int, ...]) -> str:
    cycles, left = [], set(range(len(permutation)))
    while left:
        start = i = min(left)
        length = 0
        while length == 0 or i != start:
            left.discard(i)
            i, length = permutation[i], length + 1
        cycles.append(length)
    return ",".join(map(str, sorted(cycles, reverse=True)))


@pytest.mark.parametrize("name", CHARACTERS)
def test_characters_of_symmetric_groups(name: str) -> None:
    n = int(name[1])
    columns = [CYCLES[name][cycle_type(x)] for x in itertools.permutations(range(n))]
    assert {irrep.name for irrep in irreps_of(name)} == set(CHARACTERS[name])
    for irrep in irreps_of(name):
        np.testing.assert_allclose(irrep.character, np.array(CHARACTERS[name][irrep.name])[columns], atol=1e-12)
    members = conjugacy_classes(table_of(name))
    ours = {tuple(row) for row in character_table(table_of(name)).round(9).real + 0.0}
    assert ours == {tuple(np.array(row)[[columns[elements[0]] for elements in members]] + 0.0) for row in CHARACTERS[name].values()}


def test_characters_of_a5() -> None:
    sizes = [len(members) for members in conjugacy_classes(table_of("A5"))]
    fives = [i for i, size in enumerate(sizes) if size == 12]
    columns = [sizes.index(1), sizes.index(15), sizes.index(20), *fives]
    expected = [
        [1, 1, 1, 1, 1],
        [3, -1, 0, GOLDEN, 1 - GOLDEN],
        [3, -1, 0, 1 - GOLDEN, GOLDEN],
        [4, 0, 1, -1, -1],
        [5, 1, -1, 0, 0],
    ]
    table = character_table(table_of("A5"))[:, columns]
    np.testing.assert_allclose(table, expected, atol=1e-10)  # the order of the two 3d irreps is by character, so it is fixed too
    assert [irrep.name for irrep in irreps_of("A5")] == ["trivial", "3d_1", "3d_2", "4d", "5d"]


def test_young_s_form_agrees_with_the_decomposition_of_the_same_group() -> None:
    """The group with its elements renamed is not recognised as S5, so it is decomposed."""
    product, order = table_of("S5"), np.random.default_rng(0).permutation(120)
    renamed = np.argsort(order)[product[np.ix_(order, order)]]
    decomposed = real_irreps(renamed)
    assert [irrep.name for irrep in decomposed] == ["trivial", "1d", "4d_1", "4d_2", "5d_1", "5d_2", "6d"]
    ours = sorted(isotypic_projectors(decomposed), key=lambda projector: projector[0].tolist())
    theirs = [projector[np.ix_(order, order)] for projector in isotypic_projectors(irreps_of("S5"))]
    for projector in theirs:
        assert min(np.abs(projector - other).max() for other in ours) < 1e-12


def test_s6_by_young_s_form() -> None:
    irreps = symmetric_irreps(6)
    assert [irrep.dim for irrep in irreps] == [1, 1, 5, 5, 5, 5, 9, 9, 10, 10, 16]
    assert sum(irrep.dim**2 for irrep in irreps) == 720
    characters = np.stack([irrep.character for irrep in irreps])
    np.testing.assert_allclose(characters @ characters.T / 720, np.eye(11), atol=1e-12)
    product, some = named("S6"), np.arange(0, 720, 90)
    for irrep in real_irreps(product):
        rho = irrep.matrices
        np.testing.assert_allclose(np.einsum("xij,yjk->xyik", rho[some], rho), rho[product[some]], atol=1e-12)


def test_functions_on_cosets_lie_in_the_irreps_of_the_permutations_of_cosets() -> None:
    """A function of the image of 0 under x is a sum of the trivial and the standard part; the sign is the coset of A5."""
    permutations = np.array(list(itertools.permutations(range(5))))
    image = np.random.default_rng(0).normal(size=5)[permutations[:, 0]]
    powers = isotypic_power(isotypic_projectors(irreps_of("S5")), image[:, None])
    assert np.flatnonzero(powers > 1e-9).tolist() == [0, 2]
    [alternating] = [members for members in subgroups(table_of("S5")).members if members.sum() == 60]
    np.testing.assert_allclose(irreps_of("S5")[1].character, np.where(alternating, 1, -1))
