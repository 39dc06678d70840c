"""The runs that a study will have, before any is trained: each fork with the experiment that its edits make."""

import re
from collections.abc import Iterator
from functools import partial

from epicycle.spec.arms import ArmRun, ForkArm
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.experiment import Experiment
from epicycle.spec.families import Edit
from epicycle.spec.limits import MOST_STEPS
from epicycle.spec.study import Study

RUN_ID = re.compile("[0-9a-f]{3,16}")  # a run's id, or its first letters


def foreseen(study: Study) -> dict[str, list[ArmRun]]:
    """The runs of every arm, in the order of training. A fork has the longest budget that it can have.

    Raises:
        InputError: an edit of a fork arm names a knob, a field or a donor that does not exist, or gives it a value that it refuses.
    """
    runs = {name: list(arm.runs()) for name, arm in study.root_arms()}
    for name, arm in (each for generation in study.generations() for each in generation):
        try:
            runs[name] = list(_forks(arm, runs[arm.fork], study))
        except InputError as error:
            raise InputError(f"arms.{name}: {error}") from None
    return runs


def settled_edits(arm: ForkArm, study: Study) -> tuple[Edit, ...]:
    """The edits of a fork arm with its moments as steps. A moment that is not known before training counts as late."""
    settled = (edit.settled(_step_of, partial(_donor, study)) for edit in arm.edits)
    return tuple(edit for edit in settled if edit is not None)


def _forks(arm: ForkArm, parents: list[ArmRun], study: Study) -> Iterator[ArmRun]:
    for values, variant in arm.points():
        edits, changed = settled_edits(variant, study), {}
        for inherited, run in parents:
            parent = run.experiment
            if id(parent) not in changed:  # the runs of one point of a sweep share an experiment
                changed[id(parent)] = _changed(parent, variant, edits)
            yield ArmRun({**inherited, **values}, run.model_copy(update={"experiment": changed[id(parent)]}))


def _changed(parent: Experiment, arm: ForkArm, edits: tuple[Edit, ...]) -> Experiment:
    moment = arm.at if isinstance(arm.at, int) else 0
    experiment = parent
    for edit in edits:
        experiment = edit.changed(experiment, moment, 0)
    longest = experiment.training.model_copy(update={"steps": arm.steps or parent.training.steps})
    return experiment.model_copy(update={"training": longest})


def _step_of(moment: int | str) -> int:
    return moment if isinstance(moment, int) else MOST_STEPS


def _donor(study: Study, name: str) -> tuple[str, int]:
    if name not in study.arms and not RUN_ID.fullmatch(name):
        raise InputError(f"donor '{name}' is neither an arm nor the id of a run; {nearest(name, study.arms)}")
    return name, 0
