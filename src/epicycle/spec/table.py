"""A task's rows and their symmetries."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray


@dataclass(frozen=True)
class Symmetry:
    """A permutation of rows that maps the task to itself.

    Attributes:
        name: "mirror" means the swap of operands that preserves the label, and nothing else. Events use this symmetry only.
        image: the row to which each row is mapped; -1 where the image is no row of the table.
        label: what happens to the label.
    """

    name: str
    image: Int[ndarray, " row"]
    label: Literal["preserved", "negated", "inverted"]


@dataclass(frozen=True)
class SymmetryLeak:
    """What the trained rows give away of the held-out ones through one symmetry.

    Attributes:
        share_of_test_rows_seen: share of the held-out rows whose image is trained on; None where no row is held out.
        label: what the symmetry does to the label.
    """

    share_of_test_rows_seen: float | None
    label: str

    def plain(self) -> dict[str, float | str | None]:
        """Plain data for a file."""
        return {"share_of_test_rows_seen": self.share_of_test_rows_seen, "label": self.label}


@dataclass(frozen=True)
class Table:
    """A finite task.

    Attributes:
        inputs: token ids.
        labels: the right answers, in one of three forms. `[row]`: a class id below `num_classes` for each row. `[row, answer]`: a
            class id for each answer of a row, -1 where no answer is asked for; a row is right when all its answers are.
            `[row, d_vocab_out]`: a vector for each row, right when the root mean square error is below `tolerance`.
        operands: the operands as class ids, for baselines and symmetries.
        num_classes: number of classes, or length of a label vector.
        d_vocab: number of token ids.
        positions: positions at which answers are read; None is the last position.
        tolerance: largest error of a right answer, for vector labels.
    """

    inputs: Int[ndarray, "row pos"]
    labels: Int[ndarray, "row ..."] | Float[ndarray, "row d_vocab_out"]
    operands: Int[ndarray, "row operand"]
    num_classes: int
    d_vocab: int
    symmetries: tuple[Symmetry, ...] = ()
    positions: tuple[int, ...] | None = None
    tolerance: float | None = None

    @property
    def constant(self) -> tuple[int | None, ...]:
        """For each position, the token that all rows have there; None where rows differ."""
        return tuple(int(column[0]) if (column == column[0]).all() else None for column in self.inputs.T)

    @property
    def mirror(self) -> Symmetry | None:
        """The label-preserving swap of operands, where the task has one."""
        return next((symmetry for symmetry in self.symmetries if symmetry.name == "mirror"), None)

    def baseline(self) -> float:
        """Accuracy of the best predictor that sees nothing, the first operand only, or the second only."""
        n = len(self.labels)
        distinct, answer = np.unique(self.labels.reshape(n, -1), axis=0, return_inverse=True)
        seen = [np.zeros(n, dtype=int), *self.operands.T]
        return max(_best_from(column, answer.reshape(n), len(distinct)) for column in seen)


def _best_from(column: Int[ndarray, " row"], answer: Int[ndarray, " row"], n_answers: int) -> float:
    counts = np.zeros((int(column.max()) + 1, n_answers), dtype=int)
    np.add.at(counts, (column, answer), 1)
    return float(counts.max(axis=1).sum() / len(answer))
