"""Quantities and the statistics made of them, on planted runs whose answers are known."""

from typing import Any

import numpy as np
import pytest
import xarray
from scipy import stats

from epicycle.claims.change_points import ChangePoints
from epicycle.claims.factors import Cell, FactorShare, factor_share
from epicycle.claims.intervals import rank_sum_distribution, shift_interval
from epicycle.claims.power import power
from epicycle.claims.quantities import EventTime, Span
from epicycle.claims.remaining_time import DoseExponent, LogRemainingTime
from epicycle.claims.series_quantities import Correlation, Extreme, SeriesChange, Trend, ValueAt
from epicycle.claims.statistics import Difference, Share, Slope
from epicycle.claims.transitions import Transition
from epicycle.claims.variance import VarianceShare, variance_share
from epicycle.claims.verdict import judge
from epicycle.events.detectors import Descent, Recovery
from epicycle.spec.claim import Claim, Region
from epicycle.spec.errors import InputError

TESTED = {
    Span,
    ValueAt,
    SeriesChange,
    Trend,
    Correlation,
    ChangePoints,
    Difference,
    LogRemainingTime,
    Slope,
    VarianceShare,
    DoseExponent,
    FactorShare,
    Transition,
}
STEPS = np.unique(np.round(np.geomspace(1, 10_000, 600)).astype(int))


def planted(mem: list[float], gen: list[float | None], seeds: list[tuple[int, int]] | None = None, **series: Any) -> xarray.Dataset:
    """Test accuracy rises linearly in the step from 0.3 gen to gen; the other series are functions of the step and the run."""
    train = np.array([(m <= STEPS).astype(float) for m in mem])
    test = np.array([np.zeros(len(STEPS)) if g is None else np.clip((STEPS - 0.3 * g) / (0.7 * g), 0, 1) for g in gen])
    every = {"train_acc": train, "test_acc": test, "test_acc_mirror_unseen": test, "train_loss": 1.01 - train}
    every |= {name: np.array([make(run) for run in range(len(mem))], float) for name, make in series.items()}
    pairs = seeds or [(i, i) for i in range(len(mem))]
    coords: dict[str, Any] = {"step": STEPS, "seed": ("run", [a for a, _ in pairs]), "data_seed": ("run", [b for _, b in pairs])}
    coords |= {"status": ("run", np.array(["done"] * len(mem), object)), "baseline": ("run", [0.1] * len(mem))}
    coords |= {"mirror_share": ("run", [0.4] * len(mem))}
    return xarray.Dataset({k: (("run", "step"), v) for k, v in every.items()}, coords, {"budget": 10_000, "swept": []})


def test_spans() -> None:
    data = {"a": planted([30] * 6, [1000.0] * 6)}
    # From 0.1 above the baseline of 0.1 (0.44 gen) to 0.95 (0.965 gen).
    share = Span(arm="a").estimates(data)[0].interval
    assert share.value == pytest.approx(1 - 0.44 / 0.965, abs=0.02)
    assert share.low < share.value < share.high
    decades = Span(arm="a", unit="decades").estimates(data)[0].interval
    assert decades.value == pytest.approx(np.log10(0.965 / 0.44), abs=0.02)
    open_ended = Span(arm="a").estimates({"a": planted([30] * 6, [1000.0] * 5 + [None])})[0]
    assert (open_ended.interval.high, open_ended.censored) == (1.0, ("5",))


