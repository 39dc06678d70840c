"""Events on drawn curves, intervals against their definitions, verdicts on planted arms."""

from typing import Any

import numpy as np
import pytest
import xarray
from scipy import stats

from epicycle.claims.intervals import median_interval, order_statistic_rank, share_interval
from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.series_quantities import Extreme
from epicycle.claims.statistics import Share
from epicycle.claims.verdict import judge
from epicycle.events.detectors import Descent, Onset, Peak, Recovery, Threshold
from epicycle.events.standard import bracket_of, standard
from epicycle.events.stops import earliest_unknown_stop, stop_after
from epicycle.literature.accounts import ACCOUNTS
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.errors import InputError
from epicycle.spec.kinds import KINDS
from epicycle.spec.registry import resolve
from epicycle.studies import NAMES, load

STEPS = np.array([0, 1, 2, 5, 10, 20, 50, 100, 105, 110, 120, 200])


def test_every_kind_is_tested_here() -> None:
    from tests.claims import test_statistics

    assert {resolve("event", kind) for kind in KINDS["event"]} == {Threshold, Onset, Peak, Descent, Recovery}
    here = {EventTime, EventRatio, Extreme, Share}
    assert {resolve("statistic", kind) for kind in KINDS["statistic"]} == here | test_statistics.TESTED


def curve(*on: int) -> dict[str, Any]:
    return {"test_acc": np.isin(STEPS, on).astype(float)}


def test_threshold_is_an_interval_and_must_hold() -> None:
    event = Threshold(of="test_acc", level=0.95)
    assert event.bracket(STEPS, curve(100, 105, 110), 0.0) == (50, 100)
    assert event.bracket(STEPS, curve(20, 50), 0.0) == (10, 20), "on a coarse grid the next evaluation confirms"
    assert event.bracket(STEPS, curve(20, 100, 105), 0.0) is None, "lost again both times"
    assert event.bracket(STEPS, curve(200), 0.0) is None, "crossing at the end of the record is not confirmed"
    assert event.bracket(STEPS, curve(), 0.0) is None
    assert event.bracket(STEPS, curve(*STEPS), 0.0) == (-1, 0)


def test_what_need_not_hold_is_confirmed_where_it_is() -> None:
    steps, values = np.arange(1, 6), np.array([0.0, 1.0, 0.0, 0.0, 1.0])
    at_once, held = (Threshold(of="test_acc", level=0.5, hold=hold) for hold in (0.0, 0.1))
    assert at_once.bracket(steps, {"test_acc": values}, 0.0) == (1, 2)
    assert at_once.bracket(steps, {"test_acc": np.where(steps < 5, 0.0, 1.0)}, 0.0) == (4, 5)
    assert held.bracket(steps, {"test_acc": values}, 0.0) is None


def test_threshold_from_above() -> None:
    event = Threshold(of="test_acc", level=0.5, side="below")
    assert event.bracket(STEPS, curve(*STEPS[STEPS < 100]), 0.0) == (50, 100)
    assert event.bracket(STEPS, curve(*STEPS), 0.0) is None
    assert event.bracket(STEPS, {"test_acc": np.full(len(STEPS), np.nan)}, 0.0) is None, "what was not recorded is not below"


def test_stops_never_lie_before_what_is_known() -> None:
    """However a run is cut into rounds that respect the horizon, its stop is found before it is passed."""
    event, grid = standard()["t_gen"], np.unique(np.round(np.geomspace(1, 5000, 150)).astype(int))
    for factor in (1.25, 2.0):
        for onset in (1, 3, 40, 333, 1000):
            holds = (grid >= onset).astype(float)
            here, stop = 0, None
            while stop is None and here < 5000:
                here = min(earliest_unknown_stop(grid, event, here, factor), 5000)
                seen = grid <= here
                bracket = bracket_of(event, grid[seen], {"test_acc": holds[seen]}, 0.0) if seen.any() else None
                stop = None if bracket is None else stop_after(grid, event, bracket, factor)
            assert stop is not None
            assert here <= stop
            assert stop >= factor * onset


def test_onset_counts_from_the_baseline() -> None:
    series = {"test_acc_mirror_unseen": np.where(STEPS >= 50, 0.25, 0.18)}
    assert Onset().bracket(STEPS, series, 0.10) == (20, 50)
    assert Onset().bracket(STEPS, series, 0.16) is None


def test_peak_needs_a_fall() -> None:
    rising = {"test_calibrated_loss": np.log1p(STEPS)}
    assert Peak().bracket(STEPS, rising, 0.0) is None
    humped = {"test_calibrated_loss": np.where(STEPS <= 100, STEPS, 200.0 - STEPS)}
    assert Peak().bracket(STEPS, humped, 0.0) == (50, 100)


