"""Escape over a barrier against Kramers' formula and the integral of the first passage time."""

import numpy as np
import pytest
from scipy import stats

from epicycle.theory.barrier_hopping import BarrierHopping

HOT = BarrierHopping(temperature=0.4, lr=0.005, steps=40_000)


def escapes(theory: BarrierHopping, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """The recorded step of each escape, and whether it happened."""
    run = theory.simulate(range(seeds))
    over = run.series["escaped"] > 0
    return np.where(over.any(axis=1), run.steps[over.argmax(axis=1)], theory.steps), over.any(axis=1)


def test_the_integral_tends_to_kramers_formula_for_high_barriers() -> None:
    ratios = [cold.mean_steps() / cold.kramers_steps() for cold in (BarrierHopping(temperature=t) for t in (0.3, 0.1, 0.03))]
    assert abs(ratios[0] - 1) > abs(ratios[1] - 1) > abs(ratios[2] - 1)
    assert ratios[2] == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("temperature", [0.25, 0.4])
def test_particles_escape_at_the_rate_of_the_integral(temperature: float) -> None:
    """The mean of n exponential times has an error of 1 / sqrt(n)."""
    hot = HOT.model_copy(update={"temperature": temperature})
    times, done = escapes(hot, 400)
    mean = times.sum() / done.sum()  # the best estimate of an exponential time where some have not escaped
    assert done.mean() > 0.9
    assert mean == pytest.approx(hot.mean_steps(), rel=4 / 400**0.5)


def test_escapes_have_no_memory() -> None:
    """Times are exponential once the first climb is over."""
    times, _ = escapes(HOT, 400)
    late = times[times > 500] - 500
    assert stats.kstest(late / late.mean(), "expon").pvalue > 0.01


def test_without_noise_or_without_a_barrier() -> None:
    still = BarrierHopping(temperature=0, steps=100).simulate([0])
    assert (still.series["position"] == -1).all()
    assert not still.series["escaped"].any()
    free = BarrierHopping(barrier=0, temperature=0.5, lr=0.1, steps=1).simulate(range(4000))
    moves = np.diff(free.series["position"], axis=1)
    assert np.var(moves) == pytest.approx(2 * 0.1 * 0.5, rel=0.1)
