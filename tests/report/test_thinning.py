"""Curves of many records: a page holds what can be seen of them, and no extreme, last value or gap is lost."""

from pathlib import Path

import numpy as np
import pytest
import xarray

from epicycle.interop.foreign_runs import ForeignRuns
from epicycle.report.ancestry import with_parents
from epicycle.report.captions import THINNED, curve_caption, fork_caption
from epicycle.report.curve_figure import curve_figure
from epicycle.report.curves import COLUMNS, PlotAxes, run_lines
from epicycle.report.fork_figure import fork_figure
from epicycle.report.paper_figure import save_figure
from epicycle.spec.results import DONE, RunLabels, arm_dataset
from epicycle.spec.study import Figure
from tests.claims.planted_arms import planted
from tests.report.test_fork_panels import SETTINGS, forks

RUNS, RECORDS = 10, 50_000
STEPS = np.arange(1, RECORDS + 1)
BOTH = [PlotAxes(log_steps, False, RECORDS) for log_steps in (True, False)]


@pytest.fixture(scope="module")
def curves() -> dict[str, np.ndarray]:
    """Noisy curves, as somebody logs them at every step."""
    rng = np.random.default_rng(0)
    names = ("train_acc", "test_acc", "train_loss", "test_loss")
    values = {name: rng.uniform(0.01, 0.99, (RUNS, RECORDS)) for name in names}
    values["train_loss"][3, 31_234], values["train_loss"][4, 41] = 77.0, 1e-9  # a spike, and a dip early on
    return values


def dataset(curves: dict[str, np.ndarray]) -> xarray.Dataset:
    runs = [RunLabels(f"run {i}", i, i, DONE, 0.1) for i in range(RUNS)]
    return arm_dataset(STEPS, {name: (("run", "step"), values) for name, values in curves.items()}, runs, budget=RECORDS)


