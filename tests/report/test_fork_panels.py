"""Figures of forks on planted runs: which arms belong together, the clock of the first ancestor, doses, and events not reached."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

from epicycle.claims.quantities import EventTime
from epicycle.claims.remaining_time import LogRemainingTime
from epicycle.claims.shares import Share
from epicycle.report.ancestry import control_of, families, with_parents
from epicycle.report.arm_tables import not_reached, time_left_rows
from epicycle.report.captions import fork_caption, point_caption
from epicycle.report.fork_figure import fork_figure
from epicycle.report.fork_panels import MOST, legend, on_clock, panels, shows_forks
from epicycle.report.paper_figure import save_figure
from epicycle.report.point_figure import point_figure
from epicycle.report.run_groups import seeds_text
from epicycle.report.run_points import PointPlot, PointSet, point_plot
from epicycle.report.style import INK
from epicycle.spec.results import Ancestry, with_ancestry
from epicycle.spec.study import Figure
from tests.claims.planted_arms import STEPS, planted

DOSES = [1, 3, 10]
DOSED = {"fork": "control", "edits": [{"kind": "scale", "knob": "lr", "by": 1.0}], "sweep": {"edits.0.by": DOSES}}
SETTINGS: dict[str, Any] = {"control": {}, "early": DOSED, "late": DOSED, "again": {"fork": "late"}, "other": {}}
LEFT = LogRemainingTime(event="t_gen", arm="any", against="control")


def forks(moments: list[int], left: Any, doses: list[int] = DOSES) -> xarray.Dataset:
    """Forks of as many seeds as there are moments; `left(dose, seed)` is what t_gen takes them, in the plant's unit."""
    pairs = [(seed, dose) for dose in doses for seed in range(len(moments))]
    data = planted([0] * len(pairs), [left(dose, seed) for seed, dose in pairs], [(seed, seed) for seed, _ in pairs])
    data = data.assign_coords(moment=("run", moments * len(doses)), by=("run", [dose for _, dose in pairs]))
    return data.assign_attrs(swept=["by"])


def family(n: int = 6) -> dict[str, xarray.Dataset]:
    """Controls generalise at 965; early forks sooner with the dose, late ones never at ten times."""
    arms = {
        "control": planted([30] * n, [1000.0] * n),
        "early": forks([100] * n, lambda dose, seed: (965 - 100) / 0.965 / dose),
        "late": forks([400 + 10 * seed for seed in range(n)], lambda dose, seed: None if dose == 10 else 500.0),
        "other": planted([30] * n, [None] * n),
    }
    return with_parents(arms, SETTINGS, {"late": ["seed 7", "seed 8", "seed 9"]})


def test_families_and_controls() -> None:
    arms = family()
    again = with_ancestry(arms["late"], Ancestry("late"))
    assert families(["control", "late", "again", "other"], arms | {"again": again}) == {"control": ["late", "again"], "other": []}
    assert families(["late", "again"], arms | {"again": again}) == {"late": ["again"]}
    assert control_of("late", "control", arms) == "control"
    assert control_of("late", "early", arms) == "early", "forks of the same control can be compared with one another"
    assert control_of("late", "other", arms) == "control", "runs of another family cannot"
    assert seeds_text(["4", "0", "1", "2", "7/1"]) == "seeds 0 to 2, 4, 7/1"
    assert seeds_text(["3"]) == "seed 3"


def test_every_arm_has_a_colour_of_its_own() -> None:
    arms = family()
    figure = Figure(title="What?", arms=("control", "early", "late", "other"), series=("train_acc", "test_acc"))
    colours = {name: colour for name, colour, _ in legend(figure, panels(figure, arms)) if "accuracy" not in name}
    del colours["moment of the fork"]
    assert colours["control"] == INK
    assert len(set(colours.values())) == len(colours), "the second control is not grey too"
    assert "(grey)" not in fork_caption(figure, arms)


def test_forks_are_drawn_on_the_clock_of_their_control() -> None:
    late = family()["late"]
    moved = on_clock(late, ["test_acc"])
    for run, moment in enumerate(late["moment"].values):
        np.testing.assert_array_equal(moved["test_acc"].sel(step=STEPS + moment).values[run], late["test_acc"].values[run])
    figure = Figure(title="What?", arms=("control", "early", "late"), series=("train_acc", "test_acc"))
    arms = family()
    assert shows_forks(figure, arms)
    assert not shows_forks(Figure(title="What?", arms=("control", "other"), series=("test_acc",)), arms)
    assert not shows_forks(Figure(title="What?", arms=("early", "late"), series=("test_acc",)), arms)
    shown = panels(figure, arms)
    assert [panel.title for panel in shown] == [f"seed {seed}" for seed in range(6)]
    assert shown[2].moments == [100, 420]
    assert len(shown[2].lines) == 2 * (1 + 3 + 3), "series of the control and of two arms at three doses"
    assert all(set(line.labels) == {"2"} for line in shown[2].lines), "a panel shows one seed"
    begins = {line.name: np.nanmin(line.x) for line in shown[2].lines}
    assert begins["late, by = 3, test accuracy"] == 421
    assert begins["control, test accuracy"] == 1
    assert len({line.colour for line in shown[2].lines}) == 7
    drawn = fork_figure(figure, arms)
    assert [entry.name for entry in drawn.data if entry.showlegend is not False][:2] == ["control", "early, by = 1"]
    assert {shape.x0 for shape in drawn.layout.shapes if shape.line.dash == "dash" and shape.xref == "x5"} == {100, 420}


def test_the_legend_names_groups_of_runs() -> None:
    figure = Figure(title="What?", arms=("control", "late"), series=("test_acc_mirror_unseen",))  # its name in print has a comma
    names = [name for name, _, _ in legend(figure, panels(figure, family()))]
    assert names == ["control", *(f"late, by = {dose}" for dose in DOSES), "moment of the fork"]


