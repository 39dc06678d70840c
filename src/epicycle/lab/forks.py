"""Forks: runs that go on from another run's full state at a moment, after edits, paired with it bit for bit up to there.

A moment is counted on the parent's own clock (from where the parent began), and found in each parent by itself. The state there is
reached by replay from the last one kept before it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray

from epicycle.claims.estimates import labels_of
from epicycle.events.moments import fork_moment
from epicycle.events.standard import bracket_in
from epicycle.events.stops import stopping
from epicycle.lab.cohorts import cohort_key, start_of
from epicycle.lab.fork_edits import applied
from epicycle.spec.errors import InputError, NoRuns
from epicycle.spec.experiment import Experiment, Run, Stop
from epicycle.spec.families import Edit, Event, Measure
from epicycle.store.catalogue import Catalogue
from epicycle.store.files import Root
from epicycle.store.runs import StoredRun
from epicycle.training.cohort import Cohort, Start, train
from epicycle.training.devices import start
from epicycle.training.state import State, data_of, from_tensors, initialiser

Family = Mapping[str, Run]  # every run that forks descend from, by id
Donor = Callable[[Run, int, str], tuple[str, int]]


def forked(
    parents: Sequence[Run],
    data: xarray.Dataset,
    at: float | str | Event,
    edits: Sequence[Edit],
    steps: int | None,
    donor: Donor,
) -> tuple[list[Run], list[str]]:
    """The forks of runs at a moment, and the labels of the parents in which it has not come: they are listed, not dropped.

    Args:
        data: what was recorded of the parents, in their order.
        steps: updates after the moment; None keeps the parent's budget. Forks end as their parents do, at an event; one that had
            come before the moment ends no fork.

    Raises:
        InputError: no such event, or a step past every parent's budget.
        NoRuns: a moment that came in none of them.
    """
    if steps is not None and steps < 1:
        raise InputError(f"fork at {at}: {steps} steps are none; give at least 1, or leave them out for the parent's budget.")
    when = at if isinstance(at, str | Event) else _whole(at)
    seeds = sorted({parent.seed for parent in parents})
    runs: list[Run] = []
    without: list[str] = []
    for row, (parent, label) in enumerate(zip(parents, _told(data), strict=True)):
        place = partial(fork_moment, data, row)
        moment, training = place(when), parent.experiment.training
        left = steps or training.steps - (moment or 0)
        settled = [edit.settled(place, partial(donor, parent, seeds.index(parent.seed))) for edit in edits]
        if moment is None or left < 1 or None in settled:
            without.append(label)
            continue
        experiment, before = parent.experiment, start_of(parent)
        for edit in settled:
            experiment = edit.changed(experiment, moment, before) if edit else experiment
        lineage = {"parent": parent.id, "moment": moment, "start": before + moment, "edits": settled}
        budget = {"steps": left, "stop": None if _past(data, row, training.stop, moment) else experiment.training.stop}
        changed = experiment.model_copy(update={"training": experiment.training.model_copy(update=budget)})
        runs.append(Run(experiment=changed, seed=parent.seed, data_seed=parent.data_seed, lineage=lineage))
    if not runs:
        told = f"fork at {at}: it came in none of the runs within their budgets ({', '.join(without)})."
        out_of_reach = isinstance(when, int) and all(when >= parent.experiment.training.steps for parent in parents)
        raise InputError(told) if out_of_reach else NoRuns(told, without)
    return runs, without


def _whole(at: float) -> int:
    """A step; NumPy's too, as users read it off a table of events."""
    if not (at >= 0 and float(at).is_integer()):
        raise InputError(f"fork at {at}: a moment is a whole step of at least 0.")
    return int(at)


def _told(data: xarray.Dataset) -> list[str]:
    """Each run in words: its seed, and the values of what its arm sweeps."""
    told = [f"seed {label}" for label in labels_of(data)]
    for name in data.attrs.get("swept", ()):
        values = data[name].values.tolist()
        told = [f"{run}{',' if ' at ' in run else ' at'} {name} = {value}" for run, value in zip(told, values, strict=True)]
    return told


def _past(data: xarray.Dataset, run: int, stop: Stop | None, moment: int) -> bool:
    """Whether what ends a run lies before the moment, or is seen there, held or not: its forks would see it first of all, and end."""
    if stop is None:
        return False
    event = stopping(stop.event)
    bracket = bracket_in(data, run, event)
    recorded = np.flatnonzero(np.isfinite(data["train_loss"].values[run]) & (data["step"].values <= moment))
    here = bracket_in(data.isel(step=recorded[-1:]), run, event.model_copy(update={"hold": 0.0}))
    return here is not None or (bracket is not None and bracket[0] < moment)  # in between, a fork's first record may show it


