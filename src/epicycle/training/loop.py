"""The training loop: rounds over a cohort's members until each has reached its own stop, committed to a sink on the way.

Members advance together, a block of them at a time (one per device). So a killed process loses little, and a reader sees all seeds
grow.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol

from epicycle.spec.results import Status
from epicycle.training.cohort import Cohort
from epicycle.training.devices import Machine
from epicycle.training.program import cohort_program
from epicycle.training.rounds import Block, Pace, advance, blocks_of, round_goal
from epicycle.training.state import State


class Sink(Protocol):
    """Where the records and states of a cohort are written. `commit` makes everything written before it permanent."""

    def rows(self, first: int, records: Mapping[str, Any]) -> None:
        """Write records of all members.

        Args:
            first: the row of the grid at which they begin.
            records: name of a series -> array [run, step, ...].
        """

    def checkpoint(self, step: int, members: Sequence[int], states: Sequence[State]) -> None:
        """Write the full states of the members that have reached a step."""

    def commit(self, rows: Sequence[int], statuses: Sequence[Status], states: Sequence[State], finished: bool) -> None:
        """Make everything written so far permanent.

        Args:
            rows: for each member the number of rows that are whole.
            statuses: the status of each member.
            states: for each member the state to resume from.
            finished: whether no member is running any more.
        """


class Interrupted(Exception):
    """Training was asked to end early; everything up to here is committed."""


def train(
    cohort: Cohort,
    machine: Machine,
    sink: Sink,
    report: Callable[[Cohort, float], None],
    interrupted: Callable[[], bool],
    commit_seconds: float = 30.0,
) -> None:
    """Train every member to its stop.

    Args:
        cohort: what is trained; its states and records are updated.
        machine: the devices to train on.
        sink: where records and states are written.
        report: called after every round with the cohort and the member-steps a second.
        interrupted: called after every round; True commits and ends.
        commit_seconds: longest time between two commits; cheap commits come more often.

    Raises:
        Interrupted: `interrupted` returned True while members were still running.
    """
    program = cohort_program(cohort.runs[0].experiment, cohort.measures, machine)
    width = cohort.width(machine)
    pace, clock = Pace(), CommitClock(commit_seconds)
    first_row = min(cohort.rows)  # where the rows begin that are not written for every member
    with _Writer() as writer:
        if not cohort.active():  # there is nothing to train, but what is asked of the members has changed
            writer.submit(_commit_job(cohort, sink, first_row))
        if 0 in cohort.checkpoints and any(cohort.reached(member) == 0 for member in cohort.active()):
            _keep_checkpoint(cohort, sink, writer, 0, cohort.active())
        while active := cohort.active():
            blocks = blocks_of(active, width, machine)
            _train_round(cohort, program, blocks, active, pace, partial(_keep_checkpoint, cohort, sink, writer))
            report(cohort, pace.rate)
            ending = interrupted()
            if clock.due() or ending or not cohort.active():
                writer.submit(clock.timed(_commit_job(cohort, sink, first_row)))
                first_row = min((cohort.rows[member] for member in cohort.active()), default=first_row)
            if ending and cohort.active():
                raise Interrupted


def _train_round(
    cohort: Cohort,
    program: Callable[..., Any],
    blocks: Sequence[Block],
    active: Sequence[int],
    pace: Pace,
    keep_checkpoint: Callable[[int, Sequence[int]], None],
) -> None:
    reached = min(cohort.reached(member) for member in active)
    goal = round_goal(cohort, reached, pace, active)
    began = time.perf_counter()
    member_steps = advance(cohort, program, blocks, goal)
    pace.learn(member_steps, time.perf_counter() - began)
    if goal in cohort.checkpoints:
        keep_checkpoint(goal, active)


def _keep_checkpoint(cohort: Cohort, sink: Sink, writer: "_Writer", step: int, active: Sequence[int]) -> None:
    """Write the states of the members that have reached a step."""
    members = [member for member in active if cohort.reached(member) == step and cohort.states[member].diverged < 0]
    writer.submit(partial(sink.checkpoint, step, members, [cohort.states[member] for member in members]))


def _commit_job(cohort: Cohort, sink: Sink, first_row: int) -> Callable[[], None]:
    """A function that commits everything up to now, even if the cohort trains on before it is called."""
    last_row, finished = max(cohort.rows), not cohort.active()
    records = {name: values[:, first_row:last_row].copy() for name, values in cohort.records.items()}
    rows, statuses, states = list(cohort.rows), cohort.statuses(), list(cohort.states)

    def commit() -> None:
        sink.rows(first_row, records)
        sink.commit(rows, statuses, states, finished=finished)

    return commit


class _Writer:
    """Writes in a thread of its own while training goes on: one job at a time, in order.

    An error in a job is raised when the next one is submitted, or at the end.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="epicycle-writer")
        self._last_job: Future[None] | None = None

    def submit(self, job: Callable[[], None]) -> None:
        """Wait for the job before this one, then start this one."""
        self._wait()
        self._last_job = self._thread.submit(job)

    def _wait(self) -> None:
        job, self._last_job = self._last_job, None
        if job is not None:
            job.result()

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self._wait()
        finally:
            self._thread.shutdown()


class CommitClock:
    """Says when to commit: after `longest` seconds at the latest, earlier if a commit costs under 2 % of the time since the last."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._cost = 0.1  # seconds
        self._last = time.perf_counter()

    def due(self) -> bool:
        """Whether it is time for a commit."""
        return time.perf_counter() - self._last > min(self._longest, 50 * self._cost)

    def timed(self, commit: Callable[[], None]) -> Callable[[], None]:
        """The same commit, which also measures its cost. The time since the last commit counts from this call."""
        self._last = time.perf_counter()

        def measured() -> None:
            began = time.perf_counter()
            commit()
            self._cost = time.perf_counter() - began

        return measured
