"""Runs become trained, stored cohorts: what is missing is allocated, what is unfinished goes on, nothing is trained twice."""

import time
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from epicycle.events.stops import refuse_unrecorded_stops
from epicycle.lab.cohort_of_runs import Starts, assembled, grouped
from epicycle.lab.resources import refuse_what_does_not_fit, refuse_what_no_memory_holds
from epicycle.lab.session import Progress, Session
from epicycle.spec.base import Spec
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Request, Run, budgets_of, longest
from epicycle.spec.families import Measure
from epicycle.spec.observation import Observation
from epicycle.spec.plain_data import Plain
from epicycle.spec.results import Status
from epicycle.splits.drawn import leakage
from epicycle.store.catalogue import Catalogue
from epicycle.store.cohort_members import MemberRecord
from epicycle.store.cohorts import CohortStore, create_cohort, sweep_nurseries
from epicycle.store.own_code import keep_own_code, refuse_changed
from epicycle.training.checks import refuse_unfit
from epicycle.training.cohort import Cohort
from epicycle.training.devices import Machine, fixed_settings, start
from epicycle.training.loop import train
from epicycle.training.snapshots import known_at_the_end
from epicycle.training.state import State, from_tensors, to_tensors

POLL_SECONDS = 1.0  # between two looks whether another process has finished a cohort


def train_runs(runs: Sequence[Run], session: Session, starts: Starts | None = None) -> int:
    """Bring every run to its stop or its budget. Cohorts that another process trains come last, and are waited for.

    Args:
        starts: gives the states in which forks begin, when there is something to train; all runs are then forks.

    Returns:
        How many runs were trained or continued; 0 when all were there already.

    Raises:
        InputError: a stored file is damaged beyond its fallbacks.
        Interrupted: the session was interrupted; everything is committed.
    """
    refuse_unrecorded_stops(runs, session.observation)
    wanted, budgets = longest(runs), budgets_of(runs)
    catalogue = _allocated(wanted, session)
    waiting = _cohorts_of(wanted, catalogue)
    trained, warned = 0, False
    while waiting:
        elsewhere = []
        for cohort_id in waiting:
            session.go_on()
            session.root.refuse_moved()
            if not session.root.cohort(cohort_id).path.is_dir():  # another process has dissolved it, see `_dissolve_unstarted`
                elsewhere += _cohorts_of(wanted, _allocated(wanted, session))
                continue
            job = CohortJob(CohortStore(session.root.cohort(cohort_id)), wanted, budgets, session, starts)
            with fixed_settings(job.any_run().precision):
                finished = job.finish()
            elsewhere += [cohort_id] if finished is None else []
            trained += finished or 0
        elsewhere = list(dict.fromkeys(elsewhere))
        if elsewhere == waiting:
            if not warned:
                warnings.warn(f"another process is training cohort {', '.join(elsewhere)}; waiting for it.", stacklevel=2)
            warned = True
            time.sleep(POLL_SECONDS)
        waiting = elsewhere
    return trained


def _allocated(wanted: Mapping[str, Run], session: Session) -> Catalogue:
    """A catalogue in which every wanted run has a cohort."""
    catalogue = Catalogue(session.root)
    with catalogue.allocating():
        catalogue.refresh()
        sweep_nurseries(session.root)
        _dissolve_unstarted(wanted, catalogue, session)
        _allocate([run for run_id, run in wanted.items() if run_id not in catalogue.places], session)
        catalogue.refresh()
    return catalogue


def _cohorts_of(wanted: Mapping[str, Run], catalogue: Catalogue) -> list[str]:
    return list(dict.fromkeys(catalogue.places[run_id].cohort for run_id in wanted))


def _dissolve_unstarted(wanted: Mapping[str, Run], catalogue: Catalogue, session: Session) -> None:
    """Remove cohorts in which nothing is recorded and which also hold runs that nobody asks for now.

    An interruption leaves such a cohort. It may be so large that it fits no memory, and a few of its runs could never be trained.
    """
    for cohort_id in dict.fromkeys(catalogue.places[run_id].cohort for run_id in wanted if run_id in catalogue.places):
        if all(member.run in wanted for member in catalogue.members[cohort_id]):
            continue
        store = CohortStore(session.root.cohort(cohort_id))
        if not store.marker.recorded:
            with store.held() as is_ours:
                if is_ours:
                    store.discard_unstarted()
            catalogue.forget_removed()


def _allocate(runs: Sequence[Run], session: Session) -> None:
    groups = grouped(runs)
    if groups:
        start()  # the checks below compute shapes with JAX, which must be started with its devices first
    for group in groups:
        with fixed_settings(group[0].precision):
            refuse_unfit(group[0], session.observation.measures)
            refuse_what_no_memory_holds(group)
    for group in groups:
        create_cohort(session.root, group[0].experiment, session.observation, [_member_record(run, group[0]) for run in group])