def donor_among(root: Root, arms: Mapping[str, Sequence[Run]]) -> Donor:
    """Finds donors by run id, or in an arm: the run with the parent's seeds, or one on its data seed, by the place of the parent's."""

    def found(parent: Run, place: int, name: str) -> tuple[str, int]:
        run = _named(parent, place, name) if name in arms else Catalogue(root).find(name)
        return run, StoredRun(root, run).last_step

    def _named(parent: Run, place: int, name: str) -> str:
        beside = [run for run in arms[name] if run.data_seed == parent.data_seed]
        same = [run for run in beside if run.seed == parent.seed]
        if len(same) > 1:
            raise InputError(
                f"donor '{name}': that arm has {len(same)} runs of seed {parent.seed}; give donors an arm that is not swept."
            )
        if not beside:
            raise InputError(f"donor '{name}': that arm has no run on data seed {parent.data_seed}.")
        return same[0].id if same else beside[place % len(beside)].id

    return found


@dataclass(frozen=True)
class Replay:
    """Finds where forks begin: their parents' states and data at the moment, edits applied.

    Attributes:
        family: every run that the forks descend from.
        measures: those of the forks. Nothing is recorded here, but the program that trains forks is compiled with them, and replays.
        interrupted: asked after every round.
    """

    root: Root
    family: Family
    measures: tuple[Measure, ...]
    interrupted: Callable[[], bool]

    def __call__(self, runs: Sequence[Run]) -> list[Start]:
        """The forks' starts.

        Raises:
            Interrupted: `interrupted` said so during a replay.
            InputError: an edit that hits nothing, or another number of places than it must; a donor on other rows.
        """
        return [
            applied(run, self.family[(run.lineage or {})["parent"]].experiment, origin, _given(self.root, run))
            for run, origin in zip(runs, self._parents_there(runs), strict=True)
        ]

    def _parents_there(self, runs: Sequence[Run]) -> list[Start]:
        """The parents at the moments, by replay from the last state kept before each; once for forks of one moment."""
        places = [((run.lineage or {})["parent"], (run.lineage or {})["moment"]) for run in runs]
        there: dict[tuple[str, int], Start] = {}
        for wanted in _alike(self.family, dict.fromkeys(places)):
            group = [self.family[parent] for parent, _ in wanted]
            near = [
                Start(_kept(self.root, parent, moment, begin.state), begin.data)
                for parent, (_, moment), begin in zip(group, wanted, self._beginnings(group), strict=True)
            ]
            ahead = [
                start_of(parent) + moment - int(origin.state.step)
                for parent, (_, moment), origin in zip(group, wanted, near, strict=True)
            ]
            there |= dict(zip(wanted, self._moved(group, near, ahead), strict=True))
        return [there[place] for place in places]

    def _beginnings(self, runs: Sequence[Run]) -> Sequence[Start]:
        """Where runs of one program begin: with fresh weights, or as forks themselves."""
        if runs[0].lineage:
            return self(runs)
        table = runs[0].experiment.task.table()
        begin, data = initialiser(runs[0].experiment, table), [data_of(run, table) for run in runs]
        return [Start(begin(run, each), each) for run, each in zip(runs, data, strict=True)]

    def _moved(self, parents: Sequence[Run], near: Sequence[Start], ahead: Sequence[int]) -> list[Start]:
        """States trained on by so many steps, nothing recorded."""
        cohort = Cohort(
            runs=parents,
            table=parents[0].experiment.task.table(),
            measures=self.measures,
            grid=np.unique([0, *ahead]).astype(np.int64),
            budgets=list(ahead),
            find_stop=lambda member, steps, series: None,
            fork_starts=near,
        )
        if cohort.active():
            train(cohort, start(), _Nowhere(), lambda c, rate: None, self.interrupted)
        return [Start(state, data) for state, data in zip(cohort.states, cohort.data, strict=True)]


def _given(root: Root, run: Run) -> dict[tuple[str, int | None], Any]:
    """The parameters that a fork takes from other runs."""
    given = {}
    for edit in (run.lineage or {})["edits"]:
        for run_id, step in edit.donors():
            stored, mine = StoredRun(root, run_id), run.experiment
            theirs = Experiment.parse(stored.experiment(), run_id)
            if mine.task != theirs.task:
                raise InputError(f"edit {edit.kind}: run {run_id} has another task.")
            table = mine.task.table()
            rows = (mine.split.train_rows(table, run.data_seed), theirs.split.train_rows(table, stored.member["data_seed"]))
            if set(rows[0].tolist()) != set(rows[1].tolist()):
                raise InputError(f"edit {edit.kind}: run {run_id} is trained on other rows than run {run.id}.")
            given[run_id, step] = stored.params(step)
    return given


def _alike(family: Family, places: Iterable[tuple[str, int]]) -> list[list[tuple[str, int]]]:
    """Moments of the runs that one program trains."""
    groups: dict[str, list[tuple[str, int]]] = {}
    for place in places:
        groups.setdefault(cohort_key(family[place[0]]), []).append(place)
    return list(groups.values())


def _kept(root: Root, run: Run, moment: int, first: State) -> State:
    """The last kept state of a run at or before a moment; its first where there is none."""
    found = StoredRun(root, run.id).state_before(moment)
    return first if found is None else from_tensors(found, first)


class _Nowhere:
    """A sink that keeps nothing."""

    def rows(self, first: int, records: Any) -> None:
        """Nothing."""

    def checkpoint(self, step: int, members: Any, states: Any) -> None:
        """Nothing."""

    def commit(self, rows: Any, statuses: Any, states: Any, finished: bool) -> None:
        """Nothing."""
