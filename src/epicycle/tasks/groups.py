"""Composition in a finite group, given by name or by its Cayley table: x y, x y x^-1, or x y x over all ordered pairs.

Power et al. (arXiv 2201.02177, appendix A.1) train on S5 with these three; Chughtai et
al. (arXiv 2302.03025) on C_n, D_n, S_n and A_n. A product of permutations applies the second first, (x y)(i) = x(y(i)); the released
code of Power et al. applies the first first, so its x y is y x here.
"""

import itertools
import math
import re
from functools import cache, reduce
from typing import Any, Literal

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from pydantic import model_validator

from epicycle.spec.families import Task
from epicycle.spec.fields import static
from epicycle.spec.table import Symmetry, Table
from epicycle.tasks.forms import Form, written

FACTOR = re.compile(r"([CDSA])_?(\d+)$")
LARGEST = 1000  # elements; a million rows


class Composition(Task):
    """Composition of two elements.

    Attributes:
        group: `C7` (cyclic), `D5` (of the regular 5-gon, 10 elements), `S5`, `A5` (permutations in lexicographic order), or a direct
            product such as `C2 x S3`. The identity is element 0 of every one of them.
        cayley: a Cayley table instead: row x, column y holds the id of x y.
        variant: what is asked for.
        form: how a row is written, see `epicycle.tasks.forms`.
    """

    kind = "composition"

    group: str | None = static(None)
    cayley: tuple[tuple[int, ...], ...] | None = static(None)
    variant: Literal["xy", "xyx^-1", "xyx"] = static("xy")
    form: Form = static("x y =")

    @model_validator(mode="after")
    def _is_a_group(self) -> "Composition":
        if (self.group is None) == (self.cayley is None):
            raise ValueError("give a group by name (S5, D4, C2 x C2) or its cayley table, one of the two")
        if self.cayley is not None:
            check_group(self.cayley)
        elif self.group is not None:
            named(self.group)
        return self

    def product(self) -> Int[ndarray, "token token"]:
        """The Cayley table."""
        return named(self.group) if self.group is not None else np.array(self.cayley)

    def table(self) -> Table:
        """All n * n rows."""
        product = self.product()
        n = len(product)
        x, y = np.divmod(np.arange(n * n), n)
        xy = product[x, y]
        labels = {"xy": xy, "xyx^-1": product[xy, inverses(product)[x]], "xyx": product[xy, x]}[self.variant]
        return written(np.stack([x, y], axis=1), labels, n, tuple(self._symmetries(product, labels, x, y)), self.form)

    def _symmetries(self, product: Any, labels: Any, x: Any, y: Any) -> list[Symmetry]:
        n = len(product)
        found = []
        swap = y * n + x
        if (labels[swap] == labels).all():
            found.append(Symmetry("mirror", swap, "preserved"))
        if self.variant != "xyx" and n > 1:
            # (x g)(g^-1 y) = x y and (x g)(g^-1 y g)(x g)^-1 = x y x^-1, for one element g that is not the identity.
            identity = identity_of(product)
            g = next(element for element in range(n) if element != identity)
            moved = product[inverses(product)[g], y]
            moved = moved if self.variant == "xy" else product[moved, g]
            found.append(Symmetry("translation", product[x, g] * n + moved, "preserved"))
        return found


@cache
def named(name: str) -> Int[ndarray, "token token"]:
    """The Cayley table of a group by name.

    Raises:
        ValueError: no such group, or too large a one.
    """
    parts = [FACTOR.match(part.strip()) for part in re.split(r"\s*[x*\u00d7]\s*", name)]
    if not all(parts):
        raise ValueError(
            f"'{name}' is not a group known here; write C7, D5, S4, A5, or a direct product such as C2 x S3, or give cayley"
        )
    named_so = [(part.group(1), int(part.group(2))) for part in parts if part]
    order = math.prod(_order(family, n) for family, n in named_so)
    if order > LARGEST:
        raise ValueError(f"{name} has {order} elements; at most {LARGEST} are allowed, as the table has a row for every pair")
    return reduce(_direct, [_factor(family, n) for family, n in named_so])


