"""Products of factors: plateau and drop at the times of the source, one drop for each mode, and two exact solutions."""

import numpy as np
import pytest

from epicycle.theory.product_of_factors import ProductOfFactors


def loss_left(time: float, **fields: object) -> float:
    """The share of the loss that is left at one time, by a step that is that long."""
    return float(ProductOfFactors.parse({"lr": time, "steps": 1, **fields}).simulate([0]).series["loss_left"][0, 1])


# Times from the start to nine tenths and to one tenth of the loss, with each factor starting at 0.01, and the last digit given.
@pytest.mark.parametrize(
    ("factors", "plateau", "end", "digit"), [(1, 0.053, 1.151, 0.001), (2, 3.15, 4.99, 0.01), (3, 97.4, 99.5, 0.1), (4, 4998, 5000, 1)]
)
def test_plateaus_have_the_lengths_of_the_source(factors: int, plateau: float, end: float, digit: float) -> None:
    for time, level in ((plateau, 0.9), (end, 0.1)):
        assert loss_left(time - digit, factors=factors) > level > loss_left(time + digit, factors=factors)


@pytest.mark.parametrize("start", [0.01, 0.5, 2.0])
def test_two_factors_have_the_exact_solution(start: float) -> None:
    """The squared size obeys s / (1 + (s / u^2 - 1) exp(-2 s t)), from below and from above."""
    simulated = ProductOfFactors(factors=2, strengths=(1.0, 3.0), start=start, lr=0.01, steps=800).simulate([0])
    for mode, s in enumerate((1.0, 3.0)):
        exact = s / (1 + (s / start**2 - 1) * np.exp(-2 * s * simulated.steps * 0.01))
        np.testing.assert_allclose(simulated.series["mode_strength"][0, :, mode], exact, rtol=1e-4)


def test_one_factor_decays_exponentially() -> None:
    simulated = ProductOfFactors(factors=1, start=0.01).simulate([0])
    np.testing.assert_allclose(simulated.series["mode_strength"][0, :, 0], 1 - 0.99 * np.exp(-0.01 * simulated.steps), rtol=1e-4)


def test_the_flow_is_solved_for_four_factors() -> None:
    """The derivative of the strength by time is n w^(2 - 2/n) (s - w)."""
    series = ProductOfFactors(factors=4, strengths=(2.0,), start=0.3, lr=0.005, steps=800).simulate([0]).series
    w = series["mode_strength"][0, :101, 0]
    np.testing.assert_allclose(np.gradient(w, 0.005)[1:-1], (4 * w**1.5 * (2 - w))[1:-1], rtol=2e-3)


def test_each_mode_drops_in_its_turn() -> None:
    """With two factors, mode s is half learned at ln(s / u^2 - 1) / (2 s)."""
    strengths, start = (4.0, 2.0, 1.0), 0.001
    simulated = ProductOfFactors(strengths=strengths, start=start, lr=0.01, steps=1500).simulate([0])
    for mode, s in enumerate(strengths):
        half = np.interp(s / 2, simulated.series["mode_strength"][0, :, mode], simulated.steps * 0.01)
        assert half == pytest.approx(np.log(s / start**2 - 1) / (2 * s), rel=0.02)
    loss = simulated.series["train_loss"][0]
    assert loss[0] == pytest.approx((16 + 4 + 1) / 2, rel=1e-3)
    assert loss[-1] < 1e-3


def test_a_mode_that_starts_at_its_target_stays() -> None:
    series = ProductOfFactors(strengths=(1.0, 0.5), start=1.0).simulate([0]).series
    assert (series["mode_strength"][0, :, 0] == 1).all()
