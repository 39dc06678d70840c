"""Which claims have a power, and which none."""

import pytest

from epicycle.claims.differences import Difference
from epicycle.claims.power import power
from epicycle.claims.quantities import EventTime
from epicycle.claims.remaining_time import DoseExponent, LogRemainingTime
from epicycle.claims.series_quantities import Extreme
from epicycle.claims.variance import VarianceShare
from epicycle.spec.claim import Claim, Region
from epicycle.spec.errors import InputError


def test_power_is_silent_where_no_simple_rule_holds() -> None:
    time = EventTime(event="t_gen", unit="log", arm="a")
    regions = {"supported_if": Region(above=1), "refuted_if": Region(below=0)}
    shares = Claim(id="a", statistic=VarianceShare(of=time), **regions)
    assert power(shares, 10).chance == {}
    outside = Claim(id="a", statistic=time, supported_if=Region(above=1, below=-1), refuted_if=Region(above=-1, below=1))
    assert power(outside, 10).chance == {}
    with pytest.raises(InputError, match="no outcome of 9 runs could decide it; it needs at least 10"):
        power(outside, 9, 0.05 / 3)
    for n in (5, 7):
        with pytest.raises(InputError, match=f"no outcome of {n} runs could decide it; it needs at least 8"):
            power(shares, n)
    medians = (
        Difference(of=time, against=time),
        Extreme(series="x", arm="a"),
        LogRemainingTime(event="t_gen", arm="a", against="b"),
        DoseExponent(event="t_gen", arm="a", against="b", along="by"),
    )
    for statistic in medians:
        assert power(Claim(id="b", statistic=statistic, **regions), 10).chance, statistic.kind


def test_power_says_how_many_runs_are_enough() -> None:
    """All of eight runs must agree: that happens in 0.95^8 = 66 % of samples if 95 % agree, and in 80 % of samples of twelve."""
    claim = Claim(id="a", statistic=EventTime(event="t_gen", arm="a"), supported_if=Region(above=1), refuted_if=Region(below=0))
    assert power(claim, 8).supported_by == (8,)
    assert power(claim, 8).chance["0.95"] == pytest.approx(0.95**8, abs=1e-3)
    enough = power(claim, 8).enough
    assert (enough["0.95"], enough["0.9"], enough["0.7"]) == (12, 24, 128)
    with pytest.raises(InputError, match="it needs at least 9"):
        power(claim, 8, 0.03)
