"""Figures of points on planted runs: columns, medians, what is censored, and the files for papers."""

from pathlib import Path

import numpy as np
import pytest
import xarray

from epicycle.claims.quantities import EventTime
from epicycle.claims.series_quantities import Extreme
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
