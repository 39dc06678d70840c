"""Bounds: of YAML documents, of every field of every part, of what a study would build."""

import copy
import time
from typing import Any

import pytest
from tests.spec.hostile import BOMBS

import epicycle as ep
from epicycle.claims.factor_shares import Cell
from epicycle.spec.arms import RootArm
from epicycle.spec.base import Spec
from epicycle.spec.claim import Claim, Gate, Prediction, Region
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Course, Experiment, Stop, Training
from epicycle.spec.kinds import KINDS
from epicycle.spec.observation import Observation
from epicycle.spec.registry import resolve
from epicycle.spec.study import Figure, Profile, Source, Study
from epicycle.spec.yaml_text import load_yaml

TINY = {"task": {"kind": "modular", "p": 5}, "model": {"kind": "mlp", "d_model": 4, "d_mlp": 8}}

CLASSES: list[type[Spec]] = sorted(
    {resolve(family, kind) for family, kinds in KINDS.items() for kind in kinds}, key=lambda cls: cls.__name__
)
CLASSES += [
    Course,
    Stop,
    Training,
    Experiment,
    RootArm,
    Cell,
    Claim,
    Gate,
    Prediction,
    Region,
    Figure,
    Profile,
    Source,
    Study,
    Observation,
]


def study(**arm: Any) -> dict[str, Any]:
    return {"question": "Does it?", "arms": {"a": {"experiment": TINY, **arm}}}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_no_field_takes_a_boundless_value(cls: type[Spec]) -> None:
    """Numbers, texts, lists and mappings without end, at every field: refused in one short paragraph, and at once."""
    endless = {
        "number": 10**30,
        "float": 1e300,
        "text": "x" * 20_000,
        "list": [1] * 1_200_000,
        "mapping": {str(i): i for i in range(2000)},
    }
    for field in cls.model_fields:
        for name, value in endless.items():
            if (cls.__name__, field, name) == ("Change", "to", "mapping"):
                continue  # a part with any fields
            began = time.process_time()
            with pytest.raises(InputError) as error:
                cls.parse({field: value}, cls.__name__)
            assert time.process_time() - began < 2, (field, name)
            assert len(str(error.value)) < 3000, (field, name)
            assert f"{field}" in str(error.value), (field, name, str(error.value))


class Own(ep.Modular):
    """A user's own task, whose field says nothing of limits."""

    bits: int = 3
    note: str = ""
    anything: Any = None


