"""Falls and crossovers, planted."""

import numpy as np
import pytest
from tests.claims.planted_arms import STEPS, planted

from epicycle.claims.falls import Fall, Overtaking

LN = np.log(STEPS)


def arm(**series):
    return {"a": planted([30] * 8, [1000.0] * 8, **{name: lambda run, of=of: of for name, of in series.items()})}


def value(statistic, arms) -> float:
    return statistic.estimates(arms)[0].interval.value


def test_the_largest_fall_and_its_top() -> None:
    """Up to 0.6 at step 100, down to 0.2 at step 400, up to 1."""
    curve = np.interp(LN, np.log([1, 100, 400, 10_000]), [0, 0.6, 0.2, 1.0])
    arms = arm(x=curve, rising=LN)
    assert value(Fall(series="x", arm="a"), arms) == pytest.approx(0.4, abs=0.01)
    assert np.exp(value(Fall(series="x", arm="a", what="turn"), arms)) == pytest.approx(100, rel=0.02)
    assert value(Fall(series="x", arm="a", direction="rise"), arms) == pytest.approx(1.0, abs=0.01)
    rise = Fall(series="x", arm="a", what="turn", direction="rise", since="0.02*end")
    assert np.exp(value(rise, arms)) == pytest.approx(400, rel=0.02)
    assert value(Fall(series="rising", arm="a"), arms) == 0
    assert np.isnan(value(Fall(series="rising", arm="a", what="turn"), arms))
    assert value(Fall(series="x", arm="a", since="t_gen"), arms) == 0, "long past it"


def test_the_crossover_of_two_gains() -> None:
    """Two curves logistic in ln t, centred at 20 and at 500 with one height and width: the rates cross at the geometric mean."""
    early, late = (1 / (1 + np.exp(-(LN - np.log(centre)) / 0.5)) for centre in (20, 500))
    arms = arm(early=early, late=late, flat=0 * LN)
    for window in (1.1, 1.5):
        crossover = value(Overtaking(series="late", beside="early", arm="a", window=window, least=1e-4), arms)
        assert np.exp(crossover) == pytest.approx(np.sqrt(20 * 500), rel=0.03)
    assert np.isnan(value(Overtaking(series="flat", beside="early", arm="a"), arms))
    assert np.isnan(value(Overtaking(series="early", beside="late", arm="a"), arms)), "it is ahead at first"
