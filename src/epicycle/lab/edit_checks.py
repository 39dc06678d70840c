"""Makes the edits of forks on a network that was not trained, so that an edit that cannot be made is found before the first step."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from epicycle.lab.foreseen import settled_edits
from epicycle.lab.fork_edits import applied
from epicycle.lab.resources import refuse_what_no_memory_holds
from epicycle.spec.arms import ArmRun, ForkArm
from epicycle.spec.errors import InputError, NotInThisState
from epicycle.spec.experiment import Lineage, Run
from epicycle.spec.own_code import is_own
from epicycle.spec.study import Study
from epicycle.training.checks import refuse_unfit
from epicycle.training.cohort import Start
from epicycle.training.devices import fixed_settings
from epicycle.training.state import data_of, initialiser


def refuse_edits_that_fail(study: Study, runs: Mapping[str, Sequence[ArmRun]]) -> None:
    """Refuse edits that name tensors, units or rows that the forks will not have, or give a knob a value that it refuses.

    Each fork arm is tried on the first run of its parent arm, at every point of its own sweep. A user's own edits may need a trained
    network, so they are not tried.

    Args:
        study: the study.
        runs: the runs that it will have, by arm.

    Raises:
        InputError: the first edit that cannot be made, with its arm.
    """
    origin = lru_cache(maxsize=2)(lambda name: _origin(runs[name][0].run))  # the points of a sweep share a parent
    for name, arm in (each for generation in study.generations() for each in generation):
        for _, variant in arm.points():
            donors = {donor for edit in variant.edits for donor, _ in edit.donors()}
            if donors <= set(runs) and not any(is_own(type(edit)) for edit in variant.edits):
                _try(name, variant, study, runs[arm.fork][0].run, origin)


def _try(name: str, arm: ForkArm, study: Study, parent: Run, origin: Callable[[str], Start]) -> None:
    """Make the edits of an arm on a parent. `origin` gives the state and data of an arm's first run."""
    edits, moment = settled_edits(arm, study), arm.at if isinstance(arm.at, int) else 0
    try:
        with fixed_settings(parent.precision):
            stages = [parent.experiment]
            for edit in edits:
                stages.append(edit.changed(stages[-1], moment, 0))
            lineage = Lineage(parent=parent.id, moment=moment, edits=edits, stages=tuple(stages[1:]))
            fork = parent.model_copy(update={"experiment": stages[-1], "lineage": lineage})
            donors = {key: origin(key[0]).state.params for edit in edits for key in edit.donors()}
            refuse_unfit(fork, study.observation.measures)
            applied(fork, parent.experiment, origin(arm.fork), donors)
    except NotInThisState:
        return
    except InputError as error:
        raise InputError(f"arms.{name}: {error}") from None


def _origin(run: Run) -> Start:
    """A state and data as a run may have them in training: no number of its weights is 0."""
    refuse_what_no_memory_holds([run])
    table = run.experiment.task.table()
    data = data_of(run, table)
    state = initialiser(run.experiment, table)(run, data)
    return Start(
        state._replace(params={name: np.where(value == 0, value.dtype.type(1), value) for name, value in state.params.items()}), data
    )
