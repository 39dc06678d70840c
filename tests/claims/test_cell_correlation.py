"""Correlations over the cells of a sweep, within seeds, on planted arms."""

from typing import Any

import numpy as np
import pytest
from tests.claims.planted_arms import STEPS, planted

import epicycle as ep
from epicycle.claims.intervals import Interval
from epicycle.claims.quantities import EventTime
from epicycle.claims.series_quantities import Extreme

SEEDS, SHARES, WIDTHS = 16, (0.5, 0.6, 0.7), (64, 128)
CELLS = [(seed, share, width) for seed in range(SEEDS) for share in SHARES for width in WIDTHS]
LAST = Extreme(series="x", arm="b")
TIME = EventTime(event="t_gen", unit="log", arm="a")


def arm(number: Any, cells: Any = CELLS, gens: Any = None, **swept: Any) -> Any:
    """Runs whose series `x` is a function of seed, share and width."""
    names = {"frac_train": [share for _, share, _ in cells], "d_mlp": [width for _, _, width in cells]} | swept
    pairs = [(seed, seed) for seed, _, _ in cells]
    x = [number(*cell) for cell in cells]
    return planted([20] * len(cells), gens or [1000.0] * len(cells), pairs, names, x=lambda run: np.full(len(STEPS), x[run]))


def value(beside: Any, gens: Any = None, **fields: Any) -> Interval:
    arms = {"a": arm(lambda *cell: 0.0, gens=gens), "b": beside, "c": arm(lambda seed, share, width: seed * share)}
    return ep.CellCorrelation(of=TIME, beside=LAST, **fields).estimates(arms)[0].interval


def gens_of(number: Any) -> list[float]:
    return [float(1000 * np.exp(number(*cell))) for cell in CELLS]


def test_numbers_that_go_together_within_each_seed() -> None:
    """Seeds differ much more than cells, and in the other direction; only the cells count."""
    gens = gens_of(lambda seed, share, width: share + 0.001 * width - 0.1 * seed)
    up = value(arm(lambda seed, share, width: 50 * seed + share + 0.001 * width), gens)
    down = value(arm(lambda seed, share, width: 50 * seed - share - 0.001 * width), gens)
    assert up.low > 0.95
    assert down.high < -0.95


def test_numbers_of_one_factor_each() -> None:
    """x is the share and the time the width: over all combinations they are uncorrelated."""
    interval = value(arm(lambda seed, share, width: share), gens_of(lambda seed, share, width: 0.01 * width))
    assert abs(interval.value) < 0.05


def test_a_quantity_is_taken_off() -> None:
    gens = gens_of(lambda seed, share, width: share)
    beside = arm(lambda seed, share, width: seed * share - share)
    less = LAST.model_copy(update={"arm": "c"})
    assert value(beside, gens, less=less).high < -0.95


def test_cells_are_matched_by_name_not_by_place() -> None:
    gens = gens_of(lambda seed, share, width: share)
    assert value(arm(lambda seed, share, width: share, CELLS[::-1]), gens).low > 0.95


def test_a_swept_value_may_be_named() -> None:
    """Forks are swept over a moment too."""
    cells, late = [*CELLS, *CELLS], [False] * len(CELLS) + [True] * len(CELLS)
    number = iter([-1.0] * len(CELLS) + [1.0] * len(CELLS))
    beside = arm(lambda seed, share, width: next(number) * share, cells, late=late)
    gens = gens_of(lambda seed, share, width: share)
    arms = {"a": arm(lambda *cell: 0.0, gens=gens), "b": beside}
    for is_late, sign in ((True, 1), (False, -1)):
        statistic = ep.CellCorrelation(of=TIME, beside=LAST.model_copy(update={"where": {"late": is_late}}))
        assert sign * statistic.estimates(arms)[0].interval.value > 0.95


def test_open_cells_and_cells_without_runs_leave_a_seed_open() -> None:
    gens: list[Any] = gens_of(lambda seed, share, width: share)
    gens[: len(SHARES) * len(WIDTHS) : 7] = [None]
    estimate = value(arm(lambda seed, share, width: share), gens)
    assert (estimate.low, round(estimate.value, 2)) > (0.9, 0.9)  # one of 16 seeds
    gone = value(arm(lambda seed, share, width: share, [cell for cell in CELLS if cell[1] < 0.7]))
    assert (gone.low, gone.high) == (-1.0, 1.0)


def test_what_has_no_cells_is_refused() -> None:
    plain = planted([20] * 8, [1000.0] * 8, x=lambda run: np.ones(len(STEPS)))
    with pytest.raises(ep.InputError, match="arm 'a' sweeps nothing"):
        ep.CellCorrelation(of=TIME, beside=LAST).estimates({"a": plain, "b": plain})
    with pytest.raises(ep.InputError, match="arm 'b' is not swept over frac_train"):
        ep.CellCorrelation(of=TIME, beside=LAST).estimates({"a": arm(lambda *cell: 0.0), "b": plain})