def test_values_at_moments() -> None:
    data = {"a": planted([100] * 6, [1000.0] * 6, ramp=lambda run: STEPS / 10_000)}
    for moment, value in (("start", 0.0001), ("end", 1.0), ("t_mem", 0.01), ("0.5*t_mem", 0.005), ("t_gen", 0.0965), ("max", 1.0)):
        found = ValueAt(series="ramp", at=moment, arm="a").estimates(data)[0].interval
        assert found.low <= value * 1.02
        assert found.high >= value * 0.98
        assert found.value == pytest.approx(value, rel=0.04)
    less = [
        ValueAt(series="ramp", at="end", arm="a", minus=minus).estimates(data)[0].interval.value
        for minus in ("baseline", "mirror_share")
    ]
    assert less == pytest.approx([0.9, 0.6])
    # At t_gen the test accuracy is 0.95 and the ramp a tenth of it at most; a series that is not recorded there says nothing.
    gap = ValueAt(series="test_acc", beside="ramp", at="t_gen", arm="a").estimates(data)[0].interval
    assert gap.value == pytest.approx(0.95 - 0.0965, abs=0.01)
    apart = planted([100] * 6, [1000.0] * 6, ramp=lambda run: np.where(STEPS > 5000, np.nan, 1.0))
    unknown = ValueAt(series="test_acc", beside="ramp", at="end", arm="a").estimates({"a": apart})[0]
    assert len(unknown.censored) == 6
    never = ValueAt(series="ramp", at="t_gen", arm="a").estimates({"a": planted([100] * 6, [None] * 6, ramp=lambda run: STEPS)})[0]
    assert np.isinf(never.interval.low)
    assert len(never.censored) == 6
    for wrong in ("t_gne", "2*end", "t_mem*2"):
        with pytest.raises(ValueError, match="is no moment"):
            ValueAt(series="ramp", at=wrong, arm="a")


def test_changes_and_trends() -> None:
    hump = np.exp(-(np.log(STEPS / 500.0) ** 2))
    data = {"a": planted([100] * 6, [2000.0] * 6, loss=lambda run: 0.1 / STEPS, hump=lambda run: hump, flat=lambda run: 0 * STEPS)}
    decades = SeriesChange(series="loss", since="t_mem", until="end", decades=True, arm="a").estimates(data)[0].interval
    assert decades.value == pytest.approx(-2, abs=0.02)
    top = SeriesChange(series="hump", since="start", until="max", arm="a").estimates(data)[0].interval
    assert top.value == pytest.approx(1 - hump[0], abs=1e-3)
    later = SeriesChange(series="hump", since="t_gen", until="max", arm="a").estimates(data)[0].interval
    assert abs(later.value) < 0.02, "after t_gen nothing is higher"
    for series, expected in (("loss", -1.0), ("train_loss", 0.0)):
        trend = Trend(series=series, since="t_mem", until="0.5*t_on", arm="a").estimates(data)[0].interval
        assert (trend.low, trend.high) == ((expected, expected) if expected else (-1.0, 1.0)), "a constant has no trend: anything"


def test_shifts_of_level_are_counted() -> None:
    """Levels planted under noise; what drifts or passes slowly from one level to the next is not counted twice."""
    rng = np.random.default_rng(0)
    place = np.linspace(0, 1, len(STEPS))

    def noisy(run: int) -> Any:
        return 0.05 * rng.normal(size=len(STEPS))

    levels = {
        "none": lambda run: noisy(run),
        "once": lambda run: noisy(run) + (place > 0.4),
        "twice": lambda run: noisy(run) + ((place > 0.3) & (place < 0.7)),
        "again": lambda run: 1 - np.clip((place - 0.3) / 0.04, 0, 1),
        "silent": lambda run: np.ones(len(STEPS)),
    }
    data = {"a": planted([30] * 6, [1000.0] * 6, **levels)}
    for series, number in (("none", 0), ("once", 1), ("twice", 2), ("again", 1), ("silent", 0)):
        assert ChangePoints(series=series, arm="a").estimates(data)[0].interval.value == number, series
    gap = ChangePoints(series="twice", beside="once", arm="a").estimates(data)[0].interval
    assert gap.value == 3, "up at 0.3, down at 0.4 where the other rises, down at 0.7"
    assert ChangePoints(series="once", since="t_gen", arm="a").estimates(data)[0].interval.value == 0, "long past it"
    short = ChangePoints(series="once", until="t_mem", shortest=0.45, arm="a").estimates(data)[0]
    assert np.isinf(short.interval.high), "no room for four levels: anything"


