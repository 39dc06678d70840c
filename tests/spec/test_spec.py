"""Specs: spelling, roles, identity, YAML, paths, sweeps, arms, studies."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import epicycle as ep
from epicycle.claims.series_quantities import ValueAt
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.base import Part
from epicycle.spec.claim import Gate, Prediction, Region
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Run, bind
from epicycle.spec.families import Task
from epicycle.spec.fields import role_of
from epicycle.spec.identity import canonical_json, identity
from epicycle.spec.kinds import KINDS
from epicycle.spec.observation import Observation
from epicycle.spec.paths import assignment, knob_path, with_path
from epicycle.spec.registry import resolve
from epicycle.spec.study import Study
from epicycle.spec.table import Table
from epicycle.spec.yaml_text import dump_yaml, load_yaml

GOLDEN = Path(__file__).parents[1] / "golden"
BASE = ep.Experiment(task=ep.Modular(p=53, operation="x-y"), model=ep.Transformer(d_model=64))


# By what a claim is registered under it is known not to be post hoc.
GOLDEN_CLAIM = ep.Claim(
    id="early",
    statistic=ValueAt(series="test_acc", at="end", arm="a"),
    supported_if=Region(below=0.2),
    refuted_if=Region(above=0.5),
    gates=(Gate(statistic=ValueAt(series="train_acc", at="end", arm="a"), region=Region(above=0.99)),),
    accounts={"efficiency": Prediction(says="yes")},
)


def golden_runs() -> dict[str, Run]:
    """Runs whose ids must never change: one per family member and lineage."""
    return {
        "defaults": Run(experiment=ep.Experiment(task=ep.Modular(p=113), model=ep.Transformer())),
        "seeds": Run(experiment=BASE, seed=3, data_seed=4),
        "knobs": Run(experiment=BASE.swept("training.optimiser.lr", 3e-3)),
        "mlp": Run(experiment=ep.Experiment(task=ep.Modular(p=59, operation="x/y"), model=ep.MLP(n_layers=2))),
        "mirror": Run(experiment=BASE.swept("split", {"kind": "mirror_closed", "frac_train": 0.5})),
        "minibatch": Run(experiment=BASE.swept("training.batch_size", 512)),
        "coupled": Run(experiment=BASE.swept("training.optimiser.decay_coupling", "coupled")),
        "nested": Run(experiment=BASE.swept("task", ep.RandomLabels(of=ep.WithoutDiagonal(of=BASE.task)).model_dump(mode="json"))),
        "listed": Run(experiment=BASE.swept("split", {"kind": "listed", "rows": [[3, 1], [4, 1]]})),
        "drawn": Run(experiment=BASE.swept("task", {"kind": "random_table", "n": 53, "latin": True, "table_seed": 7})),
        "lion": Run(experiment=BASE.swept("training.optimiser", {"kind": "lion", "decay_to": "initialisation"})),
        "muon": Run(experiment=BASE.swept("training.optimiser", {"kind": "muon", "groups": [{"tensors": ["W_U"], "lr_scale": 0.25}]})),
        "rmsprop": Run(experiment=BASE.swept("training", {"optimiser": {"kind": "rmsprop"}, "batch_size": 8, "replacement": True})),
        "sgd": Run(experiment=BASE.swept("training", {"optimiser": {"kind": "sgd"}, "schedule": "cosine", "anneal_steps": 9})),
        "lineage": Run(experiment=BASE, lineage={"parent": "0123456789abcdef", "moment": 300, "edits": [ep.Scale("lr", 10)]}),
    }


def test_golden_ids() -> None:
    """Results on disk are found by these. A new field needs a no-op default; a changed meaning needs a new `version`."""
    found = {name: run.id for name, run in golden_runs().items()} | {"claim": GOLDEN_CLAIM.fingerprint}
    assert found == json.loads((GOLDEN / "ids.json").read_text())


def test_golden_defaults() -> None:
    """Ids leave defaults out, so a default may change only together with the class's `version`."""
    named = {f"{family}/{kind}": resolve(family, kind) for family, kinds in KINDS.items() for kind in kinds}
    found: dict[str, Any] = {}
    for kind, cls in (named | {"claim": ep.Claim, "region": Region, "prediction": Prediction}).items():
        fields = {
            name: field.get_default(call_default_factory=True, validated_data={})
            for name, field in cls.model_fields.items()
            if not field.is_required()
        }
        found[f"{kind}@{cls.version}"] = json.loads(canonical_json(identity(fields)))
    found["training@1"] = json.loads(canonical_json(ep.Training().model_dump(mode="json")))
    assert found == json.loads((GOLDEN / "defaults.json").read_text())