def _member_record(run: Run, first: Run) -> MemberRecord:
    table, split = run.experiment.task.table(), run.experiment.split
    rows = split.train_rows(table, run.data_seed)
    split.train_labels(table, rows, run.data_seed)  # a split that cannot give labels is refused before anything is written
    trained = np.zeros(len(table.labels), bool)
    trained[rows] = True
    return MemberRecord.of(run, first, table.baseline(), int(trained.sum()), leakage(table, trained))


@dataclass(frozen=True)
class CohortJob:
    """The work on one stored cohort.

    Attributes:
        wanted: the runs that are asked for, by id; members that are not among them stay where they are.
        budgets: every budget that is asked of each of them.
        starts: gives the states in which forks begin.
    """

    store: CohortStore
    wanted: Mapping[str, Run]
    budgets: Mapping[str, Collection[int]]
    session: Session
    starts: Starts | None

    def finish(self) -> int | None:
        """Bring the wanted runs to their ends.

        Returns:
            How many runs had to be trained; None if another process trains the cohort.
        """
        specs = [self.any_run(), *self.session.observation.measures]
        refuse_changed(self.store.files, specs)
        trained = 0
        if not self._is_done():
            with self.store.held() as is_ours:
                if not is_ours:
                    return None
                if not self._is_done():  # another process may have finished in between
                    self.store.verify()
                    trained = self._train()
                    if missing := self._unrecorded():
                        self._record(missing)
        self.store.verify()
        keep_own_code(self.store.files, specs)
        return trained

    def any_run(self) -> Run:
        """A wanted run of the cohort. All runs of a cohort share their classes."""
        return next(self.wanted[member.run] for member in self.store.members if member.run in self.wanted)

    def _requests(self) -> list[Request | None]:
        runs = [self.wanted.get(member.run) for member in self.store.members]
        return [None if run is None else Request.of(run, self.budgets[run.id]) for run in runs]

    def _is_done(self) -> bool:
        return self._is_trained() and not self._unrecorded()

    def _is_trained(self) -> bool:
        marker = self.store.marker
        if not marker.finished:
            return False
        members = zip(self._requests(), marker.asked, marker.states, strict=True)
        return all(now is None or status.diverged or (then is not None and then.covers(now)) for now, then, status in members)

    def _unrecorded(self) -> list[Measure]:
        """The measures that are asked for and not recorded."""
        recorded = self.store.recorded_measures()
        return [measure for measure in self.session.observation.measures if measure.name not in recorded]

    def _train(self) -> int:
        store, requests, machine = self.store, self._requests(), start()
        self._refuse_another_end()
        before = store.marker.budget
        budget = max(before, *(request.budget for request in requests if request))
        cohort = self._assembled(requests, machine)
        if budget > before:
            store.extend(cohort.grid[cohort.grid > before] if before else cohort.grid, cohort.series_shapes(), cohort.coords())
        store.sign(machine.signature(), requests)
        if self.starts and not store.marker.recorded:
            for signature in self.starts.signatures_not_repeated(cohort.runs, machine):
                store.sign(signature, requests)  # with two signatures it counts as not exact
        resume(store, cohort, requests)
        to_train = len(cohort.active())
        train_into(store, cohort, requests, machine, self.session)
        return to_train

    def _assembled(self, requests: Sequence[Request | None], machine: Machine) -> Cohort:
        """The cohort; a fresh one that cannot be trained leaves nothing behind."""
        store, any_run, observation = self.store, self.any_run(), self.store.observation()
        runs = [self.wanted.get(member.run, any_run) for member in store.members]  # members nobody asks for are not advanced
        try:
            refuse_what_no_memory_holds(runs)
            cohort = assembled(runs, requests, observation, store.recorded_steps(), self.starts)
            self._tell_ends(cohort)
            self._note_edits(cohort)
            refuse_what_does_not_fit(cohort, observation, store.files.path, machine)
        except InputError:  # an edit that cannot be made, or too little memory, where fewer seeds may do
            store.discard_unstarted()
            raise
        return cohort

    def _refuse_another_end(self) -> None:
        """Refuse to train on what has recorded how far it is from its end."""
        names = ", ".join(measure.name for measure in self.store.observation().measures if known_at_the_end(measure))
        if names and not self._is_trained():
            raise InputError(
                f"cohort {self.store.id} has recorded {names}, which compare with its end, so it cannot be trained further; "
                "run the longer study in another folder (--root)."
            )

    def _tell_ends(self, cohort: Cohort) -> None:
        """Give a cohort that records measures of its end the weights with which its stored runs ended."""
        stored = self.store.committed().checkpoint
        if stored is not None and any(known_at_the_end(measure) for measure in cohort.measures):
            ends = [from_tensors(stored.of(row), first).params for row, first in enumerate(cohort.states)]
            cohort.data = [data._replace(end=end) for data, end in zip(cohort.data, ends, strict=True)]

    def _note_edits(self, cohort: Cohort) -> None:
        """Note the edits of wanted forks that were made otherwise than they are written, as they selected units."""
        made: dict[str, list[Plain]] = {}
        for run, start_of_fork in zip(cohort.runs, cohort.fork_starts or (), strict=bool(cohort.fork_starts)):
            if run.id in self.wanted and run.lineage is not None and start_of_fork.edits != run.lineage.edits:
                made[run.id] = [edit.model_dump(mode="json") for edit in start_of_fork.edits]
        self.store.note_edits(made)

    def _record(self, missing: Sequence[Measure]) -> None:
        """Record further measures: train the same runs again in a store of their own, to the same steps and the same bits.

        Raises:
            InputError: the replay ends in other bits than the stored runs (another signature), or not all members are asked for.
        """
        names, store = ", ".join(measure.name for measure in missing), self.store
        if any(member.run not in self.wanted for member in store.members):
            raise InputError(
                f"cohort {store.id} lacks {names}, and only some of its runs are asked for; "
                "run the study that it was made for with this measure."
            )
        refuse_unfit(self.any_run(), missing, ended=True)
        checkpoint = store.committed().checkpoint
        if checkpoint is None:
            raise InputError(f"cohort {store.id} has no whole checkpoint to compare a replay with; remove {store.files.path}.")
        ends = [int(checkpoint.of(row)["step"]) - member.start for row, member in enumerate(store.members)]
        observation = store.observation().model_copy(update={"measures": tuple(missing), "checkpoint_megabytes": 0.0})
        replay = store.replay_store(observation)
        with replay.held():
            cohort = self._replayed(replay, observation, [Request(max(end, 1)) for end in ends])
            for member, state in enumerate(cohort.states):
                stored = checkpoint.of(member)
                if not all(np.array_equal(value, stored[name], equal_nan=True) for name, value in to_tensors(state).items()):
                    raise InputError(
                        f"replaying cohort {store.id} for {names} gave other bits than are stored "
                        f"(it was trained under another signature); remove {store.files.path} to train it again with this measure."
                    )
        store.adopt(replay)
        keep_own_code(store.files, missing)

    def _replayed(self, replay: CohortStore, observation: Observation, requests: Sequence[Request]) -> Cohort:
        machine, runs = start(), [self.wanted[member.run] for member in self.store.members]
        cohort = assembled(runs, requests, observation, self.store.recorded_steps(), self.starts)
        self._tell_ends(cohort)
        if not replay.marker.budget:
            for grid in self.store.grids():
                replay.extend(grid, cohort.series_shapes(), cohort.coords())
        replay.sign(machine.signature(), requests)
        resume(replay, cohort, requests)
        train_into(replay, cohort, requests, machine, self.session)
        return cohort


