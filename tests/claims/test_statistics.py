"""Shares, differences between arms and slopes along a sweep, on planted runs whose answers are known."""

from collections.abc import Callable

import numpy as np
import pytest
import xarray
from tests.claims.planted_arms import STEPS, planted, stepping

from epicycle.claims.differences import Difference
from epicycle.claims.intervals import share_interval
from epicycle.claims.power import power
from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.series_quantities import ValueAt
from epicycle.claims.shares import RegionShare, Share
from epicycle.claims.slopes import Bend, Slope
from epicycle.claims.verdict import judge
from epicycle.claims.wording import finding
from epicycle.spec.claim import Claim, Region
from epicycle.spec.errors import InputError


def test_shares() -> None:
    share = Share(event="t_gen", arm="a").estimates({"a": stepping([20] * 8, [200] * 6 + [None] * 2)})[0]
    assert share.interval.value == pytest.approx(6 / 8)
    assert share.censored == ("6", "7")


def test_shares_of_runs_with_a_quantity_in_a_region() -> None:
    delay = EventRatio(event="t_gen", over="t_mem", arm="a")
    share = RegionShare(of=delay, region=Region(above=5.0))
    assert share.phrase() == "share of runs of arm a in which t_gen / t_mem is above 5"
    [estimate] = share.estimates({"a": stepping([20] * 8, [200] * 5 + [60] * 3)})
    assert estimate.interval.value == pytest.approx(5 / 8)
    assert (estimate.interval.low, estimate.interval.high) == (share_interval(5, 8).low, share_interval(5, 8).high)
    assert finding(share, estimate).startswith("5 of 8 runs (")
    # What never generalises within 1,000 steps is more than five times later.
    [late] = share.estimates({"a": stepping([20] * 8, [None] * 8)})
    assert (late.interval.value, late.values) == (1.0, {str(run): 1.0 for run in range(8)})
    # One that never does, and has a record of 1,000 steps, may be later than 60 times.
    [unknown] = RegionShare(of=delay, region=Region(above=60.0)).estimates({"a": stepping([20] * 8, [200] * 7 + [None])})
    assert (unknown.interval.low, unknown.interval.high) == (share_interval(0, 8).low, share_interval(1, 8).high)
    assert (unknown.values["7"], unknown.unconfirmed) == (None, ("7",))


def test_a_share_with_a_quantity_in_a_region_has_the_power_of_a_share() -> None:
    regions = {"supported_if": Region(above=0.8), "refuted_if": Region(below=0.5)}
    shares = (Share(event="t_gen", arm="a"), RegionShare(of=EventTime(event="t_gen", arm="a"), region=Region(below=100)))
    of_events, of_quantities = (power(Claim(id="a", statistic=share, **regions), 48) for share in shares)
    assert of_events == of_quantities


def test_a_record_that_ends_at_success_decides_nothing() -> None:
    """Eight logs that end at the first evaluation with test accuracy 1: neither "0 of 8 generalise" nor "8 of 8"."""
    data = stepping([20] * 8, [400] * 8)
    last = int(np.flatnonzero(data["step"].values >= 400)[0])
    ended = data.isel(step=slice(0, last + 1))
    share = Share(event="t_gen", arm="a")
    claim = Claim(id="most", statistic=share, supported_if=Region(above=0.5), refuted_if=Region(below=0.5))
    assert judge(claim, {"a": data}).verdict == "supported"
    verdict = judge(claim, {"a": ended})
    assert verdict.verdict == "undecided", "was: refuted, 0 of 8"
    assert "between 0 and 1 (n = 8)" in verdict.reason
    assert "8 of them end while the event holds, too early to confirm it" in verdict.reason
    assert verdict.needs == "a longer budget (8 runs are open)"
    assert set(verdict.document()["values"].values()) == {None}
    step = int(ended["step"].values[-1])
    late = Claim(
        id="late", statistic=EventTime(event="t_gen", arm="a"), supported_if=Region(above=step), refuted_if=Region(below=step)
    )
    assert judge(late, {"a": ended}).verdict == "undecided"
    after = late.model_copy(update={"supported_if": Region(above=int(ended["step"].values[-2]) - 1), "refuted_if": Region(below=0)})
    assert judge(after, {"a": ended}).verdict == "supported", "it lies after the evaluation before, if it lies anywhere"
    mixed = stepping([20] * 10, [200] * 8 + [400, None]).isel(step=slice(0, last + 1))
    [estimate] = share.estimates({"a": mixed})
    assert (estimate.interval.low, estimate.interval.high) == (share_interval(8, 10).low, share_interval(9, 10).high)
    assert (estimate.censored, estimate.unconfirmed) == (("8", "9"), ("8",))
    diverged = stepping([20] * 8, [int(data["step"].values[49])] * 8, diverged=range(8))  # it holds in the last record
    [never] = share.estimates({"a": diverged})
    assert never.interval.high == share_interval(0, 8).high, "a run that diverged never gets there"


