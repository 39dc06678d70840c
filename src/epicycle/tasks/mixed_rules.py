"""A task in which a second rule gives the labels of a share of the rows.

Where the second rule's rows are drawn, its labels share information with the rows of the first, as much as the share says, and no
third rule is better than either (R154 of the programme). Where they are those with a large operand, one better rule is right on all
rows: it asks which of the two applies (R155, R161).
"""

from dataclasses import replace
from typing import Literal

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from epicycle.spec.answer_group import AnswerGroup
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import MAX_SEED
from epicycle.spec.families import AnyTask, Task
from epicycle.spec.fields import static
from epicycle.spec.table import Table


class MixedRules(Task):
    """One task's rows, with another task's labels on a share of them.

    Attributes:
        of: the task whose rows these are.
        other: a task with the same rows and number of classes, whose labels a share of the rows has.
        share: the share of the rows with the other task's labels.
        rows: which rows these are. `drawn`: as many as the share says, drawn once. `second_large`, `first_large`: those with the
            largest second or first operands, whole values only.
        table_seed: the seed of the draw, apart from the runs' seeds.
    """

    kind = "mixed_rules"

    of: AnyTask
    other: AnyTask
    share: float = static(ge=0, le=1)
    rows: Literal["drawn", "second_large", "first_large"] = static("drawn")
    table_seed: int = static(0, ge=0, le=MAX_SEED)

    def table(self) -> Table:
        """As many rows as the first task has, in its order. Of its symmetries those are kept that preserve the mixed labels.

        Raises:
            InputError: the two tasks differ in their rows or classes, or ask for more than one class for each row.
        """
        table, other = self.of.table(), self.other.table()
        same_rows = table.operands.shape == other.operands.shape and (table.operands == other.operands).all()
        if not same_rows or table.num_classes != other.num_classes or table.labels.ndim > 1 or other.labels.ndim > 1:
            raise InputError(
                f"task mixed_rules needs two tasks with the same rows, the same number of classes and one class for each row; "
                f"{self.of.kind} and {self.other.kind} are not alike in this. Two operations of Modular with the same p are."
            )
        labels = np.where(self.of_other(table), other.labels, table.labels)
        kept = []
        for symmetry in table.symmetries:
            inside = symmetry.image >= 0
            if symmetry.label == "preserved" and (labels[symmetry.image[inside]] == labels[inside]).all():
                kept.append(symmetry)
        return replace(table, labels=labels, symmetries=tuple(kept))

    def of_other(self, table: Table) -> Bool[ndarray, " row"]:
        """True at the rows with the other task's labels."""
        n = len(table.operands)
        if self.rows == "drawn":
            rank = np.empty(n, np.int64)
            rank[np.random.RandomState(self.table_seed).permutation(n)] = np.arange(n)
            return np.asarray(rank < round(self.share * n))
        values = table.operands[:, 1 if self.rows == "second_large" else 0]
        n_values = int(values.max()) + 1
        return np.asarray(values >= n_values - round(self.share * n_values))

    def answer_group(self) -> AnswerGroup | None:
        """That of the first task, with its answers on the rows that have its labels; on the others no answer is right by it."""
        group = self.of.answer_group()
        return group and replace(group, answers=np.where(self.of_other(self.of.table()), -1, group.answers))
