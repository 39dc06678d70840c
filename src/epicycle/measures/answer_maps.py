"""The answers of a network to all pairs of operands, as a map: where it is right, and on which pairs it is trained.

Cost: a look at the margins that accuracy is computed from.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from epicycle.spec.errors import InputError
from epicycle.spec.families import Measure, Task
from epicycle.spec.table import Table


class AnswerMap(Measure):
    """For each pair of operands: 0 held out and wrong, 1 held out and right, 2 trained on and wrong, 3 trained on and right.

    What counts as right is said in `Accuracy`. A pair without a row is NaN.
    """

    kind: ClassVar[str] = "answer_map"
    dims: ClassVar[tuple[str, ...]] = ("x", "y")

    @property
    def name(self) -> str:
        """`answer_map`."""
        return "answer_map"

    @property
    def needs(self) -> tuple[str, ...]:
        """The task, the margins of all rows, and the rows trained on."""
        return ("task", "row_margin", "train")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "x y"]:
        """Whole numbers from 0 to 3, kept in half precision.

        Raises:
            InputError: the task's rows are no pairs.
        """
        operands = _pairs(snapshot["task"])
        right = (snapshot["row_margin"] > 0).astype(jnp.float16)
        size = operands.max(axis=0) + 1
        return jnp.full(tuple(size), jnp.nan, jnp.float16).at[tuple(operands.T)].set(2 * snapshot["train"] + right)

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The operands."""
        del params
        return {axis: [str(i) for i in range(size)] for axis, size in zip(self.dims, _pairs(task).max(axis=0) + 1, strict=True)}


def _pairs(task: Task) -> Any:
    table: Table = task.table()
    operands = table.operands
    if operands.shape[1] != 2 or len(np.unique(operands, axis=0)) < len(operands):
        raise InputError(f"answer_map needs a task with one row for each pair of operands, and {task.kind} is none.")
    return operands
