"""Numbered rows: a table for networks whose circuits are written by hand (`gated_bank`, `two_heads`, `frequency_toy`).

Nothing has to be read off the operands, because hand-written circuits look each row up by its number. The table also says which rows
the circuits have seen: a hand-written memory knows these rows only. They come first, so the split `sequential` trains on them.
"""

import numpy as np

from epicycle.spec.families import Task
from epicycle.spec.fields import static
from epicycle.spec.table import Table


class NumberedRows(Task):
    """Rows with a number each. Row r is the pair (x, y) = (r // num_classes, r modulo num_classes), and its label is x + y.

    The sum is taken modulo the number of classes. So all labels are about equally frequent, and one operand alone says nothing of the
    label. A row is written as two tokens: its number, and whether it is a seen or a new row.

    Attributes:
        n_seen: number of seen rows; they come first.
        n_new: number of new rows, which follow.
        num_classes: number of labels.
    """

    kind = "numbered_rows"

    n_seen: int = static(100, ge=1, le=10_000)
    n_new: int = static(100, ge=1, le=10_000)
    num_classes: int = static(10, ge=2, le=1000)

    def table(self) -> Table:
        """The seen rows, then the new ones."""
        n = self.n_seen + self.n_new
        rows = np.arange(n)
        operands = np.stack(np.divmod(rows, self.num_classes), axis=1)
        return Table(
            inputs=np.stack([rows, np.where(rows < self.n_seen, n, n + 1)], axis=1).astype(np.int32),
            labels=(operands.sum(axis=1) % self.num_classes).astype(np.int32),
            operands=operands.astype(np.int32),
            num_classes=self.num_classes,
            d_vocab=n + 2,
        )