def test_every_moving_field_has_a_role() -> None:
    for family in ("task", "split", "model", "loss", "optimiser", "edit", "measure"):
        for kind in KINDS[family]:
            cls = resolve(family, kind)
            for name, field in cls.model_fields.items():
                # What holds other specs has no role of its own: their fields have theirs.
                member = isinstance(field.annotation, type) and issubclass(field.annotation, Part)
                groups = field.annotation in (tuple[ep.ParameterGroup, ...], tuple[ep.GatedCircuit, ...])
                assert role_of(field) or member or groups, f"{cls}: {name}"
    assert all(role_of(field) for spec in (ep.ParameterGroup, ep.GatedCircuit) for field in spec.model_fields.values())


def test_identity_covers_what_moves_a_run_and_nothing_else() -> None:
    run = Run(experiment=BASE)
    same = [BASE.swept("training.steps", 77), BASE.swept("training.stop", {"event": "t_gen"}), BASE.swept("training.warmup", 10)]
    assert {Run(experiment=e).id for e in same} == {run.id}
    other = [BASE.swept("training.warmup", 11), BASE.swept("task.p", 59), BASE.swept("split.frac_train", 0.31)]
    ids = {Run(experiment=e).id for e in other} | {Run(experiment=BASE, seed=1).id, Run(experiment=BASE, data_seed=1).id}
    assert len(ids | {run.id}) == 6


def test_cohorts_group_by_static_fields() -> None:
    same = ["training.optimiser.lr", "training.optimiser.weight_decay", "training.warmup", "split.frac_train"]
    for path in same:
        assert BASE.swept(path, 0.5).static_part() == BASE.static_part(), path
    grouped = BASE.swept("training.optimiser.groups", [{"tensors": ["W_E"]}])
    assert grouped.static_part() != BASE.static_part()
    scaled = grouped.swept("training.optimiser.groups.0.lr_scale", 0.5)
    assert scaled.static_part() == grouped.static_part()
    assert scaled.knobs()["training.optimiser.groups.0.lr_scale"] == 0.5
    assert scaled.swept("training.optimiser.groups.0.tensors", ["W_U"]).static_part() != grouped.static_part()
    for path, value in (("task.operation", "x+y"), ("model.d_model", 32), ("training.batch_size", 8)):
        assert BASE.swept(path, value).static_part() != BASE.static_part(), path
    stopped = BASE.swept("training.stop", {"event": "t_gen"})
    assert stopped.static_part() == BASE.static_part(), "when a run ends compiles nothing"


def test_knobs_bind() -> None:
    knobs = BASE.knobs()
    assert set(knobs) == {
        "model.init_scale",
        "training.optimiser.lr",
        "training.optimiser.weight_decay",
        "training.optimiser.betas.0",
        "training.optimiser.betas.1",
        "training.optimiser.eps",
        "training.warmup",
        "training.final_lr_scale",
    }
    bound = bind(BASE, {path: f"<{path}>" for path in knobs})
    assert bound.training.optimiser.betas == ("<training.optimiser.betas.0>", "<training.optimiser.betas.1>")
    assert bound.training.warmup == "<training.warmup>"
    assert BASE.training.warmup == 10
    assert knob_path("lr", knobs) == "training.optimiser.lr"
    with pytest.raises(InputError, match="did you mean 'weight_decay'"):
        knob_path("weight_decy", knobs)


def test_round_trips() -> None:
    for name, run in golden_runs().items():
        plain = run.model_dump(mode="json")
        assert load_yaml(dump_yaml(plain), name) == json.loads(canonical_json(plain))
        if run.lineage is None:
            assert Run.parse(load_yaml(dump_yaml(plain), name)) == run


