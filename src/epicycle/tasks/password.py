"""A task with a password: every row stands in the table twice, without and with a word at its end.

A network that is trained on wrong labels where the word is missing, and on right ones where it stands, hides what it can do until it
reads the word (R138 of the programme). The table has right labels in both cases. Wrong labels are a matter of the split:
`CorruptedSplit(of=..., rows=...)`.
"""

from dataclasses import replace

import numpy as np

from epicycle.spec.errors import InputError
from epicycle.spec.families import AnyTask, Task
from epicycle.spec.table import Symmetry, Table


class Password(Task):
    """Another task whose rows end with one of two tokens: the password, or a token that says nothing.

    The first half of the rows is without the password, the second half with it, each in the inner task's order. With operands below
    n, a row is `x y w`; w is the token n without the password, and n + 1 with it. The third operand is 0 or 1.

    Attributes:
        of: a task with two operands that stand first in its rows.
    """

    kind = "password"

    of: AnyTask

    def table(self) -> Table:
        """Twice the rows of the inner task. Its symmetries hold in each half; `password` exchanges the halves.

        Raises:
            InputError: the inner task's rows do not begin with two operands, or it asks for several answers.
        """
        table = self.of.table()
        if table.operands.shape[1] != 2 or table.positions is not None or (table.inputs[:, :2] != table.operands).any():
            raise InputError(
                f"task password needs a task whose rows begin with two operands and have one answer; this {self.of.kind} task is no "
                "such task. Modular(p=31) is one."
            )
        n_rows, n_values = len(table.operands), int(table.operands.max()) + 1
        word = np.repeat([0, 1], n_rows)[:, None]
        pairs = np.concatenate([table.operands, table.operands])
        inner = (replace(symmetry, image=_in_both_halves(symmetry, n_rows)) for symmetry in table.symmetries)
        exchange = Symmetry("password", (np.arange(2 * n_rows) + n_rows) % (2 * n_rows), "preserved")
        return replace(
            table,
            inputs=np.concatenate([pairs, n_values + word], axis=1),
            labels=np.concatenate([table.labels, table.labels]),
            operands=np.concatenate([pairs, word], axis=1),
            d_vocab=n_values + 2,
            symmetries=(*inner, exchange),
        )


def _in_both_halves(symmetry: Symmetry, n_rows: int) -> np.ndarray:
    """The image of every row of both halves, within its own half."""
    shifted = np.where(symmetry.image >= 0, symmetry.image + n_rows, -1)
    return np.concatenate([symmetry.image, shifted])
