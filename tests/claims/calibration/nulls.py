"""What is planted: for every kind of statistic, populations in which its true number is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import xarray
from jaxtyping import Float
from numpy import ndarray
from scipy import special
from tests.claims.calibration.planting import LOOKS, Case, Draw, population
from tests.claims.planted_arms import STEPS, planted

from epicycle.claims.axis_correlation import GrowthCorrelation
from epicycle.claims.cell_correlation import CellCorrelation
from epicycle.claims.change_points import ChangePoints
from epicycle.claims.differences import Difference
from epicycle.claims.estimates import PerRun
from epicycle.claims.factor_shares import Cell, FactorShare, factor_shares
from epicycle.claims.falls import Fall, Overtaking
from epicycle.claims.laws import LawEvidence, LawShare, PooledLaws
from epicycle.claims.median_remaining_time import MedianRemainingTime
from epicycle.claims.pairs import EqualPairs
from epicycle.claims.path_planes import PlaneView
from epicycle.claims.path_quantities import DiffusionExponent, MoveCosine, PathLength, Straightness
from epicycle.claims.path_sums import PathSum
from epicycle.claims.pattern_fits import ThreePatternFit
from epicycle.claims.persistence import Persistence
from epicycle.claims.power_laws import QuantityPower, SeriesPower
from epicycle.claims.quantities import EventRatio, EventTime, Quantity, Span
from epicycle.claims.remaining_time import DoseExponent, LogRemainingTime
from epicycle.claims.row_times import RowTimes
from epicycle.claims.separation import Separation
from epicycle.claims.series_quantities import Correlation, Extreme, SeriesChange, Trend, ValueAt
from epicycle.claims.shares import RegionShare, Share
from epicycle.claims.slopes import Bend, Slope
from epicycle.claims.spikes import Spikes
from epicycle.claims.transitions import Transition
from epicycle.claims.two_phases import TwoPhases
from epicycle.claims.variance import VarianceShare
from epicycle.events.detectors import Threshold
from epicycle.maths.patterns import GENERALISE, accuracies, logistic_shares
from epicycle.spec.claim import Region
from epicycle.spec.results import DONE, RunLabels, arm_dataset

SIZE = 501  # units of a population
MOMENT = 200  # of forks
AT_95 = 0.965  # of the step at which planted runs reach a test accuracy of 1, they reach 0.95
TIME = EventTime(event="t_gen", unit="log", arm="a")
PHASES: tuple[Literal["breakpoint", "ramp"], ...] = ("breakpoint", "ramp")
LAST = Extreme(series="x", arm="a")
Values = Float[ndarray, " unit"]


class Reading(Quantity):
    """The last value of a series, read for all runs at once."""

    kind: ClassVar[str] = "reading"

    series: str = "x"

    def title(self) -> str:
        return self.series

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        values = dict(enumerate(data[self.series].values[:, -1].tolist()))
        return [PerRun("", values, dict(values))]


def holding(values: Values, arm: str = "a") -> xarray.Dataset:
    """Runs whose series `x` has one value throughout."""
    runs = planted([30] * len(values), [1000.0] * len(values), x=lambda run: np.full(len(STEPS), values[run]))
    return population(runs, arm)


def generalising(times: Values, arm: str = "a", open_above: float = np.inf, thin: int = 1, **others: Any) -> xarray.Dataset:
    """Runs that reach t_gen at some steps; those that would reach it late are cut off and never do.

    Args:
        open_above: the step above which a run never gets there.
        thin: keeps one evaluation in so many; 1 keeps 150 a decade.
        others: for `planted`.
    """
    gens = [None if time > open_above else float(time / AT_95) for time in times]
    data = planted([10] * len(times), gens, **others)
    return population(data.isel(step=slice(0, None, thin)), arm)


def spread(draw: Draw, scale: float = 0.3) -> Values:
    """Times around 1,000 steps, whose logarithms are normal."""
    return 1000 * np.exp(scale * draw.normal(size=SIZE))


def event_cases(draw: Draw) -> Iterator[Case]:
    """Times of events, one by one and relative to each other."""
    times = spread(draw)
    middle, arms = float(np.median(np.log(times))), {"a": generalising(times)}
    yield Case("time of an event", TIME, middle, arms)
    yield Case("the same, 45 % censored", TIME, middle, {"a": generalising(times, open_above=float(np.quantile(times, 0.55)))})
    soon = TIME.model_copy(update={"detectors": {"soon": Threshold(of="test_acc", level=0.8)}})
    yield Case("the same, two detectors; false under one of them", soon, middle + float(np.log(0.86 / AT_95)), arms)
    memorised = np.round(30 * np.exp(0.2 * draw.normal(size=SIZE)))
    data = population(planted(memorised.tolist(), (times / AT_95).tolist()), "a")
    ratio = EventRatio(event="t_gen", over="t_mem", arm="a")
    yield Case("ratio of two events", ratio, float(np.median(times / memorised)), {"a": data})
    onsets = times * draw.uniform(0.3, 0.9, size=SIZE)
    data = generalising(times, test_acc_mirror_unseen=lambda run: (onsets[run] <= STEPS).astype(float))
    yield Case("span between two events", Span(arm="a"), float(np.median(1 - onsets / times)), {"a": data})


def series_cases(draw: Draw) -> Iterator[Case]:
    """Numbers that are read from series."""
    values, noise = draw.normal(size=SIZE), draw.normal(size=(SIZE, len(STEPS)))
    middle, position = float(np.median(values)), np.linspace(0, 1, len(STEPS))
    yield Case("last value of a series", LAST, middle, {"a": holding(values)})
    open_runs = holding(values).assign(x=holding(values)["x"].where(draw.random(SIZE)[:, None] * np.ones(len(STEPS)) < 0.7))
    yield Case("the same, 30 % of the runs open", LAST, middle, {"a": population(open_runs, "a")})
    yield Case("value at an event", ValueAt(series="x", at="t_gen", arm="a"), middle, {"a": holding(values)})

    def of_series(statistic: Quantity, series: dict[str, Any], size: int = SIZE) -> Case:
        """The truth is the median of what the statistic reads exactly."""
        data = planted([30] * size, [1000.0] * size, **series).isel(step=slice(0, None, 12))
        [bounds] = statistic.per_run(data)
        return Case(statistic.title(), statistic, float(np.median(list(bounds.lows.values()))), {"a": population(data, "a")})

    def ramp(run: int) -> Any:
        return values[run] * position

    yield of_series(SeriesChange(series="x", arm="a"), {"x": ramp})
    yield of_series(Trend(series="x", since="start", until="end", arm="a"), {"x": lambda run: values[run] * position + noise[run]})
    both = {"x": lambda run: noise[run], "y": lambda run: values[run] * noise[run] + noise[-1 - run]}
    for feedback in (False, True):
        yield of_series(Correlation(series="x", beside="y", feedback=feedback, arm="a"), both)
    levels = draw.integers(1, 5, size=SIZE)
    stairs = {"x": lambda run: np.floor(levels[run] * position * 0.999) + 0.02 * noise[run]}
    yield of_series(ChangePoints(series="x", arm="a"), stairs, size=101)


def path_cases(draw: Draw) -> Iterator[Case]:
    """Numbers that are read from series with several numbers at a step: walks through space, and labels of neurons."""
    size = 101
    data = planted([30] * size, [1000.0] * size).isel(step=slice(0, None, 12))
    n_steps = data.sizes["step"]
    pace = draw.uniform(0.5, 2, size=(size, 1, 1))
    data["walk"] = (("run", "step", "sketch"), np.cumsum(pace * draw.normal(size=(size, n_steps, 16)) + 0.3, axis=1))
    kept = draw.random((size, 1, 12)) < draw.uniform(0.2, 0.9, size=(size, 1, 1))
    labels = draw.integers(0, 4, size=(size, n_steps, 12))
    data["label"] = (("run", "step", "neuron"), np.where(kept, labels[:, :1], labels).astype(float))
    gains = labels[:, :1] * draw.random((size, 1, 1)) * np.linspace(0, 1, n_steps)[:, None] + draw.normal(size=labels.shape)
    data["gain"] = (("run", "step", "neuron"), gains)
    own = np.random.default_rng(1)  # so that the numbers of the cases below stay as they were
    data["effect"] = (("run", "step"), pace[:, 0] * own.exponential(size=(size, n_steps)))

    def drawn(draw: Draw) -> dict[str, xarray.Dataset]:
        runs = data.isel(run=draw.integers(size, size=max(LOOKS)))
        own = ("run", np.arange(max(LOOKS)))
        return {"a": population(runs.assign_coords(seed=own, data_seed=own), "a")}

    period: dict[str, Any] = {"since": "start", "until": "end", "arm": "a"}
    for statistic in (
        PathLength(series="walk", **period),
        Straightness(series="walk", **period),
        DiffusionExponent(series="walk", **period),
        MoveCosine(series="walk", beside="next", **period),
        PlaneView(series="walk", **period),
        Persistence(series="label", **period),
        GrowthCorrelation(series="label", of="gain", **period),
        PathSum(series=("effect",), **period),
    ):
        [bounds] = statistic.per_run(data)
        yield Case(statistic.title(), statistic, float(np.median(list(bounds.lows.values()))), fresh=drawn)


def share_cases(draw: Draw) -> Iterator[Case]:
    """Shares of runs that reach an event."""
    for share in (0.5, 0.9):
        times = np.where(np.arange(1000) < 1000 * share, 1000.0, np.inf)
        yield Case(f"share of {share:.0%}", Share(event="t_gen", arm="a"), share, {"a": generalising(times, open_above=9e3)})
    values = draw.normal(size=SIZE)
    above = RegionShare(of=LAST, region=Region(above=0.5))
    yield Case("share of runs above a number", above, float((values > 0.5).mean()), {"a": holding(values)})

    def of_two_kinds(draw: Draw) -> dict[str, xarray.Dataset]:
        return {"a": runs_with(np.where(draw.random(200) < 0.3, 1.0, 0.0), [(i, i) for i in range(200)])}

    yield Case("share of pairs that are the same", EqualPairs(series="x", arm="a"), 0.3**2 + 0.7**2, fresh=of_two_kinds)

    def on_splits(draw: Draw) -> dict[str, xarray.Dataset]:
        chances = np.repeat(draw.beta(1, 1, size=66), 3)
        values = np.where(draw.random(198) < chances, 1.0, 0.0)
        return {"a": runs_with(values, [(i, i // 3) for i in range(198)])}

    reached = Share(event="reached", arm="a", detectors={"reached": Threshold(of="x", level=0.5, hold=0.0)})
    yield Case("share of 50 %, three seeds on each split", reached, 0.5, fresh=on_splits, looks=(24, 48, 99, 150, 198))


def difference_cases(draw: Draw) -> Iterator[Case]:
    """Differences between two arms."""
    first, second = Extreme(series="x", arm="a"), Extreme(series="x", arm="b")
    unpaired = Difference(of=first, against=second)
    normal, wide, skewed = draw.normal(size=SIZE), 6 * draw.normal(size=SIZE), np.exp(draw.normal(size=SIZE))

    def case(name: str, x: Values, y: Values, **options: Any) -> Case:
        middle = float(np.median(np.subtract.outer(x, y)))
        return Case(name, unpaired, middle, {"a": holding(x), "b": holding(y, "b")}, apart=True, **options)

    yield case("difference, equal spread", normal, normal)
    yield case("difference, spreads of 1 and 6", normal, wide)
    yield case("difference, one arm skewed, spreads of 1 and 6", skewed, wide)
    yield case("difference, second arm with half the seeds", normal, wide, share_of_seeds={"b": 0.5})
    times = spread(draw), spread(draw)
    arms = {name: generalising(t, name, float(np.quantile(t, 0.65))) for name, t in zip("ab", times, strict=True)}
    late = Difference(of=TIME, against=TIME.model_copy(update={"arm": "b"}))
    middle = float(np.median(np.subtract.outer(*np.log(times))))
    yield Case("difference of times, 35 % of both arms censored", late, middle, arms, apart=True)
    partner = normal * 0.8 + draw.normal(size=SIZE)
    paired = Difference(of=first, against=second, paired=True)
    arms = {"a": holding(normal), "b": holding(partner, "b")}
    yield Case("difference within seeds", paired, float(np.median(normal - partner)), arms)


def forks(ratios: Values, controls: Values, arm: str, **options: Any) -> xarray.Dataset:
    """Forks that need some multiples of what their controls had left."""
    return generalising(ratios * (controls - MOMENT), arm, moments=[MOMENT] * len(ratios), **options)


def fork_cases(draw: Draw) -> Iterator[Case]:
    """Statistics of the time left after a fork."""
    controls, ratios = spread(draw, 0.15), np.exp(-0.5 + 0.5 * draw.normal(size=SIZE))
    middle = float(np.median(np.log(ratios)))
    left = LogRemainingTime(event="t_gen", arm="b", against="a")
    for thin, a_decade in ((1, 150), (4, 40)):
        arms = {"a": generalising(controls, thin=thin), "b": forks(ratios, controls, "b", thin=thin)}
        yield Case(f"time left after a fork, {a_decade} evaluations a decade", left, middle, arms)
    late = {
        "a": generalising(controls),
        "b": forks(ratios, controls, "b", open_above=float(np.quantile(ratios * (controls - MOMENT), 0.7))),
    }
    yield Case("the same, 30 % of the forks censored", left, middle, late)
    soon = left.model_copy(update={"detectors": {"soon": Threshold(of="test_acc", level=0.8)}})
    yield Case("the same, two detectors", soon, middle, {"a": generalising(controls), "b": forks(ratios, controls, "b")})
    doses, exponents = np.array([2.0, 5.0, 10.0]), 0.7 + 0.3 * draw.normal(size=SIZE)
    left_over = np.exp(-np.outer(exponents, np.log(doses)) + 0.1 * draw.normal(size=(SIZE, 3))).ravel()
    slopes = -(np.log(left_over).reshape(SIZE, 3) @ (np.log(doses) - np.log(doses).mean())) / np.var(np.log(doses)) / 3
    pairs = [(i // 3, i // 3) for i in range(3 * SIZE)]
    data = forks(left_over, np.repeat(controls, 3), "b", swept={"by": np.tile(doses, SIZE).tolist()}, seeds=pairs)
    exponent = DoseExponent(event="t_gen", arm="b", against="a", along="by")
    yield Case("exponent of a dose", exponent, float(np.median(slopes)), {"a": generalising(controls), "b": data}, rows={"b": 3})
    log_ratios = np.array([0.0, 0.3, 1.0, 1.3]) + 0.5 * draw.normal(size=(SIZE, 4))
    cells = {name: forks(np.exp(log_ratios[:, i] - 1), controls, name) for i, name in enumerate("cdef")}
    levels = [{"task": task, "moment": moment} for task in "xy" for moment in "uv"]
    statistic = FactorShare(
        cells=tuple(Cell(arm=name, against="a", levels=of_cell) for name, of_cell in zip(cells, levels, strict=True)), factor="task"
    )
    share = float(np.median(factor_shares(log_ratios, ["x", "x", "y", "y"])))
    yield Case("share of a factor", statistic, share, {"a": generalising(controls), **cells})
    three = tuple(Cell(arm=name, against="a", levels={"task": name}) for name in "cde")
    median = float(np.median(np.median(log_ratios[:, :3] - 1, axis=1)))
    yield Case("time left on most of three tasks", MedianRemainingTime(cells=three), median, {"a": generalising(controls), **cells})


def sweep_cases(draw: Draw) -> Iterator[Case]:
    """Statistics along a sweep: slopes and transitions within seeds."""
    doses = np.array([0.2, 0.4, 0.6, 0.8])
    pairs, swept = [(i // 4, i // 4) for i in range(4 * SIZE)], {"dose": np.tile(doses, SIZE).tolist()}

    def along(values: Float[ndarray, "unit dose"], arm: str = "a") -> xarray.Dataset:
        flat = values.ravel()
        data = planted([30] * len(flat), [1000.0] * len(flat), pairs, swept, x=lambda run: np.full(len(STEPS), flat[run]))
        return population(data.isel(step=slice(0, None, 20)), arm)

    values = np.outer(draw.normal(size=SIZE), doses) + 0.2 * draw.normal(size=(SIZE, 4))
    slopes = values @ (doses - 0.5) / ((doses - 0.5) ** 2).sum()
    slope = Slope(of=LAST, along="dose")
    yield Case("slope along a sweep", slope, float(np.median(slopes)), {"a": along(values)}, rows={"a": 4})
    bends = (values[:, 3] - values[:, 2] - values[:, 1] + values[:, 0]) / 0.2
    yield Case("bend along a sweep", Bend(of=LAST, along="dose"), float(np.median(bends)), {"a": along(values)}, rows={"a": 4})
    others = 0.3 * values + draw.normal(size=(SIZE, 4))
    together = [np.corrcoef(first, second)[0, 1] for first, second in zip(values, others, strict=True)]
    cells = CellCorrelation(of=LAST, beside=LAST.model_copy(update={"arm": "b"}))
    both = {"a": along(values), "b": along(others, "b")}
    yield Case("correlation over cells", cells, float(np.median(together)), both, rows={"a": 4, "b": 4})
    centres = draw.uniform(0.3, 0.7, size=SIZE)
    values = np.clip((doses - centres[:, None]) / 0.8 + 0.5, 0, 1)
    crossing = Transition(of=LAST, along="dose")
    yield Case("dose at a transition", crossing, float(np.median(centres)), {"a": along(values)}, rows={"a": 4})


def law_cases(draw: Draw) -> Iterator[Case]:
    """Laws along a sweep, within seeds and in all of them, and powers and phases of series."""
    levels = np.array([2.0, 3.0, 4.0, 6.0, 8.0, 11.0])
    n = len(levels)
    pairs, swept = [(i // n, i // n) for i in range(n * SIZE)], {"level": np.tile(levels, SIZE).tolist()}
    u, v = ((column - column.mean()) / column.std() for column in (levels, np.log(levels)))

    def along(values: Float[ndarray, "unit dose"], **others: Float[ndarray, "unit dose"]) -> dict[str, xarray.Dataset]:
        flat = {name: of.ravel() for name, of in {"x": values, **others}.items()}
        series = {name: lambda run, of=of: np.full(len(STEPS), of[run]) for name, of in flat.items()}
        data = planted([30] * n * SIZE, [1000.0] * n * SIZE, pairs, swept, **series)
        return {"a": population(data.isel(step=slice(0, None, 20)), "a")}

    def median(name: str, statistic: Any, arms: dict[str, xarray.Dataset]) -> Case:
        """The truth is what the statistic reads in the whole population."""
        return Case(name, statistic, statistic.estimates(arms)[0].interval.value, arms, rows={"a": n})

    between = draw.uniform(-0.5, 1.5, size=(SIZE, 1))  # 0 is a power law, 1 an exponential one
    arms = along(np.exp(between * u + (1 - between) * v + 0.1 * draw.normal(size=(SIZE, n))))
    laws: dict[str, Any] = {"of": LAST, "along": "level", "law": "exponential", "against": ("power",)}
    yield median("evidence for a law, median over seeds", LawEvidence(**laws), arms)
    yield median("share of seeds that prefer a law", LawShare(**laws, by=0), arms)

    def equally_good(draw: Draw) -> dict[str, xarray.Dataset]:
        """Both laws miss the true curve by the same."""
        values = np.exp(u + v + 0.3 * draw.normal(size=(48, n)))
        runs = [
            RunLabels(name=f"{i}", seed=i // n, data_seed=i // n, status=DONE, baseline=0.1, swept={"level": float(levels[i % n])})
            for i in range(48 * n)
        ]
        series = {"x": (("run", "step"), values.reshape(-1, 1))}
        return {"a": arm_dataset(STEPS[-1:], series, runs, budget=10_000, swept=["level"])}

    pooled = PooledLaws(**{**laws, "of": Reading(arm="a")})
    yield Case("evidence of all seeds, two laws equally good, judged once on 48", pooled, 0.0, fresh=equally_good, looks=(48 * n,))
    sizes = np.exp(v + 0.3 * draw.normal(size=(SIZE, n)))
    bends = sizes ** draw.uniform(1, 2, size=(SIZE, 1)) * np.exp(draw.normal(size=(SIZE, 1)) * np.log(sizes) ** 2)
    power = QuantityPower(of=Extreme(series="y", arm="a"), beside=LAST, along="level")
    yield median("bend of a quantity along another", power, along(sizes, y=bends))
    size, position = 101, STEPS / STEPS[-1]
    noise, bend, breaks = 0.02 * draw.normal(size=(size, len(STEPS))), draw.normal(size=size), draw.uniform(0.3, 0.8, size=size)
    data = planted(
        [30] * size,
        [1000.0] * size,
        x=lambda run: position,
        y=lambda run: np.exp(bend[run] * np.log(position) ** 2 / 20 + noise[run]),
        z=lambda run: bend[run] * position + 9 * np.maximum(position - breaks[run], 0) + noise[run],
    ).isel(step=slice(0, None, 12))
    whole: dict[str, Any] = {"since": "start", "until": "end", "arm": "a"}
    for statistic in (SeriesPower(series="y", beside="x", **whole), *(TwoPhases(series="z", what=w, **whole) for w in PHASES)):
        [bounds] = statistic.per_run(data)
        yield Case(statistic.title(), statistic, float(np.median(list(bounds.lows.values()))), {"a": population(data, "a")})


def pattern_cases(draw: Draw) -> Iterator[Case]:
    """Falls and crossovers of series, fits of patterns, and times of rows; the truth is what the statistic reads in the population."""
    size, position, thin = 101, np.linspace(0, 1, len(STEPS)), slice(0, None, 12)
    depths, centres = draw.uniform(0.1, 0.9, size=size), draw.uniform(0.3, 0.6, size=size)

    def case(statistic: Quantity, data: xarray.Dataset) -> Case:
        [bounds] = statistic.per_run(data)
        return Case(statistic.title(), statistic, float(np.median(list(bounds.lows.values()))), {"a": population(data, "a")})

    series = {
        "x": lambda run: position - depths[run] * (position > centres[run]),
        "early": lambda run: 1 / (1 + np.exp(-30 * (position - centres[run]))),
        "late": lambda run: 1 / (1 + np.exp(-30 * (position - centres[run] - 0.3))),
    }
    data = planted([30] * size, [1000.0] * size, **series).isel(step=thin)
    yield case(Fall(series="x", arm="a"), data)
    numbers, every = 3 + np.arange(size) % 9, np.arange(len(STEPS))
    spiked = planted([30] * size, [1000.0] * size, x=lambda run: 1 + 50.0 * (every % (len(STEPS) // numbers[run]) == 1))
    yield case(Spikes(series="x", arm="a", since="start", window=8), spiked)
    yield case(Overtaking(series="late", beside="early", arm="a"), data)
    late = 500 * np.exp(0.3 * draw.normal(size=size))
    shares = logistic_shares(STEPS, (0, 1, 0.9), (1, 0.2, 0.03), np.stack([np.ones(size), 60 + 0 * late, late], axis=1))
    train, test = accuracies(shares, GENERALISE, preferred=2)
    data = planted([30] * size, [1000.0] * size, train_acc=lambda run: train[run], test_acc=lambda run: test[run])
    yield case(ThreePatternFit(what="third", arm="a"), data.isel(step=thin))
    times = 100 * np.exp(draw.uniform(0.2, 0.8, size=(size, 1)) * draw.normal(size=(size, 25)))
    right = STEPS[None, ::12, None] >= times[:, None]
    runs = [RunLabels(name=f"{i}", seed=i, data_seed=i, status=DONE, baseline=0.1) for i in range(size)]
    maps = (2.0 + right).reshape(*right.shape[:2], 5, 5)
    yield case(RowTimes(arm="a"), arm_dataset(STEPS[::12], {"answer_map": (("run", "step", "x", "y"), maps)}, runs, budget=10_000))


def runs_with(values: Values, pairs: list[tuple[int, int]], **others: Values) -> xarray.Dataset:
    """Runs with some last values of `x` and of other series, and with some seeds and splits."""
    runs = [RunLabels(name=f"{seed}/{split}", seed=seed, data_seed=split, status=DONE, baseline=0.1) for seed, split in pairs]
    series = {name: (("run", "step"), of_runs[:, None]) for name, of_runs in {"x": values, **others}.items()}
    return arm_dataset(STEPS[-1:], series, runs, budget=10_000)


def separation_cases() -> Iterator[Case]:
    """Areas under ROC curves. They have no any-time interval, so they are judged once."""
    separation = Separation(of=Reading(arm="a"), event="reached", within="a", detector=Threshold(of="y", level=0.5, hold=0.0))
    for area, wider in ((0.5, 1.0), (0.8, 1.0), (0.5, 3.0)):

        def of_two_kinds(draw: Draw, area: float = area, wider: float = wider) -> Mapping[str, xarray.Dataset]:
            happens = draw.random(60) < 0.5
            values = np.where(happens, np.hypot(1, wider) * special.ndtri(area) + wider * draw.normal(size=60), draw.normal(size=60))
            return {"a": runs_with(values, [(i, i) for i in range(60)], y=happens.astype(float))}

        name = f"area of {area:g} under the ROC curve, spreads of 1 and {wider:g}, judged once on 60"
        yield Case(name, separation, area, fresh=of_two_kinds, looks=(60,))


def shared_cases() -> Iterator[Case]:
    """Medians of runs that share splits or seeds; splits make 90 % of the variance unless said otherwise."""

    def shared(pairs: list[tuple[int, int]], of_split: float, of_seed: float = 0.0) -> Callable[[Draw], Mapping[str, xarray.Dataset]]:
        seeds, splits = np.array(pairs).T

        def make(draw: Draw) -> Mapping[str, xarray.Dataset]:
            effects = draw.normal(size=(2, 200))
            noise = np.sqrt(1 - of_split - of_seed) * draw.normal(size=len(pairs))
            return {"a": runs_with(np.sqrt(of_split) * effects[0][splits] + np.sqrt(of_seed) * effects[1][seeds] + noise, pairs)}

        return make

    reading = Reading(arm="a")
    threes = [(i, i // 3) for i in range(198)]
    yield Case("median, three seeds on each split", reading, 0.0, fresh=shared(threes, 0.9), looks=(24, 36, 60, 99, 150, 198))
    for splits in (12, 20):
        crossed = [(seed, split) for seed in range(60) for split in range(splits)]
        looks = [splits * n for n in (12, 20, 32, 60)]
        yield Case(f"median, every seed on the same {splits} splits", reading, 0.0, fresh=shared(crossed, 0.9), looks=looks)
        yield Case(
            f"the same on {splits}, seeds matter as much as splits", reading, 0.0, fresh=shared(crossed, 0.45, 0.45), looks=looks
        )
    growing = sorted(((s, d) for s in range(32) for d in range(32)), key=lambda pair: (max(pair), pair))
    squares = [n * n for n in (12, 16, 20, 32)]
    yield Case("median, seeds and splits both grow", reading, 0.0, fresh=shared(growing, 0.9), looks=squares)
    yield Case("the same, seeds matter as much as splits", reading, 0.0, fresh=shared(growing, 0.45, 0.45), looks=squares)
    one = [(seed, 0) for seed in range(200)]
    yield Case("median on one split, about that split", reading, 0.0, fresh=shared(one, 0.0))


def variance_cases() -> Iterator[Case]:
    """Shares of variance. They have no any-time interval, so they are judged once."""
    pairs = [(seed, split) for seed in range(12) for split in range(12)]
    for share in (0.3, 0.6):

        def grid(draw: Draw, share: float = share) -> Mapping[str, xarray.Dataset]:
            of_split, of_seed, noise = (draw.normal(size=size) for size in ((1, 12), (12, 1), (12, 12)))
            rest = np.sqrt((1 - share) / 2)
            return {"a": runs_with((np.sqrt(share) * of_split + rest * of_seed + rest * noise).ravel(), pairs)}

        statistic = VarianceShare(of=Reading(arm="a"))
        yield Case(f"share of variance of {share:.0%}, judged once on 12 x 12 runs", statistic, share, fresh=grid, looks=(144,))


def all_cases(draw: Draw) -> Iterator[Case]:
    """Every case."""
    for family in (event_cases, series_cases, share_cases, difference_cases, fork_cases, sweep_cases, path_cases):
        yield from family(draw)
    yield from pattern_cases(np.random.default_rng(0))
    yield from separation_cases()
    yield from shared_cases()
    yield from variance_cases()
    yield from law_cases(np.random.default_rng(0))
