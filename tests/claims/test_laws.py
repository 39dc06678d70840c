"""Laws along a sweep, phases of a series and powers of a series, on planted runs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray
from pydantic import ValidationError
from tests.claims.calibration.planting import Draw
from tests.claims.planted_arms import STEPS, planted

from epicycle.claims.estimates import Estimate
from epicycle.claims.laws import LawEvidence, LawShare, PooledLaws
from epicycle.claims.power_laws import QuantityPower, SeriesPower
from epicycle.claims.quantities import EventTime
from epicycle.claims.series_quantities import Extreme
from epicycle.claims.slopes import Slope
from epicycle.claims.two_phases import TwoPhases
from epicycle.spec.errors import InputError

LEVELS = np.array([2.0, 3.0, 4.0, 6.0, 8.0, 11.0, 15.0, 20.0])
LAST = Extreme(series="x", arm="a")


def along(values: Any, levels: Any = LEVELS, **series: Any) -> dict[str, xarray.Dataset]:
    """An arm whose series `x` has one value for each seed and level, and further series in the same way."""
    n_seeds, n = np.shape(values)
    pairs = [(i // n, i // n) for i in range(n_seeds * n)]
    flat = {name: np.ravel(of) for name, of in {"x": values, **series}.items()}
    functions = {name: lambda run, of=of: np.full(len(STEPS), of[run]) for name, of in flat.items()}
    return {"a": planted([30] * len(pairs), [1000.0] * len(pairs), pairs, {"n": np.tile(levels, n_seeds).tolist()}, **functions)}


def noisy(draw: Draw, law: Any, n_seeds: int = 12, scale: float = 0.1) -> Any:
    return np.outer(np.ones(n_seeds), law) * np.exp(scale * draw.normal(size=(n_seeds, len(law))))


def evidence(arms: Any, **fields: Any) -> Estimate:
    return LawEvidence(of=LAST, along="n", **fields).estimates(arms)[0]


def pooled(arms: Any, **fields: Any) -> Estimate:
    return PooledLaws(of=LAST, along="n", **fields).estimates(arms)[0]


def share(arms: Any, **fields: Any) -> Estimate:
    return LawShare(of=LAST, along="n", **fields).estimates(arms)[0]


POWER, EXPONENTIAL = 5 * LEVELS**2.0, 5 * np.exp(0.3 * LEVELS)
ARRHENIUS = 3 * np.exp(6 / LEVELS)
EITHER = {"law": "exponential", "against": ("power",)}


@pytest.mark.parametrize("estimate", [evidence, pooled])
def test_the_law_that_was_planted_is_preferred(estimate: Callable[..., Estimate]) -> None:
    draw = np.random.default_rng(0)
    power, exponential = (estimate(along(noisy(draw, law)), **EITHER).interval for law in (POWER, EXPONENTIAL))
    assert power.high < -5 < 5 < exponential.low
    arrhenius = estimate(along(noisy(draw, ARRHENIUS)), law="arrhenius", against=("power", "constant")).interval
    assert arrhenius.low > 5


def test_a_law_along_the_square_of_the_swept_number() -> None:
    """The temperature of noise is its square: what is Arrhenius' law along it is another law along the noise itself."""
    noise = np.sqrt(LEVELS)
    arms = along(noisy(np.random.default_rng(0), ARRHENIUS), noise)
    against = {"law": "arrhenius", "against": ("power", "constant")}
    squared, plain = evidence(arms, raised_to=2, **against), evidence(arms, **against)
    same = evidence(along(noisy(np.random.default_rng(0), ARRHENIUS)), **against)
    assert squared.interval.value == pytest.approx(same.interval.value)
    assert squared.interval.value > plain.interval.value + 1
    energy = Slope(of=EventTime(event="t_gen", unit="log", arm="a"), along="n", raised_to=-2, per=0.1)
    gens = np.tile(50 * np.exp(6 / LEVELS), 8)
    times = planted([2] * 64, gens.tolist(), [(i // 8, i // 8) for i in range(64)], {"n": np.tile(noise, 8).tolist()})
    interval = energy.estimates({"a": times})[0].interval
    assert interval.low == pytest.approx(6, rel=0.05)
    assert "with n^-2 in arm a" in energy.phrase()
    assert energy.plain_units().tail == "for each 0.1 more n^-2"


def test_the_evidence_of_all_seeds_grows_with_their_number() -> None:
    arms = along(noisy(np.random.default_rng(0), EXPONENTIAL))
    of_all, of_one = pooled(arms, **EITHER), evidence(arms, **EITHER)
    assert of_all.interval.value > 6 * of_one.interval.value
    assert (of_all.n, of_all.among, of_one.n) == (12, 96, 12)


def test_the_evidence_in_closed_form() -> None:
    """Without noise in one law and with known squares in the other: n (ln S/n of the other less that of the least noise)."""
    value = evidence(along([POWER] * 8), law="power", against=("exponential",)).interval.value
    u = LEVELS - LEVELS.mean()
    v = np.log(POWER) - np.log(POWER).mean()
    left = np.square(v - u * (u @ v) / (u @ u)).sum()
    assert value == pytest.approx(8 * (np.log(left / 8) - np.log(1e-12)))


def test_the_share_of_seeds_that_follow_a_law() -> None:
    draw = np.random.default_rng(0)
    values = np.concatenate([noisy(draw, EXPONENTIAL, 9, 0.03), noisy(draw, POWER, 3, 0.03)])
    whole = share(along(values), **EITHER)
    assert whole.interval.value == pytest.approx(0.75)
    values[0, 3] = np.nan
    one_open = share(along(values), **EITHER)
    assert one_open.values["0"] is None
    assert one_open.interval.low < whole.interval.low
    assert one_open.interval.high >= whole.interval.high


def test_a_wrong_law_is_rarely_preferred() -> None:
    """Of 400 seeds that follow a noisy power law, at most 1 in 50 prefers another law by 10."""
    values = noisy(np.random.default_rng(1), POWER, 400, 0.3)
    for law in ("exponential", "arrhenius", "constant"):
        assert share(along(values), law=law, against=("power",)).interval.value <= 0.02


def test_a_curve_that_levels_off_is_logistic() -> None:
    law = 40 / (1 + np.exp(-(LEVELS - 8) / 1.5))
    arms = along(noisy(np.random.default_rng(0), law, scale=0.02))
    assert evidence(arms, law="logistic", against=("power", "exponential")).interval.low > 5


def test_an_open_value_leaves_its_seed_open() -> None:
    """A time that was not reached bounds nothing: one seed of twelve has any evidence, and all seeds together are unknown."""
    draw = np.random.default_rng(0)
    pairs, n = [(i // 8, i // 8) for i in range(96)], {"n": np.tile(LEVELS, 12).tolist()}
    gens: list[float | None] = [float(value) for value in (20 * noisy(draw, LEVELS)).ravel()]
    times: dict[str, Any] = {"of": EventTime(event="t_gen", arm="a"), "along": "n", "law": "power", "against": ("exponential",)}
    whole = LawEvidence(**times).estimates({"a": planted([2] * 96, gens, pairs, n)})[0]
    assert whole.interval.low > 0
    gens[5] = None
    arms = {"a": planted([2] * 96, gens, pairs, n)}
    assert LawEvidence(**times).estimates(arms)[0].censored == ("0",)
    assert np.isfinite(LawEvidence(**times).estimates(arms)[0].interval.low)
    assert np.isinf(PooledLaws(**times).estimates(arms)[0].interval.low)


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(InputError, match=r"swept over 4 values in arm 'a', and .* laws that need 5"):
        evidence(along([[1.0, 2, 3, 4]] * 8, LEVELS[:4]), **EITHER)
    with pytest.raises(InputError, match=r"is 0 in a run of seed 0 in arm 'a'. Statistic law_evidence .* needs numbers above 0"):
        evidence(along([POWER - POWER[0]] * 8), **EITHER)
    with pytest.raises(InputError, match="numbers above 0"):
        evidence(along([POWER] * 8, LEVELS - 2), **EITHER)
    for fields, why in (
        ({"law": "power", "against": ("power",)}, "compared with itself"),
        ({**EITHER, "of": EventTime(event="t_gen", arm="a", unit="log")}, "take the logarithm of the quantity themselves"),
    ):
        with pytest.raises(ValidationError, match=why):
            LawEvidence(**{"of": LAST, "along": "n", **fields})
    with pytest.raises(ValidationError, match="too long for a logistic law"):
        PooledLaws(of=LAST, along="n", law="logistic", against=("power",))


def phases(what: str, series: Any, **fields: Any) -> float:
    data = planted([2] * 8, [1000.0] * 8, x=lambda run: series(STEPS.astype(float)))
    return TwoPhases(series="x", arm="a", since="0.001*end", until="end", what=what, **fields).estimates({"a": data})[0].interval.value


def test_a_ramp_and_a_rise() -> None:
    """Slope 1 in 10,000 up to step 6,000, then 2 in 10,000 more."""
    first = STEPS[STEPS >= 10][0]

    def series(steps: Any) -> Any:
        return 1e-4 * steps + 2e-4 * np.maximum(steps - 6000, 0)

    assert phases("breakpoint", series) == pytest.approx((6000 - first) / (10_000 - first), abs=2e-3)
    assert phases("ramp", series) == pytest.approx(0.6, abs=2e-3)
    assert phases("slope_ratio", series) == pytest.approx(1 / 3, abs=2e-3)
    assert phases("slope_ratio", lambda steps: 1e-4 * steps) == pytest.approx(1)
    assert phases("ramp", lambda steps: np.maximum(steps - 6000, 0)) == pytest.approx(0, abs=5)


def test_a_series_without_phases_is_open() -> None:
    data = planted([2] * 8, [None] * 8, x=lambda run: np.zeros(len(STEPS)))
    for until in ("t_gen", "end"):
        interval = TwoPhases(series="x", arm="a", until=until).estimates({"a": data})[0].interval
        assert (interval.low, interval.high) == (-np.inf, np.inf)


def test_a_power_of_a_series() -> None:
    """y is x^3, and z bends: its exponent grows by 2 ln 10 over each factor of ten."""
    data = planted(
        [2] * 8,
        [1000.0] * 8,
        x=lambda run: STEPS / 100,
        y=lambda run: (STEPS / 100) ** 3.0,
        z=lambda run: np.exp(np.log(STEPS / 100) ** 2),
    )

    def power(series: str, what: Any) -> float:
        return SeriesPower(series=series, beside="x", arm="a", what=what).estimates({"a": data})[0].interval.value

    assert power("y", "exponent") == pytest.approx(3)
    assert power("y", "bend") == pytest.approx(0, abs=1e-9)
    assert power("y", "r2") == pytest.approx(1)
    assert power("z", "bend") == pytest.approx(2 * np.log(STEPS[-1] / STEPS[0]))
    assert power("z", "r2") < 0.9


def test_values_that_have_no_logarithm_do_not_count() -> None:
    data = planted([2] * 8, [1000.0] * 8, x=lambda run: STEPS - 50.0, y=lambda run: np.where(STEPS > 50, (STEPS - 50.0) ** 2, 7.0))
    assert SeriesPower(series="y", beside="x", arm="a").estimates({"a": data})[0].interval.value == pytest.approx(0, abs=1e-9)
    never = planted([2] * 8, [1000.0] * 8, x=lambda run: -STEPS, y=lambda run: STEPS)
    assert np.isinf(SeriesPower(series="y", beside="x", arm="a").estimates({"a": never})[0].interval.low)


def test_a_power_of_a_quantity() -> None:
    draw = np.random.default_rng(0)
    x = noisy(draw, LEVELS, scale=0.3)
    arms = along(x, y=4 * x**1.5, z=np.exp(np.log(x) ** 2))

    def power(series: str, what: Any) -> Estimate:
        of = Extreme(series=series, arm="a")
        return QuantityPower(of=of, beside=LAST, along="n", what=what).estimates(arms)[0]

    assert power("y", "exponent").interval.value == pytest.approx(1.5)
    assert power("y", "bend").interval.value == pytest.approx(0, abs=1e-9)
    assert power("z", "bend").interval.low > 1
    assert power("y", "r2").n == 12
    with pytest.raises(ValidationError, match="must be of the same arm"):
        QuantityPower(of=LAST, beside=Extreme(series="x", arm="b"), along="n")
