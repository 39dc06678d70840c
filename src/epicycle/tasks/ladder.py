"""Tasks between memory and one rule: a ladder of easier rules on the way, and sub-tables that have nothing in common.

Shah's account of grokking says that it comes where only two solutions are possible, memory and the rule, and that steps in between
make learning smooth (R047 of the programme). A ladder has such steps: easier rules that are right on a part of the rows. TLW says that
a network groks late where its parts cannot be combined (R062). Unrelated blocks are such parts.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from pydantic import model_validator

from epicycle.spec.answer_group import AnswerGroup
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import MAX_SEED
from epicycle.spec.families import AnyTask, Task
from epicycle.spec.fields import static
from epicycle.spec.table import Table
from epicycle.tasks.forms import Form, table_in_form


class Ladder(Task):
    """Sums x + g(y) modulo n, in which easier rules are right on a part of the rows.

    The smallest values of y have an easier rule. They are divided evenly among the rungs. On the first rung g(y) is 0, so the rule
    is: copy x. On the second g(y) is 0 or 1, on the third 0 to 3, and so on, by turns. For all other y, g(y) is y. One rule, the sum,
    is right on all rows. Without a rung the task is x + y modulo n.

    Attributes:
        n: number of residues.
        rungs: number of easier rules.
        share: share of the values of y that have an easier rule, if there is a rung.
        form: how a row is written, see `epicycle.tasks.forms`.
    """

    kind = "ladder"

    n: int = static(ge=2, le=1000)
    rungs: int = static(0, ge=0, le=10)
    share: float = static(0.5, gt=0, le=1)
    form: Form = static("x y =")

    @model_validator(mode="after")
    def _rungs_fit(self) -> "Ladder":
        if self.rungs and self.n_easy < self.rungs * 2 ** (self.rungs - 1):
            raise ValueError(
                f"{self.n_easy} easy values of y are too few for {self.rungs} rungs, of which the last has {2 ** (self.rungs - 1)}"
                " different sums; raise n or share, or take fewer rungs"
            )
        return self

    @property
    def n_easy(self) -> int:
        """How many values of y have an easier rule; they are the smallest."""
        return round(self.share * self.n) if self.rungs else 0

    def shifts(self) -> Int[ndarray, " token"]:
        """g(y) for every y."""
        y = np.arange(self.n)
        rung = y * self.rungs // max(self.n_easy, 1)
        return np.where(y < self.n_easy, y % 2 ** np.minimum(rung, self.rungs), y)

    def table(self) -> Table:
        """All n * n rows, in lexicographic order."""
        x, y = np.divmod(np.arange(self.n**2), self.n)
        labels = (x + self.shifts()[y]) % self.n
        return table_in_form(np.stack([x, y], axis=1), labels, self.n, (), self.form)

    def answer_group(self) -> AnswerGroup:
        """The residues under addition."""
        residues = np.arange(self.n)
        x, y = np.divmod(np.arange(self.n**2), self.n)
        return AnswerGroup(np.add.outer(residues, residues) % self.n, residues, (x + self.shifts()[y]) % self.n, is_cyclic=True)


class Blocks(Task):
    """Another task in blocks of its second operand, each of which names its answers in a way of its own.

    In each block but the first the classes are exchanged by a permutation drawn at random. A network can use one rule for all blocks,
    but not one way from the rule to the answer.

    Attributes:
        of: a task with two operands and one class for each row. Its symmetries are dropped.
        blocks: number of blocks; the values of the second operand are divided evenly, in order.
        table_seed: the seed of the draw, apart from the runs' seeds.
    """

    kind = "blocks"

    of: AnyTask
    blocks: int = static(1, ge=1, le=1000)
    table_seed: int = static(0, ge=0, le=MAX_SEED)

    def table(self) -> Table:
        """As many rows as the inner task has, in the same order.

        Raises:
            InputError: the inner task does not have two operands or one class for each row, or has too few second operands.
        """
        table = self.of.table()
        if table.labels.ndim > 1 or table.operands.shape[1] != 2:
            raise InputError(f"task blocks needs a task of two operands and one class for each row; {self.of.kind} is not.")
        n_values = int(table.operands[:, 1].max()) + 1
        if self.blocks > n_values:
            raise InputError(f"task blocks: {n_values} values of the second operand do not make {self.blocks} blocks; take fewer.")
        draw = np.random.RandomState(self.table_seed)
        names = [np.arange(table.num_classes), *(draw.permutation(table.num_classes) for _ in range(self.blocks - 1))]
        block = table.operands[:, 1].astype(np.int64) * self.blocks // n_values
        return replace(table, labels=np.array(names)[block, table.labels].astype(np.int32), symmetries=())