def test_descent() -> None:
    event = Descent()
    right = (STEPS >= 50).astype(float)

    def found(loss: Any) -> Any:
        return event.bracket(STEPS, {"train_loss": loss, "train_acc": right}, 0.0)

    plateau = np.where(STEPS < 3000, 0.01, 0.01 * (3000 / STEPS) ** 4)
    low, high = found(plateau)
    assert low <= 3000 <= high * 1.25, "where the plateau ends, up to the window"
    spiky = plateau * np.where(np.arange(len(STEPS)) % 7 == 0, 30, 1)
    assert abs(np.log(found(spiky)[0] / low)) < 0.1, "spikes do not move the floor"
    assert found(1 / STEPS)[0] == STEPS[np.searchsorted(STEPS, 50)], "falling throughout: where memorisation ended"
    assert found(np.full(len(STEPS), 0.01)) is None, "no descent"
    assert event.bracket(STEPS, {"train_loss": plateau, "train_acc": 0 * right}, 0.0) is None, "never memorised"


def test_differences_between_arms() -> None:
    fast, slow = planted([30] * 8, list(np.geomspace(500, 900, 8))), planted([30] * 7, list(np.geomspace(2000, 3500, 7)))
    here, there = EventTime(event="t_gen", unit="log", arm="a"), EventTime(event="t_gen", unit="log", arm="b")
    difference = Difference(of=here, against=there)
    found = difference.estimates({"a": fast, "b": slow})[0]
    assert found.interval.value == pytest.approx(np.log(670 / 2645), abs=0.03)
    assert found.n == 7
    slower = Claim(id="sooner", statistic=difference, supported_if=Region(below=-0.5), refuted_if=Region(above=-0.1))
    assert judge(slower, {"a": fast, "b": slow}).verdict == "supported"
    assert judge(slower, {"a": slow, "b": fast}).verdict == "refuted"
    censored = planted([30] * 7, [*np.geomspace(2000, 3500, 3), None, None, None, None])
    assert judge(slower, {"a": fast, "b": censored}).verdict == "supported", "what is not there yet is later still"
    assert judge(slower, {"a": censored, "b": fast}).verdict == "refuted"
    paired = Difference(of=here, against=there, paired=True).estimates({"a": fast, "b": slow})[0]
    assert paired.n == 7
    assert paired.interval.value == pytest.approx(np.log(0.25), abs=0.04)
    with pytest.raises(InputError, match="share no seed"):
        Difference(of=here, against=there, paired=True).estimates({"a": fast, "b": planted([30], [500.0], [(99, 99)])})
    with pytest.raises(ValueError, match="instance of Quantity"):
        Difference(of=Share(event="t_gen", arm="a"), against=there)


@pytest.mark.parametrize(("m", "n"), [(6, 6), (5, 8), (10, 10)])
def test_the_shift_interval_is_that_of_the_rank_sum_test(m: int, n: int) -> None:
    """The distribution by brute force from scipy's exact test; and the interval ends where the test stops to reject."""
    probabilities = rank_sum_distribution(m, n)
    assert probabilities.sum() == pytest.approx(1)
    rng = np.random.default_rng(m)
    x, y = rng.normal(size=m), rng.normal(size=n)
    u = int((x[:, None] > y[None, :]).sum())
    assert probabilities[: u + 1].sum() == pytest.approx(stats.mannwhitneyu(x, y, alternative="less", method="exact").pvalue)
    pairs = np.subtract.outer(x, y).ravel()
    interval = shift_interval(pairs, pairs, m, n)
    for shift, rejected in (
        (interval.low - 1e-9, True),
        (interval.low + 1e-9, False),
        (interval.high - 1e-9, False),
        (interval.high + 1e-9, True),
    ):
        assert (stats.mannwhitneyu(x - shift, y, method="exact").pvalue <= 0.05) == rejected
    assert np.isinf(shift_interval(np.zeros(9), np.zeros(9), 3, 3).low), "three against three decide nothing"


