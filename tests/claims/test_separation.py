"""How well a number tells in which runs an event happens, on planted arms."""

from typing import Any

import numpy as np
import pytest
from tests.claims.planted_arms import STEPS, planted

import epicycle as ep
from epicycle.claims.estimates import Estimate
from epicycle.claims.series_quantities import Extreme
from epicycle.spec.errors import InputError

SEEDS = 40
GENERAL = [1000.0 if seed % 2 else None for seed in range(SEEDS)]
LAST = Extreme(series="x", arm="b")


def arm(numbers: Any, gens: Any = None, pairs: Any = None) -> Any:
    """Runs whose series `x` has one value throughout."""
    numbers = np.asarray(numbers, float)
    pairs = pairs or [(seed, seed) for seed in range(len(numbers))]
    return planted([20] * len(numbers), gens or [1000.0] * len(numbers), pairs, x=lambda run: np.full(len(STEPS), numbers[run]))


def separated(numbers: Any, gens: Any = GENERAL, less: Any = None, **fields: Any) -> Estimate:
    arms = {"a": arm(np.zeros(len(gens)), gens), "b": arm(numbers), "c": arm(np.zeros(SEEDS) if less is None else less)}
    if less is not None:
        fields["less"] = LAST.model_copy(update={"arm": "c"})
    return ep.Separation(of=LAST, event="t_gen", within="a", **fields).estimates(arms)[0]


def test_a_number_that_tells_them_apart() -> None:
    happens = np.array([gen is not None for gen in GENERAL])
    up, down = separated(happens + 0.001 * np.arange(SEEDS)), separated(-1.0 * happens)
    assert (up.interval.value, up.n) == (1.0, SEEDS)
    assert up.interval.low > 0.85
    assert down.interval.value == 0.0
    assert down.interval.low == pytest.approx(0, abs=1e-9)
    assert down.interval.high < 0.15


def test_a_number_that_says_nothing() -> None:
    """Each of these numbers has one run of both kinds, so that the area is 0.5 exactly; ties count half."""
    interval = separated(np.arange(SEEDS) // 2).interval
    assert interval.value == 0.5
    assert 0.3 < interval.low < 0.36
    assert interval.high == pytest.approx(1 - interval.low, abs=1e-6)


def test_a_number_may_be_taken_off() -> None:
    happens = np.array([gen is not None for gen in GENERAL])
    large = 100 * np.random.default_rng(0).normal(size=SEEDS)
    assert separated(large + happens).interval.value < 0.7
    assert separated(large + happens, less=large).interval.value == 1.0


def test_a_number_that_is_open_may_be_anything() -> None:
    numbers = np.where(np.arange(SEEDS) == 1, np.nan, np.array([gen is not None for gen in GENERAL]))
    estimate = separated(numbers)
    assert np.isnan(estimate.interval.value)
    assert estimate.interval.low < separated(np.nan_to_num(numbers, nan=1.0)).interval.low
    assert estimate.censored == ("1",)


def test_runs_are_matched_by_seed_and_units_count_once() -> None:
    happens = np.array([gen is not None for gen in GENERAL])
    order = np.random.default_rng(0).permutation(SEEDS)
    shuffled = arm(happens[order], pairs=[(int(seed), int(seed)) for seed in order])
    statistic = ep.Separation(of=LAST, event="t_gen", within="a")
    assert statistic.estimates({"a": arm(np.zeros(SEEDS), GENERAL), "b": shuffled})[0].interval.value == 1.0
    pairs = [(seed, seed // 4) for seed in range(SEEDS)]
    on_splits = {name: arm(happens, GENERAL, pairs) for name in "ab"}
    [estimate] = statistic.estimates(on_splits)
    assert (estimate.n, estimate.independent) == (SEEDS, 10)


def test_nothing_to_compare() -> None:
    everywhere = separated(np.arange(SEEDS), gens=[1000.0] * SEEDS).interval
    assert np.isnan(everywhere.value)
    assert (everywhere.low, everywhere.high) == (0.0, 1.0)
    strangers = {"a": arm(np.zeros(4), GENERAL[:4]), "b": arm(np.zeros(4), pairs=[(seed, seed) for seed in range(50, 54)])}
    with pytest.raises(InputError, match="share no seed"):
        ep.Separation(of=LAST, event="t_gen", within="a").estimates(strangers)
    with pytest.raises(InputError, match="no standard event"):
        ep.Separation.parse({"of": LAST, "event": "t_never", "within": "a"}, "statistic")
