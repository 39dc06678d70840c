"""Mistakes in claims, figures, moments, edits and stops are found before the first step, by `plan` as well."""

from pathlib import Path
from typing import Any

import pytest

import epicycle as ep
from epicycle.lab.cost_plan import plan
from epicycle.lab.session import Session
from epicycle.lab.study import run_study
from epicycle.lab.study_checks import refuse_mistakes
from epicycle.spec.errors import InputError
from epicycle.spec.study import Study
from epicycle.store.files import Root
from epicycle.training.devices import Machine

REGIONS = {"supported_if": {"above": 3}, "refuted_if": {"below": 2}}
T_GEN = {"kind": "event_time", "event": "t_gen"}
SOONER = {"kind": "log_remaining_time", "event": "t_gen", "arm": "forks", "against": "plain", "where": {"by": 2}}


def study_of(tiny: ep.Experiment, **parts: Any) -> Study:
    """A study with a plain arm, a swept arm and forks; `claim`, `figure` and `fork` change one part of it."""
    fork = {
        "fork": "plain",
        "at": "t_mem",
        "edits": [{"kind": "scale", "knob": "lr", "by": 2}],
        "sweep": {"edits.0.by": [2, 5]},
    }
    experiment = tiny.model_dump(mode="json")
    return Study.parse(
        {
            "question": "How long?",
            "arms": {
                "plain": {"experiment": experiment, "seeds": 8},
                "swept": {"experiment": experiment, "seeds": 8, "sweep": {"training.optimiser.lr": [0.001, 0.01]}},
                "forks": fork | parts.get("fork", {}),
            },
            "claims": [{"id": "late", "statistic": {**T_GEN, "arm": "plain"}, **REGIONS}]
            + ([{"id": "tried", "statistic": parts["claim"], **REGIONS}] if "claim" in parts else []),
            "figures": [{"title": "When?", "arms": ["plain"], **parts["figure"]}] if "figure" in parts else [],
        }
    )