def resume(store: CohortStore, cohort: Cohort, requests: Sequence[Request | None]) -> None:
    """Put a cohort where its store says that it is.

    Raises:
        InputError: no state is left, and not all members are asked for.
    """
    resumable = store.committed()
    for problem in resumable.damaged:
        warnings.warn(f"{problem} Going on from the state before it.", stacklevel=2)
    if resumable.checkpoint is None:
        if resumable.damaged and any(request is None for request in requests):
            raise InputError(
                f"{' '.join(resumable.damaged)} Cohort {store.id} must be trained again from the start, but only some of its runs are "
                "asked for; run the study that it was made for."
            )
        return
    states = [
        # A member that has recorded nothing was never asked for. The stored state in its row is a copy of another member's.
        from_tensors(resumable.checkpoint.of(member), first) if resumable.rows[member] else first
        for member, first in enumerate(cohort.states)
    ]
    for member, state in enumerate(states):
        if requests[member] is None:
            cohort.budgets[member] = int(state.step) - cohort.first_steps[member]
    cohort.resume(states, resumable.rows, dict(store.records(resumable.rows)))


def train_into(store: CohortStore, cohort: Cohort, requests: Sequence[Request | None], machine: Machine, session: Session) -> None:
    """Train a cohort to its end, and commit to its store on the way."""

    def report(cohort: Cohort, rate: float) -> None:
        session.watch(Progress(store.id, cohort, rate))

    if cohort.active():
        report(cohort, 0.0)  # the first round may compile for a while
    train(cohort, machine, _StoreSink(store, requests, cohort), report, session.interrupted)


class _StoreSink:
    """Writes what a cohort records into its store."""

    def __init__(self, store: CohortStore, requests: Sequence[Request | None], cohort: Cohort) -> None:
        self._store, self._requests = store, requests
        self._uncommitted_specs: tuple[Spec, ...] = (cohort.runs[0], *cohort.measures)
        self._statuses_before = store.marker.states

    def rows(self, first: int, records: Mapping[str, Any]) -> None:
        self._store.write_rows(first, records)

    def checkpoint(self, step: int, members: Sequence[int], states: Sequence[State]) -> None:
        self._store.keep_checkpoint(step, members, [to_tensors(state) for state in states])

    def commit(self, rows: Sequence[int], statuses: Sequence[Status], states: Sequence[State], finished: bool) -> None:
        # Not before: until something is recorded, users may correct their code.
        keep_own_code(self._store.files, self._uncommitted_specs)
        self._uncommitted_specs = ()
        members = zip(statuses, self._requests, self._statuses_before, strict=True)
        kept = [now if request else before for now, request, before in members]
        self._store.commit(rows, kept, [to_tensors(state) for state in states], finished)
