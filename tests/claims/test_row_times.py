"""Times of single rows, planted in maps of right answers."""

import numpy as np
import pytest

from epicycle.claims.row_times import RowTimes
from epicycle.spec.results import DONE, RunLabels, arm_dataset

STEPS = np.arange(1, 1001)
# Rows of a 4 x 5 table: the second operand decides whether a row is trained (below 3) and its own time, which is 10, 20, 40, ...
TIMES = np.array([10, 20, 40, 100, 400])


def arm(times=TIMES):
    right = STEPS[:, None, None] >= np.broadcast_to(times, (4, 5))
    trained = np.broadcast_to(np.arange(5) < 3, right.shape)
    maps = np.broadcast_to((2 * trained + right).astype(float), (8, *right.shape)).copy()
    maps[:, 1::2] = np.nan  # not every evaluation looks at the rows
    runs = [RunLabels(name=f"run {i}", seed=i, data_seed=i, status=DONE, baseline=0.1) for i in range(8)]
    return {"a": arm_dataset(STEPS, {"answer_map": (("run", "step", "x", "y"), maps)}, runs, budget=1000)}


def read(arms, **fields) -> float:
    return RowTimes(arm="a", **fields).estimates(arms)[0].interval.value


def test_quartiles_are_those_of_the_planted_times() -> None:
    assert read(arm(), rows="trained") == pytest.approx(np.log(41 / 11))  # the first looks at or after 40 and 10
    assert read(arm(), rows="trained", what="median") == pytest.approx(np.log(21))
    assert read(arm(), rows="held_out") == pytest.approx(np.log(401 / 101))
    assert read(arm(), rows="trained", seconds=(1, 1)) == 0


def test_rows_that_are_not_learned_leave_the_spread_open() -> None:
    late = arm(np.array([10, 20, 5000, 100, 400]))
    assert np.isnan(read(late, rows="trained"))
    assert read(late, rows="trained", what="median") == pytest.approx(np.log(21))
    assert np.isnan(read(arm(), rows="trained", seconds=(3, 4))), "no such row is trained"
