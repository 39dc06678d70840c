"""Irreducible representations of a finite group given by its Cayley table, in float64 on the host.

Circuits use real irreducible representations ("irreps"): every function on the group is a sum of parts, one for each real irrep. The
table of characters uses complex ones. A symmetric group with its permutations in lexicographic order gets Young's orthogonal form, and
names. Any other group is decomposed.

The decomposition: a random symmetric matrix that commutes with all translations of the group has irreps as its eigenspaces. That takes
one eigendecomposition of an n x n matrix (a second for 720 elements) and gives real irreps at once. The library spgrep has the same
idea, but needs n^3 numbers (6 GB for 720 elements), finds complex irreps first, and brings five packages along.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Complex, Float, Int, Num
from numpy import ndarray

from epicycle.maths.groups import conjugacy_classes, identity_of, inverses
from epicycle.maths.sparsity import Numbers

Kind = Literal["real", "complex", "quaternionic"]
KINDS: dict[int, Kind] = {
    1: "real",
    2: "complex",
    4: "quaternionic",
}  # by the number of dimensions of the matrices that commute with it
GAP = 1e-11  # between different eigenvalues, as a share of their range; rounding makes gaps of about 1e-15


@dataclass(frozen=True, eq=False)
class Irrep:
    """A real irreducible representation, by orthogonal matrices.

    The names, characters and projectors of a group's irreps are always the same. The matrices from a decomposition are in a basis that
    can differ from machine to machine.

    Attributes:
        name: `trivial`; for a symmetric group `sign`, `standard`, `standard x sign` or the partition (`3,2`); for other groups the
            number of dimensions, as in `4d`, `3d_1`, `3d_2`.
        matrices: one for each element.
    """

    name: str
    matrices: Float[ndarray, "element dim dim"]

    @property
    def dim(self) -> int:
        """The number of dimensions."""
        return self.matrices.shape[1]

    @property
    def character(self) -> Float[ndarray, " element"]:
        """The trace of every element's matrix."""
        return np.trace(self.matrices, axis1=1, axis2=2)

    @property
    def is_trivial(self) -> bool:
        """Whether every element is represented by 1."""
        return self.dim == 1 and bool((self.matrices > 0).all())

    @property
    def kind(self) -> Kind:
        """The Frobenius-Schur type.

        Over the complex numbers the irrep stays irreducible (real), or becomes two irreps: conjugate ones (complex) or equal ones
        (quaternionic).
        """
        return KINDS[round(float((self.character**2).mean()))]

    @property
    def functions(self) -> Float[ndarray, "element function"]:
        """An orthonormal basis of the functions on the group that the matrices' entries span."""
        entries = self.matrices.reshape(len(self.matrices), -1)
        if self.kind == "real":
            return entries * math.sqrt(self.dim / len(entries))
        rank = self.dim**2 // (2 if self.kind == "complex" else 4)
        return np.linalg.svd(entries, full_matrices=False)[0][:, :rank]


def real_irreps(product: Int[ndarray, "element element"]) -> tuple[Irrep, ...]:
    """All real irreps: the trivial one first, then by number of dimensions.

    Args:
        product: the Cayley table, row x and column y for x y.
    """
    for n in range(2, 7):
        if math.factorial(n) == len(product) and _is_symmetric_group(product, n):
            return symmetric_irreps(n)
    return tuple(Irrep(name, matrices) for name, matrices in _named(_decomposed(product, complex_numbers=False)))


def complex_irreps(product: Int[ndarray, "element element"]) -> tuple[Complex[ndarray, "element dim dim"], ...]:
    """Unitary matrices of all complex irreps: the trivial one first, then by number of dimensions."""
    return tuple(matrices for _, matrices in _named(_decomposed(product, complex_numbers=True)))


