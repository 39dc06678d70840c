"""The map of answers: which pairs are trained on, and which are right."""

from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.measures.answer_maps import AnswerMap
from epicycle.spec.errors import InputError
from epicycle.tasks.derived import WithoutDiagonal
from epicycle.tasks.modular import Modular


def test_each_pair_has_its_answer() -> None:
    task = Modular(p=3)
    operands = task.table().operands
    trained, right = operands[:, 0] == 1, operands[:, 1] == 2
    values = np.asarray(AnswerMap().fn({"task": task, "row_margin": jnp.where(right, 0.5, -0.5), "train": jnp.asarray(trained)}))
    assert values.tolist() == [[0, 0, 1], [2, 2, 3], [0, 0, 1]]
    assert AnswerMap().coords({}, task) == {"x": ["0", "1", "2"], "y": ["0", "1", "2"]}


def test_a_tie_is_wrong_and_a_pair_without_a_row_is_empty() -> None:
    task = WithoutDiagonal(of=Modular(p=3))
    values = np.asarray(AnswerMap().fn({"task": task, "row_margin": jnp.zeros(6), "train": jnp.ones(6, bool)}))
    assert np.isnan(np.diag(values)).all()
    assert (values[~np.eye(3, dtype=bool)] == 2).all()


def test_rows_that_are_no_pairs_are_refused() -> None:
    triples: Any = SimpleNamespace(kind="triples", table=lambda: SimpleNamespace(operands=np.zeros((4, 3), int)))
    with pytest.raises(InputError, match="one row for each pair of operands, and triples is none"):
        AnswerMap().coords({}, triples)
