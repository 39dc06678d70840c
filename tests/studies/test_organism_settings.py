"""The organisms: the assignments for other studies lead to the organisms themselves, and each has the setting that its page states."""

import numpy as np
import pytest

from epicycle.spec.arms import RootArm
from epicycle.spec.experiment import Experiment, Run
from epicycle.spec.plain_data import Plain
from epicycle.spec.study import Study
from epicycle.studies import organisms
from epicycle.studies.organisms import CANON, FLY, GROUP, MOUSE, ON_CANON, ON_MOUSE, PRODUCT, QUOTIENT, STUDY, SUM


def on(assign: Plain) -> Experiment:
    """The fly's experiment in a study that was set on another organism."""
    study = Study(question="Does it?", arms={"a": RootArm(experiment=FLY)}, organism="fly").with_assignments(assign)
    return next(study.root_arms())[1].experiment


def test_on_the_mouse_a_fly_is_the_mouse() -> None:
    assert on(ON_MOUSE) == MOUSE
    assert Run(experiment=on(ON_MOUSE), seed=3).id == Run(experiment=MOUSE, seed=3).id, "their runs are shared"


def test_on_the_canon_a_fly_has_the_published_network_and_training() -> None:
    on_canon = on(ON_CANON)
    assert on_canon.model == CANON.model
    assert on_canon.task.model_dump() == {**CANON.task.model_dump(), "operation": "x-y"}, "a study keeps its own operation"
    assert (on_canon.split.model_dump()["frac_train"], on_canon.training.steps) == (0.3, 50_000)
    assert on_canon.training.optimiser == CANON.training.optimiser


@pytest.mark.parametrize(("fly", "rows"), [(FLY, 961), (SUM, 961), (PRODUCT, 961), (QUOTIENT, 930), (GROUP, 576)])
def test_flies_have_small_tasks_and_one_training(fly: Experiment, rows: int) -> None:
    assert fly.training == FLY.training
    table = fly.task.table()
    assert (len(table.labels), table.num_classes) == (rows, 24 if fly is GROUP else 31)
    assert len(np.unique(table.labels)) == table.num_classes


def test_controls_have_no_decay_and_no_stop() -> None:
    arms = dict(STUDY.root_arms()) | organisms.CANONS
    for name, arm in arms.items():
        if name.endswith("_no_decay"):
            with_decay = arms[name.removesuffix("_no_decay")].experiment
            assert arm.experiment.training.stop is None
            assert arm.experiment == with_decay.swept("training.optimiser.weight_decay", 0.0).swept("training.stop", None)


def test_the_canon_is_trained_only_when_it_is_asked_for() -> None:
    assert not {*organisms.CANONS} & {*STUDY.arms}
    canon = STUDY.on_organism("canon")
    assert {*canon.arms} == {*organisms.CANONS}
    assert {arm for claim in canon.claims for arm in claim.arms()} == {*organisms.CANONS}
