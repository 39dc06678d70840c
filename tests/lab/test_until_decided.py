"""Seeds are added until claims are decided: in batches, to the arms of open claims, and with an end in every case."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.torture import results

from epicycle.lab.registration import Registration
from epicycle.lab.session import Session
from epicycle.lab.study import Outcome, run_study
from epicycle.lab.until_decided import Batch, closing_lines, run_until_decided, seed_plan
from epicycle.spec.errors import InputError
from epicycle.spec.study import Study
from epicycle.store.files import Root
from epicycle.store.study_documents import read_runs
from epicycle.training.loop import Interrupted

SURE = {"event": "sure", "detectors": {"sure": {"kind": "threshold", "of": "train_acc", "level": 0.0}}}  # from the first step on
MOSTLY = {"supported_if": {"above": 0.8}, "refuted_if": {"below": 0.5}}  # of n runs that are all sure, 29 show a share above 0.8
EXPERIMENT = {
    "task": {"kind": "modular", "p": 5, "operation": "x-y"},
    "split": {"frac_train": 0.5},
    "model": {"kind": "mlp", "d_model": 4, "d_mlp": 4},
    "training": {"steps": 3},
}


def share(arm: str, **options: Any) -> dict[str, Any]:
    return {"id": f"share_{arm}", "statistic": {"kind": "share", **SURE, "arm": arm}, **MOSTLY, **options}


def study_of(arms: dict[str, Any], *claims: dict[str, Any]) -> Study:
    roots = {name: {"experiment": EXPERIMENT, "seeds": 10, **arm} if "fork" not in arm else arm for name, arm in arms.items()}
    return Study.parse({"question": "How many seeds?", "arms": roots, "claims": list(claims)}, "study")


def until_decided(study: Study, root: Path, at_most: int | None = None, session: Session | None = None) -> tuple[Outcome, list[Batch]]:
    results_root, batches = Root.create(root), list[Batch]()
    session = session or Session(results_root)
    return run_until_decided(seed_plan(study, results_root, at_most), session, watch=batches.append), batches


def verdicts(outcome: Outcome) -> dict[str, str]:
    return {verdict.claim.id: verdict.verdict for verdict in outcome.verdicts}


def counts(outcome: Outcome) -> dict[str, int]:
    return {name: arm["runs"] for name, arm in outcome.document()["arms"].items()}


@pytest.fixture(scope="module")
def two_arms() -> Study:
    decided = {"id": "decided", "statistic": {"kind": "event_time", **SURE, "arm": "idle"}}
    regions = {"supported_if": {"below": 2}, "refuted_if": {"above": 3}}
    return study_of({"asked": {}, "idle": {"experiment": EXPERIMENT | {"model": {"kind": "mlp", "d_model": 4, "d_mlp": 5}}}},
                    share("asked", primary=False), decided | regions)  # fmt: skip


def test_only_the_arms_of_open_claims_grow_until_the_claims_are_decided(two_arms: Study, root: Path) -> None:
    outcome, batches = until_decided(two_arms, root)
    assert verdicts(outcome) == {"share_asked": "supported", "decided": "supported"}
    assert batches[0].line().startswith("1 claim open; ")
    assert all(batch.claims == ("share_asked",) and list(batch.added) == ["asked"] for batch in batches)
    asked = 10 + sum(batch.added["asked"] for batch in batches)
    assert counts(outcome) == {"asked": asked, "idle": 10}
    assert 29 <= asked <= 40
    assert outcome.trained == asked + 10
    assert json.loads(outcome.files.provenance.read_text())["trained"] == outcome.trained, "of the whole command"
    assert closing_lines(outcome.verdicts) == ["Every claim is decided."]

    again, none = until_decided(two_arms, root)
    assert (again.trained, none, verdicts(again)) == (0, [], verdicts(outcome))
    registration = Registration.of(outcome.files)
    assert registration.looks[0].seeds["asked"] == 10
    assert registration.looks[-1].seeds["asked"] == asked
    looks = {claim["id"]: claim["looks"] for claim in outcome.document()["claims"]}
    assert [look["verdict"] for look in looks["share_asked"]] == ["undecided"] * len(batches) + ["supported"]
    assert looks["decided"] == [{"n": 10, "verdict": "supported"}], "its arm did not grow, so nobody looked again"
    assert not any(claim["post_hoc"] for claim in outcome.document()["claims"])


def test_after_an_interruption_the_same_bytes(two_arms: Study, tmp_path: Path) -> None:
    straight, _ = until_decided(two_arms, tmp_path / "straight")
    root = Root.create(tmp_path / "interrupted")
    for stop_at in range(3, 30, 4):
        calls: list[int] = []

        def interrupted(stop_at: int = stop_at, calls: list[int] = calls) -> bool:
            calls.append(1)
            return len(calls) == stop_at

        try:
            outcome, _ = until_decided(two_arms, root.path, session=Session(root, interrupted=interrupted))
            break
        except Interrupted:
            continue
    else:
        raise AssertionError("it never came to an end")
    assert stop_at > 3, "it was interrupted"
    assert results(outcome.files.path) == results(straight.files.path)
    seeds = [[look.seeds for look in Registration.of(each.files).looks] for each in (straight, outcome)]
    assert seeds[0] == seeds[1]


def test_it_ends_at_the_most_seeds(root: Path) -> None:
    study = study_of({"asked": {"seeds": 6}}, share("asked"))
    outcome, batches = until_decided(study, root)
    assert counts(outcome) == {"asked": 24}, "four times as many as it states"
    assert closing_lines(outcome.verdicts)[0].startswith("1 of 1 claims are open; more seeds could decide 1, but there are as many")
    assert closing_lines(outcome.verdicts)[1].startswith("  share_asked: about ")
    assert batches[0].added == {"asked": 8}, "at least"
    assert until_decided(study, root)[1] == []
    with pytest.raises(InputError, match="--at-most 20: arm 'asked' has 24 seeds already"):
        seed_plan(study, Root.create(root), 20)
    more, _ = until_decided(study, root, at_most=30)
    assert verdicts(more) == {"share_asked": "supported"}


def test_what_cannot_be_asked_for(root: Path) -> None:
    study, results_root = study_of({"asked": {}}, share("asked")), Root.create(root)
    with pytest.raises(InputError, match="can have 1000 seeds, as seeds from 1000 on are for pilots"):
        seed_plan(study, results_root, 1001)
    with pytest.raises(InputError, match="--at-most 9: arm 'asked' has 10 seeds already"):
        seed_plan(study, results_root, 9)
    with pytest.raises(InputError, match="a pilot decides nothing"):
        seed_plan(study.model_copy(update={"pilot": True}), results_root)
    late = study_of({"asked": {"first_seed": 980}}, share("asked"))
    assert seed_plan(late, results_root).most == {"asked": 20}


def test_listed_seeds_go_on_after_the_largest(root: Path) -> None:
    study = study_of({"asked": {"seeds": [7, 3, 5, 0, 1, 2]}}, share("asked"))
    outcome, _ = until_decided(study, root, at_most=14)
    assert sorted(run.seed for run in read_runs(outcome.files).arms["asked"].runs) == [0, 1, 2, 3, 5, *range(7, 16)]
    assert seed_plan(study, Root.create(root), 14).counts == {"asked": 14}


def test_forks_follow_their_parents(root: Path) -> None:
    """A fork arm grows by its root arm. A fork whose moment never comes has no runs, and its claim does not loop."""
    forks = {"fork": "asked", "at": 1, "edits": [{"kind": "scale", "knob": "lr", "by": 2}]}
    never = {"fork": "asked", "at": "train_acc>=2", "edits": [{"kind": "scale", "knob": "lr", "by": 2}]}
    study = study_of({"asked": {}, "forks": forks, "never": never}, share("forks"), share("never"))
    outcome, batches = until_decided(study, root)
    assert verdicts(outcome) == {"share_forks": "supported", "share_never": "undecided"}
    assert {claim for batch in batches for claim in batch.claims} == {"share_forks"}
    assert counts(outcome)["asked"] == counts(outcome)["forks"] >= 29


def test_seeds_that_add_no_independent_run_are_not_added_twice(root: Path) -> None:
    """Every seed is crossed with the same two splits: the splits are two units, however many seeds there are."""
    study = study_of({"asked": {"data_seeds": [0, 1]}}, share("asked"))
    outcome, batches = until_decided(study, root)
    assert len(batches) == 1
    assert counts(outcome)["asked"] < 2 * 40
    (verdict,) = outcome.verdicts
    assert "nothing that more seeds bring" in verdict.needs
    assert until_decided(study, root)[1] == [], "known from the looks"


def test_seeds_after_a_look_do_not_count_without_an_anytime_interval(root: Path) -> None:
    statistic = {"kind": "variance_share", "of": {"kind": "extreme", "series": "train_loss", "arm": "asked"}}
    fixed = {"id": "fixed", "statistic": statistic, "supported_if": {"above": 0.999}, "refuted_if": {"below": 0.001}}
    crossed = {"asked": {"data_seeds": [0, 1, 2, 3, 4, 5]}, "open": {}}
    study = study_of(crossed, fixed, share("open", primary=False))
    first = run_study(study, Session(Root.create(root)))
    outcome, batches = until_decided(study, root)
    assert verdicts(outcome) == {"fixed": "undecided", "share_open": "supported"}
    assert all(list(batch.added) == ["open"] for batch in batches), "seeds cannot decide the other"
    more = run_study(study.with_seeds(20), Session(Root.create(root)))
    fixed_verdicts = [each.verdicts[0] for each in (first, outcome, more)]
    assert len({(verdict.estimate.interval, verdict.estimate.n) for verdict in fixed_verdicts if verdict.estimate}) == 1
    assert "another folder" in fixed_verdicts[-1].needs
    assert counts(more)["asked"] == 120, "the runs are there all the same"
