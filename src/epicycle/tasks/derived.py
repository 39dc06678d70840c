"""Tasks made of another task: the same inputs with random labels, or without the rows x = y."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from epicycle.spec.errors import InputError
from epicycle.spec.experiment import MAX_SEED
from epicycle.spec.families import AnyTask, Task
from epicycle.spec.fields import static
from epicycle.spec.table import Symmetry, Table


class RandomLabels(Task):
    """Another task's inputs with labels drawn uniformly from its classes: what is learnt of them is memorised.

    The labels are drawn once, from `table_seed` alone: held-out rows have labels too, and every run and every pass over the data meets
    the same ones (drawing anew each epoch, as some of the field's codes do, leaves nothing to memorise).

    Attributes:
        of: the task whose inputs, operands and number of classes are kept. Its symmetries are dropped: none of them tells a label.
    """

    kind = "random_labels"

    of: AnyTask
    table_seed: int = static(0, ge=0, le=MAX_SEED)

    def table(self) -> Table:
        """As many rows as the other task has, in its order.

        Raises:
            InputError: the other task's labels are not one class for each row.
        """
        table = self.of.table()
        if table.labels.ndim > 1:
            raise InputError(f"task random_labels draws one class for each row, and rows of {self.of.kind} have more; choose another.")
        labels = np.random.RandomState(self.table_seed).randint(table.num_classes, size=table.labels.shape, dtype=np.int64)
        return replace(table, labels=labels.astype(np.int32), symmetries=())


class WithoutDiagonal(Task):
    """Another task without the rows x = y, which are then neither trained on nor tested on.

    Under a swap of operands such a row is its own image, so it can be on neither side of the question whether a mirror was seen.

    Attributes:
        of: a task with two operands.
    """

    kind = "without_diagonal"

    of: AnyTask

    def table(self) -> Table:
        """The rows with distinct operands, in the other task's order; a symmetry that leads to a row left out has image -1 there.

        Raises:
            InputError: the task has not two operands, or no other rows.
        """
        table = self.of.table()
        if table.operands.ndim != 2 or table.operands.shape[1] != 2:
            raise InputError(f"task without_diagonal needs a task of two operands; {self.of.kind} has {table.operands.shape[1]}.")
        kept = table.operands[:, 0] != table.operands[:, 1]
        if not kept.any():
            raise InputError(f"task without_diagonal: this {self.of.kind} task has only rows with x = y; choose a larger one.")
        return replace(
            table,
            inputs=table.inputs[kept],
            labels=table.labels[kept],
            operands=table.operands[kept],
            symmetries=tuple(restricted(symmetry, kept) for symmetry in table.symmetries),
        )


def restricted(symmetry: Symmetry, kept: Bool[ndarray, " row"]) -> Symmetry:
    """A symmetry on the rows kept, in their new numbering; -1 where the image was not kept or was no row before."""
    place: Int[ndarray, " row"] = np.where(kept, np.cumsum(kept) - 1, -1)
    image = symmetry.image[kept]
    return replace(symmetry, image=np.where(image >= 0, place[image], -1))
