"""Shares, differences between arms and slopes along a sweep, on planted runs whose answers are known."""

import numpy as np
import pytest
from tests.claims.planted_arms import planted, stepping

from epicycle.claims.differences import Difference
from epicycle.claims.quantities import EventTime
from epicycle.claims.shares import Share
from epicycle.claims.slopes import Slope
from epicycle.claims.verdict import judge
from epicycle.spec.claim import Claim, Region
from epicycle.spec.errors import InputError


def test_shares() -> None:
    share = Share(event="t_gen", arm="a").estimates({"a": stepping([20] * 6, [200, 200, 200, 200, None, None])})[0]
    assert share.interval.value == pytest.approx(4 / 6)
    assert share.censored == ("4", "5")


def test_differences_between_arms() -> None:
    fast, slow = planted([30] * 8, list(np.geomspace(500, 900, 8))), planted([30] * 7, list(np.geomspace(2000, 3500, 7)))
    first, second = EventTime(event="t_gen", unit="log", arm="a"), EventTime(event="t_gen", unit="log", arm="b")
    difference = Difference(of=first, against=second)
    estimate = difference.estimates({"a": fast, "b": slow})[0]
    assert estimate.interval.value == pytest.approx(np.log(670 / 2645), abs=0.03)
    assert estimate.n == 7
    slower = Claim(id="sooner", statistic=difference, supported_if=Region(below=-0.5), refuted_if=Region(above=-0.1))
    assert judge(slower, {"a": fast, "b": slow}).verdict == "supported"
    assert judge(slower, {"a": slow, "b": fast}).verdict == "refuted"
    censored = planted([30] * 7, [*np.geomspace(2000, 3500, 3), None, None, None, None])
    assert judge(slower, {"a": fast, "b": censored}).verdict == "supported", "what is not there yet is later still"
    assert judge(slower, {"a": censored, "b": fast}).verdict == "refuted"
    paired = Difference(of=first, against=second, paired=True).estimates({"a": fast, "b": slow})[0]
    assert paired.n == 7
    assert paired.interval.value == pytest.approx(np.log(0.25), abs=0.04)
    with pytest.raises(InputError, match="share no seed"):
        Difference(of=first, against=second, paired=True).estimates({"a": fast, "b": planted([30], [500.0], [(99, 99)])})
    with pytest.raises(ValueError, match="instance of Quantity"):
        Difference(of=Share(event="t_gen", arm="a"), against=second)


def test_slopes_along_a_sweep() -> None:
    fractions = [0.3, 0.4, 0.5, 0.6]
    times = [float(np.exp(11 - 10 * f)) for _ in range(6) for f in fractions]
    pairs, swept = [(s, s) for s in range(6) for _ in fractions], {"frac_train": fractions * 6}
    data = planted([20] * 24, times, pairs, swept)
    slope = Slope(of=EventTime(event="t_gen", unit="log", arm="a"), along="frac_train")
    estimate = slope.estimates({"a": data})[0]
    assert estimate.interval.value == pytest.approx(-10, abs=0.2)
    assert estimate.n == 6
    late = planted([20] * 24, [None if f == 0.3 else t for t, f in zip(times, fractions * 6, strict=True)], pairs, swept)
    bounded = slope.estimates({"a": late})[0].interval
    assert bounded.low == -np.inf
    assert bounded.high < -8, "later than the end of the record at the smallest fraction: at least this steep"
    with pytest.raises(InputError, match="does not sweep 'fraction'"):
        Slope(of=EventTime(event="t_gen", arm="a"), along="fraction").estimates({"a": data})
