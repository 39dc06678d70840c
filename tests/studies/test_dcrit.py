"""The critical data size: on each organism forks have time to settle, and flies from scratch see as many rows as forks keep."""

import pytest

from epicycle.edits.knobs import Set
from epicycle.spec.arms import ForkArm, RootArm
from epicycle.spec.experiment import Experiment
from epicycle.spec.organism import OrganismName
from epicycle.spec.study import Study
from epicycle.studies.dcrit import STUDY


def on(organism: OrganismName) -> Study:
    return STUDY.on_organism(organism)


def root(study: Study, name: str) -> Experiment:
    arm = study.arms[name]
    assert isinstance(arm, RootArm)
    return arm.experiment


@pytest.mark.parametrize("organism", ["fly", "mouse"])
def test_forks_have_at_least_six_units_of_decay(organism: OrganismName) -> None:
    study = on(organism)
    knobs = root(study, "general").knobs()
    for name, arm in study.fork_arms():
        edits = {edit.knob: edit.to for edit in arm.edits if isinstance(edit, Set)}
        lr = edits.get("lr", knobs["training.optimiser.lr"])
        decay = edits.get("weight_decay", knobs["training.optimiser.weight_decay"])
        assert arm.steps is not None
        assert arm.steps * lr * decay >= 5.99, name


def test_scratch_and_the_forks_it_is_compared_with_differ_in_their_start_only() -> None:
    study = on("fly")
    scratch, general, fork = root(study, "scratch"), root(study, "general"), study.arms["high_rate"]
    assert isinstance(fork, ForkArm)
    assert scratch.split.model_dump()["of"] == general.split.model_dump()
    assert scratch.training.optimiser == general.swept("training.optimiser.lr", fork.edits[1].model_dump()["to"]).training.optimiser
    assert scratch.training.stop is None, "claims are about the end of its budget"
