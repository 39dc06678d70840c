"""The handle that `ep.train` gives: what its arguments may be, its datasets in other formats, and states at any step."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

import epicycle as ep
from epicycle.spec.arms import ArmRun
from epicycle.spec.errors import InputError
from epicycle.spec.results import RunLabels, Status, arm_dataset
from epicycle.store.files import Root
from epicycle.store.grids import unstacked
from epicycle.store.runs import StoredRun
from epicycle.training.devices import Machine

FEW = ep.Observation(dense_until=4, per_decade=4, checkpoint_megabytes=0.0)


@pytest.fixture(scope="module")
def short() -> ep.Experiment:
    return ep.Experiment(
        task=ep.Modular(p=5, operation="x-y"),
        split=ep.Split(frac_train=0.6),
        model=ep.MLP(d_model=4, d_mlp=8),
        training=ep.Training(steps=30, optimiser=ep.AdamW(lr=1e-2)),
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook") / "results"


@pytest.fixture(scope="module")
def runs(short: ep.Experiment, results: Path) -> ep.Runs:
    sweep = {"training.optimiser.weight_decay": [0.5, 1.0]}
    return ep.train(short, seeds=3, sweep=sweep, observation=FEW, root=results)


def one_plain_paragraph(error: Exception) -> str:
    text = str(error)
    assert "\n" not in text
    for internal in ("function-", "constrained", "pydantic", "validator", "NoneType", "attribute"):
        assert internal not in text
    return text


def test_pictures_of_runs(runs: ep.Runs) -> None:
    plot = runs.picture("heat_map", "weight_norm", events=())
    assert [title.text for title in plot.layout.annotations] == [f"weight_decay = {value} (median of 3 runs)" for value in (0.5, 1)]
    curves = runs.picture("curves", ("train_loss", "test_loss"), null_band="total_norm")
    assert any(trace.fill == "toself" for trace in curves.data)
    for form, series, message in (
        ("circles", "weight_norm", r"circles shows a series with the axes component, coordinate, element, and weight_norm has tensor"),
        ("answer_map", "answer_map", r"'answer_map', which was not recorded of arm 'weight_decay = 0.5'; a measure such as"),
        ("pie", "weight_norm", "form: Input should be 'curves'"),
    ):
        with pytest.raises(InputError, match=message) as error:
            runs.picture(form, series)  # type: ignore[arg-type]
        one_plain_paragraph(error.value)


def test_some_of_the_runs(runs: ep.Runs) -> None:
    part = runs[0:2]
    assert (len(part), part.data.sizes["seed"]) == (2, 2)
    assert [one.id for one in part] == [runs[0].id, runs[1].id]
    assert runs[-1].id == runs[np.int64(5)].id
    assert len(runs[::3].data.seed) == 1
    with pytest.raises(IndexError, match="there are 6 runs, counted from 0"):
        runs[6]
    for index in (1.0, "0", None, [0, 1]):
        with pytest.raises(InputError, match="take one run by its number"):
            runs[index]  # type: ignore[call-overload]
    with pytest.raises(InputError, match="takes none of these 6 runs"):
        runs[9:12]


@pytest.mark.parametrize(
    "edits",
    [
        ep.Scale("lr", 10),
        [ep.Scale("lr", 10)],
        {"kind": "scale", "knob": "lr", "by": 10},
        ({"kind": "scale", "knob": "lr", "by": 10},),
    ],
    ids=["one edit", "a list", "one mapping", "mappings"],
)
def test_edits_in_every_form(edits: Any, runs: ep.Runs) -> None:
    forks = runs[0:1].fork(10, edits, steps=5)
    assert forks[0].run.lineage.edits == (ep.Scale("lr", 10),)


@pytest.mark.parametrize("steps", [5, 5.0, "5", np.int64(5)])
def test_steps_of_a_fork_in_every_form(steps: Any, runs: ep.Runs) -> None:
    assert runs[0:1].fork(np.float64(10), [], steps=steps)[0].last_step == 5


BAD_FORKS: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "half a step": ((10, []), {"steps": 1.5}, "steps: .*whole number"),
    "no step": ((10, []), {"steps": 0}, "steps: "),
    "steps in words": ((10, []), {"steps": "five"}, "steps: .*whole number"),
    "a number as an edit": ((10, [5]), {}, "edits.0: "),
    "a text as edits": ((10, "lr"), {}, "edits: .*list"),
    "a misspelt edit": ((10, {"kind": "scael", "knob": "lr", "by": 2}), {}, "did you mean 'scale'"),
    "a class as an edit": ((10, ep.Scale), {}, "edits: .*list"),
    "no moment": ((None,), {}, "fork at None: a step is a whole number"),
    "a list of moments": (([1, 2],), {}, "a step is a whole number"),
    "half a moment": ((1.5,), {}, "a step is a whole number"),
    "a moment in words": (("at the onset",), {}, "a moment is a step"),
    "an unknown event": (("t_gne",), {}, "t_gen"),
    "donors that are runs": ((10, []), {"donors": "RUNS"}, "donors is a mapping"),
    "a donor that is a text": ((10, []), {"donors": {"other": "3f9a"}}, "donors is a mapping"),
    "an observation": ((10, []), {"observation": 5}, "observation: "),
    "a watcher": ((10, []), {"watch": 5}, "watch = 5: give a function"),
}


@pytest.mark.parametrize("case", BAD_FORKS)
def test_what_a_fork_refuses(case: str, runs: ep.Runs) -> None:
    args, options, words = BAD_FORKS[case]
    options = {name: runs if value == "RUNS" else value for name, value in options.items()}
    with pytest.raises(InputError, match=words) as refused:
        runs[0:1].fork(*args, **options)
    one_plain_paragraph(refused.value)


def test_donors_may_be_one_run(runs: ep.Runs) -> None:
    edit = ep.Transplant(tensors=("W_E",), donor="other")
    forks = runs[0:1].fork(10, edit, donors={"other": runs[3]}, steps=2)
    assert len(forks) == 1


BAD_ARGUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "negative data seed": ({"data_seeds": [-1]}, "data_seeds.0: .*greater than or equal to 0"),
    "negative seed": ({"seeds": [-1]}, "seeds.0: .*greater than or equal to 0"),
    "seeds in words": ({"seeds": "many"}, "seeds: "),
    "half a seed": ({"seeds": 1.5}, "seeds: "),
    "a sweep that is a list": ({"sweep": ["lr"]}, "sweep: .*mapping"),
    "one swept value": ({"sweep": {"training.optimiser.lr": 0.1}}, "sweep.training.optimiser.lr: .*list"),
    "a sweep over nothing known": ({"sweep": {"lrr": [0.1]}}, "lrr"),
    "an observation": ({"observation": "everything"}, "observation: "),
    "a root that is a number": ({"root": 5}, "5 is no path"),
    "a root that is bytes": ({"root": b"results"}, "is no path"),
    "a root that is a list": ({"root": ["results"]}, "is no path"),
    "nobody's home": ({"root": "~nobody-of-this-name/results"}, "no such home folder"),
    "a watcher": ({"watch": "closely"}, "give a function"),
    "an experiment in words": ({"experiment": "quickstart"}, "experiment: give an Experiment"),
    "no experiment": ({"experiment": None}, "experiment: give an Experiment"),
}


@pytest.mark.parametrize("case", BAD_ARGUMENTS)
def test_what_train_refuses(case: str, short: ep.Experiment, tmp_path: Path) -> None:
    options, words = BAD_ARGUMENTS[case]
    with pytest.raises(InputError, match=words) as refused:
        ep.train(**{"experiment": short, "seeds": 1, "root": tmp_path / "r"} | options)
    one_plain_paragraph(refused.value)


def test_arrays_and_ranges_are_lists(short: ep.Experiment, runs: ep.Runs, results: Path) -> None:
    sweep = {"training.optimiser.weight_decay": np.array([0.5, 1.0])}
    again = ep.train(short, seeds=np.arange(3), sweep=sweep, observation=FEW, root=str(results))
    assert [one.id for one in again] == [one.id for one in runs]
    assert len(ep.train(short, seeds=range(2), observation=FEW, root=results)) == 2


@pytest.mark.parametrize("run", ["RUNS", None, 5], ids=["runs", "none", "number"])
def test_export_writes_one_run(run: Any, runs: ep.Runs, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="export writes one run") as refused:
        ep.export(runs if run == "RUNS" else run, "csv", tmp_path)
    one_plain_paragraph(refused.value)


def test_a_tilde_is_the_home_folder(short: ep.Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    trained = ep.train(short, seeds=1, observation=FEW, root="~/mine")
    monkeypatch.setenv("EPICYCLE_ROOT", "~/mine")
    assert ep.train(short, seeds=1, observation=FEW)[0].id == trained[0].id
    assert isinstance(ep.open("~/mine"), xarray.DataTree)
    assert ep.export(trained[0].id[:8], "csv", "~/out", root="~/mine").parent == tmp_path / "out"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "out"]


def test_netcdf(runs: ep.Runs, results: Path, tmp_path: Path) -> None:
    """Every dataset that a handle gives, and a stored cohort, can be written and comes back with the same numbers."""
    forks = runs.fork(10, ep.Scale("lr", 2), steps=5)
    cohort = ep.open(next((results / "cohorts").iterdir()))
    for number, data in enumerate((runs.data, runs.events, forks.data, forks.events, cohort)):
        data.to_netcdf(tmp_path / f"{number}.nc")
        with xarray.load_dataset(tmp_path / f"{number}.nc") as back:
            for name, values in data.variables.items():
                if values.dtype.kind in "fiub":
                    np.testing.assert_array_equal(back[name].values, values.values, err_msg=str(name))
                else:
                    assert back[name].values.tolist() == values.values.tolist()
    assert runs.data.attrs["swept"] == "weight_decay"


def test_netcdf_of_large_seeds(short: ep.Experiment, tmp_path: Path) -> None:
    seeds = (2**32 - 1, 3)
    data = ep.train(short, seeds=seeds, observation=FEW, root=tmp_path / "r").data
    data.to_netcdf(tmp_path / "large.nc")
    assert xarray.load_dataset(tmp_path / "large.nc").seed.values.tolist() == list(seeds)
    assert data.seed.dtype == np.int64


def test_events_have_one_row_a_run(runs: ep.Runs) -> None:
    frame = runs.events.to_dataframe()
    assert len(frame) == len(runs) == 6
    assert frame.index.names == ["weight_decay", "seed"]
    assert "step" not in runs.events.variables
    assert "tensor" not in runs.events.variables


def arm(runs: list[tuple[dict[str, Any], int, int]], swept: list[str]) -> xarray.Dataset:
    labels = [
        RunLabels(f"r{i}", seed, data_seed, Status("done"), 0.1, swept=values) for i, (values, seed, data_seed) in enumerate(runs)
    ]
    values = np.arange(len(runs) * 3.0).reshape(len(runs), 3)
    return arm_dataset(np.arange(3), {"test_acc": (("run", "step"), values)}, labels, budget=2, swept=swept)


def test_runs_that_share_no_seeds_make_no_empty_grid() -> None:
    own_seeds = arm([({"lr": lr}, 10 * lr + i, 10 * lr + i) for lr in range(10) for i in range(10)], ["lr"])
    grid = unstacked(own_seeds)
    assert dict(grid.test_acc.sizes) == {"lr": 10, "replicate": 10, "step": 3}
    assert np.isfinite(grid.test_acc.values).all()
    assert grid.seed.sel(lr=3).values.tolist() == list(range(30, 40))
    shared = arm([({"lr": lr}, i, i) for lr in range(10) for i in range(10)], ["lr"])
    assert dict(unstacked(shared).test_acc.sizes) == {"lr": 10, "seed": 10, "step": 3}


def test_pairs_of_seeds_that_are_not_crossed_are_one_axis() -> None:
    grid = unstacked(arm([({}, i, 100 + i) for i in range(10)], []))
    assert dict(grid.test_acc.sizes) == {"seed": 10, "step": 3}
    assert grid.data_seed.dims == ("seed",)
    crossed = unstacked(arm([({}, i, 100 + j) for i in range(3) for j in range(2)], []))
    assert crossed.test_acc.dims == ("seed", "data_seed", "step")


def test_a_seed_twice_is_two_replicates() -> None:
    grid = unstacked(arm([({}, 0, 0), ({}, 0, 0)], []))
    assert dict(grid.test_acc.sizes) == {"replicate": 2, "step": 3}


def test_a_grid_with_gaps(tmp_path: Path) -> None:
    data = arm([({"lr": 1}, 0, 0), ({"lr": 1}, 1, 1), ({"lr": 2}, 0, 0)], ["lr"])
    grid = unstacked(data.assign(seen=("run", [True, False, True])))
    assert grid.status.values.tolist() == [["done", "done"], ["done", ""]]
    assert np.isnan(grid.seen.sel(lr=2, seed=1))
    grid.to_netcdf(tmp_path / "gaps.nc")


def test_checkpoints_at_listed_steps(short: ep.Experiment, tmp_path: Path) -> None:
    listed = FEW.model_copy(update={"checkpoints": (0, 7, 30, 1000)})
    kept = ep.train(short, seeds=2, observation=listed, root=tmp_path / "listed")
    assert kept[1].steps == [0, 7, 30]
    bare = ep.train(short, seeds=2, observation=FEW, root=tmp_path / "bare")
    assert bare[1].steps == [30]
    for step in (0, 7):
        assert_same(kept[1].params(step), bare[1].params(step))
    ids = [ArmRun({}, one.run).run.id for one in kept]
    assert ids == [one.run.id for one in bare]


def assert_same(one: Any, other: Any) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


def test_any_step_is_reached_by_replay(runs: ep.Runs) -> None:
    """The state that a replay reaches is the one with which a fork there begins; a fork's own states are reached as well."""
    one = runs[1]
    assert one.steps == [30]
    fork = runs[1:2].fork(12, [], steps=4)
    assert_same(one.params(step=14), fork[0].params(step=2))
    assert_same(one.params(step=16), fork[0].params())
    assert one.cache(step=12).keys() == one.cache().keys()
    again = fork.fork(2, ep.Scale("lr", 3), steps=3)
    assert_same(again[0].params(step=0), one.params(step=14))
    assert int(again[0].state(1)["step"]) == 15
    assert np.float32(again[0].state(1)["knobs/training.optimiser.lr"]) == np.float32(0.03)
    assert one.params(step=np.float64(14))["W_E"].shape == one.params()["W_E"].shape
    with pytest.raises(InputError, match="ends at step 30"):
        one.params(step=31)
    for step in (-1, 1.5, "last", [1]):
        with pytest.raises(InputError, match="a step is a whole number"):
            one.params(step=step)  # type: ignore[arg-type]


def test_the_message_about_a_missing_state_names_the_replay(runs: ep.Runs, results: Path) -> None:
    stored = StoredRun(Root(results), runs[0].id)
    with pytest.raises(InputError, match=r"keeps no state of step 11; it keeps \[30\].*params\(step=11\).*epicycle fork \w+ --at 11"):
        stored.params(11)


def test_a_replay_that_gives_other_bits_says_so(
    short: ep.Experiment, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("epicycle.lab.missing_runs.start", lambda: Machine(machine.mesh, "vmap"))
        elsewhere = ep.train(short, seeds=1, observation=FEW, root=tmp_path / "r")
    monkeypatch.setattr("epicycle.lab.fork_starts.np.array_equal", lambda *args, **options: False)
    with pytest.warns(UserWarning, match="another signature"):
        elsewhere[0].params(step=7)