def test_a_study_without_mistakes_passes(tiny: ep.Experiment) -> None:
    claims = (
        {**T_GEN, "arm": "swept", "where": {"lr": 0.01}},
        {"kind": "slope", "of": {**T_GEN, "arm": "swept"}, "along": "lr", "log": True},
        SOONER,
        {**SOONER, "kind": "dose_exponent", "where": {}, "along": "by", "doses": [2, 5]},
        {"kind": "value_at", "series": "test_acc", "at": "0.5*t_gen", "arm": "plain"},
    )
    for claim in claims:
        runs = refuse_mistakes(study_of(tiny, claim=claim))
        assert {name: len(arm) for name, arm in runs.items()} == {"plain": 8, "swept": 16, "forks": 16}
    figures = (
        {"arms": ["swept"], "quantities": [{**T_GEN, "arm": "swept"}], "along": "lr"},
        {"arms": ["forks"], "quantities": [SOONER], "along": "by"},
        {"series": ["train_loss"], "events": ["t_on"], "decides": "late"},
        {"series": ["train_loss"], "null_band": "test_loss", "log": True},
        {"series": ["train_loss"], "null_band": "swept"},
        {"series": ["weight_norm"], "form": "heat_map", "ranked": True},
        {"series": ["weight_norm"], "form": "ridges", "moments": ["start", "0.5*t_gen", "0.5*end"]},
    )
    for figure in figures:
        refuse_mistakes(study_of(tiny, figure=figure))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"claim": {**T_GEN, "arm": "plain", "where": {"x": 1}}}, "claim 'tried': arm 'plain' does not sweep 'x'"),
        ({"claim": {**T_GEN, "arm": "swept"}}, "claim 'tried': arm 'swept' sweeps lr: a claim about it must say where"),
        ({"claim": {**T_GEN, "arm": "swept", "where": {"lr": 0.5}}}, "claim 'tried': arm 'swept' has no run where lr = 0.5"),
        ({"claim": {"kind": "slope", "of": {**T_GEN, "arm": "swept"}, "along": "lrr"}}, "did you mean 'lr'"),
        ({"claim": {**SOONER, "arm": "plain", "where": {}}}, "claim 'tried': log_remaining_time: arm 'plain' has no forks"),
        ({"claim": {**SOONER, "kind": "dose_exponent", "where": {}, "along": "by", "doses": [2, 7]}}, "no run where by = 7"),
        ({"claim": {"kind": "value_at", "series": "test_acc", "at": "t_nope", "arm": "plain"}}, "'t_nope' is no moment"),
        ({"claim": {"kind": "value_at", "series": "weight_norm", "at": "end", "arm": "plain"}}, "several numbers at a step"),
        ({"claim": {"kind": "extreme", "series": "weight_norm", "arm": "plain"}}, "several numbers at a step"),
        (
            {"figure": {"series": ["train_loss"], "form": "heat_map"}},
            "figure 'When?': heat_map shows a series with one axis beside the steps, and train_loss has one number at a step",
        ),
        ({"figure": {"series": ["weight_norm"], "form": "circles"}}, "circles shows a series with the axes component, coordinate"),
        ({"figure": {"series": ["train_loss"], "null_band": "nothing"}}, "needs series 'nothing', which no measure records"),
        (
            {"figure": {"series": ["weight_norm"], "form": "ridges", "moments": ["t_never"]}},
            "figure 'When?': 't_never' is no moment",
        ),
        ({"figure": {"series": ["weight_norm"]}}, "figure 'When?' needs one number at a step, and names series 'weight_norm'"),
        ({"figure": {"series": ["train_loss"], "events": ["t_nope"]}}, "figure 'When?': there is no event 't_nope'"),
        ({"figure": {"series": ["train_loss"], "decides": "lat"}}, "did you mean 'late'"),
        ({"figure": {"quantities": [{**T_GEN, "arm": "plain"}], "along": "lrr"}}, "figure 'When?': none of its arms sweeps 'lrr'"),
        ({"figure": {"quantities": [SOONER]}}, "shows log_remaining_time of arm 'plain', which is no fork"),
        (
            {"figure": {"quantities": [{**SOONER, "kind": "dose_exponent", "along": "by"}]}},
            "shows dose_exponent of arm 'plain', which is no fork",
        ),
        ({"fork": {"at": "t_nope"}}, "arms.forks: fork at t_nope: there is no such event"),
        ({"fork": {"at": "t_gen(levle=0.8)"}}, "did you mean 'level'"),
        ({"fork": {"at": "peak(weight_norm)"}}, "several numbers at a step"),
        ({"fork": {"at": "tset_acc>=0.5"}}, "did you mean 'test_acc'"),
        ({"fork": {"at": 61}}, "arms.forks: step 61 is past the end of its parents, which train 60 steps"),
        ({"fork": {"edits": [{"kind": "scale", "knob": "nope", "by": 2}]}}, "arms.forks: there is no knob 'nope'"),
        ({"fork": {"edits": [{"kind": "scale", "knob": "lr", "by": 2, "until": "t_nope"}]}}, "arms.forks: fork at t_nope"),
        ({"fork": {"edits": [{"kind": "change", "field": "training.batch", "to": 8}], "sweep": {}}}, "did you mean 'batch_size'"),
        (
            {"fork": {"edits": [{"kind": "transplant", "tensors": ["W_E"], "donor": "plian"}], "sweep": {}}},
            "did you mean 'plain'",
        ),
        (
            {"fork": {"edits": [{"kind": "freeze", "tensors": ["W_Q2"]}], "sweep": {}}},
            "arms.forks: training.frozen.0: no tensor is called",
        ),
        ({"fork": {"edits": [{"kind": "scale_weights", "tensors": ["W_Q2"], "by": 2}], "sweep": {}}}, "no tensor is called 'W_Q2'"),
        (
            {"fork": {"edits": [{"kind": "zero_units", "tensors": ["W_U"], "axis": 0, "units": [8]}], "sweep": {}}},
            "arms.forks: edit zero_units: W_U has units 0 to 7",
        ),
        ({"fork": {"edits": [{"kind": "remove", "rows": [10**6]}], "sweep": {}}}, "arms.forks: split.rows: 1000000 is not a row"),
        (
            {"fork": {"edits": [{"kind": "remove", "share": 0.001}], "sweep": {}}},
            "arms.forks: split removed: 0.001 of 29 rows is none",
        ),
        ({"fork": {"edits": [{"kind": "set", "knob": "lr", "to": -1}], "sweep": {}}}, "arms.forks: "),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_mistake_is_found_before_the_first_step(
    part: dict[str, Any], message: str, tiny: ep.Experiment, machine: Machine, root: Path
) -> None:
    with pytest.raises(InputError) as planned:
        plan(study_of(tiny, **part), machine)
    assert message in str(planned.value)
    assert "\n" not in str(planned.value)
    with pytest.raises(InputError) as trained:
        run_study(study_of(tiny, **part), Session(Root.create(root)))
    assert str(trained.value) == str(planned.value)
    assert not list(root.glob("cohorts/*"))
    assert not list(root.glob("studies/*"))


def test_a_pilot_may_sweep_less_than_its_claims_ask_for(tiny: ep.Experiment) -> None:
    study = study_of(tiny, claim={**T_GEN, "arm": "swept", "where": {"lr": 0.5}})
    refuse_mistakes(study.model_copy(update={"pilot": True}))


def test_an_unrecorded_stop_is_found(tiny: ep.Experiment) -> None:
    study = study_of(tiny.swept("training.stop", {"event": "t_nope"}))
    with pytest.raises(InputError, match="there is no event 't_nope'"):
        refuse_mistakes(study)