def test_a_page_of_long_records_is_small(curves: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("epicycle.report.page.save_figure", lambda *args: None)
    page = ForeignRuns({"runs": dataset(curves)}).report(tmp_path / "page")
    assert page.read_text().count("<figure>") == 2, "accuracies and losses"
    assert page.stat().st_size < 10e6


def test_a_figure_for_papers_is_small(curves: dict[str, np.ndarray], tmp_path: Path) -> None:
    figure = Figure(title="What?", arms=("a",), series=("test_acc",), events=())
    save_figure(figure, {"a": dataset(curves)}, tmp_path / "figure")
    assert (tmp_path / "figure.svg").stat().st_size < 1e6


@pytest.mark.parametrize("axes", BOTH, ids=["log", "linear"])
def test_each_column_of_pixels_keeps_its_ends_and_extremes(axes: PlotAxes, curves: dict[str, np.ndarray]) -> None:
    lines = run_lines(curves["train_loss"], STEPS)
    kept = axes.visible(lines.x, lines.y)
    assert len(kept) <= RUNS * (4 * (COLUMNS + 1) + 1)
    assert (np.diff(kept) > 0).all()
    share = np.log(STEPS) / np.log(RECORDS) if axes.log_steps else STEPS / RECORDS
    column = np.floor(share * COLUMNS).astype(int)
    for run, values in enumerate(curves["train_loss"]):
        own = kept[(lines.run[kept] == run) & np.isfinite(lines.y[kept])]
        x, y = lines.x[own], lines.y[own]
        np.testing.assert_array_equal(y, values[x - 1], err_msg="records as they are")
        assert (x[0], x[-1]) == (1, RECORDS)
        first = np.flatnonzero(np.diff(column, prepend=-1))
        shown = np.flatnonzero(np.diff(column[x - 1], prepend=-1))
        for reduce in (np.minimum, np.maximum):
            np.testing.assert_array_equal(reduce.reduceat(y, shown), reduce.reduceat(values, first))
        for ends in (first, np.append(first[1:], RECORDS) - 1):
            assert np.isin(STEPS[ends], x).all()
    assert np.isnan(lines.y[kept]).sum() == RUNS, "a gap after each run"


def test_short_records_and_gaps_stay() -> None:
    axes = PlotAxes(False, False, 100)
    y = np.array([np.nan, np.nan, 0.5, np.nan, 0.7, 0.8, 0.8])
    x = np.array([1, 2, 3, 50, 60, 98, 100])
    assert axes.visible(x, y).tolist() == [0, 2, 3, 4, 5, 6], "one gap is as good as two"


def test_a_log_axis_keeps_its_smallest_value_beside_zeros() -> None:
    """A loss of 0 is not drawn on a log axis: the line has a gap there, and the smallest value above 0 is its lowest point."""
    x = np.arange(1, 40_001)
    y = np.where(x % 2, 1.0, 0.0)
    y[20_000] = 1e-6
    kept = PlotAxes(False, True, 40_000).visible(x, y)
    assert 20_000 in kept
    assert len(kept) <= 5 * (COLUMNS + 1)
    assert (y[kept] == 0).any()
    assert 20_000 not in PlotAxes(False, False, 40_000).visible(x, np.where(y == 1e-6, 0.5, y)), "no extreme of a linear axis"


def test_figures_are_thinned_and_their_events_are_exact(curves: dict[str, np.ndarray]) -> None:
    rising = np.clip((STEPS - 0.3 * 20_001) / (0.7 * 20_001), 0, 1)
    arm = dataset({**curves, "test_acc": np.broadcast_to(rising, (RUNS, RECORDS)).copy()})
    figure = Figure(title="What?", arms=("a",), series=("test_acc", "train_loss"), events=("t_gen",))
    drawn = curve_figure(figure, {"a": arm})
    assert max(len(trace.x) for trace in drawn.data) <= RUNS * (4 * (COLUMNS + 1) + 1)
    exact = int(STEPS[np.argmax(rising >= 0.95)])
    assert {shape.x0 for shape in drawn.layout.shapes if shape.y1 == 0.05} == {exact}
    losses = [trace for trace in drawn.data if trace.y is not None and np.nanmax(np.asarray(trace.y, float)) == 77.0]
    assert len(losses) == 2, "the spike is in the plot with log steps and in the one with linear steps"


def test_figures_of_forks_are_thinned() -> None:
    control = planted([30] * 2, [1000.0] * 2)
    long = np.arange(1, RECORDS + 1)
    stretched = {"control": control.reindex(step=long, method="nearest"), "early": forks([100, 100], lambda dose, seed: 500.0 / dose)}
    arms = with_parents(stretched, SETTINGS, {})
    drawn = fork_figure(Figure(title="What?", arms=("control", "early"), series=("test_acc",)), arms)
    assert max(len(trace.x) for trace in drawn.data) <= 4 * (COLUMNS + 1) + 1
    assert max(np.nanmax(np.asarray(trace.x, float)) for trace in drawn.data if len(trace.x) > 1) == RECORDS


def test_only_the_caption_of_a_thinned_figure_says_so(curves: dict[str, np.ndarray]) -> None:
    figure = Figure(title="What?", arms=("a",), series=("test_acc",), events=())
    long = dataset(curves)
    assert "first, last, lowest and highest points" in THINNED
    assert THINNED in curve_caption(figure, {"a": long})
    assert THINNED not in curve_caption(figure, {"a": long.isel(step=slice(0, 4))})
    late = long.isel(step=slice(RECORDS - 1000, RECORDS, 100))
    assert THINNED not in curve_caption(figure, {"a": late.isel(step=slice(-2, None))}), "two points in one column are its ends"
    assert THINNED in curve_caption(figure, {"a": late}), "ten points in one column of the log axis"


def test_only_the_caption_of_thinned_forks_says_so() -> None:
    figure = Figure(title="What?", arms=("control", "early"), series=("test_acc",))
    control = planted([30] * 2, [1000.0] * 2)
    early = forks([100, 100], lambda dose, seed: 500.0 / dose)
    few = np.array([1, 10, 100, 1000])
    long = control.reindex(step=STEPS, method="nearest")
    for arm, thinned in ((long, True), (control.reindex(step=few, method="nearest"), False)):
        arms = with_parents({"control": arm, "early": early.reindex(step=few, method="nearest")}, SETTINGS, {})
        assert (THINNED in fork_caption(figure, arms)) is thinned
