"""Figures of points on planted runs: columns, medians, what is censored, and the files for papers."""

from pathlib import Path

import numpy as np
import pytest
import xarray

from epicycle.claims.quantities import EventTime
from epicycle.claims.remaining_time import LogRemainingTime
from epicycle.claims.series_quantities import Extreme, ValueAt
from epicycle.report.paper_figure import save_figure
from epicycle.report.point_figure import point_figure
from epicycle.report.run_points import point_plot
from epicycle.spec.study import Figure
from tests.claims.planted_arms import planted

FRACTIONS = [0.3, 0.4, 0.5]
BOTH = (EventTime(event="t_mem", arm="any"), EventTime(event="t_gen", arm="any"))


def swept() -> dict[str, xarray.Dataset]:
    """Eight seeds; at the smallest fraction half of them have not generalised."""
    gens = [None if f == 0.3 and seed < 4 else 2000.0 / f for seed in range(8) for f in FRACTIONS]
    data = planted([20] * 24, gens, [(seed, seed) for seed in range(8) for _ in FRACTIONS])
    data = data.assign_coords(frac_train=("run", FRACTIONS * 8))
    data.attrs["swept"] = ["frac_train"]
    return {"a": data}


def test_columns_medians_and_what_is_open() -> None:
    figure = Figure(title="How long?", arms=("a",), quantities=BOTH, along="frac_train")
    plot = point_plot(figure, swept())
    memorised, generalised = plot.quantities
    assert [column.label for column in plot.columns] == ["0.3", "0.4", "0.5"]
    assert [np.isfinite(interval.value) for interval in memorised.intervals] == [True, True, True]
    assert [np.isfinite(interval.value) for interval in generalised.intervals] == [False, True, True], "half of a column is censored"
    assert generalised.intervals[2].value == pytest.approx(0.965 * 4000, rel=0.02)
    assert (generalised.intervals[0].low, generalised.intervals[0].high) == (pytest.approx(0.965 * 2000 / 0.3, rel=0.02), np.inf)
    assert (generalised.open, memorised.open) == ([["0", "1", "2", "3"], [], []], [[], [], []])
    assert (generalised.value[generalised.side == 1] == 10_000).all(), "at the end of the record"
    assert memorised.colour != generalised.colour
    drawn = point_figure(figure, swept())
    assert drawn.layout.yaxis.type == "log"
    assert sum(len(trace.x) for trace in drawn.data if trace.mode == "markers") == 48


def test_two_quantities_of_one_series_have_colours_of_their_own() -> None:
    largest, last, loss = (
        Extreme(series=name, which=which, arm="any")
        for name, which in (("test_acc", "max"), ("test_acc", "last"), ("train_loss", "last"))
    )
    figure = Figure(title="How far?", arms=("a",), quantities=(largest, last, loss))
    colours = [points.colour for points in point_plot(figure, swept()).quantities]
    assert len(set(colours)) == 3
    alone = Figure(title="How far?", arms=("a",), quantities=(last, loss))
    assert [points.colour for points in point_plot(alone, swept()).quantities][1] == colours[2]


def test_arms_side_by_side(tmp_path: Path) -> None:
    arms = {"fast": planted([20] * 6, [300.0] * 6), "slow": planted([20] * 6, [None] * 6)}
    times = Figure(title="Which?", arms=("fast", "slow", "absent"), quantities=BOTH)
    plot = point_plot(times, arms)
    _, generalised = plot.quantities
    assert [column.label for column in plot.columns] == ["fast", "slow"]
    assert [np.isfinite(interval.value) for interval in generalised.intervals] == [True, False]
    accuracy = Figure(title="How far?", arms=("fast", "slow"), quantities=(Extreme(series="test_acc", which="max", arm="any"),))
    assert point_figure(accuracy, arms).layout.yaxis.type == "linear"
    for figure in (times, accuracy):
        paths = save_figure(figure, arms, tmp_path / "figure")
        assert [path.suffix for path in paths] == [".pdf", ".svg", ".png"]
        assert all(path.stat().st_size > 1000 for path in paths)
    with pytest.raises(ValueError, match="either series or quantities"):
        Figure(title="Both", arms=("a",), series=("test_acc",), quantities=BOTH)
    assert np.isfinite(generalised.value).all()


