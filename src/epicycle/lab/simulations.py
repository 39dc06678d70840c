"""Simulated runs: what is missing of the theory arms of a study is computed and stored, a cohort for each theory."""

from collections.abc import Sequence

import numpy as np

from epicycle.lab.session import Session
from epicycle.spec.arms import SimulatedRun
from epicycle.spec.errors import InputError
from epicycle.spec.families import Simulated, Theory
from epicycle.spec.identity import canonical_json
from epicycle.spec.own_code import in_words, is_own
from epicycle.store.catalogue import Catalogue
from epicycle.store.own_code import refuse_changed
from epicycle.store.simulated import simulated_files, write_simulated
from epicycle.training.devices import start


def simulate_runs(runs: Sequence[SimulatedRun], session: Session) -> int:
    """Simulate the runs that are not stored yet.

    Returns:
        How many were simulated; 0 when all were there already.

    Raises:
        InputError: a theory gives other series than it declares.
        Interrupted: the session was interrupted; the theories that were done are stored.
    """
    catalogue = Catalogue(session.root)
    _refuse_changed(runs, catalogue, session)
    groups = _by_theory([run for run in runs if run.id not in catalogue.places])
    if groups:
        start()  # a theory may compute with JAX; networks that are trained afterwards need JAX started with our devices
    for group in groups:
        session.go_on()
        simulated = checked_simulation(group[0].theory, [run.seed for run in group])
        with catalogue.allocating():
            catalogue.refresh()
            if not simulated_files(session.root, group).path.exists():  # another process may have been faster
                write_simulated(session.root, group, simulated)
    return sum(map(len, groups))


def checked_simulation(theory: Theory, seeds: Sequence[int]) -> Simulated:
    """What a theory says of some seeds.

    Raises:
        InputError: it gives other series than it declares, or other shapes; or a user's own theory fails.
    """
    try:
        simulated = theory.simulate(seeds)
    except Exception as error:
        if not is_own(type(theory)):
            raise
        raise InputError(f"theory {type(theory).__name__} failed: {in_words(error)}") from error
    steps = np.asarray(simulated.steps)
    if steps.ndim != 1 or not len(steps) or (np.diff(steps) <= 0).any() or steps[0] < 0 or steps[-1] != theory.last_step:
        raise InputError(f"theory {type(theory).__name__}: its steps must rise from 0 or later to its last step, {theory.last_step}.")
    if simulated.series.keys() != type(theory).series.keys():
        raise InputError(
            f"theory {type(theory).__name__} declares the series {', '.join(type(theory).series)} and gives "
            f"{', '.join(simulated.series)}."
        )
    for name, axes in type(theory).series.items():
        shape = (len(seeds), len(steps), *(len(simulated.labels.get(axis, ())) for axis in axes))
        if np.shape(simulated.series[name]) != shape:
            raise InputError(
                f"theory {type(theory).__name__}: series {name} has shape {np.shape(simulated.series[name])}; with axes run, step"
                f"{''.join(f', {axis}' for axis in axes)} and these labels it has shape {shape}."
            )
    return simulated


def _by_theory(runs: Sequence[SimulatedRun]) -> list[list[SimulatedRun]]:
    groups: dict[str, dict[str, SimulatedRun]] = {}
    for run in runs:  # two arms may ask for the same run
        groups.setdefault(canonical_json(run.theory.model_dump(mode="json")), {}).setdefault(run.id, run)
    return [list(group.values()) for group in groups.values()]


def _refuse_changed(runs: Sequence[SimulatedRun], catalogue: Catalogue, session: Session) -> None:
    """Refuse a user's own theory whose code is not that of the stored runs of its name."""
    cohorts = {catalogue.places[run.id].cohort: run.theory for run in runs if run.id in catalogue.places}
    for cohort, theory in cohorts.items():
        refuse_changed(session.root.cohort(cohort), [theory])
