"""A study is written on one organism and set on others; a claim may be for some organisms only."""

from typing import Any

import pytest

from epicycle.lab.study import study_id
from epicycle.spec.errors import InputError
from epicycle.spec.organism import ORGANISMS, organism_named
from epicycle.spec.study import Study
from epicycle.studies import NAMES, load

TINY = {"task": {"kind": "modular", "p": 5}, "model": {"kind": "mlp", "d_model": 4, "d_mlp": 8}}
MOUSE = {
    "seeds": 3,
    "assign": {"task.p": 7, "arms.b.split.frac_train": 0.5, "claims.late.supported_if.above": 5, "arms.c.at": 20},
}


def claim(name: str, **fields: Any) -> dict[str, Any]:
    statistic = {"kind": "event_time", "event": "t_gen", "arm": "a", "unit": "budget"}
    return {"id": name, "statistic": statistic, "supported_if": {"above": 3}, "refuted_if": {"below": 2}, **fields}


def study(**fields: Any) -> Study:
    """A study on the fly with two root arms and a fork, which can be set on the mouse."""
    arms = {"a": {"experiment": TINY, "seeds": 8}, "b": {"experiment": TINY, "seeds": 8}, "c": {"fork": "a", "at": 10}}
    claims = [claim("early"), claim("late"), claim("attention", primary=False, organisms=["mouse", "canon"])]
    plain = {"question": "Does it?", "arms": arms, "claims": claims, "organism": "fly", "organisms": {"mouse": MOUSE}}
    return Study.parse({**plain, "profiles": {"quick": {"pilot": True, "assign": {"training.steps": 9}}}, **fields})


def test_assignments_of_an_organism_reach_all_root_arms_one_arm_a_claim_and_a_moment() -> None:
    mouse = study().on_organism("mouse")
    assert mouse.organism == "mouse"
    experiments = {name: arm.experiment for name, arm in mouse.root_arms()}
    assert [experiment.task.model_dump()["p"] for experiment in experiments.values()] == [7, 7]
    assert [experiment.split.model_dump()["frac_train"] for experiment in experiments.values()] == [0.3, 0.5]
    assert [arm.seeds for _, arm in mouse.root_arms()] == [3, 3]
    assert [each.supported_if.above for each in mouse.claims] == [3, 5, 3]
    assert dict(mouse.fork_arms())["c"].at == 20


def test_a_claim_is_named_among_those_that_the_profile_puts_in_place() -> None:
    fewer = {"claims": [claim("late"), claim("early")], "claims.late.supported_if.above": 5}
    mouse = study(organisms={"mouse": {"assign": fewer}}).on_organism("mouse")
    assert {each.id: each.supported_if.above for each in mouse.claims} == {"late": 5, "early": 3}


def test_the_organism_of_a_study_changes_nothing() -> None:
    assert study().on_organism("fly") == study()
    mouse = study().on_organism("mouse")
    assert mouse.on_organism("mouse") == mouse


def test_set_and_the_pilot_come_on_top_of_an_organism() -> None:
    mouse = study().on_organism("mouse")
    changed = mouse.with_assignments({"task.p": 11, "arms.a.split.frac_train": 0.9})
    assert [arm.experiment.task.model_dump()["p"] for _, arm in changed.root_arms()] == [11, 11]
    assert [arm.experiment.split.model_dump()["frac_train"] for _, arm in changed.root_arms()] == [0.9, 0.5]
    pilot = mouse.at_profile("quick")
    assert (pilot.organism, pilot.pilot) == ("mouse", True)
    arm = dict(pilot.root_arms())["a"]
    assert (arm.experiment.task.model_dump()["p"], arm.experiment.training.steps, arm.first_seed, arm.seeds) == (7, 9, 1000, 3)


FIGURES = [
    {"title": "Which are early?", "arms": ["a", "b"], "quantities": [claim("early")["statistic"]], "decides": "early"},
    {"title": "What do all do?", "arms": ["b", "c"], "series": ["test_acc"], "decides": "other"},
    {"title": "What does the other one do?", "arms": ["b"], "series": ["test_acc"]},
]
OTHER = claim("other", statistic={"kind": "event_time", "event": "t_gen", "arm": "b", "unit": "budget"})


