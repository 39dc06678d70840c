"""The time left to an event after a fork, on planted forks."""

import numpy as np
import pytest
from tests.claims.planted_arms import planted

from epicycle.claims.remaining_time import DoseExponent, LogRemainingTime
from epicycle.spec.errors import InputError


def test_what_is_left_after_a_fork() -> None:
    control = planted([30] * 10, [1000.0] * 8 + [3000.0, None])
    moments = [200, 300, 400, 200, 300, 400, 300, 400, 200, 200]
    # Forks need a fifth of what their control had left; the last control never gets there, the last but one forks late.
    left = [0.2 * (0.965 * 1000 - m) / 0.965 for m in moments[:8]] + [500.0, 700.0]
    forks = planted([2] * 10, left, moments=moments)
    statistic = LogRemainingTime(event="t_gen", arm="forks", against="control")
    estimate = statistic.estimates({"forks": forks, "control": control})[0]
    assert estimate.interval.value == pytest.approx(np.log(0.2), abs=0.05)
    assert estimate.interval.high < np.log(0.4)
    same = planted([2] * 10, left, moments=moments)
    twins = statistic.model_copy(update={"against": "twins"}).estimates({"forks": forks, "twins": same})[0]
    assert twins.interval.low <= 0 <= twins.interval.high, "a fork against forks at the same moment is counted from there"
    past = statistic.estimates({"forks": forks.assign_coords(moment=("run", [5000] * 10)), "control": control})[0]
    assert (past.interval.low, past.interval.high) == (-np.inf, np.inf), "nothing was left"
    dead = forks.assign_coords(status=("run", np.array(["diverged at step 9"] * 10, object)))
    dead["test_acc"] = dead["test_acc"] * np.nan
    reached = {"forks": dead.isel(run=slice(9)), "control": control}
    assert statistic.estimates(reached)[0].interval.low == np.inf, "never, where the control got there"
    with pytest.raises(InputError, match="has no forks"):
        statistic.estimates({"forks": control, "control": control})


def test_how_time_left_falls_with_a_dose() -> None:
    """Forks that need dose^-0.7 of what their control had left have the exponent 0.7."""
    control = planted([30] * 8, [1000.0] * 8)
    doses = [2.0, 5.0, 10.0]
    left = [dose**-0.7 * (1000 - 200 / 0.965) for _ in range(8) for dose in doses]
    forks = planted([2] * 24, left, [(seed, seed) for seed in range(8) for _ in doses], {"by": doses * 8}, [200] * 24)
    statistic = DoseExponent(event="t_gen", arm="forks", against="control", along="by")
    arms = {"forks": forks, "control": control}
    assert statistic.estimates(arms)[0].interval.value == pytest.approx(0.7, abs=0.05)
    assert statistic.estimates(arms)[0].n == 8
    fewer = statistic.model_copy(update={"doses": (2.0, 10.0)}).estimates(arms)[0].interval
    assert fewer.low <= 0.7 <= fewer.high
    with pytest.raises(InputError, match="does not sweep 'dose'"):
        statistic.model_copy(update={"along": "dose"}).estimates(arms)


def test_forks_without_a_control_are_left_out() -> None:
    """One of two arms may have got more seeds than the other."""
    control, forks = planted([30] * 8, [1000.0] * 8), planted([2] * 10, [300.0] * 10, moments=[200] * 10)
    sooner = LogRemainingTime(event="t_gen", arm="forks", against="control")
    assert sooner.estimates({"forks": forks, "control": control})[0].n == 8
    doses = {"by": [2.0, 5.0] * 10}
    swept = planted([2] * 20, [300.0] * 20, [(seed, seed) for seed in range(10) for _ in range(2)], doses, [200] * 20)
    exponent = DoseExponent(event="t_gen", arm="forks", against="control", along="by")
    assert exponent.estimates({"forks": swept, "control": control})[0].n == 8
    others = planted([30] * 2, [1000.0] * 2, [(80, 80), (81, 81)])
    with pytest.raises(InputError, match="arm 'control' has no run of seed 0 to compare with"):
        sooner.estimates({"forks": forks, "control": others})