def test_what_is_left_after_a_fork() -> None:
    control = planted([30] * 8, [1000.0] * 6 + [3000.0, None])
    moments = [200, 300, 400, 200, 300, 400, 200, 200]
    # Forks need a fifth of what their control had left; the last control never gets there, the last but one forks late.
    left = [0.2 * (0.965 * 1000 - m) / 0.965 for m in moments[:6]] + [500.0, 700.0]
    forks = planted([2] * 8, left).assign_coords(moment=("run", moments))
    statistic = LogRemainingTime(event="t_gen", arm="forks", against="control")
    found = statistic.estimates({"forks": forks, "control": control})[0]
    assert found.interval.value == pytest.approx(np.log(0.2), abs=0.05)
    assert found.interval.high < np.log(0.4)
    same = planted([2] * 8, left).assign_coords(moment=("run", moments))
    twins = statistic.model_copy(update={"against": "twins"}).estimates({"forks": forks, "twins": same})[0]
    assert twins.interval.low <= 0 <= twins.interval.high, "a fork against forks at the same moment is counted from there"
    past = statistic.estimates({"forks": forks.assign_coords(moment=("run", [5000] * 8)), "control": control})[0]
    assert (past.interval.low, past.interval.high) == (-np.inf, np.inf), "nothing was left"
    dead = forks.assign_coords(status=("run", np.array(["diverged at step 9"] * 8, object)))
    dead["test_acc"] = dead["test_acc"] * np.nan
    known = {"forks": dead.isel(run=slice(7)), "control": control}
    assert statistic.estimates(known)[0].interval.low == np.inf, "never, where the control got there"
    with pytest.raises(InputError, match="is no fork"):
        statistic.estimates({"forks": control, "control": control})


def test_how_time_left_falls_with_a_dose() -> None:
    """Forks that need dose^-0.7 of what their control had left have the exponent 0.7."""
    control = planted([30] * 6, [1000.0] * 6)
    doses = [2.0, 5.0, 10.0]
    left = [dose**-0.7 * (1000 - 200 / 0.965) for _ in range(6) for dose in doses]
    forks = planted([2] * 18, left, [(seed, seed) for seed in range(6) for _ in doses])
    forks = forks.assign_coords(moment=("run", [200] * 18), by=("run", doses * 6))
    forks.attrs["swept"] = ["by"]
    statistic = DoseExponent(event="t_gen", arm="forks", against="control", along="by")
    arms = {"forks": forks, "control": control}
    assert statistic.estimates(arms)[0].interval.value == pytest.approx(0.7, abs=0.05)
    assert statistic.estimates(arms)[0].n == 6
    fewer = statistic.model_copy(update={"doses": (2.0, 10.0)}).estimates(arms)[0].interval
    assert fewer.low <= 0.7 <= fewer.high
    with pytest.raises(InputError, match="does not sweep 'dose'"):
        statistic.model_copy(update={"along": "dose"}).estimates(arms)


def test_which_factor_decides() -> None:
    """Two tasks by two moments: the task makes all the difference, a failing cell only strengthens it."""
    control = planted([30] * 6, [1000.0] * 6)

    def forks(share: float | None) -> xarray.Dataset:
        left = [None if share is None else share * (1000 - 200 / 0.965)] * 6
        return planted([2] * 6, left).assign_coords(moment=("run", [200] * 6))

    arms = {"control": control, "a": forks(0.2), "b": forks(0.22), "c": forks(0.8), "d": forks(0.82)}
    levels = {"a": ("sum", "start"), "b": ("sum", "onset"), "c": ("quotient", "start"), "d": ("quotient", "onset")}
    cells = tuple(Cell(arm=name, against="control", levels={"task": t, "moment": m}) for name, (t, m) in levels.items())
    task, moment = (FactorShare(cells=cells, factor=name).estimates(arms)[0] for name in ("task", "moment"))
    assert task.interval.value > 0.95
    assert moment.interval.value < 0.05
    ratio = FactorShare(cells=cells, factor="task", over="moment").estimates(arms)[0].interval
    assert ratio.low > 10
    failing = FactorShare(cells=cells, factor="task").estimates({**arms, "d": forks(None)})[0]
    assert len(failing.censored) == 6
    assert failing.interval.value > 0.5
    never, brief = forks(None), forks(None).sel(step=slice(None, 1000))
    of_budgets = FactorShare(cells=cells, factor="moment").estimates({**arms, "a": never, "b": brief, "c": never, "d": brief})[0]
    assert of_budgets.interval.value > 0.95, "all fail, at one moment with a tenth of the budget"
    assert of_budgets.interval.low < 0.05, "but budgets alone decide nothing"
    values = np.array([[0.0, 1.0], [0.0, 1.0], [2.0, 3.0], [2.0, 3.0]])
    assert factor_share(values, ["x", "x", "y", "y"]) == pytest.approx(1 / 1.25), "1 between, 1/4 within"
    assert factor_share(values, ["x", "y", "x", "y"]) == pytest.approx(0.0)
    with pytest.raises(InputError, match="not crossed"):
        FactorShare.parse({"cells": [cell.model_dump() for cell in cells[:3]], "factor": "task"})
    with pytest.raises(InputError, match="no factor is called 'dose'"):
        FactorShare.parse({"cells": [cell.model_dump() for cell in cells], "factor": "dose"})