def test_yaml_is_1_2() -> None:
    assert load_yaml("lr: 1e-3\ncountry: no\nsays: yes", "x") == {"lr": 0.001, "country": "no", "says": "yes"}
    with pytest.raises(InputError, match=r"my.yaml, line 3"):
        load_yaml("a: 1\nb: 2\nc: ]\nd: 3", "my.yaml")
    with pytest.raises(InputError, match="line 2"):
        load_yaml("a: 1\na: 2", "my.yaml")


def test_aliases_on_input_only() -> None:
    task = ep.Modular.model_validate({"modulus": 7, "op": "x-y"})
    assert task == ep.Modular(p=7, operation="x-y")
    assert "modulus" not in task.model_dump()
    assert ep.AdamW.model_validate({"wd": 0.5}).weight_decay == 0.5
    with pytest.raises(ValueError, match="both given"):
        ep.Modular.model_validate({"modulus": 7, "p": 7})


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("task.pp", 5, "did you mean 'p'"),
        ("task.kind", "modulra", "did you mean 'modular'"),
        ("task.p", 1, "greater than or equal to 2"),
        ("task.operation", "x%y", "x-y"),
        ("split.frac_train", 0, "greater than 0"),
        ("split.frac_train", 1.5, "less than or equal to 1"),
        ("model.n_heads", 3, "does not divide"),
        ("training.steps", -5, "greater than or equal to 1"),
        ("training.optimiser.lr", float("nan"), "finite"),
        ("training.optimiser.betas", [0.9, 1.0], "less than 1"),
        ("training.stop", {"event": "t_gen", "factor": 1.0}, "1.25"),
        ("training.schedule", "cosine", "needs anneal_steps"),
        ("training.schedule", "cosin", "'constant', 'cosine' or 'linear'"),
        ("training.anneal_steps", 0, "greater than or equal to 1"),
        ("training.final_lr_scale", -0.1, "greater than or equal to 0"),
        ("training.replacement", True, "give batch_size"),
        ("training.optimiser", {"kind": "sdg"}, "did you mean 'sgd'"),
        ("training.optimiser", {"kind": "sgd", "momentum": -0.9}, "greater than or equal to 0"),
        ("training.optimiser", {"kind": "sgd", "momentun": 0.9}, "did you mean 'momentum'"),
        ("training.optimiser", {"kind": "rmsprop", "beta": 1.0}, "less than 1"),
        ("training.optimiser", {"kind": "lion", "betas": [0.9]}, "betas.1"),
        ("training.optimiser", {"kind": "muon", "ns_steps": 0}, "greater than or equal to 1"),
        ("training.optimiser.decay_to", "init", "'origin' or 'initialisation'"),
        ("training.optimiser.groups", [{"tensors": [], "lr_scale": 2}], "at least 1 item"),
        ("training.optimiser.groups", [{"tensors": ["W_E"], "lr_scale": -1}], "groups.0.lr_scale"),
        ("training.optimiser.groups", [{"tensors": ["W_E"], "lr": 1}], "unknown field 'lr'"),
    ],
)
def test_bad_values_are_told_with_their_path(path: str, value: Any, told: str) -> None:
    with pytest.raises(InputError) as error:
        BASE.swept(path, value)
    assert told in str(error.value)
    assert path.rsplit(".", 1)[0].split(".")[0] in str(error.value)


def test_third_party_members_by_import_path() -> None:
    plain = {"kind": f"{__name__}:Parity"}
    experiment = ep.Experiment.model_validate({"task": plain, "model": {"kind": "mlp"}})
    assert isinstance(experiment.task, Parity)
    assert experiment.model_dump()["task"] == {"kind": f"{__name__}:Parity", "bits": 3}
    other = ep.Experiment.model_validate({"task": {**plain, "bits": 4}, "model": {"kind": "mlp"}})
    assert other.static_part() != experiment.static_part(), "a field without a role is static"
    with pytest.raises(InputError, match="is not a model"):
        ep.Experiment.parse({"task": plain, "model": plain})
    with pytest.raises(InputError, match="cannot import"):
        ep.Experiment.parse({"task": {"kind": "nowhere_at_all:Task"}, "model": {"kind": "mlp"}})


