"""Where forks begin: the state that each parent had at the moment, reached by replay, with the fork's edits applied.

A replay goes on from the last state that was kept before the moment. Forks of one moment share one replay.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from epicycle.lab.cohort_of_runs import cohort_key
from epicycle.lab.fork_edits import Donors, applied
from epicycle.lab.session import Session
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment, Lineage, Run
from epicycle.spec.families import Params
from epicycle.spec.paths import overrides
from epicycle.store.catalogue import Catalogue
from epicycle.store.cohort_marker import read_marker
from epicycle.store.files import Root
from epicycle.store.runs import CheckpointReader, StoredRun
from epicycle.training.cohort import Cohort, Start
from epicycle.training.devices import Machine, start
from epicycle.training.loop import train
from epicycle.training.state import State, data_of, from_tensors, initialiser, to_tensors

Moment = tuple[str, int]  # a run's id, and a step of that run


@dataclass(frozen=True)
class ForkStarts:
    """Gives the starts of forks.

    Attributes:
        session: of the forks. A replay records nothing, but it uses the program that trains the forks, which contains their measures.
        family: every run that the forks descend from, by id.
    """

    session: Session
    family: Mapping[str, Run]

    def __call__(self, runs: Sequence[Run]) -> list[Start]:
        """The state and data with which each fork begins.

        Raises:
            Interrupted: the session was interrupted during a replay.
            InputError: an edit changes nothing, or hits another number of places than it must; a donor was trained on other rows.
        """
        starts, stored = [], self._stored_runs()
        for run, at_moment in zip(runs, self._parents_at_moments(runs, stored), strict=True):
            parent = self.family[_lineage(run).parent].experiment
            starts.append(applied(run, parent, at_moment, _donors(stored, run)))
        return starts

    def signatures_not_repeated(self, runs: Sequence[Run], machine: Machine) -> list[Mapping[str, Any]]:
        """The signatures of parents that were trained elsewhere, where this machine gives other bits than they have.

        A fork of such a parent differs from it even without an edit, so the fork is not exact. For each cohort of parents, one run is
        trained again from a kept state to the next one.

        Raises:
            Interrupted: the session was interrupted during the replay.
        """
        stored, own = self._stored_runs(), machine.signature()
        parents: dict[str, Run] = {}  # of each cohort, the one whose fork begins last: most of its states are kept before
        for run in sorted(runs, key=lambda run: _lineage(run).moment):
            parents[stored.cohort(_lineage(run).parent)] = run
        strange: list[Mapping[str, Any]] = []
        for cohort, run in parents.items():
            foreign = [signature for signature in stored.signatures(cohort) if signature != own]
            if foreign and (segment := self._segment_with_other_bits(run, stored)):
                warnings.warn(_other_bits(cohort, segment, own, foreign[0]), stacklevel=2)
                strange += foreign
        return strange

    @cached_property
    def _catalogue(self) -> Catalogue:
        """Shared by all replays, so that member lists are read once."""
        return Catalogue(self.session.root)

    def _stored_runs(self) -> "_StoredRuns":
        return _StoredRuns(self.session.root, self._catalogue)

    def _segment_with_other_bits(self, run: Run, stored: "_StoredRuns") -> tuple[int, int] | None:
        """Two kept steps of a fork's parent between which this machine gives other bits; None where it repeats them.

        Args:
            run: the fork. The steps are those around its moment, or the last ones before it.
        """
        parent, moment = self.family[_lineage(run).parent], _lineage(run).moment
        kept = stored.run(parent.id)
        steps = sorted({0, *kept.steps})
        if len(steps) < 2:
            return None
        number = min(int(np.searchsorted(steps, moment, side="right")), len(steps) - 1)
        first, last = steps[number - 1], steps[number]
        beginning = self._beginnings([parent])[0]
        state = from_tensors(kept.state(first), beginning.state) if first in kept.steps else beginning.state
        replayed = to_tensors(self._trained_on([parent], [Start(state, beginning.data)], [last - first])[0].state)
        same = all(np.array_equal(value, replayed[name], equal_nan=True) for name, value in kept.state(last).items())
        return None if same else (first, last)

    def _parents_at_moments(self, runs: Sequence[Run], stored: "_StoredRuns") -> list[Start]:
        moments = [(_lineage(run).parent, _lineage(run).moment) for run in runs]
        reached: dict[Moment, Start] = {}
        for group in self._by_program(dict.fromkeys(moments)):
            parents = [self.family[parent] for parent, _ in group]
            beginnings = self._beginnings(parents)
            nearest, steps_ahead = [], []
            for parent, (_, moment), beginning in zip(parents, group, beginnings, strict=True):
                state = _kept_state(stored, parent, moment, beginning.state)
                nearest.append(Start(state, beginning.data))
                steps_ahead.append(parent.start + moment - int(state.step))
            reached |= dict(zip(group, self._trained_on(parents, nearest, steps_ahead), strict=True))
        return [reached[moment] for moment in moments]

    def _beginnings(self, runs: Sequence[Run]) -> Sequence[Start]:
        """Where runs of one program begin: with fresh weights, or as forks themselves."""
        if runs[0].lineage:
            return self(runs)
        table = runs[0].experiment.task.table()
        begin, data = initialiser(runs[0].experiment, table), [data_of(run, table) for run in runs]
        return [Start(begin(run, rows), rows) for run, rows in zip(runs, data, strict=True)]

    def _trained_on(self, parents: Sequence[Run], starts: Sequence[Start], steps: Sequence[int]) -> list[Start]:
        """The parents trained on by so many steps each; nothing is recorded."""
        cohort = Cohort(
            runs=parents,
            table=parents[0].experiment.task.table(),
            measures=self.session.observation.measures,
            grid=np.unique([0, *steps]).astype(np.int64),
            budgets=list(steps),
            find_stop=lambda member, steps, series: None,
            fork_starts=starts,
        )
        if cohort.active():
            train(cohort, start(), _NoSink(), lambda cohort, rate: None, self.session.interrupted)
        return [Start(state, data) for state, data in zip(cohort.states, cohort.data, strict=True)]

    def _by_program(self, moments: Iterable[Moment]) -> list[list[Moment]]:
        """Moments grouped by the program that trains their runs."""
        groups: dict[str, list[Moment]] = {}
        for moment in moments:
            groups.setdefault(cohort_key(self.family[moment[0]]), []).append(moment)
        return list(groups.values())


def _lineage(run: Run) -> Lineage:
    assert run.lineage is not None, "only forks are asked where they begin"
    return run.lineage


class _StoredRuns:
    """Stored runs of a root that are read one after the other. Files that several of them share are not read again for each."""

    def __init__(self, root: Root, catalogue: Catalogue) -> None:
        self._root, self._catalogue, self._reader = root, catalogue, CheckpointReader(kept=2)

    def run(self, run_id: str) -> StoredRun:
        """A run by its id."""
        return StoredRun(self._root, run_id, self._catalogue, self._reader)

    def cohort(self, run_id: str) -> str:
        """The cohort of a run."""
        return self._catalogue.place(run_id).cohort

    def signatures(self, cohort: str) -> list[Mapping[str, Any]]:
        """The signatures under which a cohort was trained."""
        return [signature for segment in read_marker(self._root.cohort(cohort)).segments for signature in segment.signatures]


def _other_bits(cohort: str, segment: tuple[int, int], own: Mapping[str, Any], foreign: Mapping[str, Any]) -> str:
    differing = [f"{path} {value}" for path, value in overrides(own, foreign).items()] or ["fewer entries"]
    return (
        f"cohort {cohort} was trained under another signature ({', '.join(differing)}), and its steps {segment[0]} to {segment[1]} "
        "give other bits here. Its forks are marked as not exact: they differ from it a little even where no edit changes anything."
    )


def _donors(stored: _StoredRuns, run: Run) -> Donors:
    """The parameters that a fork takes from other runs, by run id and step."""
    donors: dict[tuple[str, int | None], Params] = {}
    for edit in _lineage(run).edits:
        for run_id, step in edit.donors():
            donor = stored.run(run_id)
            _refuse_other_world(edit.kind, run, donor)
            donors[run_id, step] = donor.params(step)
    return donors


def _refuse_other_world(kind: str, run: Run, donor: StoredRun) -> None:
    """Refuse a donor that has another task, or was trained on other rows."""
    experiment, donor_experiment = run.experiment, Experiment.parse_stored(donor.written_experiment(), donor.id)
    if experiment.task != donor_experiment.task:
        raise InputError(f"edit {kind}: run {donor.id} has another task.")
    table = experiment.task.table()
    rows = experiment.split.train_rows(table, run.data_seed)
    donor_rows = donor_experiment.split.train_rows(table, donor.member.data_seed)
    if set(rows.tolist()) != set(donor_rows.tolist()):
        raise InputError(f"edit {kind}: run {donor.id} is trained on other rows than run {run.id}.")


def _kept_state(stored: _StoredRuns, run: Run, moment: int, first: State) -> State:
    """The last kept state of a run at or before a moment; its first state where none was kept."""
    tensors = stored.run(run.id).state_before(moment)
    return first if tensors is None else from_tensors(tensors, first)


class _NoSink:
    """A sink that keeps nothing."""

    def rows(self, first: int, records: Any) -> None:
        """Keep nothing."""

    def checkpoint(self, step: int, members: Any, states: Any) -> None:
        """Keep nothing."""

    def commit(self, rows: Any, statuses: Any, states: Any, finished: bool) -> None:
        """Keep nothing."""
