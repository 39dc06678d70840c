"""What a task is made of: all its rows at once, with the symmetries they have."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int
from numpy import ndarray


@dataclass(frozen=True)
class Symmetry:
    """A permutation of rows that maps the task to itself.

    Attributes:
        name: "mirror" is kept for the swap of operands that preserves the label; events look at that one only.
        image: the row each row is mapped to; -1 where the image is not a row of the table.
        label: what happens to the label.
    """

    name: str
    image: Int[ndarray, " row"]
    label: Literal["preserved", "negated", "inverted"]


@dataclass(frozen=True)
class Table:
    """A finite task.

    Attributes:
        inputs: token ids.
        labels: class ids below `num_classes`.
        operands: the operands as class ids, for baselines and symmetries.
        d_vocab: number of token ids.
    """

    inputs: Int[ndarray, "row pos"]
    labels: Int[ndarray, " row"]
    operands: Int[ndarray, "row operand"]
    num_classes: int
    d_vocab: int
    symmetries: tuple[Symmetry, ...] = ()

    @property
    def constant(self) -> tuple[int | None, ...]:
        """The token of each position where all rows have the same, else None."""
        return tuple(int(column[0]) if (column == column[0]).all() else None for column in self.inputs.T)

    @property
    def mirror(self) -> Symmetry | None:
        """The label-preserving swap of operands, where the task has one."""
        return next((symmetry for symmetry in self.symmetries if symmetry.name == "mirror"), None)

    def baseline(self) -> float:
        """Accuracy of the best predictor that sees nothing, the first operand only, or the second only."""
        seen = [np.zeros(len(self.labels), dtype=int), *self.operands.T]
        return max(self._best_from(column) for column in seen)

    def _best_from(self, column: Int[ndarray, " row"]) -> float:
        counts = np.zeros((int(column.max()) + 1, self.num_classes), dtype=int)
        np.add.at(counts, (column, self.labels), 1)
        return float(counts.max(axis=1).sum() / len(self.labels))
