"""Training a cohort: rounds of chunks over its members, until each has reached its own stop; committed to a sink on the way.

Members advance together, a block of them at a time (one per device), so that a kill loses little and a reader sees all seeds grow. A
round never passes the earliest step at which an event found in it could stop a run, so where rounds end changes no result.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np
from jaxtyping import Int
from numpy import ndarray

from epicycle.spec.experiment import Run
from epicycle.spec.families import Measure
from epicycle.spec.results import DONE, RUNNING, SeriesShape, Status
from epicycle.spec.table import Table
from epicycle.training.cost import member_bytes
from epicycle.training.devices import Machine
from epicycle.training.program import SEGMENTS, Plan, cohort_program
from epicycle.training.snapshots import observe
from epicycle.training.state import Data, State, World, data_of, initialiser, stacked, world_of

ROUND_SECONDS = 2.0  # a round's aim: often enough for a live table, long enough to hide dispatch
Records = dict[str, Any]


class Sink(Protocol):
    """Where a cohort's rows and states go. `commit` makes everything given before it permanent."""

    def rows(self, first: int, records: Mapping[str, Any]) -> None:
        """Series of all members from row `first` of the grid on."""

    def checkpoint(self, step: int, members: Sequence[int], states: Sequence[State]) -> None:
        """Full states of the members that have reached a step."""

    def commit(self, rows: Sequence[int], statuses: Sequence[Status], states: Sequence[State], finished: bool) -> None:
        """Rows that are whole for each member, what each has come to, and the states to resume from."""


class Start(NamedTuple):
    """Where a member begins that does not begin with fresh weights: the state and the data of a fork at its moment, edits applied."""

    state: State
    data: Data


