"""Plans: what they say, what they refuse, and that what does not fit is refused before anything is written."""

import itertools
import json
import resource
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

import epicycle as ep
from epicycle.claims.intervals import median_interval
from epicycle.claims.power import power
from epicycle.claims.quantities import EventRatio
from epicycle.claims.shares import Share
from epicycle.lab import resources
from epicycle.lab.cost_plan import plan
from epicycle.lab.foreseen import foreseen
from epicycle.spec.claim import Claim, Region
from epicycle.spec.errors import InputError
from epicycle.spec.study import Study
from epicycle.store.files import Root
from epicycle.training.devices import Machine

DELAY = Claim(
    id="delay", statistic=EventRatio(event="t_gen", over="t_mem", arm="a"), supported_if=Region(above=3), refuted_if=Region(below=2)
)
REACHED = Claim(id="reached", statistic=Share(event="t_gen", arm="a"), supported_if=Region(above=0.8), refuted_if=Region(below=0.5))


def study_of(tiny: ep.Experiment, seeds: int = 8) -> Study:
    claim = DELAY.model_copy(update={"statistic": EventRatio(event="t_gen", over="t_mem", arm="a", where={"d_mlp": 8})})
    return Study.parse(
        {
            "question": "How long?",
            "arms": {"a": {"experiment": tiny.model_dump(mode="json"), "seeds": seeds, "sweep": {"model.d_mlp": [8, 16]}}},
            "claims": [claim.model_dump(mode="json")],
            "observation": {"measures": [{"kind": kind, "rows": rows} for kind in ("loss", "accuracy") for rows in ("train", "test")]},
        }
    )


