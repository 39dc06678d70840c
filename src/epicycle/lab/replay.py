"""The state of a run at any step that it has passed: the nearest state that was kept before, trained on to there."""

from collections.abc import Mapping

from epicycle.lab.fork_starts import ForkStarts
from epicycle.lab.session import Session
from epicycle.spec.experiment import Lineage, Run
from epicycle.store.checkpoints import Tensors
from epicycle.training.devices import fixed_settings, start
from epicycle.training.state import to_tensors


def replayed(run: Run, step: int, session: Session, family: Mapping[str, Run]) -> Tensors:
    """The full state of a run at a step, as a checkpoint there would hold it: a fork without an edit begins with it.

    Args:
        run: a stored run that has passed the step.
        step: counted from where the run begins.
        session: of the run; its measures are part of the program that trains the run.
        family: every run that the run descends from, by id.

    Raises:
        Interrupted: the session was interrupted during the replay.
    """
    lineage = Lineage(parent=run.id, moment=step, start=run.start + step)
    fork = Run(experiment=run.experiment, seed=run.seed, data_seed=run.data_seed, lineage=lineage, precision=run.precision)
    starts = ForkStarts(session, {**family, run.id: run})
    with fixed_settings(run.precision):
        starts.signatures_not_repeated([fork], start())  # warns where this machine gives other bits than the run has
        return to_tensors(starts([fork])[0].state)
