"""Pairs of runs that end up with the same thing, on planted runs."""

from typing import Any

import numpy as np
import pytest
import xarray
from tests.claims.planted_arms import STEPS, planted

from epicycle.claims.intervals import share_interval
from epicycle.claims.pairs import EqualPairs
from epicycle.claims.wording import finding


def ending_with(values: list[Any], **others: Any) -> xarray.Dataset:
    """Runs whose series `sets` has these values from step 1,000 on, and other ones in every run before."""
    ends = np.asarray(values, float)
    sets = np.where((STEPS < 1000)[None, :, None], np.arange(len(ends))[:, None, None], ends[:, None, :])
    runs = planted([30] * len(ends), [1000.0] * len(ends), **others)
    return runs.assign(sets=(("run", "step", "component"), sets))


def test_pairs_with_equal_sets() -> None:
    [a, b, c] = [1, 0, 0], [0, 1, 0], [0, 1, 1]
    data = ending_with([a, a, b, c, b, b])
    statistic = EqualPairs(series="sets", arm="a")
    [estimate] = statistic.estimates({"a": data})
    assert estimate.interval.value == pytest.approx((1 + 3) / 15), "a with a, and three pairs of b, of 15 pairs"
    assert (estimate.interval.low, estimate.interval.high) == (share_interval(2, 3).low, share_interval(2, 3).high)
    assert finding(statistic, estimate).startswith("27 %")
    [early] = EqualPairs(series="sets", at="start", arm="a").estimates({"a": data})
    assert early.interval.value == 0.0


def test_a_run_that_is_not_known_opens_its_pairs() -> None:
    data = ending_with([[1, 0]] * 6)
    unknown = data.assign(sets=data["sets"].where(data["run"] != data["run"][0]))
    [estimate] = EqualPairs(series="sets", arm="a").estimates({"a": unknown})
    assert np.isnan(estimate.interval.value)
    assert (estimate.interval.low, estimate.interval.high) == (share_interval(2, 3).low, share_interval(3, 3).high)
    assert estimate.censored == ("0",)


def test_runs_on_one_split_and_runs_that_share_splits() -> None:
    """Seeds on one split are independent given the split; where splits are shared, each split counts with its first run."""
    values = [[1], [2], [1], [3], [1], [4]]
    [alone] = EqualPairs(series="sets", arm="a").estimates({"a": ending_with(values, seeds=[(i, 0) for i in range(6)])})
    assert (alone.interval.value, alone.sharing) == (pytest.approx(3 / 15), "on one split")
    [shared] = EqualPairs(series="sets", arm="a").estimates({"a": ending_with(values, seeds=[(i, i // 2) for i in range(6)])})
    assert (shared.interval.value, shared.units) == (1.0, 3)
