"""Which operations of the study are one sum, h(f(x) + g(y)) for functions on residues, or one product, h(f(x) g(y))."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from epicycle.spec.families import Task
from epicycle.studies.organisms import P
from epicycle.studies.twelve import NO_SUM, ONE_SUM, SQUARE

SUMS: dict[str, Callable[[Any, Any], Any]] = {
    "sum": lambda x, y: x + y,
    "difference": lambda x, y: x - y,
    "squares": lambda x, y: x**2 + y**2,
    "square_of_sum": lambda x, y: (x + y) ** 2,
}


def labels(task: Task) -> Any:
    """The labels by operands, [x, y]."""
    return task.table().labels.reshape(P, P)


@pytest.mark.parametrize("name", SUMS)
def test_a_sum_is_what_its_name_says(name: str) -> None:
    x, y = np.indices((P, P))
    assert (labels({**ONE_SUM, "square_of_sum": SQUARE}[name]) == SUMS[name](x, y) % P).all()


def test_the_matched_pair_differs_by_one_xy() -> None:
    x, y = np.indices((P, P))
    assert ((labels(SQUARE) - x * y) % P == labels(NO_SUM["quadratic"])).all()


@pytest.mark.parametrize("name", sorted({*NO_SUM} - {"mixed"}))
def test_the_other_polynomials_are_neither_one_sum_nor_one_product(name: str) -> None:
    """If no two rows and no two columns are alike, f and g take each residue once.

    Then every label of a sum is given to a multiple of p pairs. A product has a row and a column of zeros, so both are constant.
    """
    table = labels(NO_SUM[name])
    assert len(np.unique(table, axis=0)) == len(np.unique(table.T, axis=0)) == P
    assert (np.bincount(table.ravel(), minlength=P) % P).any()
    constant_rows, constant_columns = ((np.ptp(each, axis=1) == 0).any() for each in (table, table.T))
    assert not (constant_rows and constant_columns)
