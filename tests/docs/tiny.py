"""Tiny settings in which memorising, onset and generalising all come within seconds, put in place of those of a page."""

from collections.abc import Mapping
from typing import Any

from epicycle.spec.arms import RootArm
from epicycle.spec.experiment import Experiment
from epicycle.spec.study import Study
from epicycle.studies import NAMES, quickstart

STEPS_OF_STUDY, STEPS_OF_FORK, STEPS_OF_PYTHON = 500, 100, 1100  # README reads states of step 1000
SEEDS = 10  # the least by which each of three primary claims can be decided
TASK: dict[str, Any] = {"p": 17, "operation": "x+y"}
MODEL: dict[str, Any] = {"kind": "transformer", "n_layers": 1, "d_model": 16, "n_heads": 4, "d_mlp": 32}
SPLIT: dict[str, Any] = {"kind": "random", "frac_train": 0.8}


def tiny_experiment(experiment: Experiment, steps: int) -> Experiment:
    """A modular task with a transformer or an MLP becomes a tiny transformer; any other experiment gets fewer steps."""
    return Experiment.parse(_tiny(experiment.model_dump(mode="json"), steps), "tiny")


def tiny_study(study: Study) -> Study:
    """The study with tiny root arms; the quickstart instead of any other study of the library."""
    if study.name in NAMES and study.name != quickstart.STUDY.name:
        return tiny_study(quickstart.STUDY).with_name(study.name)
    plain = study.model_dump(mode="json")
    for name, arm in study.root_arms():
        plain["arms"][name]["experiment"] = _tiny(arm.experiment.model_dump(mode="json"), STEPS_OF_STUDY)
        plain["arms"][name]["seeds"] = _fewer_seeds(arm)
    for name, fork in study.fork_arms():
        plain["arms"][name]["steps"] = min(STEPS_OF_FORK, fork.steps or STEPS_OF_FORK)
    return Study.parse(plain, f"tiny {study.name}")


def _tiny(plain: Mapping[str, Any], steps: int) -> dict[str, Any]:
    training = dict(plain["training"]) | {"steps": min(steps, plain["training"]["steps"]), "stop": None, "batch_size": None}
    if plain["task"]["kind"] != "modular" or plain["model"]["kind"] not in ("transformer", "mlp"):
        return {**plain, "training": training}
    decay = min(1.0, plain["training"]["optimiser"].get("weight_decay", 1.0))
    training["optimiser"] = {"kind": "adamw", "lr": 0.01, "weight_decay": decay}
    return {"task": {**plain["task"], **TASK}, "split": SPLIT, "model": MODEL, "training": training}


def _fewer_seeds(arm: RootArm) -> Any:
    return min(arm.seeds, SEEDS) if isinstance(arm.seeds, int) else arm.seeds[:SEEDS]
