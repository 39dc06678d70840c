"""Forks: runs that continue another run from a moment, after edits.

A moment is counted from where the parent began, and looked up in each parent by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import xarray

from epicycle.events.moments import fork_moment, step_of_moment
from epicycle.events.standard import bracket_in
from epicycle.events.stops import stopping
from epicycle.spec.errors import InputError, NoRuns
from epicycle.spec.experiment import Lineage, Run, Stop
from epicycle.spec.families import Edit, Event
from epicycle.spec.results import labels_of, swept_names
from epicycle.store.catalogue import Catalogue
from epicycle.store.files import Root
from epicycle.store.runs import CheckpointReader, StoredRun

# Given a parent, its place among the seeds of its arm, and the donor's name: the donor's run id and the step of its last state.
DonorFinder = Callable[[Run, int, str], tuple[str, int]]


@dataclass(frozen=True)
class ForkRequest:
    """A fork asked for.

    Attributes:
        at: a step, an event (`t_on`), a share of one (`0.5*t_gen`), `peak(test_loss)`, or an event of the user's own.
        edits: what changes at the moment.
        steps: updates after the moment; None keeps the parent's budget.
    """

    at: int | str | Event
    edits: tuple[Edit, ...] = ()
    steps: int | None = None


@dataclass(frozen=True)
class Forks:
    """The forks of an arm.

    Attributes:
        runs: one for each parent in which the moment has come.
        without: labels of the other parents.
    """

    runs: list[Run]
    without: list[str]


def forked(parents: Sequence[Run], data: xarray.Dataset, request: ForkRequest, find_donor: DonorFinder) -> Forks:
    """The forks of runs at a moment. A fork ends as its parent does; a stop event that already happened in the parent is ignored.

    Args:
        data: what was recorded of the parents, in their order.

    Raises:
        InputError: there is no such event, or the step lies past every parent's budget.
        NoRuns: the moment came in none of the parents.
    """
    seeds = sorted({parent.seed for parent in parents})
    forks = Forks([], [])
    for row, (parent, label) in enumerate(zip(parents, _labels(data), strict=True)):
        moment = fork_moment(data, row, request.at)
        later = partial(step_of_moment, data, row)  # what an edit does later may lie past the parent's end
        settled = [edit.settled(later, partial(find_donor, parent, seeds.index(parent.seed))) for edit in request.edits]
        steps_left = request.steps or parent.experiment.training.steps - (moment or 0)
        edits = [edit for edit in settled if edit is not None]
        if moment is None or steps_left < 1 or len(edits) < len(settled):
            forks.without.append(label)
            continue
        stopped = _already_stopped(data, row, parent.experiment.training.stop, moment)
        forks.runs.append(_fork(parent, moment, edits, steps_left, keep_stop=not stopped))
    if not forks.runs:
        message = f"fork at {request.at}: it came in none of the runs within their budgets ({', '.join(forks.without)})."
        at = request.at
        out_of_reach = isinstance(at, int) and all(at >= parent.experiment.training.steps for parent in parents)
        raise InputError(message) if out_of_reach else NoRuns(message, forks.without)
    return forks


def _fork(parent: Run, moment: int, edits: Sequence[Edit], steps: int, keep_stop: bool) -> Run:
    stages = []
    experiment = parent.experiment
    for edit in edits:
        experiment = edit.changed(experiment, moment, parent.start)
        stages.append(experiment)
    budget = {"steps": steps, "stop": experiment.training.stop if keep_stop else None}
    experiment = experiment.model_copy(update={"training": experiment.training.model_copy(update=budget)})
    lineage = Lineage(parent=parent.id, moment=moment, start=parent.start + moment, edits=tuple(edits), stages=tuple(stages))
    return Run(experiment=experiment, seed=parent.seed, data_seed=parent.data_seed, lineage=lineage, precision=parent.precision)


def _labels(data: xarray.Dataset) -> list[str]:
    """A label for each run: its seed, and the values of what its arm sweeps."""
    labels = [f"seed {label}" for label in labels_of(data)]
    for name in swept_names(data):
        values = data[name].values.tolist()
        labels = [f"{label}{',' if ' at ' in label else ' at'} {name} = {value}" for label, value in zip(labels, values, strict=True)]
    return labels


def _already_stopped(data: xarray.Dataset, row: int, stop: Stop | None, moment: int) -> bool:
    """Whether the stop event of a parent happened before the moment, or holds there even for one evaluation.

    A fork would see such an event in its first record and end at once.
    """
    if stop is None:
        return False
    event = stopping(stop.event)
    bracket = bracket_in(data, row, event)
    recorded = np.flatnonzero(np.isfinite(data["train_loss"].values[row]) & (data["step"].values <= moment))
    at_moment = bracket_in(data.isel(step=recorded[-1:]), row, event.model_copy(update={"hold": 0.0}))
    return at_moment is not None or (bracket is not None and bracket[0] < moment)


def donor_finder(root: Root, arms: Mapping[str, Sequence[Run]]) -> DonorFinder:
    """Finds donors by run id, or in an arm.

    In an arm, the donor is the parent itself, or else the run with the parent's seeds. Where there is none, it is one of the runs on
    the parent's data seed, chosen by the place of the parent's seed among the seeds of its own arm.
    """
    catalogue, reader = cache(lambda: Catalogue(root)), CheckpointReader(kept=2)  # an arm asks once for each parent

    def find(parent: Run, place_of_seed: int, name: str) -> tuple[str, int]:
        run_id = in_arm(parent, place_of_seed, name) if name in arms else catalogue().find(name)
        return run_id, StoredRun(root, run_id, catalogue(), reader).last_step

    def in_arm(parent: Run, place_of_seed: int, name: str) -> str:
        if any(run.id == parent.id for run in arms[name]):
            return parent.id
        same_split = [run for run in arms[name] if run.data_seed == parent.data_seed]
        same_seeds = [run for run in same_split if run.seed == parent.seed]
        if len(same_seeds) > 1:
            raise InputError(
                f"donor '{name}': that arm has {len(same_seeds)} runs of seed {parent.seed}; give donors an arm that is not swept."
            )
        if not same_split:
            raise InputError(f"donor '{name}': that arm has no run on data seed {parent.data_seed}.")
        return same_seeds[0].id if same_seeds else same_split[place_of_seed % len(same_split)].id

    return find