def test_a_plan_says_what_will_be_done(tiny: ep.Experiment, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EPICYCLE_CACHE", str(tmp_path))
    told: list[str] = []
    costs = plan(study_of(tiny), machine, told.append)
    found = costs.document()
    assert [cohort["members"] for cohort in found["cohorts"]] == [8, 8], "a static field was swept: two programs"
    assert len(told) == 2
    assert found["total"]["member_steps"] == 16 * tiny.training.steps
    assert all(cohort["flops_per_step"] > 0 and cohort["shortcuts"] and cohort["seconds"] >= 0 for cohort in found["cohorts"])
    assert found["cohorts"][0]["parameters"] < found["cohorts"][1]["parameters"]
    assert found["claims"][0]["seeds"] == 8, "the seeds at the place the claim names"
    json.dumps(found, allow_nan=False)
    text = "\n".join(costs.lines())
    assert "MFLOP" in text
    assert "8 runs; supported by 8, refuted by 8" in text
    assert "runs for a chance of 80%, by the same share: 70%: 128, 80%: 48, 90%: 24, 95%: 12" in text
    assert "relative to the spread" in text
    assert not (tmp_path / "cohorts").exists()
    few = study_of(tiny, seeds=3)
    with pytest.raises(InputError, match="no outcome of 3 runs could decide it"):
        plan(few, machine)
    pilot = plan(few.model_copy(update={"pilot": True}), machine)
    assert pilot.claims == []
    assert "a pilot: its claims are not weighed" in "\n".join(pilot.lines())


def test_disk_is_foreseen(tiny: ep.Experiment, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from epicycle.lab.session import Session
    from epicycle.lab.study import run_study

    monkeypatch.setenv("EPICYCLE_CACHE", str(tmp_path / "cache"))
    study = study_of(tiny)
    run_study(study, Session(Root.create(tmp_path / "r")))
    used = sum(path.stat().st_size for path in (tmp_path / "r" / "cohorts").rglob("*") if path.is_file()) / 1e6
    assert used / 3 <= plan(study, machine).totals()["disk_megabytes"] <= 3 * used


def test_runs_are_expected_to_end_as_they_did_before(
    tiny: ep.Experiment, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from epicycle.lab.past_ends import PastRuns, past_runs
    from epicycle.lab.session import Session
    from epicycle.lab.study import run_study

    monkeypatch.setenv("EPICYCLE_CACHE", str(tmp_path / "cache"))
    study, root = study_of(tiny, seeds=8), Root(tmp_path / "r")
    assert past_runs(root, study.name) == {}, "there is no such root"
    assert past_runs(Root.create(root.path), study.name) == {}, "it has no such study"
    run_study(study, Session(root))
    steps = tiny.training.steps
    assert past_runs(root, study.name) == {"a": PastRuns(steps, (steps,) * 16)}, "no stop ends these runs"
    costs = plan(study, machine, past={"a": PastRuns(steps, (steps // 4,) * 8)})
    for cohort in costs.cohorts:
        assert cohort.expected_seconds == pytest.approx(cohort.seconds / 4, abs=0.11)
    assert "s if runs end as they did before" in costs.lines()[-1]
    assert plan(study, machine, past={"another": PastRuns(1, (1,))}).totals()["wall_seconds_expected"] is None
    assert PastRuns(100, (100, 20)).expected(1000) == 510, "the first run would have gone on"
    assert PastRuns(100, (100, 20)).expected(10) == 10


def test_what_does_not_fit_is_refused(tiny: ep.Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(resources.shutil, "disk_usage", lambda place: usage(10, 9, 1))
    with pytest.raises(InputError, match="MB of disk"):
        ep.train(tiny, seeds=2, root=tmp_path / "r")
    monkeypatch.undo()
    monkeypatch.setattr(resources, "free_memory", lambda: 1000)
    with pytest.raises(InputError, match=r"GB of memory.*fewer seeds"):
        ep.train(tiny, seeds=2, root=tmp_path / "r")
    monkeypatch.undo()
    assert ep.train(tiny, seeds=2, root=tmp_path / "r").data.sizes["seed"] == 2, "refused, not damaged"


def test_memory_is_told() -> None:
    assert resources.free_memory() is None or resources.free_memory() > 10**8


@pytest.mark.parametrize("n", [8, 10])
def test_power_of_a_median_is_exact(n: int) -> None:
    """By brute force over every way the seeds can fall on either side of the bound."""
    found = power(DELAY, n)
    wins = 0.0
    for outcome in itertools.product((False, True), repeat=n):
        values = [4.0 if there else 1.0 for there in outcome]
        interval = median_interval(values)
        supported = DELAY.supported_if.holds(interval.low, interval.high)
        assert supported == (sum(outcome) in found.supported_by)
        wins += supported * 0.9 ** sum(outcome) * 0.1 ** (n - sum(outcome))
    assert found.chance["0.9"] == pytest.approx(wins, abs=1e-3)


def test_power_of_a_share() -> None:
    assert power(REACHED, 29).supported_by == (29,), "10 of 10 only shows more than 0.58; 0.8 needs twenty-nine"
    assert power(REACHED, 28).supported_by == ()
    assert power(REACHED, 28).chance["0.95"] == 0
    rng = np.random.default_rng(0)
    drawn = np.mean([(rng.random(60) < 0.95).sum() in power(REACHED, 60).supported_by for _ in range(4000)])
    assert power(REACHED, 60).chance["0.95"] == pytest.approx(drawn, abs=0.03)


def test_a_claim_no_outcome_can_decide_is_refused(tiny: ep.Experiment, machine: Machine) -> None:
    with pytest.raises(InputError, match="no outcome of 5 runs could decide it; it needs at least 8"):
        plan(study_of(tiny, seeds=5), machine)


def test_forks_are_foreseen(machine: Machine) -> None:
    """As many as the parents times the sweep, as long as they can be; their claims have power."""
    experiment = ep.Experiment(task=ep.Modular(p=7), model=ep.MLP(d_model=4, d_mlp=8), training=ep.Training(steps=50))
    sooner = {"kind": "log_remaining_time", "event": "t_gen", "arm": "forks", "against": "control", "where": {"by": 5}}
    study = Study.parse(
        {
            "question": "Sooner?",
            "arms": {
                "control": {"experiment": experiment.model_dump(mode="json"), "seeds": 8},
                "forks": {
                    "fork": "control",
                    "at": "t_mem",
                    "edits": [{"kind": "scale", "knob": "lr", "by": 10}],
                    "sweep": {"edits.0.by": [2, 5]},
                    "steps": 20,
                },
            },
            "claims": [
                {
                    "id": "sooner",
                    "statistic": sooner,
                    "supported_if": {"below": -0.1},
                    "refuted_if": {"above": 0.1},
                }
            ],
        }
    )
    assert [len(runs) for runs in foreseen(study).values()] == [8, 16]
    found = plan(study, machine).document()
    assert [(cohort["arms"], cohort["members"], cohort["member_steps"]) for cohort in found["cohorts"]] == [
        (["control"], 8, 400),
        (["forks"], 16, 320),
    ]
    assert found["claims"][0]["seeds"] == 8
    assert found["claims"][0]["supported_by"] == (8,)


@pytest.mark.parametrize("changes", [{"d_mlp": 1_000_000}, {"d_model": 60_000}])
def test_memory_is_counted_before_it_is_taken(
    changes: dict[str, int], tiny: ep.Experiment, machine: Machine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network would need gigabytes; neither `plan` nor `train` makes one array of it."""
    monkeypatch.setattr(resources, "free_memory", lambda: 10**9)
    large = tiny.swept("model", {"kind": "mlp", "n_layers": 2, **changes})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"training needs about .* GB of memory"):
        plan(Study.parse({"question": "How?", "arms": {"a": {"experiment": large.model_dump(mode="json"), "seeds": 6}}}), machine)
    with pytest.raises(InputError, match=r"training needs about .* GB of memory.*fewer seeds"):
        ep.train(large, seeds=6, root=root)
    kilobytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / (1 if sys.platform == "linux" else 1024)
    assert kilobytes < 300_000
    assert not list(root.glob("cohorts/*"))


def test_many_seeds_are_counted_before_they_are_made(tiny: ep.Experiment, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="seeds"):
        ep.train(tiny, seeds=1_000_000_000, root=root)
    monkeypatch.setattr(resources, "free_memory", lambda: 10**6)
    with pytest.raises(InputError, match="fewer seeds"):
        ep.train(tiny, seeds=300, root=root)
    assert not list(root.glob("cohorts/*"))