def test_many_seeds_share_a_panel() -> None:
    arms = family(MOST + 1)
    figure = Figure(title="What?", arms=("control", "late"), series=("test_acc",))
    (panel,) = panels(figure, arms)
    median = next(line for line in panel.lines if line.median and line.name.startswith("late"))
    assert median.x.min() >= 400 + 10 * MOST, "not before all of them have begun"
    assert len(panel.moments) == MOST + 1
    caption = fork_caption(figure, arms)
    assert "late was forked at steps 400 to 520" in caption
    assert "0 of 13 runs at by = 10" in caption
    assert "late has no fork of seeds 7 to 9, which did not reach the moment." in caption
    assert len(fork_figure(figure, arms).layout.shapes) >= 2 * (MOST + 1)


def only_quantity(figure: Figure, arms: dict[str, xarray.Dataset]) -> tuple[PointPlot, PointSet]:
    plot = point_plot(figure, arms)
    (points,) = plot.quantities
    return plot, points


def test_dose_and_response() -> None:
    figure = Figure(title="Which decides?", arms=("early", "late"), quantities=(LEFT,), along="by")
    arms = family()
    plot, left = only_quantity(figure, arms)
    assert [(column.group, column.label) for column in plot.columns] == [
        (arm, str(dose)) for arm in ("early", "late") for dose in DOSES
    ]
    for interval, dose in zip(left.intervals, DOSES, strict=False):
        assert interval.value == pytest.approx(-np.log(dose), abs=0.05)
    assert left.open == [[], [], [], [], [], list("012345")]
    assert (left.side == 1).sum() == 6
    at_budget = left.value[left.side == 1]
    assert at_budget == pytest.approx(np.log(10_000 / (965 - 400 - 10 * np.arange(6))), abs=0.05), "open at the end of the record"
    caption = point_caption(figure, arms)
    assert "Known from one side only: (late, 10), seeds 0 to 5." in caption
    axes = point_figure(figure, arms).layout
    assert axes.yaxis.type == "linear"
    bottom, top = axes.yaxis.range
    assert top < -np.log(10) < 0 < bottom, "faster is up"
    assert axes.xaxis.title.text == "factor on lr"
    assert {note.text for note in axes.annotations} == {"early", "late"}


def test_names_have_room() -> None:
    arms = {f"forked_at_{i}": family()["late"] for i in range(9)} | {"control": family()["control"], "plain_one": family()["control"]}
    drawn = point_figure(Figure(title="Which?", arms=tuple(arms), quantities=(EventTime(event="t_gen", arm="any"),), along="by"), arms)
    assert [note.text for note in drawn.layout.annotations][-3:] == ["forked<br>at<br>8", "control", "plain<br>one"]
    positions = drawn.layout.xaxis.tickvals
    assert positions[-1] - positions[-2] >= 2, "between the names of single columns"


def test_what_is_known_from_one_side_or_not_at_all() -> None:
    arms = family()
    figure = Figure(title="Which?", arms=("early",), quantities=(LEFT,), along="by")
    never = planted([30] * 6, [None] * 6)
    _, below = only_quantity(figure, arms | {"control": never})
    assert (below.side == -1).all(), "the control may still come: at most this"
    past = arms["early"].assign_coords(moment=("run", [5000] * 18))
    _, nothing = only_quantity(figure, arms | {"early": past})
    assert len(nothing.value) == 0
    assert nothing.unknown == [list("012345")] * 3
    assert "Not drawn because nothing is known: all runs." in point_caption(figure, arms | {"early": past})
    dead = arms["early"].assign_coords(status=("run", np.array(["diverged at step 9"] * 18, object)))
    dead["test_acc"] = dead["test_acc"] * np.nan
    _, lost = only_quantity(figure, arms | {"early": dead})
    assert lost.never == [list("012345")] * 3


def test_runs_that_did_not_reach_an_event_are_listed() -> None:
    sentences = dict(not_reached(family()))
    assert sentences["other"] == "none of 6 runs reached t_on; none of 6 runs reached t_gen."
    assert "t_gen was not reached by seeds 0 to 5 (by = 10)" in sentences["late"]
    assert "seeds 7 to 9 of control did not reach the moment and were not forked" in sentences["late"]
    assert "control" not in sentences


def test_time_left_without_any_claim() -> None:
    head, *rows = time_left_rows(family(10))
    assert head == ("fork", "control", "t_mem", "t_on", "t_gen")
    assert [row[:2] for row in rows] == [(f"{arm}, by = {dose}", "control") for arm in ("early", "late") for dose in DOSES]
    assert rows[1][4].startswith("3.0 times sooner (2.9 to 3.0), 10 seeds")
    assert rows[0][2] == "not known, 10 seeds, 10 of 10 runs open", "the control had memorised before"
    assert rows[5][4].startswith("more than "), "all forks are open, and bounded from below"


def test_files_for_papers(tmp_path: Path) -> None:
    arms = family()
    for figure in (
        Figure(title="What?", arms=("control", "early", "late"), series=("train_acc", "test_acc")),
        Figure(title="Which?", arms=("early", "late"), quantities=(LEFT,), along="by"),
    ):
        assert all(path.stat().st_size > 1000 for path in save_figure(figure, arms, tmp_path / "figure"))


def test_what_a_figure_cannot_show() -> None:
    with pytest.raises(ValueError, match="one number a run, and share gives none"):
        Figure(title="Which?", arms=("early",), quantities=(Share(event="t_gen", arm="early"),))
    assert Figure(title="Which?", arms=("early",), quantities=(EventTime(event="t_gen", arm="early"),)).quantities
