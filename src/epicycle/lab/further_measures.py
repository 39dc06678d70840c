"""Measures that are taken of runs afterwards. The runs are trained again from the same start, to the same bits."""

from collections.abc import Sequence

from epicycle.lab.missing_runs import train_runs
from epicycle.lab.session import Session
from epicycle.lab.study import train_study
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment, Run
from epicycle.spec.families import Measure
from epicycle.spec.observation import Observation
from epicycle.spec.study import Study
from epicycle.store.catalogue import Catalogue
from epicycle.store.cohorts import cohort_spec
from epicycle.store.runs import StoredRun


def measure_study(study: Study, measures: Sequence[Measure], session: Session) -> None:
    """Record further measures of all runs of a study. What is recorded already is left alone.

    Raises:
        InputError: a measure does not fit a task or network of the study, a run gives other bits than are stored, or the study has no
            networks.
        Interrupted: the session was interrupted.
    """
    if not any(study.root_arms()):
        raise InputError(f"study {study.name} simulates theories and trains no network, and measures look at networks.")
    train_study(study, session.observing(study.observation.with_further(measures)))


def measure_run(run_id: str, measures: Sequence[Measure], session: Session) -> int:
    """Record further measures of a run, and of all runs that were trained in one cohort with it.

    Returns:
        The number of runs.

    Raises:
        InputError: the run is a fork, or as in `measure_study`.
        Interrupted: the session was interrupted.
    """
    catalogue = Catalogue(session.root)
    cohort, _ = catalogue.place(run_id)
    files = session.root.cohort(cohort)
    runs = [run_of(StoredRun(session.root, member.run, catalogue)) for member in catalogue.members[cohort]]
    observation = Observation.parse_stored(cohort_spec(files)["observation"], str(files.spec))
    train_runs(runs, session.observing(observation.with_further(measures)))
    return len(runs)


def run_of(stored: StoredRun) -> Run:
    """A run as it was asked for, to where it is recorded.

    Raises:
        InputError: the run is a fork.
    """
    member = stored.member
    if member.lineage is not None:
        raise InputError(f"run {stored.id} is a fork; name the study that it belongs to, so that its parent is known too.")
    experiment = Experiment.parse_stored(stored.written_experiment(), f"run {stored.id}")
    return Run(experiment=experiment, seed=member.seed, data_seed=member.data_seed, precision=stored.precision)