def boosted() -> dict[str, xarray.Dataset]:
    """Eight seeds with 800 steps left at step 200. Five times the rate leaves a tenth of them; with ten times none arrives."""
    doses = [5, 10]
    left = [80.0 if dose == 5 else None for _ in range(8) for dose in doses]
    forks = planted([2] * 16, left, [(seed, seed) for seed in range(8) for _ in doses], moments=[200] * 16)
    forks = forks.assign_coords(by=("run", doses * 8))
    forks.attrs["swept"] = ["by"]
    return {"control": planted([20] * 8, [1000.0] * 8), "fork": forks}


def test_forks_are_shown_by_their_speed_and_faster_ones_lie_above(tmp_path: Path) -> None:
    quantity = LogRemainingTime(event="t_gen", arm="fork", against="control")
    figure = Figure(title="How fast?", arms=("fork",), quantities=(quantity,), along="by", proportional=True)
    plot = point_plot(figure, boosted())
    places = {text: place for place, text in plot.speed_ticks().items()}
    assert places["1"] == 0
    assert places["10"] == pytest.approx(-np.log(10)), "ten times as fast is a tenth of the time"
    np.testing.assert_allclose(next(plot.proportional_lines()), [(0, -np.log(5)), (1, -np.log(10))])
    drawn = point_figure(figure, boosted())
    assert drawn.layout.yaxis.range[0] > 0 > drawn.layout.yaxis.range[1], "faster is up"
    symbols = {trace.marker.symbol: len(trace.x) for trace in drawn.data if trace.mode == "markers"}
    assert (symbols["circle"], symbols["triangle-down-open"]) == (8, 8), "forks that did not arrive are slower than shown"
    assert "in proportion to" in " ".join(trace.name or "" for trace in drawn.data)
    assert save_figure(figure, boosted(), tmp_path / "figure")[1].stat().st_size > 1000
    plain = point_figure(figure.model_copy(update={"proportional": False}), boosted())
    assert len(plain.data) == len(drawn.data) - 1


def test_only_forks_along_a_number_can_be_in_proportion_to_it() -> None:
    with pytest.raises(ValueError, match="'proportional' needs quantities of forks"):
        Figure(title="Both", arms=("a",), quantities=BOTH, along="frac_train", proportional=True)


def test_logarithms_are_drawn_as_values_on_a_logarithmic_axis() -> None:
    arms = {"a": planted([20] * 6, [300.0] * 6)}
    in_print, in_logarithms = (
        point_plot(
            Figure(title="How large?", arms=("a",), quantities=(ValueAt(series="test_acc", at="end", log=log, arm="any"),)), arms
        )
        for log in (False, True)
    )
    assert (in_print.log, in_logarithms.log) == (False, True)
    (plain,), (from_logarithm,) = in_print.quantities, in_logarithms.quantities
    np.testing.assert_allclose(from_logarithm.value, plain.value)
    assert from_logarithm.intervals[0].value == pytest.approx(plain.intervals[0].value)
    assert from_logarithm.title == plain.title == "test_acc at end"


def test_the_bars_of_many_quantities_have_their_place() -> None:
    quantities = tuple(
        Extreme(series="test_acc", which=which, since=since, arm="any")
        for which in ("max", "min", "last")
        for since in ("start", "t_mem")
    )
    plot = point_plot(Figure(title="How large?", arms=("a",), quantities=quantities), {"a": planted([20] * 6, [300.0] * 6)})
    low, high = plot.ends()
    bars = [bar for points in plot.quantities for bar in plot.bars(points)]
    assert all(low < bar.x - bar.half_width and bar.x + bar.half_width < high for bar in bars)