@dataclass
class Cohort:
    """Members that one program trains, and what has been recorded of them.

    Steps of the grid, budgets, stops and checkpoints are counted from where each member begins: from step 0, or for a fork from its
    moment.

    Attributes:
        fork_starts: where each member begins; None: with fresh weights at step 0.
        grid: steps that are evaluated, shared by all members.
        records: measure name -> array [run, step, ...], NaN where nothing is recorded yet.
        rows: recorded rows of each member.
        budgets: the step at which each member ends at the latest.
        stops: the step at which each member ends, as far as its record tells.
        find_stop: given a member, its steps and its series, the step at which an event stops it, or None.
        earliest_unknown_stop: given the step all members have reached, the earliest one at which a stop not yet known could lie.
        checkpoints: steps whose full states are kept.
    """

    runs: Sequence[Run]
    table: Table
    measures: Sequence[Measure]
    grid: Int[ndarray, " step"]
    budgets: list[int]
    find_stop: Callable[[int, Int[ndarray, " step"], Mapping[str, Any]], int | None]
    earliest_unknown_stop: Callable[[int], int] = field(default=lambda here: np.iinfo(np.int64).max)
    checkpoints: Int[ndarray, " step"] = field(default_factory=lambda: np.zeros(0, np.int64))
    fork_starts: Sequence[Start] | None = None
    world: World = field(init=False)
    data: list[Data] = field(init=False)
    states: list[State] = field(init=False)
    first_steps: list[int] = field(init=False)
    rows: list[int] = field(init=False)
    stops: list[int] = field(init=False)
    records: Records = field(default_factory=dict)
    _shapes: dict[str, Any] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.world = world_of(self.table)
        if self.fork_starts is None:
            self.data = [data_of(run, self.table) for run in self.runs]
            begin = initialiser(self.runs[0].experiment, self.table)
            self.states = [begin(run, data) for run, data in zip(self.runs, self.data, strict=True)]
        else:
            self.states, self.data = [start.state for start in self.fork_starts], [start.data for start in self.fork_starts]
        self.first_steps = [int(state.step) for state in self.states]
        self.rows = [0] * len(self.runs)
        self.stops = list(self.budgets)

    def series_shapes(self) -> dict[str, SeriesShape]:
        """The shape of one record of each series, by the series' name."""
        if self._shapes is None:
            experiment, state, data = self.runs[0].experiment, self.states[0], self.data[0]
            self._shapes = jax.eval_shape(lambda s, d: observe(experiment, self.measures, s, d, self.world), state, data)
        shapes = self._shapes
        return {m.name: SeriesShape(m.dims, shapes[m.name].shape, shapes[m.name].dtype) for m in self.measures}

    def member_bytes(self) -> int:
        """Memory that one member needs on its device, an upper estimate."""
        return member_bytes(self.runs[0].experiment, self.measures, self.world, self.data[0], self.states[0])

    def coords(self) -> dict[str, list[str]]:
        """Labels along the series' own axes."""
        return {axis: labels for m in self.measures for axis, labels in m.coords(self.states[0].params).items()}

    def statuses(self) -> list[Status]:
        """The status of each member: running, done, or diverged."""
        return [
            Status.diverged_at(int(state.diverged)) if state.diverged >= 0 else DONE if self.reached(m) >= self.stops[m] else RUNNING
            for m, state in enumerate(self.states)
        ]

    def reached(self, member: int) -> int:
        """Steps that a member has done since it began."""
        return int(self.states[member].step) - self.first_steps[member]

    def resume(self, states: Sequence[State], rows: Sequence[int], records: Records) -> None:
        """Take up committed states and rows."""
        self.states, self.rows, self.records = list(states), list(rows), records
        self.stops = list(self.budgets)
        for member in range(len(self.runs)):
            self._update_stop(member)

    def active(self) -> list[int]:
        """Members that have not reached their stop and have not diverged."""
        return [m for m, state in enumerate(self.states) if self.reached(m) < self.stops[m] and state.diverged < 0]

    def take(self, member: int, state: State, wanted: Int[ndarray, " segment"], records: Mapping[str, Any]) -> None:
        """Store what a chunk brought for one member; `wanted` names the grid row of each recorded segment."""
        self.states[member] = state
        for name, values in records.items():
            series = self.records.setdefault(name, np.full((len(self.runs), len(self.grid), *values.shape[1:]), np.nan, values.dtype))
            series[member, wanted] = values[: len(wanted)]
        self.rows[member] += len(wanted)
        self._update_stop(member)

    def _update_stop(self, member: int) -> None:
        seen = slice(0, self.rows[member])
        series = {name: values[member, seen] for name, values in self.records.items()}
        stop = self.find_stop(member, self.grid[seen], series) if self.rows[member] else None
        if stop is not None:
            at = int(np.searchsorted(self.grid, stop))
            self.stops[member] = min(int(self.grid[min(at, len(self.grid) - 1)]), self.budgets[member])


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
        report: called after every round with the cohort and the member-steps a second.
        interrupted: asked after every round; True commits and ends.
        commit_seconds: longest time between two commits; cheap commits come more often.

    Raises:
        Interrupted: `interrupted` said so.
    """
    program = cohort_program(cohort.runs[0].experiment, cohort.measures, machine)
    width = machine.width(len(cohort.runs), cohort.member_bytes() if machine.lane == "vmap" else 0)
    pace, clock = _Pace(), _CommitClock(commit_seconds)
    written = min(cohort.rows)
    with _Beside() as beside:
        if not cohort.active():  # nothing to do, but what is asked for has changed
            beside(_commit(cohort, sink, written))
        while active := cohort.active():
            here = min(cohort.reached(m) for m in active)
            goal = _round_goal(cohort, here, pace, len(active))
            started = time.perf_counter()
            moved = _advance(cohort, program, width, active, goal)
            pace.measured(moved, time.perf_counter() - started)
            if goal in cohort.checkpoints:
                reached = [m for m in active if cohort.reached(m) == goal and cohort.states[m].diverged < 0]
                beside(partial(sink.checkpoint, goal, reached, [cohort.states[m] for m in reached]))
            report(cohort, pace.rate)
            ending = interrupted()
            if clock.due() or ending or not cohort.active():
                beside(clock.timing(_commit(cohort, sink, written)))
                written = min((cohort.rows[m] for m in cohort.active()), default=written)
            if ending and cohort.active():
                raise Interrupted


def _commit(cohort: Cohort, sink: Sink, first: int) -> Callable[[], None]:
    """A function that makes everything up to now permanent, whatever the cohort does meanwhile."""
    last, finished = max(cohort.rows), not cohort.active()
    records = {name: values[:, first:last].copy() for name, values in cohort.records.items()}
    rows, statuses, states = list(cohort.rows), cohort.statuses(), list(cohort.states)

    def write() -> None:
        sink.rows(first, records)
        sink.commit(rows, statuses, states, finished=finished)

    return write


class _Beside:
    """Writes beside training: one thread, one job at a time and in order; a failure surfaces at the next job or at the end."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="epicycle-writer")
        self._last: Future[None] | None = None

    def __call__(self, job: Callable[[], None]) -> None:
        self._wait()
        self._last = self._thread.submit(job)

    def _wait(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def __enter__(self) -> "_Beside":
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self._wait()
        finally:
            self._thread.shutdown()


def _round_goal(cohort: Cohort, here: int, pace: "_Pace", members: int) -> int:
    """The step a round ends at: bounded by stops still to be found, the segments of a chunk, checkpoints and time."""
    ahead = cohort.grid[cohort.grid > here][:SEGMENTS]
    marks = cohort.checkpoints[cohort.checkpoints > here]
    affordable = here + pace.steps_in(ROUND_SECONDS, members)
    return max(here + 1, int(min(cohort.earliest_unknown_stop(here), ahead[-1], marks[0] if len(marks) else ahead[-1], affordable)))


def _advance(cohort: Cohort, program: Any, width: int, active: Sequence[int], goal: int) -> int:
    """Train the active members to `goal` or their stop; returns the member-steps done.

    The next block is dispatched before the last one is read, so the devices do not wait for the host.
    """
    waiting: tuple[list[int], list[Any], Any] | None = None
    before = sum(int(cohort.states[m].step) for m in active)
    for members in _blocks(active, width):
        plans = [_plan(cohort, member, goal) for member in members]
        padded = members + [members[0]] * (width - len(members))
        lanes = [plan for plan, _ in plans] + [jax.tree.map(np.zeros_like, plans[0][0])] * (width - len(plans))
        running = program(
            cohort.world,
            stacked([cohort.data[m] for m in padded]),
            stacked([cohort.states[m] for m in padded]),
            stacked(lanes),
        )
        if waiting is not None:
            _collect(cohort, *waiting)
        waiting = (members, plans, running)
    if waiting is not None:
        _collect(cohort, *waiting)
    return sum(int(cohort.states[m].step) for m in active) - before


def _blocks(members: Sequence[int], width: int) -> Iterator[list[int]]:
    for first in range(0, len(members), width):
        yield list(members[first : first + width])


def _plan(cohort: Cohort, member: int, goal: int) -> tuple[Plan, Int[ndarray, " segment"]]:
    """Segments that lead a member to `goal` (or its stop), and the grid rows recorded on the way."""
    here, end = cohort.reached(member), min(goal, cohort.stops[member])
    rows = np.arange(cohort.rows[member], np.searchsorted(cohort.grid, end, side="right"))
    ends = cohort.grid[rows]
    edges = np.concatenate([[here], ends, [end] if not len(ends) or ends[-1] < end else []]).astype(np.int64)
    steps: Any = np.zeros(SEGMENTS + 1, np.int32)
    wanted: Any = np.zeros(SEGMENTS + 1, bool)
    steps[: len(edges) - 1] = np.diff(edges)
    wanted[: len(rows)] = True
    return Plan(steps, wanted), rows


def _collect(cohort: Cohort, members: list[int], plans: list[Any], running: Any) -> None:
    states, records = jax.device_get(running)
    for i, (member, (_, rows)) in enumerate(zip(members, plans, strict=True)):
        state = jax.tree.map(lambda value, i=i: value[i], states)
        steps = cohort.grid[rows] + cohort.first_steps[member]
        reached = rows[steps <= state.step] if state.diverged < 0 else rows[steps < state.diverged + 1]
        cohort.take(member, state, reached, {name: values[i] for name, values in records.items()})


class _Pace:
    """Member-steps a second, learnt from the last round."""

    def __init__(self) -> None:
        self.rate = 0.0
        self._rounds = 0

    def measured(self, member_steps: int, seconds: float) -> None:
        """Learn from one round."""
        self.rate = member_steps / max(seconds, 1e-9)
        self._rounds += 1

    def steps_in(self, seconds: float, members: int) -> int:
        """Steps of every member that fit into a time; 20 until a round was measured that did not compile."""
        return 20 if self._rounds < 2 else max(1, int(seconds * self.rate / members))


class _CommitClock:
    """Says when to commit: at the latest after `longest` seconds, earlier where a commit costs under 2 % of the time since."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._cost = 0.1
        self._last = time.perf_counter()

    def due(self) -> bool:
        return time.perf_counter() - self._last > min(self._longest, 50 * self._cost)

    def timing(self, commit: Callable[[], None]) -> Callable[[], None]:
        """The commit, measured."""
        self._last = time.perf_counter()

        def measured() -> None:
            began = time.perf_counter()
            commit()
            self._cost = time.perf_counter() - began

        return measured
