"""Which factor decides, on planted forks."""

import numpy as np
import pytest
import xarray
from tests.claims.planted_arms import planted

from epicycle.claims.factor_shares import Cell, FactorShare, factor_share
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
    assert failing.interval.value > 0.5
    never, brief = forks(None), forks(None).sel(step=slice(None, 1000))
    of_budgets = FactorShare(cells=cells, factor="moment").estimates({**arms, "a": never, "b": brief, "c": never, "d": brief})[0]
    assert of_budgets.interval.value > 0.95, "all fail, at one moment with a tenth of the budget"
    assert of_budgets.interval.low < 0.05, "but budgets alone decide nothing"
    values = np.array([[0.0, 1.0], [0.0, 1.0], [2.0, 3.0], [2.0, 3.0]])
    assert factor_share(values, ["x", "x", "y", "y"]) == pytest.approx(1 / 1.25), "1 between, 1/4 within"
    assert factor_share(values, ["x", "y", "x", "y"]) == pytest.approx(0.0)
    with pytest.raises(InputError, match="needs exactly one cell; there are 4 combinations and 3 cells"):
        FactorShare.parse({"cells": [cell.model_dump() for cell in cells[:3]], "factor": "task"})
    with pytest.raises(InputError, match="no factor is called 'dose'"):
        FactorShare.parse({"cells": [cell.model_dump() for cell in cells], "factor": "dose"})