QUICK = {"quick": {"pilot": True, "assign": {"arms.b.training.steps": 9, "arms.c.at": 5}}}


def on_mouse(*arms: str) -> Study:
    whole = study(claims=[claim("early"), OTHER], figures=FIGURES, organisms={"mouse": {"arms": arms}}, profiles=QUICK)
    return whole.on_organism("mouse")


def test_an_organism_keeps_some_arms_and_what_reads_only_these() -> None:
    assert on_mouse() == study(claims=[claim("early"), OTHER], figures=FIGURES, organism="mouse", organisms={}, profiles=QUICK)
    mouse = on_mouse("a", "c")
    assert list(mouse.arms) == ["a", "c"]
    assert [each.id for each in mouse.claims] == ["early"], "claim 'other' reads arm 'b'"
    assert [(each.title, each.arms, each.decides) for each in mouse.figures] == [
        ("Which are early?", ("a",), "early"),
        ("What do all do?", ("c",), ""),
    ]
    assert dict(mouse.at_profile("quick").fork_arms())["c"].at == 5, "the pilot assigns to what is left"


def test_a_pilot_keeps_some_arms_too() -> None:
    pilot = study(profiles={"quick": {"pilot": True, "arms": ["b"]}}, claims=[claim("early"), OTHER]).at_profile("quick")
    assert (list(pilot.arms), [each.id for each in pilot.claims]) == (["b"], ["other"])


def test_an_organism_keeps_arms_that_the_study_has_with_those_they_start_from() -> None:
    with pytest.raises(InputError, match="keeps arm 'd', which the study has not; allowed here: a, b, c"):
        on_mouse("a", "d")
    with pytest.raises(InputError, match="keeps arm 'c', which starts from 'a'; keep 'a' too"):
        on_mouse("b", "c")


def test_an_organism_that_a_study_lacks_is_refused_with_those_it_has() -> None:
    with pytest.raises(InputError, match="cannot be set on organism canon; choose one of fly, mouse"):
        study().on_organism("canon")
    with pytest.raises(InputError, match="cannot be set on organism fly; run it without --organism"):
        study(organism=None, organisms={}).on_organism("fly")
    with pytest.raises(InputError, match="cannot be set on organism fly; choose one of mouse"):
        study().on_organism("mouse").on_organism("fly")


def test_an_exploratory_claim_for_other_organisms_is_not_asked() -> None:
    assert [each.id for each in study().asked_claims()] == ["early", "late"]
    assert [each.id for each in study().on_organism("mouse").asked_claims()] == ["early", "late", "attention"]
    assert len(study(organism=None).asked_claims()) == 3, "a study of its own setting asks all"


def test_a_primary_claim_for_other_organisms_refuses_the_study() -> None:
    for_flies = study(claims=[claim("early"), claim("late", organisms=["fly"])])
    with pytest.raises(InputError, match="claim 'late' is primary and is for fly only, so the study cannot run on mouse"):
        for_flies.on_organism("mouse")
    with pytest.raises(InputError, match="claim 'late' is primary and is for mouse and canon only"):
        study(claims=[claim("early"), claim("late", organisms=["mouse", "canon"])])


def test_the_organism_is_no_field_to_assign() -> None:
    with pytest.raises(InputError, match="organism cannot be assigned: --organism"):
        study().with_assignments({"organism": "mouse"})


def test_results_of_two_organisms_have_folders_of_their_own() -> None:
    same = study(organisms={"mouse": {}})
    assert study_id(same) != study_id(same.on_organism("mouse"))


def test_names_of_organisms() -> None:
    assert [organism_named(name) for name in ORGANISMS] == list(ORGANISMS)
    with pytest.raises(InputError, match="there is no organism 'mous'; did you mean 'mouse'"):
        organism_named("mous")


@pytest.mark.parametrize("name", NAMES)
def test_studies_of_the_library_can_be_set_on_their_organisms(name: str) -> None:
    study = load(name)
    for organism in study.organisms:
        on_it = study.on_organism(organism)
        assert on_it.organism == organism
        assert on_it.at_profile("quick").pilot
