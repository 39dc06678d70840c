"""Files: whole or absent, named when damaged, and labelled arrays when read."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

import epicycle as ep
from epicycle.lab.missing_runs import train_runs
from epicycle.lab.session import Session
from epicycle.spec.arms import RootArm
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Run, longest
from epicycle.spec.observation import Observation
from epicycle.store.atomic import write_bytes, write_json
from epicycle.store.catalogue import Catalogue
from epicycle.store.checkpoints import read_checkpoint, write_checkpoint
from epicycle.store.cohort_marker import Commit
from epicycle.store.cohorts import CohortStore
from epicycle.store.documents import read_json
from epicycle.store.files import Root
from epicycle.store.runs import StoredRun
from epicycle.training.loop import Interrupted

SMALL = Observation(dense_until=5, per_decade=8)


def train_all(
    runs: list[Run], root: Path, observation: Observation = SMALL, watch: Any = lambda p: None, ask: Any = lambda: False
) -> int:
    return train_runs(runs, Session(Root.create(root), observation, watch, ask))


def runs_of(experiment: ep.Experiment, *seeds: int) -> list[Run]:
    return [Run(experiment=experiment, seed=seed, data_seed=seed) for seed in seeds]


def bytes_below(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.name != ".lock"}


def test_atomic_writes_leave_old_or_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.json"
    write_json(target, {"a": 1})
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            write_json(target, {"a": 2})
    assert read_json(target, dict[str, int]) == {"a": 1}
    write_bytes(target, b'{"a": ')
    with pytest.raises(InputError, match="damaged"):
        read_json(target, dict[str, int])


def test_checkpoints_refuse_what_is_not_theirs(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    states = [{"W_E": np.full((2, 3), m, np.float32), "step": np.int32(m)} for m in (4, 7)]
    write_checkpoint(path, "abc", [4, 7], states)
    found = read_checkpoint(path, "abc")
    np.testing.assert_array_equal(found.of(7)["W_E"], states[1]["W_E"])
    assert int(found.of(4)["step"]) == 4
    with pytest.raises(InputError, match="row 5 is not in"):
        found.of(5)
    with pytest.raises(InputError, match="belongs to cohort abc"):
        read_checkpoint(path, "other")
    whole = path.read_bytes()
    for damage in (whole[:-5], whole[:20], b"", whole[:-3] + b"\x01" + whole[-2:], b"\xff" * 40):
        path.write_bytes(damage)
        with pytest.raises(InputError, match=r"x\.safetensors"):
            read_checkpoint(path, "abc")
    path.unlink()
    with pytest.raises(InputError, match="missing"):
        read_checkpoint(path, "abc")


@pytest.mark.parametrize("kind", ["a file", "other things", "nothing"])
def test_a_results_folder_must_be_one(kind: str, tmp_path: Path) -> None:
    place = tmp_path / "there"
    if kind == "a file":
        place.write_text("hello")
    if kind == "other things":
        place.mkdir()
        (place / "thesis.tex").write_text("")
    if kind == "nothing":
        assert Root.create(place).path == place
        return
    with pytest.raises(InputError, match="not a"):
        Root.create(place)
    with pytest.raises(InputError, match="not an Epicycle results folder"):
        Root(place).opened()


def test_asking_again_trains_nothing_more_seeds_only_those(tiny: ep.Experiment, root: Path) -> None:
    assert train_all(runs_of(tiny, 0, 1), root) == 2
    before = bytes_below(root)
    assert train_all(runs_of(tiny, 0, 1), root) == 0
    assert bytes_below(root) == before
    assert train_all(runs_of(tiny, 0, 1, 2), root) == 1
    after = bytes_below(root)
    assert {name: after[name] for name in before} == before, "the earlier cohort is untouched"


def test_the_same_spec_twice_gives_the_same_bytes(tiny: ep.Experiment, tmp_path: Path) -> None:
    for name in ("one", "two"):
        train_all(runs_of(tiny, 0, 1), tmp_path / name)
    assert bytes_below(tmp_path / "one") == bytes_below(tmp_path / "two")


def test_a_longer_budget_continues(tiny: ep.Experiment, tmp_path: Path) -> None:
    short, long = tiny.swept("training.steps", 36), tiny
    train_all(runs_of(short, 0, 1), tmp_path / "continued")
    assert train_all(runs_of(long, 0, 1), tmp_path / "continued") == 2
    train_all(runs_of(long, 0, 1), tmp_path / "straight")
    one, other = (ep.open(next((tmp_path / name / "cohorts").glob("[!.]*"))) for name in ("continued", "straight"))
    assert set(one.step.values) - set(other.step.values) == {36}
    xarray.testing.assert_identical(one.sel(step=other.step).drop_attrs(), other.drop_attrs())
    ends = [p.read_bytes() for name in ("continued", "straight") for p in (tmp_path / name).rglob("latest-*")]
    assert len(ends) == 2
    assert ends[0] == ends[1]


def test_a_shorter_budget_is_there_already(tiny: ep.Experiment, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_all(runs_of(tiny, 0, 1), root)
    before = ep.open(next((root / "cohorts").glob("[!.]*")))
    short = tiny.swept("training.steps", 20)
    assert train_all(runs_of(short, 0, 1), root) == 0
    assert train_all(runs_of(short, 0), root) == 0
    monkeypatch.setattr("epicycle.lab.missing_runs.start", lambda: pytest.fail("nothing needs JAX any more"))
    assert train_all(runs_of(short, 0, 1), root) == 0
    xarray.testing.assert_identical(ep.open(next((root / "cohorts").glob("[!.]*"))), before)


def test_stops_are_found_and_reasked(tiny: ep.Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopping = tiny.swept("training.steps", 2000).swept("training.stop", {"event": "t_mem", "factor": 1.5})
    stopping = stopping.swept("training.optimiser.lr", 0.01)
    train_all(runs_of(stopping, 0, 1, 2), tmp_path / "r")
    cohort = next((tmp_path / "r" / "cohorts").glob("[!.]*"))
    ends = np.isfinite(ep.open(cohort).train_loss).sum("step").values
    assert (ends < ep.open(cohort).sizes["step"]).all(), "every run memorises, and stops soon after"
    assert train_all(runs_of(stopping, 0, 1, 2), tmp_path / "r") == 0
    assert train_all(runs_of(stopping.swept("training.stop", None), 0, 1, 2), tmp_path / "r") == 3
    train_all(runs_of(stopping.swept("training.stop", None), 0, 1, 2), tmp_path / "straight")
    straight = next((tmp_path / "straight" / "cohorts").glob("[!.]*"))
    xarray.testing.assert_identical(ep.open(cohort), ep.open(straight))
    handle = ep.train(stopping, seeds=3, observation=SMALL, root=tmp_path / "r")
    own = np.isfinite(handle.data.train_loss).sum("step").values
    assert (own == ends).all(), "trained further for somebody else, a run still ends where its own spec says"
    monkeypatch.setattr("epicycle.lab.missing_runs.start", lambda: pytest.fail("the whole budget holds what a stop asks for"))
    assert train_all(runs_of(stopping, 0, 1, 2), tmp_path / "r") == 0
    with pytest.raises(InputError, match="cannot end a run"):
        train_all(runs_of(tiny.swept("training.stop", {"event": "t_peak"}), 0), tmp_path / "r")
    fewer = SMALL.model_copy(update={"measures": SMALL.measures[:1]})
    with pytest.raises(InputError, match="which no measure records"):
        train_all(runs_of(stopping, 9), tmp_path / "r", fewer)


def test_one_run_asked_for_twice_is_trained_for_the_longer(tiny: ep.Experiment, tmp_path: Path) -> None:
    """Two arms of a study may share runs, one of them with a stop."""
    whole = tiny.swept("training.steps", 600).swept("training.optimiser.lr", 0.01)
    stopping = whole.swept("training.steps", 400).swept("training.stop", {"event": "t_mem", "factor": 1.5})
    for order in ((whole, stopping), (stopping, whole)):
        root = tmp_path / str(order[0].training.steps)
        assert train_all([run for each in order for run in runs_of(each, 0, 1)], root) == 2
        data = ep.open(next((root / "cohorts").glob("[!.]*")))
        assert np.isfinite(data.train_loss.sel(step=600)).all()
        assert train_all([run for each in order for run in runs_of(each, 0, 1)], root) == 0
    longer = stopping.swept("training.stop.factor", 3.0)
    merged = longest([*runs_of(stopping, 0), *runs_of(longer, 0)])
    assert [run.experiment.training.stop.factor for run in merged.values() if run.experiment.training.stop] == [3.0]


def test_a_missing_measure_is_replayed(tiny: ep.Experiment, tmp_path: Path) -> None:
    fewer = SMALL.model_copy(update={"measures": SMALL.measures[:4]})
    train_all(runs_of(tiny, 0, 1, 2), tmp_path / "r", fewer)
    cohort = next((tmp_path / "r" / "cohorts").glob("[!.]*"))
    assert "total_norm" not in ep.open(cohort)
    train_all(runs_of(tiny, 0, 1, 2), tmp_path / "r", SMALL)
    train_all(runs_of(tiny, 0, 1, 2), tmp_path / "straight", SMALL)
    straight = next((tmp_path / "straight" / "cohorts").glob("[!.]*"))
    assert "total_norm" in ep.open(cohort)
    xarray.testing.assert_identical(ep.open(cohort), ep.open(straight)[list(ep.open(cohort).data_vars)])
    assert train_all(runs_of(tiny, 0, 1, 2), tmp_path / "r", SMALL) == 0
    assert not list((tmp_path / "r" / "cohorts").glob(".replay*"))


def interrupted_cohort(experiment: ep.Experiment, place: Path, monkeypatch: pytest.MonkeyPatch) -> CohortStore:
    """Two commits, then an interruption."""
    from epicycle.training.loop import CommitClock
    from epicycle.training.rounds import Pace

    asked, runs = iter([False] * 6 + [True] * 99), runs_of(experiment, 0, 1)
    with monkeypatch.context() as patch:
        patch.setattr(CommitClock, "due", lambda self: True)
        patch.setattr(Pace, "steps_in", lambda self, seconds, members: 5)
        with pytest.raises(Interrupted):
            train_all(runs, place, ask=lambda: next(asked))
    return CohortStore(Root(place).opened().cohort(next(iter(Catalogue(Root(place)).members))))


def commits_of(store: CohortStore) -> list[Commit]:
    """The latest commit and the one before."""
    return [commit for commit in (store.marker.checkpoint, store.marker.previous) if commit]


def test_interrupted_runs_resume_to_the_same_bytes(tiny: ep.Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = interrupted_cohort(tiny, tmp_path / "r", monkeypatch)
    assert 0 < min(store.marker.rows) < store.marker.segments[0].rows
    data = ep.open(store.files.path)
    assert np.isnan(data.train_loss.values[:, store.marker.rows[0] :]).all()
    train_all(runs_of(tiny, 0, 1), tmp_path / "r")
    train_all(runs_of(tiny, 0, 1), tmp_path / "straight")
    assert bytes_below(tmp_path / "r") == bytes_below(tmp_path / "straight")


@pytest.mark.parametrize("damage", ["latest", "latest and previous"])
def test_damaged_checkpoints_are_named_and_the_one_before_used(
    damage: str, tiny: ep.Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = interrupted_cohort(tiny, tmp_path / "r", monkeypatch)
    hit = [commit.file for commit in commits_of(store)[: 2 if "previous" in damage else 1]]
    for name in hit:
        (store.files.checkpoints / name).write_bytes(b"rubbish")
    with pytest.warns(UserWarning, match=r"latest-\d+\.safetensors is damaged") as told:
        train_all(runs_of(tiny, 0, 1), tmp_path / "r")
    assert [name for name in hit if any(name in str(warning.message) for warning in told)] == hit
    train_all(runs_of(tiny, 0, 1), tmp_path / "straight")
    one, other = bytes_below(tmp_path / "r"), bytes_below(tmp_path / "straight")
    assert {k: v for k, v in one.items() if "cohorts" in k} == {k: v for k, v in other.items() if "cohorts" in k}


def test_a_cohort_lost_altogether_is_not_half_retrained(tiny: ep.Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = interrupted_cohort(tiny, tmp_path / "r", monkeypatch)
    for commit in commits_of(store):
        (store.files.checkpoints / commit.file).write_bytes(b"rubbish")
    before = store.marker.rows
    one = runs_of(tiny, 0)
    with pytest.warns(UserWarning, match="damaged"), pytest.raises(InputError, match="only some of its runs"):
        train_all(one, tmp_path / "r")
    assert CohortStore(store.files).marker.rows == before


def test_what_lies_past_the_marker_is_ignored(tiny: ep.Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = interrupted_cohort(tiny, tmp_path / "r", monkeypatch)
    rows = store.marker.rows[0]
    store.write_rows(rows, {"train_loss": np.full((2, 2), 123.0, np.float32)})
    (store.files.checkpoints / "step-0000000003.safetensors.partial").write_bytes(b"half")
    assert not (ep.open(store.files.path).train_loss == 123.0).any()
    train_all(runs_of(tiny, 0, 1), tmp_path / "r")
    assert not list((tmp_path / "r").rglob("*.partial"))


def test_a_cohort_that_somebody_else_trains_is_waited_for(
    tiny: ep.Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = interrupted_cohort(tiny, tmp_path / "r", monkeypatch)
    runs = [*runs_of(tiny, 0, 1), *runs_of(tiny.swept("training.steps", 24), 5)]
    done: list[str] = []
    holder = ExitStack()

    def ends_meanwhile(seconds: float) -> None:
        assert set(done) == set(Catalogue(Root(tmp_path / "r")).members) - {store.id}, "it takes the free cohort first"
        holder.close()

    monkeypatch.setattr("epicycle.lab.missing_runs.time.sleep", ends_meanwhile)
    assert holder.enter_context(store.held()), "nobody else holds it"
    with pytest.warns(UserWarning, match=f"another process is training cohort {store.id}; waiting"):
        assert train_all(runs, tmp_path / "r", watch=lambda progress: done.append(progress.cohort_id)) == 3


def test_reading_a_strangers_results_imports_nothing(tiny: ep.Experiment, tmp_path: Path) -> None:
    train_all(runs_of(tiny, 0), tmp_path / "r")
    cohort = next((tmp_path / "r" / "cohorts").glob("[!.]*"))
    spec = cohort / "spec.yaml"
    spec.write_text(spec.read_text().replace("kind: modular", "kind: 'antigravity_is_not_imported:Task'"))
    assert ep.open(cohort).sizes["run"] == 1


def test_notebook_handle(tiny: ep.Experiment, root: Path) -> None:
    runs = ep.train(tiny, seeds=2, sweep={"training.optimiser.weight_decay": [0.3, 1.0]}, observation=SMALL, root=root)
    assert runs.data.test_acc.dims == ("weight_decay", "seed", "step")
    assert runs.data.weight_norm.sel(tensor="W_E").median("seed").dims == ("weight_decay", "step")
    assert runs.events.t_gen.dims == ("weight_decay", "seed")
    assert runs.events.t_gen_censored.dtype == bool
    assert len(runs) == 4
    one = runs[0]
    assert one.params()["W_Q"].shape == (1, 2, 8, 4)
    assert one.params(step=10)["W_E"].shape == (8, 8)
    assert one.cache(step=10)["blocks.0.mlp.hook_post"].shape == (49, 3, 16)
    assert 11 not in one.steps
    assert one.params(step=11)["W_E"].shape == (8, 8), "reached by replay"
    with pytest.raises(InputError, match="keeps no state of step 11"):
        StoredRun(Root(root), one.id).params(step=11)
    table = runs.to_pandas()
    assert len(table) == 4 * len(runs.data.step)
    assert {"test_acc", "weight_decay", "seed"} <= set(table.columns)
    assert isinstance(ep.open(root), xarray.DataTree)
    plain = ep.train(tiny, seeds=(4, 9), observation=SMALL, root=root)
    assert plain.data.test_acc.dims == ("seed", "step")
    assert plain.data.seed.values.tolist() == [4, 9]
    assert plain.events.t_mem.dims == ("seed",)
    arm = RootArm(experiment=tiny, seeds=2, data_seeds=(5, 6))
    crossed = ep.train(tiny, seeds=2, data_seeds=(5, 6), observation=SMALL, root=root)
    assert len(list(arm.runs())) == len(crossed) == 4
    assert crossed.data.test_acc.dims == ("seed", "data_seed", "step")


def test_runs_that_nobody_asked_for_at_first_begin_as_themselves(tiny: ep.Experiment, tmp_path: Path) -> None:
    runs = runs_of(tiny, 0, 1, 2)
    train_all(runs, tmp_path / "calm")
    with pytest.raises(Interrupted):
        train_all(runs, tmp_path / "cut", ask=lambda: True)
    train_all(runs[1:2], tmp_path / "cut")
    train_all(runs, tmp_path / "cut")
    calm, cut = (Root(tmp_path / name) for name in ("calm", "cut"))
    for run in runs:
        for name, value in StoredRun(calm, run.id).state().items():
            np.testing.assert_array_equal(StoredRun(cut, run.id).state()[name], value, err_msg=f"seed {run.seed}: {name}")