def test_changes_that_go_together() -> None:
    wave = lambda run: np.sin(STEPS / 50.0 + run)  # noqa: E731
    data = {"a": planted([10] * 6, [500.0] * 6, one=wave, same=lambda run: 2 * wave(run) + 1, against=lambda run: -wave(run))}
    for beside, value in (("same", 1.0), ("against", -1.0)):
        assert Correlation(series="one", beside=beside, arm="a").estimates(data)[0].interval.value == pytest.approx(value)
    still = Correlation(series="one", beside="train_acc", since="t_mem", arm="a").estimates(data)[0].interval
    assert (still.low, still.high) == (-1.0, 1.0), "what does not change correlates with nothing"


def test_recovery_is_counted_after_the_fall() -> None:
    event = Recovery(of="train_acc", level=0.99)
    fallen = np.where((STEPS >= 5) & (STEPS < 40), 0.5, 1.0)
    found = event.bracket(STEPS, {"train_acc": fallen}, 0.0)
    assert found == (int(STEPS[STEPS < 40][-1]), int(STEPS[STEPS >= 40][0]))
    assert event.bracket(STEPS, {"train_acc": np.ones(len(STEPS))}, 0.0) is None, "it never fell"


def test_where_a_quantity_turns() -> None:
    """Final accuracy against the share removed: what is left at 0.5, how wide, and against another arm; open ends stay open."""
    shares = [0.2, 0.4, 0.6, 0.8]

    def arm(final: list[float]) -> xarray.Dataset:
        data = planted([2] * 24, [None] * 24, [(seed, seed) for seed in range(6) for _ in shares])
        data["test_acc"] = data["test_acc"] * 0 + xarray.DataArray(final * 6, dims="run")
        data = data.assign_coords(share=("run", shares * 6))
        data.attrs["swept"] = ["share"]
        return data

    # Left 0.2, 0.4, 0.6, 0.8 -> accuracy 0.0, 0.2, 1.0, 1.0: 0.5 at 0.475, 0.1 at 0.3, 0.9 at 0.575.
    arms = {"sharp": arm([1.0, 1.0, 0.2, 0.0]), "early": arm([1.0, 0.2, 0.0, 0.0]), "always": arm([1.0, 1.0, 1.0, 0.9])}

    def found(name: str, **fields: Any) -> Any:
        of = ValueAt(series="test_acc", at="end", arm=name)
        return Transition(of=of, along="share", complement=True, **fields).estimates(arms)[0]

    assert found("sharp").interval.value == pytest.approx(0.475)
    assert found("sharp").n == 6
    assert found("sharp", what="width").interval.value == pytest.approx(0.275 / 0.475)
    ratio = found("early", what="log_ratio", over=ValueAt(series="test_acc", at="end", arm="sharp"))
    assert ratio.interval.value == pytest.approx(np.log(0.675 / 0.475))
    always = found("always").interval
    assert (always.low, always.high) == (0.0, pytest.approx(0.2))
    never = found("always", level=1.5).interval
    assert (never.low, never.high) == (pytest.approx(0.8), np.inf)


