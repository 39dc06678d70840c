"""Pictures on planted series: what each cell, dot and ridge shows, on the page and in the figure for papers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

from epicycle.report.captions import curve_caption
from epicycle.report.curve_figure import curve_figure
from epicycle.report.curves import band_of
from epicycle.report.paper_figure import save_figure
from epicycle.report.picture_figure import picture_figure
from epicycle.report.picture_forms import picture
from epicycle.report.pictures import Dots, Heat, Picture, middle_run
from epicycle.spec.errors import InputError
from epicycle.spec.figure import AXES_OF_FORM, MEASURES_OF_FORM, Figure, Form
from epicycle.spec.observation import Observation
from epicycle.spec.results import DONE, RunLabels, arm_dataset

N, RUNS, NEURONS = 7, 5, 12
STEPS = np.unique(np.concatenate([np.arange(41), np.round(np.geomspace(41, 1000, 50))])).astype(int)
GEN = (200, 300, 400, 500, None)  # when each run generalises


def growing(values: Any) -> Any:
    """Values [run, ...] of the end, in proportion to the step: [run, step, ...]."""
    share = STEPS / STEPS[-1]
    return np.asarray(values)[:, None] * share.reshape(1, -1, *(1,) * (np.ndim(values) - 1))


@pytest.fixture(scope="module")
def arm() -> xarray.Dataset:
    """In run i frequency 1 + i % 3 has most of the power at the end; of neuron j, component j % 3 explains a share of 1 - j / 20."""
    power = np.stack([np.roll([0.7, 0.2, 0.1], run) for run in range(RUNS)])
    shares = np.stack([[(1 - j / 20) * (j % 3 == k) for j in range(NEURONS)] for k in range(3)])
    angles = 2 * np.pi * np.arange(N) / N
    circles = np.stack([k * np.stack([np.cos(k * angles), np.sin(k * angles)]) for k in (1, 2, 3)])
    x, y = np.meshgrid(np.arange(N), np.arange(N), indexing="ij")
    answers = np.where((STEPS >= 100)[:, None, None], 2 * (x < 3) + (y > 1), 2 * (x < 3)).astype(float)
    test = np.array([np.zeros(len(STEPS)) if g is None else (g <= STEPS).astype(float) for g in GEN])
    series: dict[str, tuple[tuple[str, ...], Any]] = {
        "train_acc": (("run", "step"), np.tile((STEPS >= 50).astype(float), (RUNS, 1))),
        "test_acc": (("run", "step"), test),
        "test_acc_mirror_unseen": (("run", "step"), test),
        "gen_logit": (("run", "step"), growing(np.arange(1.0, RUNS + 1))),
        "gen_logit_shuffled": (("run", "step"), growing(np.linspace(-1, 1, RUNS))),
        "embedding_power": (("run", "step", "component"), growing(power)),
        "neuron_share": (("run", "step", "neuron"), growing(np.tile(shares.max(axis=0), (RUNS, 1)))),
        "neuron_share_by_component": (("run", "step", "component", "neuron"), growing(np.tile(shares, (RUNS, 1, 1)))),
        "embedding_circles": (("run", "step", "component", "coordinate", "element"), growing(np.tile(circles, (RUNS, 1, 1, 1)))),
        "answer_map": (("run", "step", "x", "y"), np.tile(answers, (RUNS, 1, 1, 1))),
    }
    runs = [RunLabels(f"run {i}", i, i, DONE, 0.1) for i in range(RUNS)]
    labels = {"component": ["1", "2", "3"], "element": [str(i) for i in range(N)], "coordinate": ["cosine", "sine"]}
    return arm_dataset(STEPS, series, runs, budget=1000, labels=labels)


SHOWS: dict[Form, str] = {
    "heat_map": "embedding_power",
    "component_curves": "embedding_power",
    "ridges": "neuron_share",
    "circles": "embedding_circles",
    "neurons": "neuron_share_by_component",
    "answer_map": "answer_map",
}


def of(form: Form, **fields: Any) -> Figure:
    return Figure(title="What?", arms=("a",), form=form, series=(SHOWS[form],), **fields)


def drawn(form: Form, arm: xarray.Dataset, **fields: Any) -> Picture:
    return picture(of(form, **fields), {"a": arm})


def heat(made: Picture, view: int = -1) -> Any:
    content = made.views[view].panels[0].content
    assert isinstance(content, Heat)
    return content.values


def test_a_heat_map_ranks_each_run_and_then_takes_the_median(arm: xarray.Dataset) -> None:
    made = drawn("heat_map", arm, ranked=True)
    assert [view.name for view in made.views] == ["median", "seed 0", "seed 1", "seed 2", "seed 3", "seed 4"]
    assert heat(made, 0)[:, -1] == pytest.approx([0.7, 0.2, 0.1]), "every run has one frequency with 0.7"
    assert heat(drawn("heat_map", arm), 0)[:, -1] == pytest.approx([0.2, 0.2, 0.2]), "without ranks the median hides them"
    assert heat(made, 0)[:, 0] == pytest.approx(0.0), "step 0 has columns of its own"
    assert not np.isnan(heat(made, 0)).any(), "and no gap after them"
    at_100 = np.abs(10 ** made.views[0].panels[0].content.x - 100).argmin()  # type: ignore[union-attr]
    assert heat(made, 0)[0, at_100] == pytest.approx(0.07, rel=0.05)


def test_curves_of_components(arm: xarray.Dataset) -> None:
    lines = drawn("component_curves", arm, ranked=True).views[0].panels[0].content
    assert [float(line.y[-1]) for line in lines] == pytest.approx([0.7, 0.2, 0.1])  # type: ignore[union-attr]


def test_circles_show_the_strongest_frequencies_of_the_middle_run(arm: xarray.Dataset) -> None:
    assert middle_run(arm) == 1, "seed 1 generalises second of the four that do"
    made = drawn("circles", arm)
    names = [f"{moment} (step {step})" for moment, step in (("t_mem", 50), ("0.5*t_on", 161), ("t_on", 309), ("t_gen", 309))]
    assert [view.name for view in made.views] == ["start (step 0)", *names, "end (step 1,000)"]
    panels = made.views[-1].panels
    assert panels[0].title == "frequency 3, fit 1.00"
    dots = panels[0].content
    assert isinstance(dots, Dots)
    turns = np.unwrap(np.arctan2(dots.y, dots.x))
    assert np.diff(turns) == pytest.approx(2 * np.pi / N), "the line joins tokens around the circle"
    assert "seed 1" in made.caption


def test_neurons_stand_by_component_and_share(arm: xarray.Dataset) -> None:
    end = heat(drawn("neurons", arm))
    assert end.argmax(axis=0).tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert (np.diff(end[0, :4]) < 0).all()
    assert heat(drawn("neurons", arm), 0) == pytest.approx(0.0)


def test_the_map_of_answers(arm: xarray.Dataset) -> None:
    made = drawn("answer_map", arm, moments=("start", "end", "t_gen"))
    assert heat(made, 0)[:, 0].tolist() == [2.0] * N, "the first operand runs to the right, and 0 to 2 are trained on"
    assert heat(made, 1)[5].tolist() == [3.0, 3.0, 3.0, 1.0, 1.0, 1.0, 1.0]
    assert made.colours == "answers"


def test_a_moment_that_never_comes_is_named(arm: xarray.Dataset) -> None:
    never = arm.isel(run=[4])
    made = drawn("answer_map", never)
    assert [view.name for view in made.views] == ["start (step 0)", "t_mem (step 50)", "end (step 1,000)"]
    assert "No run shown reached 0.5*t_on, t_on, t_gen." in made.caption
    assert heat(made).shape == (N, N)


def test_ridges_pool_neurons_at_a_moment_of_each_run(arm: xarray.Dataset) -> None:
    made = drawn("ridges", arm, moments=("start", "t_gen", "end"))
    ridges = made.views[0].panels[0].content
    assert [line.name for line in ridges] == ["start", "t_gen", "end"]  # type: ignore[union-attr]
    peaks = [float(line.x[line.y.argmax()]) for line in ridges]  # type: ignore[union-attr]
    assert peaks[0] == pytest.approx(0.0, abs=0.02)
    assert peaks[0] < peaks[1] < peaks[2]
    assert 0.45 <= peaks[2] <= 1.0


@pytest.mark.parametrize("form", SHOWS)
def test_a_run_without_records_is_no_trouble(form: Form, arm: xarray.Dataset) -> None:
    """A run that diverged at once, and one of which only step 0 is there."""
    lost = arm.where((arm["run"] != "run 0") & ((arm["run"] != "run 4") | (arm["step"] == 0)))
    lost["step"] = arm["step"]
    plot = picture_figure(drawn(form, lost))
    assert plot.data
    assert picture_figure(drawn(form, lost.isel(run=[0]))).data is not None


@pytest.mark.parametrize("form", SHOWS)
def test_every_form_is_drawn_for_the_page_and_for_papers(form: Form, arm: xarray.Dataset, tmp_path: Path) -> None:
    arms = {"a": arm, "b": arm.isel(run=[4])}
    figure = of(form).model_copy(update={"arms": ("a", "b")})
    plot = picture_figure(picture(figure, arms))
    assert len(plot.to_json()) < 400_000
    if plot.layout.sliders:
        for step in plot.layout.sliders[0].steps:
            assert len(step.args[0]["visible"]) == len(plot.data), "each position of the slider says of every trace whether it is seen"
            assert any(step.args[0]["visible"])
    assert all(path.stat().st_size > 1000 for path in save_figure(figure, arms, tmp_path / "figure"))


def test_a_null_is_a_band(arm: xarray.Dataset) -> None:
    figure = Figure(title="What?", arms=("a",), series=("gen_logit",), null_band="gen_logit_shuffled")
    band = band_of(figure, {"a": arm}, "a")
    assert band is not None
    assert (band.low[-1], band.high[-1]) == pytest.approx((-0.9, 0.9))
    assert "grey band" in curve_caption(figure, {"a": arm})
    assert any(trace.name == band.name for trace in curve_figure(figure, {"a": arm}).data)
    other = figure.model_copy(update={"null_band": "b"})
    arms = {"a": arm, "b": arm.isel(run=[0])}
    band = band_of(other, arms, "a")
    assert band is not None
    assert band.high[-1] == 1.0, "the first series of the other arm"
    assert band_of(other, arms, "b") is None
    on_log = band_of(figure.model_copy(update={"log": True}), {"a": arm}, "a")
    assert on_log is not None
    assert (on_log.low > 0).all()
    assert curve_figure(figure.model_copy(update={"log": True}), {"a": arm}).layout.yaxis.type == "log"


@pytest.mark.parametrize("form", SHOWS)
def test_the_measure_that_is_offered_fits_the_form(form: Form) -> None:
    from epicycle.spec.yaml_text import load_yaml

    (measure,) = Observation.parse({"measures": [load_yaml(MEASURES_OF_FORM[form], "test")]}, "test").measures
    figure = of(form).model_copy(update={"series": (measure.name,)})
    assert figure.axes_flaw(tuple(measure.dims)) == ""
    assert form in AXES_OF_FORM


def test_what_does_not_fit_is_refused(arm: xarray.Dataset) -> None:
    wrong: Mapping[str, Any] = {"title": "What?", "arms": ("a",)}
    with pytest.raises(InputError, match=r"heat_map shows a series with one axis .*gen_logit has one number at a step; the measure"):
        picture(Figure(**wrong, form="heat_map", series=("gen_logit",)), {"a": arm})
    with pytest.raises(InputError, match=r"axes component, coordinate, element, and embedding_power has component"):
        picture(Figure(**wrong, form="circles", series=("embedding_power",)), {"a": arm})
    with pytest.raises(InputError, match=r"'nothing', which was not recorded of arm 'a'; a measure such as \{kind: answer_map\}"):
        picture(Figure(**wrong, form="answer_map", series=("nothing",)), {"a": arm})
    with pytest.raises(InputError, match="t_never"):
        drawn("answer_map", arm, moments=("t_never",))
    with pytest.raises(InputError, match="shows one series; name one"):
        Figure.parse({**wrong, "form": "heat_map", "series": ["a", "b"]}, "figure")
    with pytest.raises(InputError, match="'null_band' and 'log' go with curves"):
        Figure.parse({**wrong, "form": "heat_map", "series": ["a"], "null_band": "b"}, "figure")