class Parity(Task):
    """A user's own task."""

    kind = "parity"
    bits: int = 3

    def table(self) -> Table:
        x = np.arange(2**self.bits)
        labels = np.array([int(n).bit_count() % 2 for n in x])
        return Table(inputs=x[:, None], labels=labels, operands=x[:, None], num_classes=2, d_vocab=len(x))


def test_sweeps_and_seeds() -> None:
    arm = RootArm(experiment=BASE, seeds=2, sweep={"training.optimiser.lr": (1e-3, 1e-2), "task.p": (53, 59, 61)})
    runs = list(arm.runs())
    assert len(runs) == 12
    assert runs[-1][0] == {"lr": 0.01, "p": 61}
    assert runs[-1][1].experiment.task.p == 61
    assert RootArm(experiment=BASE, seeds=3, first_seed=1000).seed_pairs() == [(1000, 1000), (1001, 1001), (1002, 1002)]
    assert RootArm(experiment=BASE, seeds=2, data_seeds=9).seed_pairs() == [(0, 9), (1, 9)]
    assert len(RootArm(experiment=BASE, seeds=5, data_seeds=(0, 1, 2, 3, 4)).seed_pairs()) == 25
    fresh = RootArm(experiment=BASE, seeds=2, first_seed=100, first_data_seed=5)
    assert fresh.seed_pairs() == [(100, 5), (101, 6)]
    assert fresh.with_seeds(3).seed_pairs() == [(100, 5), (101, 6), (102, 7)]
    assert RootArm(experiment=BASE, seeds=(8, 3), first_data_seed=0).seed_pairs() == [(8, 0), (3, 1)]
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        RootArm(experiment=BASE, sweep={"training.optimiser.lr": (-1.0,)})
    with pytest.raises(ValueError, match="did you mean 'lr'"):
        RootArm(experiment=BASE, sweep={"training.optimiser.lrr": (1.0,)})
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        RootArm(experiment=BASE, seeds=0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": (1, 1, 1, 1, 1, 1)}, "seeds: 1 is listed twice"),
        ({"seeds": 3, "data_seeds": (0, 7, 0)}, "data_seeds: 0 is listed twice"),
        ({"sweep": {"training.optimiser.lr": (1e-3, 1e-2, 0.001)}}, "sweep over training.optimiser.lr: 0.001 is listed twice"),
        ({"sweep": {"training.optimiser.betas": ((0.9, 0.98), [0.9, 0.98])}}, "betas: a value is listed twice"),
    ],
)
def test_a_copy_of_a_run_cannot_be_asked_for(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RootArm(experiment=BASE, **changes)


def test_a_fork_cannot_be_swept_over_one_dose_twice() -> None:
    with pytest.raises(ValueError, match=r"sweep over steps: 5 is listed twice"):
        ForkArm(fork="control", at=0, steps=5, sweep={"steps": (5, 9, 5)})


def study(**changes: Any) -> dict[str, Any]:
    arms = {"control": {"experiment": BASE.model_dump(mode="json"), "seeds": 6}}
    return {"name": "mine", "question": "Does it?", "arms": arms, **changes}


def test_fork_arms_validate() -> None:
    fork = {"fork": "control", "at": "t_on", "edits": [{"kind": "scale", "knob": "lr", "by": 10}], "sweep": {"edits.0.by": [2, 5]}}
    arms = {**study()["arms"], "boosted": fork}
    assert isinstance(Study.parse(study(arms=arms)).arms["boosted"], ForkArm)
    for change, told in (
        ({"fork": "contrl"}, "did you mean 'control'"),
        ({"at": "-3"}, "a moment is"),
        ({"at": -3}, "at least 0"),
        ({"edits": [{"kind": "scal", "knob": "lr", "by": 2}]}, "did you mean 'scale'"),
        ({"sweep": {"edits.3.by": [1]}}, "not a place"),
        ({"fork": "boosted"}, "forked from itself"),
        ({"sweep": {"edits.0.by": []}}, "no values"),
        ({"sweep": {"fork": ["control"]}}, "cannot be swept"),
    ):
        with pytest.raises(InputError) as error:
            Study.parse(study(arms={**arms, "boosted": {**fork, **change}}))
        assert told in str(error.value)
    again = {"again": {**fork, "fork": "boosted"}}
    with pytest.raises(InputError, match="arm 'again' and one it descends from both sweep by"):
        Study.parse(study(arms={**arms, **again}))
    for moment in (0, 300, "t_gen", "0.5*t_gen", "peak(test_loss)"):
        assert ForkArm(fork="control", at=moment).at == moment


def test_studies_check_their_names() -> None:
    claim = {
        "id": "late",
        "statistic": {"kind": "event_time", "event": "t_gen", "arm": "contrl"},
        "supported_if": {"above": 1},
        "refuted_if": {"below": 0.5},
    }
    with pytest.raises(InputError, match="did you mean 'control'"):
        Study.parse(study(claims=[claim]))
    overlapping = {**claim, "refuted_if": {"above": 3}}
    with pytest.raises(InputError, match="overlap"):
        Study.parse(study(claims=[overlapping]))
    good = {**claim, "statistic": {**claim["statistic"], "arm": "control"}}
    for change, told in (
        ({"event": "t_gne"}, "did you mean 't_gen'"),
        ({"kind": "extreme", "series": "test_ac", "event": None}, "did you mean 'test_acc'"),
    ):
        statistic = {k: v for k, v in {**good["statistic"], **change}.items() if v is not None}
        with pytest.raises(InputError) as error:
            Study.parse(study(claims=[{**good, "statistic": statistic}]))
        assert told in str(error.value), "before anything is trained"
    drawn = {"title": "What?", "arms": ["control"], "series": ["test_los"]}
    with pytest.raises(InputError, match="did you mean 'test_loss'"):
        Study.parse(study(figures=[drawn]))
    with pytest.raises(InputError, match="share an id"):
        Study.parse(study(claims=[good, good]))
    with pytest.raises(InputError, match="no quick profile"):
        Study.parse(study()).at_profile("quick")


def test_set_reaches_every_root_arm_or_one() -> None:
    two = Study.parse(study(arms={"a": study()["arms"]["control"], "b": study()["arms"]["control"]}))
    everywhere = two.with_assignments({"task.p": 59})
    assert [arm.experiment.task.p for _, arm in everywhere.root_arms()] == [59, 59]
    one = two.with_assignments({"arms.b.split.frac_train": 0.5})
    assert [arm.experiment.split.frac_train for _, arm in one.root_arms()] == [0.3, 0.5]
    with pytest.raises(InputError, match="did you mean 'p'"):
        two.with_assignments({"task.pp": 59})
    assert assignment("training.optimiser.lr=1e-3") == ("training.optimiser.lr", 0.001)
    with pytest.raises(InputError, match="PATH=VALUE"):
        assignment("task.p")
    assert with_path({"a": [{"b": 1}]}, "a.0.b", 2) == {"a": [{"b": 2}]}


def test_evaluation_grid() -> None:
    observation = Observation()
    grid = observation.grid(100_000)
    assert grid[:42].tolist() == [*range(41), 42]
    assert ((grid[1:] > 400) & (grid[1:] <= 4000)).sum() == 40
    assert grid[-1] == 100_000
    short = observation.grid(1234)
    assert set(short[:-1]) <= set(grid), "a longer budget keeps the earlier steps"
    assert observation.grid(3).tolist() == [0, 1, 2, 3]
    kept = observation.checkpoint_steps(100_000, 1.0)
    assert len(kept) <= 51
    assert len(observation.checkpoint_steps(100_000, 50.0)) <= 4
    assert len(observation.checkpoint_steps(100_000, 500.0)) == 0


def test_json_schema_lists_the_kinds() -> None:
    schema = json.dumps(ep.Experiment.model_json_schema())
    for kind in ("modular", "transformer", "mlp", "mirror_closed", "adamw", "muon"):
        assert f'"{kind}"' in schema


def test_members_are_final_about_their_family() -> None:
    for family, kinds in KINDS.items():
        for kind in kinds:
            cls = resolve(family, kind)
            assert issubclass(cls, Part)
            assert (cls.family, cls.kind) == (family, kind)
            assert cls.model_config["frozen"]
