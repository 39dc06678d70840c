"""Which claims have a power, and which none."""

import pytest

from epicycle.claims.differences import Difference
from epicycle.claims.power import power
from epicycle.claims.quantities import EventTime
from epicycle.claims.remaining_time import DoseExponent, LogRemainingTime
from epicycle.claims.series_quantities import Extreme
from epicycle.spec.claim import Claim, Region
from epicycle.spec.errors import InputError


def test_power_is_silent_where_no_simple_rule_holds() -> None:
    time = EventTime(event="t_gen", unit="log", arm="a")
    regions = {"supported_if": Region(above=1), "refuted_if": Region(below=0)}
    claim = Claim(id="a", statistic=Difference(of=time, against=time), **regions)
    assert power(claim, 10).chance == {}
    with pytest.raises(InputError, match="no outcome of 5 runs"):
        power(claim, 5)
    medians = (
        Extreme(series="x", arm="a"),
        LogRemainingTime(event="t_gen", arm="a", against="b"),
        DoseExponent(event="t_gen", arm="a", against="b", along="by"),
    )
    for statistic in medians:
        assert power(Claim(id="b", statistic=statistic, **regions), 10).chance, statistic.kind
