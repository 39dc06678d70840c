"""Runs that share splits or seeds are no independent observations; nor are copies of a run."""

from collections.abc import Sequence

import numpy as np
import pytest
import xarray
from tests.claims.planted_arms import planted

from epicycle.claims.differences import Difference
from epicycle.claims.estimates import Estimate, PerRun, median_estimate
from epicycle.claims.factor_shares import Cell, FactorShare
from epicycle.claims.intervals import at_confidence, share_interval
from epicycle.claims.quantities import EventTime
from epicycle.claims.shares import Share
from epicycle.claims.units import units_among, units_of_two
from epicycle.claims.verdict import judge
from epicycle.spec.claim import Claim, Region

Pairs = list[tuple[int, int]]
LATE = Claim(
    id="late", statistic=EventTime(event="t_gen", unit="log", arm="a"), supported_if=Region(above=6.0), refuted_if=Region(below=5.0)
)


def crossed(seeds: int, splits: int) -> Pairs:
    return [(seed, split) for seed in range(seeds) for split in range(splits)]


def generalising(times: Sequence[float | None], pairs: Pairs) -> xarray.Dataset:
    return planted([20] * len(pairs), times, pairs)


def test_a_copy_of_a_run_is_counted_once() -> None:
    one = planted([20], [1000.0])
    copies = one.isel(run=[0] * 6)
    verdict = judge(LATE, {"a": copies})
    assert (verdict.verdict, verdict.estimate.n if verdict.estimate else 0) == ("undecided", 1)
    assert verdict.reason == "1 run is fewer than the 8 it needs"
    two = planted([20] * 2, [1000.0, 1100.0]).isel(run=[0, 1] * 9)
    [share] = Share(event="t_gen", arm="a").estimates({"a": two})
    assert share.n == 2


