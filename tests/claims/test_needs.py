"""What would decide a claim that is undecided."""

import numpy as np
import pytest
import xarray
from tests.claims.planted_arms import planted, stepping

from epicycle.claims.estimates import Estimate
from epicycle.claims.intervals import Interval
from epicycle.claims.needs import Need, Needs, to_fit, together, too_few
from epicycle.claims.quantities import EventTime
from epicycle.claims.several_claims import judge_together
from epicycle.claims.shares import Share
from epicycle.claims.verdict import judge
from epicycle.events.detectors import Threshold
from epicycle.spec.claim import Claim, Gate, Region

REGIONS = (Region(above=3), Region(below=1))
INF = float("inf")


def estimate(value: float, low: float, high: float, n: int = 20, n_open: int = 0) -> Estimate:
    return Estimate(Interval(value, low, high), n, censored=tuple(str(i) for i in range(n_open)))


@pytest.mark.parametrize(
    ("of", "need"),
    [
        (estimate(4, 2, 6), Need.SEEDS),
        (estimate(2, 1.2, 2.9), Need.NOTHING),
        (estimate(2, -4, 8), Need.SEEDS),  # so wide that the estimate may yet move to a region
        (estimate(4, 2, INF, n_open=3), Need.SEEDS),  # the median is known, so more seeds bound the interval
        (estimate(INF, 2, INF, n_open=15), Need.BUDGET),
        (estimate(4, -INF, INF, n=7), Need.SEEDS),
        (estimate(float("nan"), 0, 1, n_open=6), Need.BUDGET),
    ],
)
def test_what_an_estimate_needs(of: Estimate, need: Need) -> None:
    assert to_fit(REGIONS, of).what is need


def test_a_share_with_runs_that_end_too_early_to_tell() -> None:
    """It needs a longer budget only where these runs make the difference."""

    def share(reached: int, early: int) -> Estimate:
        values = {str(run): 1.0 if run < reached else None if run < reached + early else 0.0 for run in range(16)}
        names = tuple(values)
        interval = Interval(float("nan"), 0.4, 0.99)
        return Estimate(interval, 16, censored=names[reached:], values=values, unconfirmed=names[reached : reached + early])

    mostly = (Region(above=0.8), Region(below=0.5))
    assert to_fit(mostly, share(13, 1)).what is Need.SEEDS, "13 or 14 of 16 are more than 0.8"
    assert to_fit(mostly, share(11, 3)).what is Need.BUDGET
    assert to_fit(mostly, share(6, 1)).what is Need.SEEDS, "6 or 7 of 16 are fewer than 0.5"


def test_the_number_of_units_grows_as_the_margin_falls() -> None:
    near, far = (to_fit(REGIONS, estimate(value, value - 2, value + 2)).units for value in (3.5, 4.5))
    assert near
    assert far
    assert near > 4 * far / 2 > 20
    assert too_few(8, estimate(4, -INF, INF, n=5)) == Needs(Need.SEEDS, "3 more seeds", 8)


def test_several_detectors_need_what_is_hardest() -> None:
    seeds, budget, nothing = (Needs(need, "") for need in Need)
    more = Needs(Need.SEEDS, "", 50)
    assert together([seeds, more]) == more
    assert together([more, budget]) == budget
    assert together([nothing, budget]) == nothing


def test_verdicts_say_what_they_need() -> None:
    late = Claim(id="late", statistic=EventTime(event="t_gen", arm="a"), supported_if=Region(above=100), refuted_if=Region(below=50))
    ten = {"a": stepping([20] * 10, [200] * 10)}

    def need(claim: Claim, arms: dict[str, xarray.Dataset]) -> Need | None:
        decides = judge(claim, arms).need
        return decides.what if decides else None

    assert need(late, ten) is None
    assert need(late, {}) is Need.NOTHING
    assert need(late, {"a": stepping([20] * 4, [200] * 4)}) is Need.SEEDS
    never = Gate(statistic=EventTime(event="t_mem", arm="a"), region=Region(above=500))
    assert need(late.model_copy(update={"gates": (never,)}), ten) is Need.NOTHING
    all_of_them = Gate(statistic=Share(event="t_gen", arm="a"), region=Region(above=0.9))
    shut = judge(late.model_copy(update={"gates": (all_of_them,)}), ten)
    assert shut.need
    assert shut.need.what is Need.SEEDS, "10 of 10 lie in the region, but the interval does not yet"
    assert shut.document()["would_decide"] == "seeds"
    soon = Threshold(of="test_acc", level=0.015)
    torn = late.model_copy(update={"statistic": EventTime(event="t_gen", arm="a", detectors={"soon": soon})})
    data = stepping([20] * 10, [200] * 10)
    data["test_acc"] = data["test_acc"].clip(0.02)
    assert need(torn, {"a": data}) is Need.NOTHING, "one detector supports the claim, the other refutes it"
    close = planted([20] * 12, list(np.geomspace(60, 300, 12)))
    first, _ = judge_together([late, late.model_copy(update={"id": "again"})], {"a": close})
    assert first.need
    assert (first.verdict, first.need.what) == ("undecided", Need.SEEDS)
