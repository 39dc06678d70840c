"""Splits by a rule: what the literature states about them, and what they leak through a task's symmetries."""

import random

import numpy as np
import pytest

from epicycle import (
    AlternatingSplit,
    Composition,
    CountedSplit,
    InputError,
    MirrorClosedSplit,
    MirrorForcedSplit,
    Modular,
    PythonShuffleSplit,
    SequentialSplit,
    Split,
    WithoutDiagonal,
)
from epicycle.spec.families import Task
from epicycle.spec.table import SymmetryLeak
from epicycle.splits.drawn import leakage
from tests.tasks.test_tasks import TASKS


def test_fractions_are_shares_of_all_rows() -> None:
    assert len(Split(frac_train=0.3).train_rows(Modular(p=113).table(), 0)) == 3830  # int(0.3 * 113^2), as published
    table = Modular(p=10).table()
    assert len(Split(frac_train=0.29).train_rows(table, 0)) == 29
    small, large = (set(Split(frac_train=f).train_rows(table, 5)) for f in (0.2, 0.6))
    assert small < large, "fractions of one seed are nested"
    counted = CountedSplit(n_train=30)
    np.testing.assert_array_equal(counted.train_rows(table, 5), Split(frac_train=0.3).train_rows(table, 5))
    with pytest.raises(InputError, match="the task has 100 rows, so 101 cannot be trained on"):
        CountedSplit(n_train=101).train_rows(table, 0)
    with pytest.raises(InputError, match="none to train on"):
        Split(frac_train=0.001).train_rows(table, 0)


def test_splits_in_table_order() -> None:
    table = Modular(p=7, operation="x+y").table()
    assert SequentialSplit(frac_train=0.3).train_rows(table, 0).tolist() == list(range(14))
    assert set(table.operands[SequentialSplit(frac_train=0.3).train_rows(table, 0), 0]) == {0, 1}
    assert AlternatingSplit().train_rows(table, 0).tolist() == list(range(0, 48, 2))
    assert AlternatingSplit(frac_train=1 / 3).train_rows(table, 0).tolist() == list(range(0, 48, 3))
    x, y = table.operands[AlternatingSplit().train_rows(table, 0)].T
    assert set((x + y) % 2) == {0}, "on an odd side, every other row is one colour of the chessboard"
    _, y = Modular(p=8).table().operands[AlternatingSplit().train_rows(Modular(p=8).table(), 0)].T
    assert set(y % 2) == {0}, "on an even side, every other second operand"
    differences = Modular(p=7, operation="x-y").table()
    trained = np.zeros(49, bool)
    trained[AlternatingSplit().train_rows(differences, 0)] = True
    assert leakage(differences, trained)["swap"].share_of_test_rows_seen == 0, "x + y is the same on both sides of the swap"
    for split in (SequentialSplit(frac_train=0.01), AlternatingSplit(frac_train=0.01)):
        with pytest.raises(InputError, match="none to train on"):
            split.train_rows(table, 0)
    off_diagonal = WithoutDiagonal(of=Modular(p=7, operation="x+y")).table()
    with pytest.raises(InputError, match="none to train on"):
        MirrorClosedSplit(frac_train=0.025).train_rows(off_diagonal, 0)


def test_a_forced_split_leaks_everything() -> None:
    table = Modular(p=23, operation="x+y").table()
    for split, held_out in ((MirrorForcedSplit(), 23 * 22 // 2), (MirrorForcedSplit(frac_train=0.7), 529 - int(0.7 * 529))):
        trained = np.zeros(529, bool)
        trained[split.train_rows(table, 0)] = True
        assert (~trained).sum() == held_out
        assert leakage(table, trained)["mirror"].share_of_test_rows_seen == 1.0
        assert trained[table.operands[:, 0] == table.operands[:, 1]].all()
    with pytest.raises(InputError, match=r"give at least 0\.522"):
        MirrorForcedSplit(frac_train=0.4).train_rows(table, 0)
    with pytest.raises(InputError, match="split mirror_forced needs a task whose operands can be swapped"):
        MirrorForcedSplit().train_rows(Composition(group="S3").table(), 0)


def test_the_shuffle_of_the_progress_measures_code() -> None:
    """Its lines in its order: pairs listed, `random.seed`, `random.shuffle`, first 30 %."""
    pairs = [(x, y) for x in range(113) for y in range(113)]
    random.seed(0)
    random.shuffle(pairs)
    table = Modular(p=113, operation="x+y").table()
    rows = PythonShuffleSplit(frac_train=0.3).train_rows(table, 0)
    assert len(rows) == 3830
    assert [tuple(pair) for pair in table.operands[rows].tolist()] == pairs[:3830]


@pytest.mark.parametrize("task", [t for tasks in TASKS.values() for t in tasks if len(t.table().labels) > 3], ids=repr)
def test_every_symmetry_has_its_leakage(task: Task) -> None:
    """Counted row by row, for a split that leaks and one that need not."""
    table = task.table()
    for split in (Split(frac_train=0.5), AlternatingSplit()):
        trained = np.zeros(len(table.labels), bool)
        trained[split.train_rows(table, 0)] = True
        leaks = leakage(table, trained)
        assert set(leaks) == {symmetry.name for symmetry in table.symmetries}
        for symmetry in table.symmetries:
            held_out = np.flatnonzero(~trained)
            seen = sum(symmetry.image[row] >= 0 and trained[symmetry.image[row]] for row in held_out)
            assert leaks[symmetry.name] == SymmetryLeak(seen / len(held_out), symmetry.label)
            assert leaks[symmetry.name].plain() == {"share_of_test_rows_seen": seen / len(held_out), "label": symmetry.label}


def test_leakage() -> None:
    table = Modular(p=23, operation="x+y").table()
    for split, expected in ((Split(frac_train=0.4), 0.4), (MirrorClosedSplit(frac_train=0.4), 0.0)):
        trained = np.zeros(len(table.labels), bool)
        trained[split.train_rows(table, 0)] = True
        share = leakage(table, trained)["mirror"].share_of_test_rows_seen
        assert share == pytest.approx(expected, abs=0.06 if expected else 0.003)
    difference = leakage(Modular(p=23, operation="x-y").table(), trained)
    assert "mirror" not in difference
    assert difference["swap"].label == "negated"
