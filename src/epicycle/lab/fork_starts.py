"""Where forks begin: the state that each parent had at the moment, reached by replay, with the fork's edits applied.

A replay goes on from the last state that was kept before the moment. Forks of one moment share one replay.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from epicycle.lab.cohort_of_runs import cohort_key
from epicycle.lab.fork_edits import Donors, applied
from epicycle.lab.session import Session
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment, Lineage, Run
from epicycle.spec.families import Params
from epicycle.store.files import Root
from epicycle.store.runs import StoredRun
from epicycle.training.cohort import Cohort, Start
from epicycle.training.devices import start
from epicycle.training.loop import train
from epicycle.training.state import State, data_of, from_tensors, initialiser

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
        starts = []
        for run, at_moment in zip(runs, self._parents_at_moments(runs), strict=True):
            parent = self.family[_lineage(run).parent].experiment
            starts.append(applied(run, parent, at_moment, _donors(self.session.root, run)))
        return starts

    def _parents_at_moments(self, runs: Sequence[Run]) -> list[Start]:
        moments = [(_lineage(run).parent, _lineage(run).moment) for run in runs]
        reached: dict[Moment, Start] = {}
        for group in self._by_program(dict.fromkeys(moments)):
            parents = [self.family[parent] for parent, _ in group]
            beginnings = self._beginnings(parents)
            nearest, steps_ahead = [], []
            for parent, (_, moment), beginning in zip(parents, group, beginnings, strict=True):
                state = _kept_state(self.session.root, parent, moment, beginning.state)
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


def _donors(root: Root, run: Run) -> Donors:
    """The parameters that a fork takes from other runs, by run id and step."""
    donors: dict[tuple[str, int | None], Params] = {}
    for edit in _lineage(run).edits:
        for run_id, step in edit.donors():
            donor = StoredRun(root, run_id)
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


def _kept_state(root: Root, run: Run, moment: int, first: State) -> State:
    """The last kept state of a run at or before a moment; its first state where none was kept."""
    tensors = StoredRun(root, run.id).state_before(moment)
    return first if tensors is None else from_tensors(tensors, first)


class _NoSink:
    """A sink that keeps nothing."""

    def rows(self, first: int, records: Any) -> None:
        """Keep nothing."""

    def checkpoint(self, step: int, members: Any, states: Any) -> None:
        """Keep nothing."""

    def commit(self, rows: Any, statuses: Any, states: Any, finished: bool) -> None:
        """Keep nothing."""
