"""Tasks derived from another task: the same inputs with random labels, or without the rows x = y."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from epicycle.spec.answer_group import AnswerGroup
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import MAX_SEED
from epicycle.spec.families import AnyTask, Task
from epicycle.spec.fields import static
from epicycle.spec.table import Symmetry, Table


class RandomLabels(Task):
    """Another task's inputs with labels drawn uniformly from its classes, so that nothing can be learnt but by memorising.

    The labels are drawn once, from `table_seed` alone. Held-out rows have labels too, and every run and every pass over the data meets
    the same labels. (Some of the field's codes draw new labels in every pass, which leaves nothing to memorise.)

    Attributes:
        of: the task whose inputs, operands and number of classes are kept. Its symmetries are dropped, as none of them tells a label.
        table_seed: the seed of the draw, apart from the runs' seeds.
    """

    kind = "random_labels"

    of: AnyTask
    table_seed: int = static(0, ge=0, le=MAX_SEED)

    def table(self) -> Table:
        """As many rows as the inner task has, in the same order.

        Raises:
            InputError: the inner task's labels are not one class for each row.
        """
        table = self.of.table()
        if table.labels.ndim > 1:
            raise InputError(f"task random_labels draws one class for each row, and rows of {self.of.kind} have more; choose another.")
        labels = np.random.RandomState(self.table_seed).randint(table.num_classes, size=table.labels.shape, dtype=np.int64)
        return replace(table, labels=labels.astype(np.int32), symmetries=())

    def answer_group(self) -> AnswerGroup | None:
        """That of the inner task, with the inner task's right answers: no network can compute them from these labels."""
        return self.of.answer_group()


class WithoutDiagonal(Task):
    """Another task without the rows x = y, which are then neither trained on nor tested on.

    Such a row is its own image under the swap of operands, so the question whether its swap was trained on does not apply to it.

    Attributes:
        of: a task with two operands.
    """

    kind = "without_diagonal"

    of: AnyTask

    def table(self) -> Table:
        """The rows with distinct operands, in the inner task's order.

        The symmetries are those of the inner task; where one leads to a row that is left out, its image is -1.

        Raises:
            InputError: the inner task does not have two operands, or has only rows with x = y.
        """
        table = self.of.table()
        if table.operands.ndim != 2 or table.operands.shape[1] != 2:
            raise InputError(f"task without_diagonal needs a task of two operands; {self.of.kind} has {table.operands.shape[1]}.")
        kept = _off_diagonal(table)
        if not kept.any():
            raise InputError(f"task without_diagonal: this {self.of.kind} task has only rows with x = y; choose a larger one.")
        return replace(
            table,
            inputs=table.inputs[kept],
            labels=table.labels[kept],
            operands=table.operands[kept],
            symmetries=tuple(restricted(symmetry, kept) for symmetry in table.symmetries),
        )

    def answer_group(self) -> AnswerGroup | None:
        """That of the inner task."""
        group = self.of.answer_group()
        return group and replace(group, answers=group.answers[_off_diagonal(self.of.table())])


def _off_diagonal(table: Table) -> Bool[ndarray, " row"]:
    """True at the rows with distinct operands."""
    distinct: Bool[ndarray, " row"] = table.operands[:, 0] != table.operands[:, 1]
    return distinct


def restricted(symmetry: Symmetry, kept: Bool[ndarray, " row"]) -> Symmetry:
    """A symmetry of a table on some of its rows, numbered anew; the image is -1 where it was no row or is not kept.

    Args:
        symmetry: the symmetry of all rows.
        kept: true at the rows that are kept.
    """
    new_number: Int[ndarray, " row"] = np.where(kept, np.cumsum(kept) - 1, -1)
    image = symmetry.image[kept]
    return replace(symmetry, image=np.where(image >= 0, new_number[image], -1))
