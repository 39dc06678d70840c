"""What the networks with hand-written circuits share: which rows they have seen, and what circuits say.

A hand-written circuit is a lookup table from rows to logits, times a learnable strength. Circuit 0 is the general one (Gen) in all
these networks, and the others are memories (Mem). Two sites are the same in all of them: `circuits.hook_strength` [row, circuit] is
the strength with which a circuit speaks on a row, and `circuits.hook_out` [row, circuit, d_vocab_out] is what it adds to the logits.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from epicycle.spec.errors import InputError
from epicycle.spec.table import Table

STRENGTH, OUT = "circuits.hook_strength", "circuits.hook_out"


def seen_rows(table: Table, network: str) -> Bool[ndarray, " row"]:
    """The rows that hand-written memories know.

    Raises:
        InputError: the task's rows are not numbered.
    """
    n, inputs = len(table.labels), table.inputs
    if inputs.shape != (n, 2) or (inputs[:, 0] != np.arange(n)).any() or not np.isin(inputs[:, 1], (n, n + 1)).all():
        raise InputError(
            f"model: {network} looks rows up by their number; choose the task numbered_rows, and the split sequential with the "
            "share of the task's rows that are seen."
        )
    return inputs[:, 1] == n


def one_hot(classes: Int[ndarray, "*row"], num_classes: int) -> Any:
    """Logits of 1 at these classes and 0 elsewhere, as float32."""
    return np.eye(num_classes, dtype=np.float32)[classes]


def wrong_classes(table: Table) -> Int[ndarray, " row"]:
    """A wrong class for each row: the one after the right one."""
    return (table.labels + 1) % table.num_classes
