"""How the two operands of a row are written as tokens.

The n elements have the token ids below n; every further token (o, =, eos) has the next id. The forms:

- `x y =` is the input of the progress-measures code.
- `x y` is that of Zhong et al. (arXiv 2306.17844).
- `x o y =` is that of most re-implementations of Power et al.
- `eos x o y = z eos` is that of the released code of Power et al. Its loss covers the answer z and the eos that follows, and a row is
  right when both are right.
"""

from typing import Any, Literal

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from epicycle.spec.table import Symmetry, Table

Form = Literal["x y =", "x y", "x o y =", "eos x o y = z eos"]
N_FURTHER_TOKENS = {"x y =": 1, "x y": 0, "x o y =": 2, "eos x o y = z eos": 3}


def table_in_form(
    operands: Int[ndarray, "row operand"],
    labels: Int[ndarray, " row"],
    n: int,
    symmetries: tuple[Symmetry, ...],
    form: Form,
) -> Table:
    """The table of an operation on n elements in one of the forms.

    Args:
        operands: x and y of each row.
        labels: z of each row.
        n: number of elements.
        symmetries: the symmetries of these rows.
        form: how a row is written.
    """
    x, y = (column.astype(np.int32) for column in operands.T)
    z = labels.astype(np.int32)
    answers_in_row = form == "eos x o y = z eos"
    token = {"o": n, "=": n + 1 if form != "x y =" else n, "eos": n + 2, "x": x, "y": y, "z": z}
    words = form.split()[: -1 if answers_in_row else None]  # nothing is predicted from the last eos
    inputs: Any = np.stack([np.broadcast_to(token[word], x.shape) for word in words], axis=1).astype(np.int32)
    return Table(
        inputs=inputs,
        labels=np.stack([z, np.full_like(z, n + 2)], axis=1) if answers_in_row else z,
        operands=operands.astype(np.int32),
        num_classes=n + 3 if answers_in_row else n,
        d_vocab=n + N_FURTHER_TOKENS[form],
        symmetries=symmetries,
        positions=(4, 5) if answers_in_row else None,
    )