def test_differences_between_arms() -> None:
    fast, slow = planted([30] * 8, list(np.geomspace(500, 900, 8))), planted([30] * 9, list(np.geomspace(2000, 3500, 9)))
    first, second = EventTime(event="t_gen", unit="log", arm="a"), EventTime(event="t_gen", unit="log", arm="b")
    difference = Difference(of=first, against=second)
    estimate = difference.estimates({"a": fast, "b": slow})[0]
    assert estimate.interval.value == pytest.approx(np.log(670 / 2645), abs=0.03)
    assert estimate.n == 8
    slower = Claim(id="sooner", statistic=difference, supported_if=Region(below=-0.5), refuted_if=Region(above=-0.1))
    assert judge(slower, {"a": fast, "b": slow}).verdict == "supported"
    assert judge(slower, {"a": slow, "b": fast}).verdict == "refuted"
    censored = planted([30] * 8, [*np.geomspace(2000, 3500, 4), None, None, None, None])
    assert judge(slower, {"a": fast, "b": censored}).verdict == "supported", "what is not there yet is later still"
    assert judge(slower, {"a": censored, "b": fast}).verdict == "refuted"
    paired = Difference(of=first, against=second, paired=True).estimates({"a": fast, "b": slow})[0]
    assert paired.n == 8
    assert paired.interval.value == pytest.approx(np.log(0.26), abs=0.03)
    with pytest.raises(InputError, match="share no seed"):
        Difference(of=first, against=second, paired=True).estimates({"a": fast, "b": planted([30], [500.0], [(99, 99)])})
    with pytest.raises(ValueError, match="instance of Quantity"):
        Difference(of=Share(event="t_gen", arm="a"), against=second)


def test_slopes_along_a_sweep() -> None:
    fractions = [0.3, 0.4, 0.5, 0.6]
    times = [float(np.exp(11 - 10 * f)) for _ in range(8) for f in fractions]
    pairs, swept = [(s, s) for s in range(8) for _ in fractions], {"frac_train": fractions * 8}
    data = planted([20] * 32, times, pairs, swept)
    slope = Slope(of=EventTime(event="t_gen", unit="log", arm="a"), along="frac_train")
    estimate = slope.estimates({"a": data})[0]
    assert estimate.interval.value == pytest.approx(-10, abs=0.2)
    assert estimate.n == 8
    late = planted([20] * 32, [None if f == 0.3 else t for t, f in zip(times, fractions * 8, strict=True)], pairs, swept)
    bounded = slope.estimates({"a": late})[0].interval
    assert bounded.low == -np.inf
    assert bounded.high < -8, "later than the end of the record at the smallest fraction: at least this steep"
    with pytest.raises(InputError, match="does not sweep 'fraction'"):
        Slope(of=EventTime(event="t_gen", arm="a"), along="fraction").estimates({"a": data})


def test_bends_along_a_sweep() -> None:
    """A power law is straight in logarithms, whatever its exponent. One whose exponent is 2 above 1 and 3 below bends by -1."""
    doses = [0.25, 0.5, 1.0, 2.0, 4.0] * 8
    seeds = [(i, i) for i in range(8) for _ in range(5)]

    def arm(law: Callable[[float], float]) -> dict[str, xarray.Dataset]:
        return {"a": planted([30] * 40, [1000.0] * 40, seeds, {"dose": doses}, x=lambda run: np.full(len(STEPS), law(doses[run])))}

    of = ValueAt(series="x", at="end", arm="a", log=True)
    bend, slope = Bend(of=of, along="dose", log=True), Slope(of=of, along="dose", log=True)
    broken = arm(lambda dose: dose**2 if dose > 1 else dose**3)
    straight = arm(lambda dose: 7 * dose**3)
    assert bend.estimates(straight)[0].interval.value == pytest.approx(0, abs=1e-9)
    assert bend.estimates(broken)[0].interval.value == pytest.approx(-1)
    assert bend.estimates(broken)[0].n == 8
    assert finding(slope, slope.estimates(straight)[0]).startswith("1,000 times higher")
    assert bend.phrase() == "median over seeds of the bend of x at end along dose in arm a"


def test_a_logarithm_of_nothing_is_unknown() -> None:
    data = {"a": planted([30] * 8, [1000.0] * 8, x=lambda run: np.full(len(STEPS), 100.0 if run else -1.0))}
    [estimate] = ValueAt(series="x", at="end", arm="a", log=True).estimates(data)
    assert estimate.interval.value == pytest.approx(np.log(100))
    assert (estimate.interval.low, estimate.censored) == (-np.inf, ("0",))