def test_a_share_of_the_end() -> None:
    data = {"a": planted([100] * 6, [1000.0] * 6, ramp=lambda run: STEPS / 10_000)}
    change = SeriesChange(series="ramp", since="0.8*end", until="end", arm="a").estimates(data)[0].interval
    assert change.value == pytest.approx(0.2, abs=0.01)
    with pytest.raises(InputError, match="no moment"):
        ValueAt.parse({"series": "ramp", "at": "0.8*ende", "arm": "a"})


def test_slopes_along_a_sweep() -> None:
    fractions = [0.3, 0.4, 0.5, 0.6]
    times = [float(np.exp(11 - 10 * f)) for _ in range(6) for f in fractions]
    data = planted([20] * 24, times, [(s, s) for s in range(6) for _ in fractions])
    data = data.assign_coords(frac_train=("run", fractions * 6))
    data.attrs["swept"] = ["frac_train"]
    slope = Slope(of=EventTime(event="t_gen", unit="log", arm="a"), along="frac_train")
    found = slope.estimates({"a": data})[0]
    assert found.interval.value == pytest.approx(-10, abs=0.2)
    assert found.n == 6
    late = planted(
        [20] * 24,
        [None if f == 0.3 else t for t, f in zip(times, fractions * 6, strict=True)],
        [(s, s) for s in range(6) for _ in fractions],
    )
    late = late.assign_coords(frac_train=("run", fractions * 6))
    late.attrs["swept"] = ["frac_train"]
    bounded = slope.estimates({"a": late})[0].interval
    assert bounded.low == -np.inf
    assert bounded.high < -8, "later than the end of the record at the smallest fraction: at least this steep"
    with pytest.raises(InputError, match="does not sweep 'fraction'"):
        Slope(of=EventTime(event="t_gen", arm="a"), along="fraction").estimates({"a": data})


def test_where_variance_comes_from() -> None:
    rng = np.random.default_rng(0)
    by_data, by_seed, noise = rng.normal(size=8), rng.normal(size=8), rng.normal(size=(8, 8))
    pairs = [(s, d) for s in range(8) for d in range(8)]
    assert variance_share(by_data[:, None] + 0.01 * noise) > 0.98
    assert variance_share(by_seed[None, :] + 0.01 * noise) < 0.02
    assert variance_share(noise) < 0.3
    many = np.mean(
        [variance_share(rng.normal(size=(5, 1)) * 2 + rng.normal(size=(1, 5)) + rng.normal(size=(5, 5))) for _ in range(600)]
    )
    assert many == pytest.approx(4 / 6, abs=0.08)
    gens = [float(1000 * np.exp(0.5 * by_data[d] + 0.05 * by_seed[s])) for s, d in pairs]
    data = {"a": planted([20] * 64, gens, pairs)}
    time = EventTime(event="t_gen", unit="log", arm="a")
    split, weights = (VarianceShare(of=time, factor=factor).estimates(data)[0] for factor in ("data_seed", "seed"))
    assert split.interval.low > 0.9
    assert weights.interval.high < 0.1
    assert split.n == 64
    open_ended = VarianceShare(of=time).estimates({"a": planted([20] * 64, [*gens[:-1], None], pairs)})[0].interval
    assert (open_ended.low, open_ended.high) == (0.0, 1.0)


def test_power_is_silent_where_no_simple_rule_holds() -> None:
    time = EventTime(event="t_gen", unit="log", arm="a")
    claim = Claim(id="a", statistic=Difference(of=time, against=time), supported_if=Region(above=1), refuted_if=Region(below=0))
    assert power(claim, 10).chance == {}
    with pytest.raises(InputError, match="no outcome of 5 runs"):
        power(claim, 5)
    assert power(
        Claim(id="b", statistic=Extreme(series="x", arm="a"), supported_if=Region(above=1), refuted_if=Region(below=0)), 10
    ).chance