def test_unrecorded_rows_and_series_are_no_evidence() -> None:
    series = curve(100, 105, 110)
    series["test_acc"][STEPS > 105] = np.nan
    assert bracket_of(standard()["t_gen"], STEPS, series, 0.0) is None
    assert bracket_of(standard()["t_mem"], STEPS, series, 0.0) is None


def test_order_statistics() -> None:
    assert order_statistic_rank(5) is None
    assert [order_statistic_rank(n) for n in (6, 9, 10, 17)] == [1, 2, 2, 5]
    ten = median_interval(list(range(10)))
    assert (ten.value, ten.low, ten.high) == (4.5, 1, 8)
    six = median_interval([3, 1, 2, 5, 4, 6])
    assert (six.low, six.high) == (1, 6)
    censored = median_interval([1, 2, 3, 4, 5, 100, 100, 100], [1, 2, 3, 4, 5, np.inf, np.inf, np.inf])
    assert censored.high == np.inf
    assert median_interval([1.0, 2.0]).low == -np.inf
    rng = np.random.default_rng(0)
    covered = [(i := median_interval(rng.exponential(size=10))).low <= np.log(2) <= i.high for _ in range(2000)]
    assert np.mean(covered) == pytest.approx(1 - 2 * stats.binom.cdf(1, 10, 0.5), abs=0.01)


def test_clopper_pearson() -> None:
    assert share_interval(10, 10).low == pytest.approx(0.6915, abs=1e-4)
    assert share_interval(17, 17).low > 0.8
    assert share_interval(0, 6).high == pytest.approx(1 - 0.025 ** (1 / 6))


def arm(mem: list[int], gen: list[int | None], status: list[str] | None = None, budget: int = 1000) -> xarray.Dataset:
    """Runs that memorise and generalise at given steps of a fine grid."""
    steps = np.unique(np.round(np.geomspace(1, budget, 400)).astype(int))
    n = len(mem)
    train = np.array([(steps >= m).astype(float) for m in mem])
    test = np.array([(steps >= g).astype(float) if g is not None else np.full(len(steps), 0.02) for g in gen])
    told = status or ["done"] * n
    for run, word in enumerate(told):
        if word.startswith("diverged"):
            train[run, 50:] = test[run, 50:] = np.nan
    series = {"train_acc": train, "test_acc": test, "train_loss": 1 - train}
    coords = {"step": steps, "seed": ("run", list(range(n))), "data_seed": ("run", list(range(n)))}
    coords |= {"status": ("run", np.array(told, object)), "baseline": ("run", [0.01] * n)}
    return xarray.Dataset({k: (("run", "step"), v) for k, v in series.items()}, coords, {"budget": budget, "swept": []})


DELAY = Claim(
    id="late",
    statistic=EventRatio(event="t_gen", over="t_mem", arm="a"),
    supported_if=Region(above=3.0),
    refuted_if=Region(below=2.0),
)


def test_three_verdicts() -> None:
    late = judge(DELAY, {"a": arm([20] * 6, [200] * 6)})
    assert late.verdict == "supported"
    assert late.estimate is not None
    assert late.estimate.interval.value == pytest.approx(10, rel=0.1)
    assert judge(DELAY, {"a": arm([100] * 6, [120] * 6)}).verdict == "refuted"
    assert judge(DELAY, {"a": arm([100] * 6, [250] * 6)}).verdict == "undecided"
    mixed = judge(DELAY, {"a": arm([100] * 6, [120, 120, 800, 800, 800, 800])})
    assert mixed.verdict == "undecided"
    assert "neither" in mixed.reason


def test_censoring_is_ranked_last_not_dropped() -> None:
    found = judge(DELAY, {"a": arm([20] * 10, [200] * 6 + [None] * 4)})
    assert found.verdict == "supported"
    assert found.estimate is not None
    assert (found.estimate.n, len(found.estimate.censored)) == (10, 4)
    assert found.document()["interval"][1] is None
    never = judge(DELAY, {"a": arm([600] * 6, [None] * 6)})
    assert never.verdict == "undecided", "censored at 1.7 times t_mem: it may still be late or soon"
    unmemorised = judge(DELAY, {"a": arm([2000] * 6, [None] * 6)})
    assert unmemorised.verdict == "undecided"


def test_diverged_runs_never_get_there() -> None:
    found = judge(DELAY, {"a": arm([20] * 10, [200] * 10, ["done"] * 9 + ["diverged at step 7"])})
    assert found.verdict == "supported"
    assert found.document()["diverged"] == ["9"]
    several = judge(DELAY, {"a": arm([100] * 10, [120] * 10, ["done"] * 7 + ["diverged at step 7"] * 3)})
    assert several.verdict == "undecided"