def character_table(product: Int[ndarray, "element element"]) -> Complex[ndarray, "irrep conjugacy_class"]:
    """The characters of the complex irreps, in the order of `conjugacy_classes`."""
    representatives = [members[0] for members in conjugacy_classes(product)]
    return np.stack([np.trace(matrices[representatives], axis1=1, axis2=2) for matrices in complex_irreps(product)])


def isotypic_projectors(irreps: tuple[Irrep, ...]) -> Float[ndarray, "irrep element element"]:
    """For each irrep, the projector of functions on the group on the part that belongs to the irrep."""
    return np.stack([irrep.functions @ irrep.functions.T for irrep in irreps])


def isotypic_power(
    projectors: Float[Numbers, "irrep element element"], values: Float[Numbers, "element ..."]
) -> Float[Numbers, " irrep"]:
    """The squared norm of each irrep's part of functions on the group, added up over all axes but the first. Also under `jax.jit`."""
    flat = values.reshape(values.shape[0], -1)
    return (flat * (projectors @ flat)).sum(axis=(1, 2))


def symmetric_irreps(n: int) -> tuple[Irrep, ...]:
    """Young's orthogonal form of all irreps of S_n, by permutations in lexicographic order, with (x y)(i) = x(y(i)).

    The trivial irrep comes first, then by number of dimensions, then by partition.
    """
    irreps = [Irrep(_partition_name(partition), _young_matrices(partition)) for partition in _partitions(n)]
    return tuple(sorted(irreps, key=lambda irrep: (irrep.dim, not irrep.is_trivial)))


def _decomposed(product: Int[ndarray, "element element"], complex_numbers: bool) -> Iterator[Num[ndarray, "element dim dim"]]:
    """The matrices of every irrep, one eigenspace for each.

    An eigenspace with orthonormal columns v has L(g) v = v rho(g), where L(g) f(x) = f(g^-1 x). Its projector v v* commutes with all
    L(g), so the projector's row of the identity, averaged over conjugacy classes, is the character of rho.
    """
    n = len(product)
    inverse, identity, classes = inverses(product), identity_of(product), conjugacy_classes(product)
    spaces = _invariant_spaces(product, complex_numbers)
    rows = np.stack([space[identity] @ space.conj().T for space in spaces])
    characters = n * np.stack([rows[:, members].mean(axis=1) for members in classes], axis=1)
    sizes = np.array([len(members) for members in classes])
    overlaps = np.abs((characters * sizes) @ characters.conj().T) / n
    firsts = [i for i, overlap in enumerate(overlaps) if overlap[:i].max(initial=0) < 0.5]
    for space in (spaces[i] for i in firsts):
        yield np.tensordot(space[product[inverse]], space.conj(), axes=([1], [0])).transpose(0, 2, 1)


def _invariant_spaces(product: Int[ndarray, "element element"], complex_numbers: bool) -> list[Num[ndarray, "element dim"]]:
    """Orthonormal bases of irreducible spaces of functions on the group, which together hold all functions."""
    rng = np.random.default_rng(0)
    weights: Any = rng.standard_normal(len(product))
    if complex_numbers:
        weights = weights + 1j * rng.standard_normal(len(product))
    commuting = weights[product[inverses(product)]]  # row x, column y: the weight of x^-1 y
    eigenvalues, vectors = np.linalg.eigh(commuting + commuting.conj().T)
    starts = np.flatnonzero(np.diff(eigenvalues) > GAP * np.ptp(eigenvalues)) + 1
    return np.split(vectors, starts, axis=1)


def _named(irreps: Iterator[Num[ndarray, "element dim dim"]]) -> list[tuple[str, Num[ndarray, "element dim dim"]]]:
    """The irreps in an order that depends on their characters alone, with names."""

    def order(matrices: Num[ndarray, "element dim dim"]) -> tuple[Any, ...]:
        character = np.trace(matrices, axis1=1, axis2=2).round(6) + 0.0
        return matrices.shape[1], (-character.real).tolist(), (-character.imag).tolist()

    ordered = sorted(irreps, key=order)
    dims = [matrices.shape[1] for matrices in ordered]
    names = ["trivial", *(_numbered(dims[1:], i) for i in range(len(dims) - 1))]
    return list(zip(names, ordered, strict=True))


