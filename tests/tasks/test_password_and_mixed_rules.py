"""Rows with and without a password, and rows that follow one of two rules."""

import itertools

import numpy as np
import pytest

import epicycle as ep
from epicycle.tasks.mixed_rules import MixedRules
from epicycle.tasks.modular import Modular
from epicycle.tasks.password import Password

DIFFERENCE, SUM = Modular(p=31, operation="x-y"), Modular(p=31, operation="x+y")


def test_every_row_stands_without_and_with_the_word() -> None:
    inner, table = DIFFERENCE.table(), Password(of=DIFFERENCE).table()
    np.testing.assert_array_equal(table.inputs[:961, :2], inner.operands)
    np.testing.assert_array_equal(table.inputs[:961, :2], table.inputs[961:, :2])
    assert set(table.inputs[:961, 2]) == {31}
    assert set(table.inputs[961:, 2]) == {32}
    assert (table.d_vocab, table.num_classes) == (33, 31)
    np.testing.assert_array_equal(table.labels, np.tile(inner.labels, 2))
    exchange = next(symmetry for symmetry in table.symmetries if symmetry.name == "password")
    assert (exchange.image[exchange.image] == np.arange(1922)).all()
    assert (table.operands[exchange.image, 2] == 1 - table.operands[:, 2]).all()


def test_a_symmetry_stays_within_its_half() -> None:
    table = Password(of=SUM).table()
    assert table.mirror is not None
    np.testing.assert_array_equal(table.operands[table.mirror.image], table.operands[:, [1, 0, 2]])


@pytest.mark.parametrize("task", [Modular(p=7, form="x o y ="), Modular(p=7, form="eos x o y = z eos"), Password(of=Modular(p=7))])
def test_a_password_needs_two_operands_in_front(task: ep.Task) -> None:
    with pytest.raises(ep.InputError, match="task password needs a task whose rows begin with two operands"):
        Password(of=task).table()


def test_a_share_of_the_rows_follows_the_other_rule() -> None:
    """Exactly as many as the share says, and larger shares contain smaller ones."""
    drawn = []
    for share in (0.0, 0.1, 0.4, 1.0):
        task = MixedRules(of=DIFFERENCE, other=SUM, share=share)
        is_other = task.of_other(task.of.table())
        assert is_other.sum() == round(share * 961)
        np.testing.assert_array_equal(task.table().labels, np.where(is_other, SUM.table().labels, DIFFERENCE.table().labels))
        drawn.append(is_other)
    assert all((small <= large).all() for small, large in itertools.pairwise(drawn))
    other_draw = MixedRules(of=DIFFERENCE, other=SUM, share=0.4, table_seed=1)
    assert (other_draw.of_other(SUM.table()) != drawn[2]).any()


def test_rows_with_a_large_second_operand_follow_the_other_rule() -> None:
    first = Modular(p=31, operation="polynomial", terms=((1, 1, 0),))
    task = MixedRules(of=DIFFERENCE, other=first, share=0.6, rows="second_large")
    x, y = task.table().operands.T
    np.testing.assert_array_equal(task.table().labels, np.where(y >= 31 - 19, x, (x - y) % 31))
    group = task.answer_group()
    assert group is not None
    np.testing.assert_array_equal(group.answers, np.where(y >= 12, -1, (x - y) % 31))


def test_rows_with_a_large_first_operand_follow_the_other_rule() -> None:
    task = MixedRules(of=SUM, other=DIFFERENCE, share=8 / 31, rows="first_large")
    x, y = task.table().operands.T
    np.testing.assert_array_equal(task.table().labels, np.where(x >= 23, (x - y) % 31, (x + y) % 31))


def test_symmetries_that_the_mixture_breaks_are_dropped() -> None:
    names = {symmetry.name for symmetry in MixedRules(of=SUM, other=DIFFERENCE, share=0.3).table().symmetries}
    assert not names
    kept = {symmetry.name for symmetry in MixedRules(of=SUM, other=Modular(p=31, operation="x*y"), share=1.0).table().symmetries}
    assert kept == {"mirror"}


def test_rules_of_other_rows_are_refused() -> None:
    for other in (Modular(p=7), Modular(p=31, operation="x/y"), Modular(p=31, form="eos x o y = z eos")):
        with pytest.raises(ep.InputError, match="two tasks with the same rows"):
            MixedRules(of=SUM, other=other, share=0.5).table()
