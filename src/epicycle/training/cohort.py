"""A cohort: the runs that one program trains, with their states, their stops and what has been recorded of them.

`loop.py` trains a cohort; this module holds its data and the questions asked about it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Int
from numpy import ndarray

from epicycle.spec.experiment import Run
from epicycle.spec.families import Edit, Measure
from epicycle.spec.results import DONE, RUNNING, SeriesShape, Status
from epicycle.spec.table import Table
from epicycle.training.cost import bytes_of, member_bytes
from epicycle.training.devices import Machine
from epicycle.training.snapshots import observe
from epicycle.training.state import Data, State, World, data_of, initialiser, world_of

Records = dict[str, Any]  # name of a series -> array [run, step, ...], NaN where nothing is recorded
Steps = Int[ndarray, " step"]
# (member, recorded steps, series of this member up to there) -> the step at which an event stops the member, or None.
StopFinder = Callable[[int, Steps, Mapping[str, Any]], int | None]


class Start(NamedTuple):
    """Where a fork begins.

    Attributes:
        state: the parent's state at the moment of the fork, with the edits applied.
        data: what the fork trains on, with the edits applied.
        edits: the edits as they were made: what they select in the run, as numbers.
    """

    state: State
    data: Data
    edits: tuple[Edit, ...] = ()


@dataclass
class Cohort:
    """Runs that one program trains, and what has been recorded of them. Each run is a member, numbered from 0.

    The grid, budgets, stops and checkpoints count steps from where a member begins: from step 0, or for a fork from its moment.

    Attributes:
        runs: the members.
        table: the task's table, which all members share.
        measures: what is recorded.
        grid: every step that some member records.
        budgets: for each member the step at which it ends at the latest.
        find_stop: the step at which an event stops a member, as far as its records show; None while they show none.
        earliest_unknown_stop: given the step that all members have reached, the earliest step at which a stop could lie that their
            records do not show yet. Training never passes it without looking at the records again.
        checkpoints: the steps whose full states are kept.
        grids: for each member the steps of `grid` that it records, so that its company does not change its record; empty if all
            members record all of them.
        fork_starts: for each member where it begins, if the members are forks; None if they begin with fresh weights at step 0.
        world: the task's table on the device.
        data: for each member the rows it trains on.
        states: the present state of each member.
        first_steps: for each member the step of its state at the beginning, counted from the first ancestor's start.
        rows: for each member the number of grid steps that are recorded.
        stops: for each member the step at which it ends, as far as its records show.
        records: what has been recorded.
    """

    runs: Sequence[Run]
    table: Table
    measures: Sequence[Measure]
    grid: Steps
    budgets: list[int]
    find_stop: StopFinder
    earliest_unknown_stop: Callable[[int], int] = field(default=lambda reached: np.iinfo(np.int64).max)
    checkpoints: Steps = field(default_factory=lambda: np.zeros(0, np.int64))
    grids: Sequence[Steps] = ()
    fork_starts: Sequence[Start] | None = None
    world: World = field(init=False)
    data: list[Data] = field(init=False)
    states: list[State] = field(init=False)
    first_steps: list[int] = field(init=False)
    rows: list[int] = field(init=False)
    stops: list[int] = field(init=False)
    records: Records = field(default_factory=dict)
    _record_shapes: dict[str, jax.ShapeDtypeStruct] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.world = world_of(self.table)
        self.grids = self.grids or [self.grid] * len(self.runs)
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
        if self._record_shapes is None:
            experiment, state, data = self.runs[0].experiment, self.states[0], self.data[0]
            self._record_shapes = jax.eval_shape(lambda s, d: observe(experiment, self.measures, s, d, self.world), state, data)
        records = {measure.name: (measure.dims, self._record_shapes[measure.name]) for measure in self.measures}
        return {name: SeriesShape(axes, record.shape, record.dtype) for name, (axes, record) in records.items()}

    def member_bytes(self) -> int:
        """Bytes of memory that one member needs on its device, an upper estimate."""
        return member_bytes(self.runs[0].experiment, self.measures, self.world, self.data[0], self.states[0])

    def width(self, machine: Machine) -> int:
        """How many members one call of the program takes on a machine."""
        # Where members take turns, the memory of one of them limits nothing, and estimating it takes a second.
        at_once = machine.at_once(len(self.runs), self.member_bytes() if machine.lane == "vmap" else 0)
        return machine.width(at_once, bytes_of((self.data[0], self.states[0])))

    def coords(self) -> dict[str, list[str]]:
        """Labels along the series' own axes, by the axis' name."""
        params, task = self.states[0].params, self.runs[0].experiment.task
        return {axis: labels for measure in self.measures for axis, labels in measure.coords(params, task).items()}

    def statuses(self) -> list[Status]:
        """The status of each member: running, done, or diverged."""
        return [self._status(member) for member in range(len(self.runs))]

    def _status(self, member: int) -> Status:
        if self.states[member].diverged >= 0:
            return Status.diverged_at(int(self.states[member].diverged))
        return DONE if self.reached(member) >= self.stops[member] else RUNNING

    def reached(self, member: int) -> int:
        """Steps that a member has done since it began."""
        return int(self.states[member].step) - self.first_steps[member]

    def recorded_to(self, member: int, state: State) -> int:
        """The last step that a member may record in a state, counted from where it begins. A diverged one records nothing later."""
        return int(state.step if state.diverged < 0 else state.diverged) - self.first_steps[member]

    def active(self) -> list[int]:
        """The members that are still running."""
        return [member for member, status in enumerate(self.statuses()) if status == RUNNING]

    def resume(self, states: Sequence[State], rows: Sequence[int], records: Records) -> None:
        """Go on from what a sink committed.

        Args:
            states: for each member the state to continue.
            rows: for each member the number of grid steps that are recorded.
            records: what has been recorded.
        """
        self.states, self.rows, self.records = list(states), list(rows), records
        self.stops = list(self.budgets)
        for member in range(len(self.runs)):
            self._update_stop(member)

    def take(self, member: int, state: State, rows: Int[ndarray, " segment"], records: Mapping[str, Any]) -> None:
        """Take over what a chunk gave for one member.

        Args:
            member: which one.
            state: its state after the chunk.
            rows: the rows of the grid that the chunk recorded, in order. The rows between them stay NaN.
            records: name of a series -> array [segment, ...], whose first entries belong to those rows.
        """
        self.states[member] = state
        for name, values in records.items():
            series = self.records.setdefault(name, np.full((len(self.runs), len(self.grid), *values.shape[1:]), np.nan, values.dtype))
            series[member, rows] = values[: len(rows)]
        self.rows[member] = int(np.searchsorted(self.grid, self.recorded_to(member, state), side="right"))
        self._update_stop(member)

    def _update_stop(self, member: int) -> None:
        """Move a member's stop to the step of its grid at or after the one that its records show, but not past its budget."""
        recorded = slice(0, self.rows[member])
        series = {name: values[member, recorded] for name, values in self.records.items()}
        stop = self.find_stop(member, self.grid[recorded], series) if self.rows[member] else None
        if stop is not None:
            own = self.grids[member]
            row = int(np.searchsorted(own, stop))
            self.stops[member] = min(int(own[min(row, len(own) - 1)]), self.budgets[member])
