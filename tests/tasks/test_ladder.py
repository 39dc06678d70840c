"""Ladders of easier rules, and blocks that name their answers each in a way of its own."""

import numpy as np
import pytest
from pydantic import ValidationError

import epicycle as ep
from epicycle.tasks.ladder import Blocks, Ladder

DIFFERENCE = ep.Modular(p=8, operation="x-y")


def test_without_a_rung_it_is_the_sum() -> None:
    ladder, table = Ladder(n=8).table(), ep.Modular(p=8, operation="x+y").table()
    np.testing.assert_array_equal(ladder.labels, table.labels)
    np.testing.assert_array_equal(ladder.inputs, table.inputs)


def test_each_rung_has_twice_the_sums_of_the_one_before() -> None:
    """Half of 24 values are easy: 4 copy x, 4 add 0 or 1, and 4 add 0 to 3; the other 12 add y."""
    shifts = Ladder(n=24, rungs=3).shifts()
    np.testing.assert_array_equal(shifts[:12], [0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 2, 3])
    np.testing.assert_array_equal(shifts[12:], np.arange(12, 24))


def test_one_sum_is_right_on_all_rows() -> None:
    task = Ladder(n=24, rungs=2, share=0.25)
    group, table = task.answer_group(), task.table()
    np.testing.assert_array_equal(group.answers, table.labels)
    assert task.n_easy == 6
    x, y = table.operands.T
    np.testing.assert_array_equal(table.labels, (x + task.shifts()[y]) % 24)
    np.testing.assert_array_equal(table.labels[y < 3], x[y < 3])
    hard = y >= 6
    np.testing.assert_array_equal(table.labels[hard], (x + y)[hard] % 24)


def test_more_rungs_than_fit_are_refused() -> None:
    with pytest.raises(ValidationError, match="4 easy values of y are too few for 3 rungs, of which the last has 4 different sums"):
        Ladder(n=8, rungs=3)


def test_one_block_changes_nothing() -> None:
    np.testing.assert_array_equal(Blocks(of=DIFFERENCE).table().labels, DIFFERENCE.table().labels)


def test_each_block_renames_its_answers() -> None:
    """In every block a name stands for one answer; two blocks have different names; the first has the task's own."""
    inner, table = DIFFERENCE.table(), Blocks(of=DIFFERENCE, blocks=3).table()
    block = inner.operands[:, 1] * 3 // 8
    names = []
    for number in range(3):
        rows = block == number
        pairs = sorted({(int(a), int(b)) for a, b in zip(inner.labels[rows], table.labels[rows], strict=True)})
        assert [a for a, _ in pairs] == list(range(8))
        names.append(tuple(b for _, b in pairs))
        assert sorted(names[-1]) == list(range(8))
    assert names[0] == tuple(range(8))
    assert len(set(names)) == 3
    assert table.symmetries == ()


def test_what_has_no_blocks_is_refused() -> None:
    with pytest.raises(ep.InputError, match="8 values of the second operand do not make 9 blocks"):
        Blocks(of=DIFFERENCE, blocks=9).table()
    with pytest.raises(ep.InputError, match="needs a task of two operands and one class for each row; modular is not"):
        Blocks(of=ep.Modular(p=7, form="eos x o y = z eos"), blocks=2).table()
