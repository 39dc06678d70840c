"""Which factor decides, on planted forks."""

import numpy as np
import pytest
import xarray
from tests.claims.planted_arms import planted

from epicycle.claims.factor_shares import Cell, FactorShare, factor_shares
from epicycle.spec.errors import InputError


def test_which_factor_decides() -> None:
    """Two tasks by two moments: the task makes all the difference, a failing cell only strengthens it."""
    control = planted([30] * 8, [1000.0] * 8)

    def forks(share: float | None) -> xarray.Dataset:
        left = [None if share is None else share * (1000 - 200 / 0.965)] * 8
        return planted([2] * 8, left, moments=[200] * 8)

    arms = {"control": control, "a": forks(0.2), "b": forks(0.22), "c": forks(0.8), "d": forks(0.82)}
    levels = {"a": ("sum", "start"), "b": ("sum", "onset"), "c": ("quotient", "start"), "d": ("quotient", "onset")}
    cells = tuple(Cell(arm=name, against="control", levels={"task": t, "moment": m}) for name, (t, m) in levels.items())
    task, moment = (FactorShare(cells=cells, factor=name).estimates(arms)[0] for name in ("task", "moment"))
    assert task.interval.value > 0.95
    assert moment.interval.value < 0.05
    ratio = FactorShare(cells=cells, factor="task", over="moment").estimates(arms)[0].interval
    assert ratio.low > 10
    failing = FactorShare(cells=cells, factor="task").estimates({**arms, "d": forks(None)})[0]
    assert len(failing.censored) == 8
    assert failing.interval.low == pytest.approx(1 / 3, abs=0.01), "if one fork takes without end, all three contrasts are as large"
    assert failing.interval.high > 0.5
    unknown = FactorShare(cells=cells, factor="moment").estimates({**arms, "control": planted([30] * 8, [None] * 8)})[0]
    assert (unknown.interval.low, unknown.interval.high) == (0.0, 1.0)
    values = np.array([[0.0, 1.0, 4.0, 5.0], [2.0, 2.0, 2.0, 2.0]])
    assert factor_shares(values, ["x", "x", "y", "y"]) == pytest.approx([4 / 4.25, 0.0]), "4 between levels, 1/4 within"
    assert factor_shares(values, ["x", "y", "x", "y"]) == pytest.approx([0.25 / 4.25, 0.0])
    with pytest.raises(InputError, match="needs exactly one cell; there are 4 combinations and 3 cells"):
        FactorShare.parse({"cells": [cell.model_dump() for cell in cells[:3]], "factor": "task"})
    with pytest.raises(InputError, match="no factor is called 'dose'"):
        FactorShare.parse({"cells": [cell.model_dump() for cell in cells], "factor": "dose"})
