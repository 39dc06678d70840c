"""Forks: the same bits as the parent where nothing is edited, moments of their own, forks of forks, and fork arms in a study."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.training.test_bits import CASES

import epicycle as ep
from epicycle.events.detectors import Threshold
from epicycle.lab.fork_starts import ForkStarts
from epicycle.lab.forks import ForkRequest, forked
from epicycle.lab.session import Session
from epicycle.spec.study import Study
from epicycle.training.loop import Interrupted

# Few measures: every case compiles programs of its own.
SMALL = ep.Observation.parse(
    {
        "dense_until": 5,
        "per_decade": 8,
        "measures": [{"kind": "loss", "rows": rows} for rows in ("train", "test")]
        + [{"kind": "accuracy", "rows": rows} for rows in ("train", "test")],
    }
)
QUICK = ep.Experiment(
    task=ep.Modular(p=7, operation="x-y"),
    split=ep.Split(frac_train=0.6),
    model=ep.Transformer(d_model=16, n_heads=2, d_mlp=32),
    training=ep.Training(steps=150, optimiser=ep.AdamW(lr=1e-2)),
)


def assert_same_end(parents: ep.Runs, forks: ep.Runs) -> None:
    for i in range(len(parents)):
        one, other = parents[i].state(), forks[i].state()
        assert set(one) == set(other)
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_an_edit_free_fork_is_its_parent(case: str, root: Path) -> None:
    """Between two kept states, so that the moment is reached by replay; series agree at shared steps, and so does the last state."""
    parents = ep.train(CASES[case], seeds=2, root=root, observation=SMALL)
    forks = parents.fork(17)
    assert_same_end(parents, forks)
    mine, theirs = forks.data, parents.data
    shared = sorted({int(s) for s in mine.step.values} & {int(s) for s in theirs.step.values})
    assert shared
    for name in theirs.data_vars:
        if theirs[name].dims[-1:] == ("step",) or "step" in theirs[name].dims:
            one, other = mine[name].sel(step=shared), theirs[name].sel(step=shared)
            np.testing.assert_array_equal(one.values, other.values, err_msg=str(name))
    assert (mine.moment.values == 17).all()


def test_forks_of_forks_and_asking_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parents = ep.train(QUICK, seeds=3, root=root, observation=SMALL)
    second = parents.fork(20).fork(13)
    assert_same_end(parents, second)
    assert (second.data.moment.values == 33).all()
    at_start = parents.fork(0)
    assert_same_end(parents, at_start)
    monkeypatch.setattr("epicycle.lab.missing_runs.start", lambda: pytest.fail("what exists is not trained again"))
    parents.fork(20)


def test_what_ended_the_parent_before_does_not_end_its_forks(root: Path) -> None:
    stopping = QUICK.model_copy(update={"training": QUICK.training.model_copy(update={"stop": ep.Stop(event="t_mem")})})
    parents = ep.train(stopping, seeds=3, root=root, observation=SMALL)
    after, before = (parents.fork(at, steps=steps).data for at, steps in (("t_mem", 40), ("0.2*t_mem", 140)))
    last = [data.step.values[np.isfinite(data.train_loss.values[0])][-1] for data in (after, before)]
    assert last[0] == after.moment.values[0] + 40, "memorised from its first step on, and trained on all the same"
    assert last[1] < before.moment.values[0] + 140, "a fork before the event ends as its parent does"


def test_an_event_that_is_seen_at_the_moment_ends_no_fork(root: Path) -> None:
    """Even where it is not confirmed yet: forks would otherwise end after two evaluations."""
    there = ep.train(QUICK, seeds=1, root=root, observation=SMALL).events.t_mem.values[0]
    until = QUICK.training.model_copy(update={"stop": ep.Stop(event="t_mem"), "steps": int(there)})
    parents = ep.train(QUICK.model_copy(update={"training": until}), seeds=1, root=root / "brief", observation=SMALL)
    assert np.isnan(parents.events.t_mem.values[0]), "its record ends before anything is confirmed"
    data = parents.fork(there, steps=40).data  # a NumPy float, as it is read off the table of events
    assert data.step.values[np.isfinite(data.train_loss.values[0])][-1] == there + 40


def test_a_replay_can_be_ended(root: Path) -> None:
    sparse = SMALL.model_copy(update={"checkpoint_megabytes": 0.0})
    parents = ep.train(QUICK, seeds=2, root=root, observation=sparse)
    runs = [run for _, run in parents._arm_runs]
    forks = forked(runs, parents._flat(), ForkRequest(100, steps=10), lambda parent, place, name: (name, 0))
    session = Session(parents._session.root, SMALL, interrupted=lambda: True)
    with pytest.raises(Interrupted):
        ForkStarts(session, {run.id: run for run in runs})(forks.runs)


def test_each_run_forks_at_its_own_moment(root: Path) -> None:
    parents = ep.train(QUICK, seeds=4, root=root, observation=SMALL)
    times = parents.events.t_mem.values
    assert np.isfinite(times).any()
    forks = parents.fork("t_mem", [ep.Scale("lr", 10)], steps=20)
    np.testing.assert_array_equal(forks.data.moment.values, times[np.isfinite(times)].astype(int))
    assert len(forks.without) == int(np.isnan(times).sum())
    halves = parents.fork("0.5*t_mem", steps=10).data.moment.values
    np.testing.assert_array_equal(halves, np.ceil(times[np.isfinite(times)] / 2).astype(int))
    half = Threshold(of="train_acc", level=0.5, hold=0.0)
    first = parents.data.step.values[np.argmax(parents.data.train_acc.values >= 0.5, axis=1)]
    np.testing.assert_array_equal(parents.fork(half, steps=5).data.moment.values, first)
    peak = parents.fork("peak(test_loss)", steps=5).data.moment.values
    for run, moment in zip(parents.data.test_loss.values, peak, strict=False):
        assert moment == parents.data.step.values[np.nanargmax(run)]
    assert forks[0].state()["knobs/training.optimiser.lr"] == np.float32(1e-2) * 10


@pytest.mark.parametrize(
    ("at", "edits", "told"),
    [
        ("t_gne", [], "there is no such event; did you mean 't_gen'"),
        (4000, [], "came in none of the runs"),
        ("peak(tset_loss)", [], "no such series"),
        (10, [ep.Scale("lrr", 2)], "there is no knob 'lrr'"),
        (150, [], "came in none of the runs"),
        (-5, [], "a whole number of at least 0"),
        (2.5, [], "a whole number of at least 0"),
    ],
)
def test_wrong_forks_are_told(at: Any, edits: list[Any], told: str, root: Path) -> None:
    parents = ep.train(QUICK, seeds=2, root=root, observation=SMALL)
    with pytest.raises(ep.InputError, match=told.replace("(", r"\(")):
        parents.fork(at, edits)
    with pytest.raises(ep.InputError, match=r"steps: .*1"):
        parents.fork(10, steps=0)


def test_fork_arms_in_a_study(root: Path) -> None:
    from epicycle.lab.study import run_study
    from epicycle.store.files import Root

    study = Study.parse(
        {
            "question": "Does a boost matter?",
            "arms": {
                "control": {"experiment": QUICK.model_dump(mode="json"), "seeds": 6},
                "boosted": {
                    "fork": "control",
                    "at": 30,
                    "edits": [{"kind": "scale", "knob": "lr", "by": 10}],
                    "sweep": {"edits.0.by": [1, 3]},
                    "steps": 120,
                },
                "again": {"fork": "boosted", "at": 10},
            },
            "claims": [
                {
                    "id": f"by-{by}",
                    "statistic": {
                        "kind": "log_remaining_time",
                        "event": "t_mem",
                        "arm": "boosted",
                        "against": "control",
                        "where": {"by": by},
                    },
                    "supported_if": {"below": -0.1},
                    "refuted_if": {"above": 0.1},
                }
                for by in (1, 3)
            ],
            "observation": SMALL.model_dump(mode="json"),
        }
    )
    place = Root.create(root)
    outcome = run_study(study, Session(place))
    assert outcome.trained == 6 + 12 + 12
    document = outcome.document()
    same = document["claims"][0]
    assert same["verdict"] != "supported", "times one is no boost: bracket for bracket the same run"
    assert same["n"] == 6
    tree = ep.open(outcome.files.path)
    assert dict(tree["boosted"].sizes)["by"] == 2
    assert tree["again"].ds is not None
    one = tree["boosted"].train_loss.sel(by=1).sel(step=150)
    np.testing.assert_array_equal(one.values, tree["control"].train_loss.sel(step=150).values)
    assert run_study(study, Session(place)).trained == 0


def test_an_arm_whose_moment_never_comes_leaves_the_others(root: Path) -> None:
    from epicycle.lab.study import run_study
    from epicycle.report.page import write_report
    from epicycle.store.files import Root

    def claim(arm: str, **where: Any) -> dict[str, Any]:
        statistic = {"kind": "value_at", "series": "train_acc", "at": "end", "arm": arm, "where": where}
        region = {"supported_if": {"above": -1.0}, "refuted_if": {"below": -1.0}, "min_seeds": 1, "primary": arm == "control"}
        return {"id": arm, "statistic": statistic, **region}

    study = Study.parse(
        {
            "question": "What is left?",
            "arms": {
                "control": {"experiment": QUICK.swept("training.steps", 20).model_dump(mode="json"), "seeds": 8},
                "late": {"fork": "control", "at": "test_loss<0.0", "steps": 5},
                "later": {"fork": "late", "at": 2, "steps": 5},
                "given": {"fork": "control", "at": 5, "edits": [{"kind": "transplant", "tensors": ["W_E"], "donor": "late"}]},
                "some": {"fork": "control", "at": 5, "steps": 5, "sweep": {"at": [5, "test_loss<0.0"]}},
            },
            "claims": [claim("control"), claim("late"), claim("later"), claim("some", at="test_loss<0.0")],
            "figures": [
                {"title": "Only those?", "arms": ["late"], "series": ["test_acc"], "decides": "late"},
                {"title": "And these?", "arms": ["control", "some"], "series": ["test_acc"]},
            ],
            "observation": SMALL.model_dump(mode="json"),
        }
    )
    place = Root.create(root)
    outcome = run_study(study, Session(place))
    told = {one["id"]: (one["verdict"], one["reason"]) for one in outcome.document()["claims"]}
    assert told["control"][0] == "supported"
    assert told["late"] == ("undecided", "arm late has no runs")
    assert told["later"] == ("undecided", "arm later has no runs")
    assert told["some"] == ("undecided", "arm 'some' has no run where at = test_loss<0.0; there, at is 5")
    document = outcome.document()
    assert set(document["left_out"]) == {"late", "later", "given"}
    assert document["left_out"]["late"].startswith("fork at test_loss<0.0: it came in none of the runs")
    assert document["left_out"]["given"] == "arm late has no runs"
    assert "late" not in document["arms"]
    assert document["arms"]["some"]["without"][0] == "seed 0 (at = test_loss<0.0)"
    write_report(place, outcome.files)
    page = outcome.files.report.read_text()
    assert "late: left out: fork at test_loss" in page
    assert "Only those?" not in page, "a figure of arms that are not there"
    alone = study.model_copy(update={"arms": {name: study.arms[name] for name in ("control", "late")}, "claims": (), "figures": ()})
    with pytest.raises(ep.InputError, match=r"arms.late: fork at test_loss<0.0: it came in none"):
        run_study(alone, Session(place))


def test_runs_in_which_a_moment_has_not_come_are_told_apart(root: Path) -> None:
    parents = ep.train(QUICK, seeds=2, sweep={"training.optimiser.lr": [1e-5, 1e-2]}, root=root, observation=SMALL)
    forks = parents.fork("t_mem", steps=5)
    assert forks.without[:2] == ("seed 0 at lr = 1e-05", "seed 1 at lr = 1e-05")


def test_moments_past_the_end_of_the_parents(root: Path) -> None:
    """A fork begins within its parent's record, however the moment is written; what an edit does later may lie beyond."""
    parents = ep.train(QUICK, seeds=1, root=root, observation=SMALL)
    t_mem = int(parents.events.t_mem.values[0])
    past = 1 + 150 // t_mem
    for at in (151, f"{past}*t_mem"):
        with pytest.raises(ep.InputError, match="came in none of the runs"):
            parents.fork(at, steps=40)
    states = []
    for until in (past * t_mem, f"{past}*t_mem"):
        forks = parents.fork(t_mem, [ep.Scale("lr", 2, until=until)], steps=past * t_mem)
        assert forks.without == ()
        knobs = forks[0].experiment(150 - t_mem)["training"], forks[0].experiment()["training"]
        assert [training["optimiser"]["lr"] for training in knobs] == [0.02, 0.01], "until a moment that the parent never reached"
        states.append(forks[0].state())
    for name, value in states[0].items():
        np.testing.assert_array_equal(states[1][name], value, err_msg=name)
    assert parents.fork(t_mem, [ep.Scale("lr", 2, until=900)]).without == (), "or that the fork never reaches"