@pytest.mark.parametrize("given", [{"bits": 10**30}, {"note": "x" * 10**5}, {"anything": [10**30]}, {"anything": float("inf")}])
def test_fields_of_own_parts_have_bounds(given: dict[str, Any]) -> None:
    assert Own.parse({"p": 5, "bits": 7, "anything": {"a": [1, "b"]}}).anything == {"a": [1, "b"]}
    with pytest.raises(InputError, match=next(iter(given))):
        Own.parse({"p": 5, **given})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!float nope", "line 1, column 4: not valid YAML: 'nope' cannot be read as float"),
        ("a: 1\nb: !!bool maybe", "line 2, column 4: not valid YAML: 'maybe' cannot be read as bool"),
        ("a: !!int ''", "line 1, column 4: not valid YAML: '' cannot be read as int"),
        ("a: " + "9" * 6000, "cannot be read as int"),
        ("a: 0x" + "f" * 6000, "a whole number of 6002 digits is too long"),
        ("[" * 5000, "more than 50 deep"),
        ("{a: " * 5000, "more than 50 deep"),
        ("- " * 5000, "more than 50 deep"),
        ("a: &x [*x]", "alias 'x' stands for something that it is a part of"),
        ("1: 2", "line 1, column 1: not valid YAML: a key must be a text"),
        ("? [a]\n: b", "a key must be a text"),
        ("~: 2", "a key must be a text"),
        ("a: !!binary x", "'binary' is no kind of plain data"),
        ("a: !!python/object:os.system x", "is no kind of plain data"),
        ("a: \x00", "line 1: not valid YAML: character '\\x00' is not allowed"),
        ('a: "\\uD800"', "half a character"),
        ("a: " + BOMBS[2], "unfolds to more than 200,000 entries"),
        ("a: " + "x" * 600_000, "600,003 characters are too many"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_yaml_that_is_no_plain_data_is_bad_input_with_its_line(text: str, message: str) -> None:
    began = time.process_time()
    with pytest.raises(InputError) as error:
        load_yaml(text, "mine.yaml")
    assert message in str(error.value)
    assert str(error.value).startswith("mine.yaml")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500
    assert time.process_time() - began < 2


def test_null_may_be_the_name_of_a_field() -> None:
    assert load_yaml("{kind: gen_share, null: shuffled, of: null}", "x") == {"kind": "gen_share", "null": "shuffled", "of": None}


def test_dates_are_texts_and_aliases_are_allowed() -> None:
    assert load_yaml("a: 2020-01-01\nb: &x {c: 1}\nd:\n  <<: *x\n  e: 2", "x") == {
        "a": "2020-01-01",
        "b": {"c": 1},
        "d": {"c": 1, "e": 2},
    }


@pytest.mark.parametrize("bomb", BOMBS[:2], ids=["small", "large"])
@pytest.mark.parametrize(
    "path", ["name", "question", "arms.a.seeds", "arms.a.experiment.task.kind", "arms.a.experiment.preset", "claims", "x"]
)
def test_an_alias_bomb_is_answered_in_one_short_paragraph(path: str, bomb: str) -> None:
    plain: dict[str, Any] = copy.deepcopy(study())
    *parents, last = path.split(".")
    parent = plain
    for name in parents:
        parent = parent[name]
    parent[last] = load_yaml(bomb, "x")
    with pytest.raises(InputError) as error:
        Study.parse(plain, "mine.yaml")
    assert len(str(error.value)) < 1500


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ({"seeds": 10_000_000}, "arms.a.seeds"),
        ({"seeds": 2**32}, "arms.a.seeds"),
        ({"seeds": [-1]}, "arms.a.seeds"),
        ({"seeds": [2**32]}, "arms.a.seeds"),
        ({"data_seeds": -1}, "arms.a.data_seeds"),
        ({"data_seeds": [0, 2**32]}, "arms.a.data_seeds"),
        ({"first_seed": 2**32 - 1, "seeds": 2}, "2 seeds from 4294967295 on pass the largest seed"),
        ({"first_data_seed": 2**32 - 1, "seeds": 2}, "the last split would have seed 4294967296"),
        ({"first_data_seed": 0, "data_seeds": 0}, "either data_seeds or first_data_seed"),
        ({"seeds": 1000, "data_seeds": list(range(1000))}, "1,000,000 runs are too many"),
        (
            {"sweep": {"training.warmup": list(range(100)), "training.optimiser.lr": [i / 1e4 for i in range(100)]}},
            "10,000 combinations",
        ),
        ({"sweep": {"training.optimiser.lr": [float("inf")]}}, "a number must lie between"),
        ({"experiment": {**TINY, "model": {"kind": "mlp", "d_mlp": 10**30}}}, "arms.a.experiment.model.d_mlp"),
        ({"experiment": {**TINY, "task": {"kind": ".x:y"}}}, "there is no task of kind '.x:y'"),
        ({"experiment": {**TINY, "task": {"kind": ["modular"]}}}, "the kind of this task is named by a text"),
        ({"experiment": {**TINY, "task": {"kind": "composition", "group": "C" + "9" * 5000}}}, "group"),
        ({"experiment": {**TINY, "training": {"steps": 10**30}}}, "training.steps"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_arms_are_bounded_before_they_are_built(arm: dict[str, Any], message: str) -> None:
    began = time.process_time()
    with pytest.raises(InputError) as error:
        Study.parse(study(**arm), "mine.yaml")
    assert message in str(error.value)
    assert time.process_time() - began < 2


def test_edits_with_strange_keys_are_refused() -> None:
    arms = {**study()["arms"], "b": {"fork": "a", "at": 1, "edits": [{"kind": "scale", "knob": "lr", "by": 2, "self": 1}]}}
    with pytest.raises(InputError, match="unknown field 'self'"):
        Study.parse({**study(), "arms": arms})
    arms["b"]["edits"] = [{"kind": "scale", "knob": "lr", "by": 2, 5: 1}]
    with pytest.raises(InputError, match="named by texts"):
        Study.parse({**study(), "arms": arms})


def test_runs_of_a_study_are_counted_over_all_arms() -> None:
    forks = {"fork": "a", "at": 1, "edits": [{"kind": "scale", "knob": "lr", "by": 2}], "sweep": {"edits.0.by": list(range(1, 12))}}
    plain = study(seeds=10_000)
    plain["arms"]["b"] = forks
    with pytest.raises(InputError, match="120,000 runs are too many for one study"):
        Study.parse(plain)
    plain["arms"] = {f"a{i}": {"experiment": TINY, "seeds": 1, "sweep": {"training.warmup": list(range(500))}} for i in range(5)}
    with pytest.raises(InputError, match="2,500 combinations of values together"):
        Study.parse(plain)


def test_evaluations_are_bounded() -> None:
    with pytest.raises(InputError, match="per_decade"):
        Observation.parse({"per_decade": 10**12})
    assert len(Observation(dense_until=100_000, per_decade=10_000).grid(10**9)) < 200_000


def test_moments_are_bounded() -> None:
    for moment in (10**30, "9" * 1000 + "*t_gen", "test_acc>=1e999"):
        with pytest.raises(InputError, match="at"):
            Study.parse({**study(), "arms": {**study()["arms"], "b": {"fork": "a", "at": moment}}})
