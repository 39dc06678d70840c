"""Composition in a finite group, given by name or by its Cayley table: x y, x y x^-1 or x y x for all ordered pairs.

Power et al. (arXiv 2201.02177, appendix A.1) train on S5 with these three operations; Chughtai et al. (arXiv 2302.03025) train on C_n,
D_n, S_n and A_n. A product of permutations applies the second factor first: (x y)(i) = x(y(i)). The released code of Power et al.
applies the first factor first, so its x y is y x here.
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

from epicycle.maths.groups import identity_of, inverses
from epicycle.spec.answer_group import AnswerGroup
from epicycle.spec.families import Task
from epicycle.spec.fields import static
from epicycle.spec.table import Symmetry, Table
from epicycle.tasks.forms import Form, table_in_form

MAX_NAME = 100  # characters, which bound the digits of a factor too
FACTOR = re.compile(rf"([CDSA])_?([0-9]{{1,{MAX_NAME}}})$")
MAX_ORDER = 1000  # elements, which make a table of a million rows


class Composition(Task):
    """Composition of two elements of a group.

    Attributes:
        group: `C7` (cyclic), `D5` (symmetries of the regular 5-gon, 10 elements), `S5` or `A5` (permutations in lexicographic
            order), or a direct product such as `C2 x S3`. Element 0 is the identity in every one of them.
        cayley: a Cayley table in place of a name: row x, column y holds the id of x y.
        variant: the operation.
        form: how a row is written, see `epicycle.tasks.forms`.
    """

    kind = "composition"

    group: str | None = static(None, max_length=MAX_NAME)
    cayley: tuple[tuple[int, ...], ...] | None = static(None, max_length=1000)
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
        """The group's Cayley table: row x, column y holds the id of x y."""
        return named(self.group) if self.group is not None else np.array(self.cayley)

    def table(self) -> Table:
        """All n * n rows."""
        product = self.product()
        n = len(product)
        x, y = np.divmod(np.arange(n * n), n)
        xy = product[x, y]
        labels = {"xy": xy, "xyx^-1": product[xy, inverses(product)[x]], "xyx": product[xy, x]}[self.variant]
        return table_in_form(np.stack([x, y], axis=1), labels, n, tuple(self._symmetries(product, labels, x, y)), self.form)

    def answer_group(self) -> AnswerGroup | None:
        """The group itself, for x y."""
        if self.variant != "xy":
            return None
        product, labels = self.product(), self.table().labels
        n = len(product)
        is_cyclic = bool((product == np.add.outer(np.arange(n), np.arange(n)) % n).all())
        return AnswerGroup(product, np.arange(n), labels if labels.ndim == 1 else labels[:, 0], is_cyclic)

    def _symmetries(self, product: Any, labels: Any, x: Any, y: Any) -> list[Symmetry]:
        n = len(product)
        symmetries = []
        swap = y * n + x
        if (labels[swap] == labels).all():
            symmetries.append(Symmetry("mirror", swap, "preserved"))
        if self.variant != "xyx" and n > 1:
            # (x g)(g^-1 y) = x y and (x g)(g^-1 y g)(x g)^-1 = x y x^-1, for one element g that is not the identity.
            identity = identity_of(product)
            g = next(element for element in range(n) if element != identity)
            new_x, new_y = product[x, g], product[inverses(product)[g], y]
            if self.variant == "xyx^-1":
                new_y = product[new_y, g]
            symmetries.append(Symmetry("translation", new_x * n + new_y, "preserved"))
        return symmetries


@cache
def named(name: str) -> Int[ndarray, "token token"]:
    """The Cayley table of a group given by name.

    Raises:
        ValueError: no such group, or one with too many elements.
    """
    parts = [FACTOR.match(part.strip()) for part in re.split(r"\s*[x*\u00d7]\s*", name)]
    if not all(parts):
        raise ValueError(
            f"'{name}' is not the name of a group; write C7, D5, S4, A5, or a direct product such as C2 x S3, or give cayley"
        )
    factors = [(part.group(1), int(part.group(2))) for part in parts if part]
    order = math.prod(_order(family, n) for family, n in factors)
    if order > MAX_ORDER:
        raise ValueError(f"{name} has {order} elements; at most {MAX_ORDER} are allowed, as the table has a row for every pair")
    return reduce(_direct_product, [_factor(family, n) for family, n in factors])


def check_group(cayley: tuple[tuple[int, ...], ...]) -> None:
    """Check a Cayley table against the axioms of a group.

    Raises:
        ValueError: an axiom fails; the message says which and where.
    """
    n = len(cayley)
    if not n or any(len(row) != n for row in cayley) or n > MAX_ORDER:
        raise ValueError(f"cayley must be a square table of at most {MAX_ORDER} rows")
    product = np.array(cayley)
    elements = np.arange(n)
    lines = np.concatenate([product, product.T])  # rows and columns
    if (np.sort(lines, axis=1) != elements).any():
        raise ValueError(f"cayley is not a group: every row and column must hold each of 0 to {n - 1} once")
    if (lines == elements).all(axis=1).sum() < 2:  # the identity's row and column
        raise ValueError("cayley is not a group: it has no identity")
    for x in elements:
        wrong = np.argwhere(product[product[x]] != product[x][product])
        if len(wrong):
            y, z = wrong[0]
            raise ValueError(f"cayley is not a group: ({x} {y}) {z} differs from {x} ({y} {z})")


def _order(family: str, n: int) -> int:
    """The number of elements of C_n, D_n, S_n or A_n."""
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
    """D_n: rotations r^a have the ids 0 to n - 1, reflections r^a s the ids n to 2 n - 1."""
    a, flipped = np.tile(np.arange(n), 2), np.repeat([0, 1], n)
    turned = (a[:, None] + np.where(flipped[:, None], -a, a)) % n
    return turned + n * (flipped[:, None] ^ flipped)


def _permutations(n: int, even: bool) -> Int[ndarray, "token token"]:
    """S_n, or A_n if only the even permutations are taken: (x y)(i) = x(y(i))."""
    elements = [p for p in itertools.permutations(range(n)) if not even or _inversions(p) % 2 == 0]
    id_of = {p: i for i, p in enumerate(elements)}
    return np.array([[id_of[tuple(x[i] for i in y)] for y in elements] for x in elements])


def _inversions(permutation: tuple[int, ...]) -> int:
    return sum(a > b for a, b in itertools.combinations(permutation, 2))


def _direct_product(left: Int[ndarray, "token token"], right: Int[ndarray, "token token"]) -> Int[ndarray, "token token"]:
    """The group of pairs (a, b), whose ids are a * len(right) + b."""
    m = len(right)
    a, b = np.divmod(np.arange(len(left) * m), m)
    return left[a[:, None], a] * m + right[b[:, None], b]