def _numbered(dims: list[int], i: int) -> str:
    """`4d`, or `3d_2` where more than one irrep has 3 dimensions."""
    name = f"{dims[i]}d"
    return name if dims.count(dims[i]) == 1 else f"{name}_{dims[: i + 1].count(dims[i])}"


def _is_symmetric_group(product: Int[ndarray, "element element"], n: int) -> bool:
    permutations = _permutations(n)
    return bool((permutations[:, permutations] == permutations[product]).all())


def _permutations(n: int) -> Int[ndarray, "element point"]:
    return np.array(list(itertools.permutations(range(n))))


def _partitions(n: int, largest: int | None = None) -> Iterator[tuple[int, ...]]:
    """The partitions of n into parts of at most some size, the largest part first."""
    if n == 0:
        yield ()
    for part in range(min(n, largest or n), 0, -1):
        yield from ((part, *rest) for rest in _partitions(n - part, part))


def _partition_name(partition: tuple[int, ...]) -> str:
    n = sum(partition)
    names = {(2, *[1] * (n - 2)): "standard x sign", (n - 1, 1): "standard", (1,) * n: "sign", (n,): "trivial"}
    return names.get(partition, ",".join(map(str, partition)))


def _young_matrices(partition: tuple[int, ...]) -> Float[ndarray, "element dim dim"]:
    """Every permutation is reached from a known one by swapping two neighbours in its list of images."""
    n = sum(partition)
    swaps = _young_swaps(partition)
    identity = tuple(range(n))
    matrices = {identity: np.eye(len(swaps[0]) if swaps else 1)}
    waiting = [identity]
    for x in waiting:
        for i, swap in enumerate(swaps):
            longer = (*x[:i], x[i + 1], x[i], *x[i + 2 :])  # x after the swap of i and i + 1
            if longer not in matrices:
                matrices[longer] = matrices[x] @ swap
                waiting.append(longer)
    return np.stack([matrices[x] for x in sorted(matrices)])


def _young_swaps(partition: tuple[int, ...]) -> list[Float[ndarray, "dim dim"]]:
    """The matrices of the swaps of i and i + 1, for i = 0, ..., n - 2.

    The basis is the standard tableaux. With r the diagonal of i + 1 minus that of i in a tableau, the swap keeps 1 / r of the tableau
    and gives sqrt(1 - 1 / r^2) of the tableau with i and i + 1 exchanged.
    """
    tableaux = list(_tableaux(partition))
    position = {tableau: i for i, tableau in enumerate(tableaux)}
    swaps = []
    for i in range(sum(partition) - 1):
        matrix = np.zeros((len(tableaux), len(tableaux)))
        for tableau, column in position.items():
            (row_a, column_a), (row_b, column_b) = tableau[i], tableau[i + 1]
            distance = (column_b - row_b) - (column_a - row_a)
            matrix[column, column] = 1 / distance
            exchanged = (*tableau[:i], tableau[i + 1], tableau[i], *tableau[i + 2 :])
            if exchanged in position:
                matrix[position[exchanged], column] = math.sqrt(1 - 1 / distance**2)
        swaps.append(matrix)
    return swaps


def _tableaux(partition: tuple[int, ...]) -> Iterator[tuple[tuple[int, int], ...]]:
    """The standard tableaux of a shape, each as the boxes (row, column) of 0, 1, ..., n - 1."""
    if not sum(partition):
        yield ()
    for row, length in enumerate(partition):
        is_corner = length and (row + 1 == len(partition) or partition[row + 1] < length)
        if is_corner:
            smaller = (*partition[:row], length - 1, *partition[row + 1 :])
            yield from ((*tableau, (row, length - 1)) for tableau in _tableaux(smaller))
