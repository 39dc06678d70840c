"""Mixtures of skills: when their sum rises, how much smoother it is than its parts, and when memory makes it fall."""

import numpy as np
import pytest

from epicycle.spec.errors import InputError
from epicycle.theory.mixture import Mixture


def time_of(mixture: Mixture, level: float, series: str = "test_acc") -> float:
    simulated = mixture.simulate([0])
    return float(np.exp(np.interp(level, simulated.series[series][0, 1:], np.log(simulated.steps[1:]))))


def test_the_sum_of_many_sharp_skills_is_the_law_of_their_times() -> None:
    """Times whose logarithms are normal: the quantiles at one standard deviation are a factor exp(spread) from the median."""
    many = Mixture(n_skills=1000, skill_time=1000, skill_spread=1.0, width=0.01, spread=0)
    times = [time_of(many, level) for level in (0.158655, 0.5, 0.841345)]
    assert times == pytest.approx([1000 / np.e, 1000, 1000 * np.e], rel=0.02)


def test_one_skill_is_a_logistic_curve_in_the_logarithm_of_the_step() -> None:
    """From a tenth to nine tenths it takes 2 ln 9 widths."""
    mixture = Mixture(n_skills=1, skill_time=1000, skill_spread=3.0, width=0.2, spread=0)
    assert np.log(time_of(mixture, 0.9) / time_of(mixture, 0.1)) == pytest.approx(2 * np.log(9) * 0.2, rel=0.02)
    assert time_of(mixture, 0.5) == pytest.approx(1000, rel=0.01)


def test_what_is_drawn_has_the_declared_spread() -> None:
    for drawn in (0.0, 0.6, 1.0):
        ln_times = Mixture(n_skills=1000, skill_spread=2.0, spread=drawn)._ln_times([4])
        assert ln_times.std() == pytest.approx(2.0, rel=0.05)


def test_memory_is_normal_in_the_logarithm_of_the_step() -> None:
    mixture = Mixture(mem_time=300, mem_spread=0.5)
    times = [time_of(mixture, level, "memorised") for level in (0.158655, 0.5, 0.841345)]
    assert times == pytest.approx([300 * np.exp(-0.5), 300, 300 * np.exp(0.5)], rel=0.01)


def test_accuracies_follow_from_what_is_learned_and_memorised() -> None:
    series = Mixture(interference=0.6).simulate([3]).series
    learned, memorised = series["skills_learned"], series["memorised"]
    np.testing.assert_allclose(series["train_acc"], learned + memorised - learned * memorised, atol=1e-12)
    np.testing.assert_allclose(series["test_acc"], learned * (1 - 0.6 * memorised))
    np.testing.assert_allclose(series["skill_acc"].mean(axis=-1), series["test_acc"])


@pytest.mark.parametrize(("interference", "falls"), [(0.0, False), (0.8, True)])
def test_only_memory_that_interferes_makes_the_test_accuracy_fall(interference: float, falls: bool) -> None:
    test = Mixture(skill_spread=3.0, mem_spread=0.2, interference=interference).simulate(range(5)).series["test_acc"]
    assert ((np.maximum.accumulate(test, axis=1) - test).max(axis=1) > 0.05).tolist() == [falls] * 5


def test_a_width_of_0_is_refused() -> None:
    with pytest.raises(InputError, match="width"):
        Mixture.parse({"width": 0})