@pytest.mark.parametrize(
    ("pairs", "count", "sharing"),
    [
        ([(i, i) for i in range(8)], 8, ""),
        (crossed(6, 3), 3, "on 3 splits and on 6 seeds of the weights"),
        (crossed(2, 10), 2, "on 10 splits and on 2 seeds of the weights"),
        (crossed(6, 1), 6, "on one split"),
        (crossed(1, 6), 6, "on one seed of the weights"),
        ([(i, i // 3) for i in range(18)], 6, "on 6 splits"),
        ([(i // 3, i) for i in range(18)], 6, "on 6 seeds of the weights"),
        ([(3, 4)], 1, ""),
        ([], 0, ""),
    ],
)
def test_units_are_what_is_not_shared(pairs: Pairs, count: int, sharing: str) -> None:
    units = units_among(pairs)
    assert (units.n_units, units.sharing) == (count, sharing)


def test_a_median_over_splits_is_that_of_the_medians_within_them() -> None:
    pairs = [(seed, seed // 3) for seed in range(24)]
    values = {run: float(10 * (run // 3) + run % 3) for run in range(24)}  # 8 splits of three runs, with the medians 1, 11, ... 71
    estimate = median_estimate(generalising([1000.0] * 24, pairs), PerRun("", values, values))
    interval = estimate.interval
    assert (interval.value, interval.low, interval.high) == (36, 1, 71)
    assert (estimate.n, estimate.units, estimate.counted()) == (24, 8, "n = 24 on 8 splits")
    open_ended = {run: high if run % 3 else np.inf for run, high in values.items()}
    assert median_estimate(generalising([1000.0] * 24, pairs), PerRun("", values, open_ended)).interval.high == 72


def test_a_claim_needs_enough_splits_and_says_so() -> None:
    verdict = judge(LATE, {"a": generalising(list(np.geomspace(900, 1100, 18)), crossed(6, 3))})
    assert verdict.verdict == "undecided"
    assert verdict.reason == "18 runs on 3 splits and on 6 seeds of the weights count as 3, fewer than the 8 it needs"
    assert verdict.needs == "5 more splits and seeds of the weights, or a seed and a split of its own for each run"
    enough = judge(LATE, {"a": generalising(list(np.geomspace(900, 1100, 144)), crossed(12, 12))})
    assert enough.verdict == "supported"
    assert "n = 144 on 12 splits and on 12 seeds of the weights" in enough.reason


def test_on_one_split_a_claim_speaks_of_that_split_and_says_so() -> None:
    verdict = judge(LATE, {"a": generalising(list(np.geomspace(900, 1100, 8)), crossed(8, 1))})
    assert verdict.verdict == "supported"
    assert "n = 8 on one split)" in verdict.reason
    assert verdict.document()["sharing"] == "on one split"


def test_shares_go_by_splits() -> None:
    pairs = [(seed, seed // 2) for seed in range(16)]
    [all_of_them] = Share(event="t_gen", arm="a").estimates({"a": generalising([1000.0] * 16, pairs)})
    assert all_of_them.interval.low == pytest.approx(share_interval(8, 8).low), "8 splits, not 16 runs"
    [half] = Share(event="t_gen", arm="a").estimates({"a": generalising([1000.0, None] * 8, pairs)})
    assert half.interval.value == 0.5
    assert half.interval == share_interval(4, 8)


def test_arms_on_two_different_splits_cannot_be_told_from_their_splits() -> None:
    first, second = EventTime(event="t_gen", unit="log", arm="a"), EventTime(event="t_gen", unit="log", arm="b")
    claim = Claim(
        id="sooner", statistic=Difference(of=first, against=second), supported_if=Region(below=-0.5), refuted_if=Region(above=0)
    )
    fast, slow = list(np.geomspace(500, 600, 8)), list(np.geomspace(2000, 2500, 8))
    on = {split: [(seed, split) for seed in range(8)] for split in (0, 1)}
    same = judge(claim, {"a": generalising(fast, on[0]), "b": generalising(slow, on[0])})
    assert same.verdict == "supported"
    assert "on one split" in same.reason
    other = judge(claim, {"a": generalising(fast, on[0]), "b": generalising(slow, on[1])})
    assert other.verdict == "undecided"
    assert "on splits of their own" in other.reason
    mixed = judge(claim, {"a": generalising(fast, on[0]), "b": generalising(slow, [(i, i) for i in range(8)])})
    assert mixed.verdict == "undecided"
    assert units_of_two(planted([1] * 6, [None] * 6), planted([1] * 6, [None] * 6)).sharing == ""


def test_two_samples_number_their_common_units_alike() -> None:
    first, second = (planted([1] * 3, [None] * 3, [(i, i) for i in seeds]) for seeds in ((0, 5, 7), (7, 3, 5)))
    [(of_first, of_second)] = units_of_two(first, second).groupings
    assert (of_first.tolist(), of_second.tolist()) == ([2, 0, 1], [1, 2, 0]), "5 and 7 are in both"


def test_shares_of_factors_go_by_splits() -> None:
    """The same 21 seeds, each on a split of its own and on seven splits, which are too few for an interval."""
    draw = np.random.default_rng(1)
    cells = tuple(Cell(arm=x + y, against="control", levels={"first": x, "second": y}) for x in "ab" for y in "cd")

    def share(pairs: Pairs) -> Estimate:
        arms = {"control": generalising([9000.0] * len(pairs), pairs)}
        for cell in cells:
            times = [1000 * np.exp(("b" in cell.arm) + draw.normal(scale=0.05)) for _ in pairs]
            arms[cell.arm] = planted([20] * len(pairs), times, pairs, moments=[0] * len(pairs))
        [estimate] = FactorShare(cells=cells, factor="first").estimates(arms)
        return estimate

    alone, together = share([(i, i) for i in range(21)]), share([(i, i % 7) for i in range(21)])
    assert alone.interval.low > 0.9
    assert together.interval.value > 0.9
    assert (together.interval.low, together.units) == (-np.inf, 7)


def false_support(pairs: Pairs, of_split: float, of_seed: float, times: int, draw: np.random.Generator) -> float:
    """How often the median of runs is taken to lie above its true value, 0. The variances of splits, seeds and runs add up to 1."""
    data = generalising([1000.0] * len(pairs), pairs)
    seeds, splits = np.array(pairs).T
    hits = 0
    for _ in range(times):
        effects = draw.normal(size=(2, 50))
        noise = draw.normal(scale=np.sqrt(1 - of_split - of_seed), size=len(pairs))
        values = np.sqrt(of_split) * effects[0][splits] + np.sqrt(of_seed) * effects[1][seeds] + noise
        by_run = dict(enumerate(values.tolist()))
        hits += median_estimate(data, PerRun("", by_run, by_run)).interval.low > 0
    return hits / times


@pytest.mark.parametrize(
    ("pairs", "of_split", "of_seed"),
    [
        (crossed(6, 3), 0.9, 0.0),  # was 16 %
        (crossed(10, 2), 0.9, 0.0),  # was 25 %
        (crossed(3, 12), 0.0, 0.9),
        (crossed(9, 9), 0.9, 0.0),
        (crossed(9, 9), 0.45, 0.45),
        ([(i, i // 3) for i in range(24)], 0.9, 0.0),
    ],
)
def test_shared_splits_and_seeds_do_not_support_what_is_not_so(pairs: Pairs, of_split: float, of_seed: float) -> None:
    assert false_support(pairs, of_split, of_seed, times=300, draw=np.random.default_rng(0)) <= 0.05


def test_a_claim_on_one_split_is_right_about_that_split() -> None:
    """Given the split, seeds are independent: the median on that split is missed as rarely as it should be."""
    draw, pairs = np.random.default_rng(0), crossed(8, 1)
    assert false_support(pairs, 0.0, 0.0, times=300, draw=draw) <= 0.05
    assert false_support(pairs, 0.9, 0.0, times=300, draw=draw) > 0.2, "of all splits it says nothing"


def test_another_confidence_holds_inside_the_block_only() -> None:
    with at_confidence(0.99):
        assert share_interval(10, 10).low == pytest.approx((0.01 / 11) ** (1 / 10))
    assert share_interval(10, 10).low == pytest.approx((0.05 / 11) ** (1 / 10))
