"""Whether an event is sooner on most of several tasks, on planted forks."""

import numpy as np
import pytest
import xarray
from tests.claims.planted_arms import planted

from epicycle.claims.factor_shares import Cell
from epicycle.claims.median_remaining_time import MedianRemainingTime
from epicycle.spec.errors import InputError

CELLS = tuple(Cell(arm=name, against="control", levels={"task": name}) for name in "abc")


def forks(share: float | None, seeds: int = 8) -> xarray.Dataset:
    """Forks that need a share of the time that their control has left; None: they never arrive."""
    left = [None if share is None else share * (1000 - 200 / 0.965)] * seeds
    return planted([2] * seeds, left, moments=[200] * seeds)


def test_most_of_three_tasks_decide() -> None:
    control = planted([30] * 8, [1000.0] * 8)
    sooner, same, later = forks(0.2), forks(0.8), forks(None)
    statistic = MedianRemainingTime(cells=CELLS)
    [estimate] = statistic.estimates({"control": control, "a": sooner, "b": later, "c": same})
    assert estimate.interval.value == pytest.approx(np.log(0.8), abs=0.1), "the task in the middle"
    assert estimate.interval.high < 0, "one task that fails does not matter"
    assert (estimate.n, estimate.censored) == (8, ())
    [failing] = statistic.estimates({"control": control, "a": sooner, "b": later, "c": later})
    assert failing.interval.low > 0, "two of three tasks are later than their controls, by an unknown amount"
    assert failing.interval.high == np.inf
    [fewer] = statistic.estimates({"control": control, "a": sooner, "b": later, "c": forks(0.8, seeds=6)})
    assert (fewer.interval.low, fewer.interval.high) != (-np.inf, np.inf), "the median of 8 seeds is known"
    assert len(fewer.censored) == 2, "where the third fork is missing, the middle may lie anywhere above the first"


def test_an_even_number_of_tasks_has_no_middle() -> None:
    with pytest.raises(InputError, match="4 tasks have no middle one"):
        MedianRemainingTime.parse({"cells": [cell.model_dump() for cell in (*CELLS, CELLS[0].model_copy(update={"arm": "d"}))]})
