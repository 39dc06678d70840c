"""Checks shared by the networks that read two operands and give one answer per row (`mlp`, `quadratic`)."""

from collections.abc import Sequence

from epicycle.spec.errors import InputError
from epicycle.spec.table import Table


def check_two_operands(table: Table, network: str) -> None:
    """Refuse a task whose rows do not begin with their two operands.

    Raises:
        InputError: there are not two operands, or other tokens stand before or between them.
    """
    if table.operands.shape[1] != 2 or (table.inputs[:, :2] != table.operands).any():
        raise InputError(
            f"model: {network} reads two operands at the first positions; choose a task with two operands, in a form that begins "
            "with 'x y'."
        )


def check_one_answer(positions: Sequence[int] | None, network: str) -> None:
    """Refuse a task that asks for answers at chosen positions.

    Raises:
        InputError: `positions` is not None.
    """
    if positions is not None:
        raise InputError(f"model: {network} gives one answer for each row, and this task asks for several; use a transformer.")
