"""Values of series at moments and between moments, on planted runs."""

import numpy as np
import pytest
from tests.claims.planted_arms import STEPS, planted, stepping

from epicycle.claims.series_quantities import Correlation, Extreme, SeriesChange, Trend, ValueAt
from epicycle.spec.errors import InputError


def test_extremes() -> None:
    data = {"a": stepping([20] * 8, [200] * 6 + [None] * 2)}
    top = Extreme(series="test_acc", arm="a", which="max", above_baseline=True).estimates(data)[0]
    assert top.interval.high == pytest.approx(0.99)
    assert Extreme(series="test_acc", arm="a", which="min").estimates(data)[0].interval.value == pytest.approx(0.0)


def test_extremes_from_a_moment_on() -> None:
    """Training accuracy is 0 before memorising; afterwards it dips to 0.7 at step 200 in all runs, which memorise at step 20."""
    data = {"a": planted([20] * 8, [1000.0] * 8, dip=lambda run: np.where(STEPS < 20, 0.0, np.where(abs(STEPS - 200) < 50, 0.7, 1.0)))}
    lowest = {since: Extreme(series="dip", arm="a", which="min", since=since) for since in ("start", "t_mem", "0.5*t_gen")}
    values = {since: statistic.estimates(data)[0].interval.value for since, statistic in lowest.items()}
    assert values == pytest.approx({"start": 0.0, "t_mem": 0.7, "0.5*t_gen": 1.0})
    assert "smallest dip from t_mem on" in lowest["t_mem"].phrase()
    assert "train_acc" in lowest["t_mem"].reads(), "the series of the moment's event"
    never = {"a": stepping([20] * 8, [None] * 8)}
    assert Extreme(series="train_acc", arm="a", which="min", since="t_gen").estimates(never)[0].interval.low == -np.inf


def test_values_at_moments() -> None:
    data = {"a": planted([100] * 8, [1000.0] * 8, ramp=lambda run: STEPS / 10_000)}
    for moment, value in (("start", 0.0001), ("end", 1.0), ("t_mem", 0.01), ("0.5*t_mem", 0.005), ("t_gen", 0.0965), ("max", 1.0)):
        interval = ValueAt(series="ramp", at=moment, arm="a").estimates(data)[0].interval
        assert interval.low <= value * 1.02
        assert interval.high >= value * 0.98
        assert interval.value == pytest.approx(value, rel=0.04)
    less = [
        ValueAt(series="ramp", at="end", arm="a", minus=minus).estimates(data)[0].interval.value
        for minus in ("baseline", "mirror_share")
    ]
    assert less == pytest.approx([0.9, 0.6])
    # At t_gen the test accuracy is 0.95 and the ramp a tenth of it at most; a series that is not recorded there says nothing.
    gap = ValueAt(series="test_acc", beside="ramp", at="t_gen", arm="a").estimates(data)[0].interval
    assert gap.value == pytest.approx(0.95 - 0.0965, abs=0.01)
    apart = planted([100] * 8, [1000.0] * 8, ramp=lambda run: np.where(STEPS > 5000, np.nan, 1.0))
    unknown = ValueAt(series="test_acc", beside="ramp", at="end", arm="a").estimates({"a": apart})[0]
    assert len(unknown.censored) == 8
    never = ValueAt(series="ramp", at="t_gen", arm="a").estimates({"a": planted([100] * 8, [None] * 8, ramp=lambda run: STEPS)})[0]
    assert np.isinf(never.interval.low)
    assert len(never.censored) == 8
    for wrong in ("t_gne", "2*end", "t_mem*2"):
        with pytest.raises(ValueError, match="is no moment"):
            ValueAt(series="ramp", at=wrong, arm="a")


def test_changes_and_trends() -> None:
    hump = np.exp(-(np.log(STEPS / 500.0) ** 2))
    data = {"a": planted([100] * 8, [2000.0] * 8, loss=lambda run: 0.1 / STEPS, hump=lambda run: hump, flat=lambda run: 0 * STEPS)}
    decades = SeriesChange(series="loss", since="t_mem", until="end", decades=True, arm="a").estimates(data)[0].interval
    assert decades.value == pytest.approx(-2, abs=0.02)
    top = SeriesChange(series="hump", since="start", until="max", arm="a").estimates(data)[0].interval
    assert top.value == pytest.approx(1 - hump[0], abs=1e-3)
    later = SeriesChange(series="hump", since="t_gen", until="max", arm="a").estimates(data)[0].interval
    assert abs(later.value) < 0.02, "after t_gen nothing is higher"
    for series, expected in (("loss", -1.0), ("train_loss", 0.0)):
        trend = Trend(series=series, since="t_mem", until="0.5*t_on", arm="a").estimates(data)[0].interval
        assert (trend.low, trend.high) == ((expected, expected) if expected else (-1.0, 1.0)), "a constant has no trend: anything"


def test_a_share_of_the_end() -> None:
    data = {"a": planted([100] * 8, [1000.0] * 8, ramp=lambda run: STEPS / 10_000)}
    change = SeriesChange(series="ramp", since="0.8*end", until="end", arm="a").estimates(data)[0].interval
    assert change.value == pytest.approx(0.2, abs=0.01)
    with pytest.raises(InputError, match="no moment"):
        ValueAt.parse({"series": "ramp", "at": "0.8*ende", "arm": "a"})


def test_changes_that_go_together() -> None:
    wave = lambda run: np.sin(STEPS / 50.0 + run)  # noqa: E731
    data = {"a": planted([10] * 8, [500.0] * 8, one=wave, same=lambda run: 2 * wave(run) + 1, against=lambda run: -wave(run))}
    for beside, value in (("same", 1.0), ("against", -1.0)):
        assert Correlation(series="one", beside=beside, arm="a").estimates(data)[0].interval.value == pytest.approx(value)
    still = Correlation(series="one", beside="train_acc", since="t_mem", arm="a").estimates(data)[0].interval
    assert (still.low, still.high) == (-1.0, 1.0), "what does not change correlates with nothing"


def test_feedback_is_growth_that_is_faster_the_higher_another_series_is() -> None:
    clock = STEPS / STEPS[-1]
    rising = {
        "driver": lambda run: clock**0.5,
        "helped": lambda run: clock**1.5 / 1.5,
        "hindered": lambda run: clock - clock**1.5 / 1.5,
    }
    data = {"a": planted([10] * 8, [500.0] * 8, **rising)}
    for name, value in (("helped", 1.0), ("hindered", -1.0)):
        statistic = Correlation(series=name, beside="driver", feedback=True, arm="a")
        assert statistic.estimates(data)[0].interval.value == pytest.approx(value, abs=0.01), "looks that lie apart count per step"
        assert "change a step of" in statistic.title()
    still = Correlation(series="helped", beside="train_acc", since="t_mem", feedback=True, arm="a").estimates(data)[0].interval
    assert (still.low, still.high) == (-1.0, 1.0)


def test_a_quantity_reads_its_series_and_those_of_its_events() -> None:
    assert Extreme(series="x", arm="a").reads() == ("x",)
    assert ValueAt(series="x", beside="y", at="t_gen", arm="a").reads() == ("x", "y", "test_acc")
    assert Trend(series="x", since="t_mem", until="t_gen", arm="a").reads() == ("x", "train_acc", "test_acc")
    assert Correlation(series="x", beside="y", since="t_mem", arm="a").reads() == ("y", "x", "train_acc")