def inverses(product: Int[ndarray, "token token"]) -> Int[ndarray, " token"]:
    """The inverse of every element."""
    return np.argmax(product == identity_of(product), axis=1)


def identity_of(product: Int[ndarray, "token token"]) -> int:
    """The identity."""
    return int(np.flatnonzero((product == np.arange(len(product))).all(axis=1))[0])


def conjugacy_classes(product: Int[ndarray, "token token"]) -> list[list[int]]:
    """The elements by class, each class in ascending order."""
    n = len(product)
    every = np.arange(n)
    conjugated = product[product, inverses(product)[:, None]]  # [x, y] -> x y x^-1
    classes = {tuple(np.unique(conjugated[:, y]).tolist()) for y in every}
    return [list(members) for members in sorted(classes)]


def check_group(cayley: tuple[tuple[int, ...], ...]) -> None:
    """Hold a table against the axioms.

    Raises:
        ValueError: says which axiom fails, and where.
    """
    n = len(cayley)
    if not n or any(len(row) != n for row in cayley) or n > LARGEST:
        raise ValueError(f"cayley must be a square table of at most {LARGEST} rows")
    product = np.array(cayley)
    every = np.arange(n)
    lines = np.concatenate([product, product.T])
    if (np.sort(lines, axis=1) != every).any():
        raise ValueError(f"cayley is not a group: every row and column must hold each of 0 to {n - 1} once")
    if (lines == every).all(axis=1).sum() < 2:
        raise ValueError("cayley is not a group: it has no identity")
    for x in every:
        wrong = np.argwhere(product[product[x]] != product[x][product])
        if len(wrong):
            y, z = wrong[0]
            raise ValueError(f"cayley is not a group: ({x} {y}) {z} differs from {x} ({y} {z})")


def _order(family: str, n: int) -> int:
    """Number of elements."""
    if n < 1 or (family in "SA" and n > 6) or (family == "D" and n < 3):
        raise ValueError(f"{family}{n} is not available: C from 1 on, D from 3 on, S and A from 1 to 6")
    if family in "CD":
        return n if family == "C" else 2 * n
    return math.factorial(n) if family == "S" else max(math.factorial(n) // 2, 1)


def _factor(family: str, n: int) -> Int[ndarray, "token token"]:
    if family == "C":
        return np.add.outer(np.arange(n), np.arange(n)) % n
    return _dihedral(n) if family == "D" else _permutations(n, even=family == "A")


def _dihedral(n: int) -> Int[ndarray, "token token"]:
    """Rotations r^a are 0 to n - 1, reflections r^a s are n to 2 n - 1."""
    a, flipped = np.tile(np.arange(n), 2), np.repeat([0, 1], n)
    turned = (a[:, None] + np.where(flipped[:, None], -a, a)) % n
    return turned + n * (flipped[:, None] ^ flipped)


def _permutations(n: int, even: bool) -> Int[ndarray, "token token"]:
    """(x y)(i) = x(y(i)); for A_n the even ones."""
    every = [p for p in itertools.permutations(range(n)) if not even or _inversions(p) % 2 == 0]
    place = {p: i for i, p in enumerate(every)}
    return np.array([[place[tuple(x[i] for i in y)] for y in every] for x in every])


def _inversions(permutation: tuple[int, ...]) -> int:
    return sum(a > b for a, b in itertools.combinations(permutation, 2))


def _direct(one: Int[ndarray, "token token"], other: Int[ndarray, "token token"]) -> Int[ndarray, "token token"]:
    """Pairs (a, b), numbered a * len(other) + b."""
    m = len(other)
    a, b = np.divmod(np.arange(len(one) * m), m)
    return one[a[:, None], a] * m + other[b[:, None], b]