def test_too_few_seeds_gates_and_detectors() -> None:
    few = judge(DELAY, {"a": arm([20] * 5, [200] * 5)})
    assert few.verdict == "undecided"
    assert "fewer than the 6" in few.reason
    gate = Gate(statistic=Share(event="t_mem", arm="a"), region=Region(above=0.9))
    gated = judge(DELAY.model_copy(update={"gates": (gate,)}), {"a": arm([20] * 6, [200] * 6)})
    assert gated.verdict == "undecided"
    assert "gate is closed" in gated.reason, "6 of 6 shows only that the share is above 0.54"
    low = Threshold(of="test_acc", level=0.015)  # held from the start by a flat 0.02
    torn = DELAY.model_copy(update={"statistic": DELAY.statistic.model_copy(update={"detectors": {"low": low}})})
    data = arm([20] * 6, [200] * 6)
    data["test_acc"] = data["test_acc"].clip(0.02)
    disagreeing = judge(torn, {"a": data})
    assert disagreeing.verdict == "undecided"
    assert "disagree" in disagreeing.reason
    missing = judge(DELAY, {})
    assert missing.verdict == "undecided"


def test_the_other_statistics() -> None:
    data = {"a": arm([20] * 6, [200, 200, 200, 200, None, None])}
    time = EventTime(event="t_mem", arm="a", unit="budget").estimates(data)[0]
    assert time.interval.value == pytest.approx(0.02, rel=0.1)
    assert time.interval.low < 0.02 <= time.interval.high
    share = Share(event="t_gen", arm="a").estimates(data)[0]
    assert share.interval.value == pytest.approx(4 / 6)
    top = Extreme(series="test_acc", arm="a", which="max", above_baseline=True).estimates(data)[0]
    assert top.interval.high == pytest.approx(0.99)
    assert Extreme(series="test_acc", arm="a", which="min").estimates(data)[0].interval.value == pytest.approx(0.0)


def test_swept_arms_must_say_where() -> None:
    data = arm([20] * 12, [200] * 6 + [None] * 6)
    data = data.assign_coords(weight_decay=("run", [1.0] * 6 + [0.0] * 6))
    data.attrs["swept"] = ["weight_decay"]
    with pytest.raises(InputError, match="must say where"):
        judge(DELAY, {"a": data})
    there = DELAY.model_copy(update={"statistic": EventRatio(event="t_gen", over="t_mem", arm="a", where={"weight_decay": 1.0})})
    found = judge(there, {"a": data})
    assert (found.verdict, found.estimate.n if found.estimate else 0) == ("supported", 6)
    assert "at weight_decay = 1.0" in found.document()["sentence"]


def test_sentences_are_rendered() -> None:
    assert DELAY.sentence() == "The median t_gen / t_mem in arm a is above 3."


def test_every_account_a_study_names_is_described() -> None:
    named = {account for name in NAMES for claim in load(name).claims for account in claim.accounts}
    assert named
    assert named <= set(ACCOUNTS)
    assert all(account.source and account.says for account in ACCOUNTS.values())


def test_regions() -> None:
    assert Region(above=1).holds(1.1, 5)
    assert not Region(above=1).holds(1.0, 5)
    assert not Region(above=1, below=2).holds(1.5, np.inf)
    assert Region(above=1).holds(2, np.inf), "censored runs: at least 2"
    assert Region(below=1).holds(-np.inf, 0)
    assert not Region(below=1).holds(-np.inf, np.inf)
    outside = Region(above=1, below=-1)
    assert [outside.holds(*ends) for ends in ((1.1, np.inf), (-3, -1.1), (-2, 2), (0, 0.5))] == [True, True, False, False]
    assert outside.phrase() == "below -1 or above 1"
    with pytest.raises(ValueError, match="needs 'above' or 'below'"):
        Region()
    with pytest.raises(ValueError, match="must differ"):
        Region(above=1, below=1)


def test_regions_of_a_claim_lie_apart() -> None:
    def claim(supported: Region, refuted: Region) -> Claim:
        return Claim(id="a", statistic=EventTime(event="t_gen", arm="a"), supported_if=supported, refuted_if=refuted)

    claim(Region(above=-1, below=1), Region(above=1, below=-1))
    claim(Region(below=1), Region(above=1))
    for refuted in (Region(above=0.5), Region(above=2, below=0.5), Region(above=-3, below=3)):
        with pytest.raises(ValueError, match="overlap"):
            claim(Region(above=-1, below=1), refuted)
