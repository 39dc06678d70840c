"""From runs to a cohort that the engine can train: the grid of recorded steps, stops, checkpoints, and where members begin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from epicycle.events.standard import bracket_of
from epicycle.events.stops import earliest_unknown_stop, stop_after, stopping
from epicycle.spec.experiment import Request, Run
from epicycle.spec.identity import digest
from epicycle.spec.observation import Observation
from epicycle.store.cohorts import RecordedSteps
from epicycle.training.cohort import Cohort, Start
from epicycle.training.devices import Machine, fixed_settings
from epicycle.training.state import slots_for, to_tensors


class Starts(Protocol):
    """Where forks begin."""

    def __call__(self, runs: Sequence[Run]) -> Sequence[Start]:
        """The state and data with which each fork begins."""

    def signatures_not_repeated(self, runs: Sequence[Run], machine: Machine) -> list[Mapping[str, Any]]:
        """The signatures of parents that were trained elsewhere, where this machine gives other bits than they have."""


def cohort_key(run: Run) -> str:
    """Runs with the same key are trained by one program."""
    table = run.experiment.task.table()
    rows = run.experiment.split.train_rows(table, run.data_seed)
    shape = [run.experiment.static_part(), slots_for(len(rows), len(table.labels)), run.precision]
    # Forks have as many lengths as moments; a cohort for each length would leave cores without work.
    return digest([*shape, "fork"] if run.lineage else [*shape, run.experiment.training.steps])


def grouped(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs by the program that trains them, one new cohort each."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(cohort_key(run), []).append(run)
    return list(groups.values())


def planned_cohort(runs: Sequence[Run], observation: Observation) -> Cohort:
    """The cohort that runs of one program would make. Nothing is stored."""
    with fixed_settings(runs[0].precision):
        return assembled(runs, [Request.of(run) for run in runs], observation)


def assembled(
    runs: Sequence[Run],
    requests: Sequence[Request | None],
    observation: Observation,
    recorded: RecordedSteps | None = None,
    starts: Starts | None = None,
) -> Cohort:
    """The cohort of these runs.

    Args:
        requests: what is asked of each run; None for a run that nobody asks for now.
        recorded: what is recorded already; None for a new cohort.
        starts: where forks begin; None for runs from the start.
    """
    table = runs[0].experiment.task.table()
    grid, grids = _grids(requests, observation, recorded or RecordedSteps.none(len(runs)))
    stops = _Stops(requests, grids, table.baseline())
    cohort = Cohort(
        runs=runs,
        table=table,
        measures=observation.measures,
        grid=grid,
        budgets=[request.budget if request else 0 for request in requests],
        find_stop=stops.find,
        earliest_unknown_stop=stops.earliest_unknown,
        grids=grids,
        fork_starts=None if starts is None else starts(runs),
    )
    megabytes = sum(tensor.nbytes for tensor in to_tensors(cohort.states[0]).values()) * len(runs) / 1e6
    cohort.checkpoints = observation.checkpoint_steps(int(grid[-1]), megabytes)
    return cohort


def _grids(
    requests: Sequence[Request | None], observation: Observation, recorded: RecordedSteps
) -> tuple[Int[ndarray, " step"], list[Int[ndarray, " step"]]]:
    """The steps that some member records, and those of each member: what is recorded, and the steps of its own requests.

    So a member's record does not depend on its company. Steps before the end of the record stay as they are, because nothing can be
    put between stored rows.
    """
    last = recorded.grid[-1] if len(recorded.grid) else -1
    none = recorded.grid[:0]
    ends = [(request.budget, *request.shorter) if request else () for request in requests]
    asked = [np.unique(np.concatenate([none, *map(observation.grid, budgets)])) for budgets in ends]
    grid = np.unique(np.concatenate([recorded.grid, *(steps[steps > last] for steps in asked)]))
    own = [np.intersect1d(np.union1d(done, steps), grid) for done, steps in zip(recorded.members, asked, strict=True)]
    shared: dict[bytes, Int[ndarray, " step"]] = {}  # members with the same steps share one array
    return grid, [shared.setdefault(steps.tobytes(), steps) for steps in own]


@dataclass(frozen=True)
class _Stops:
    """Finds the events that end members."""

    requests: Sequence[Request | None]
    grids: Sequence[Int[ndarray, " step"]]
    baseline: float

    def find(self, member: int, steps: Int[ndarray, " step"], series: Mapping[str, Any]) -> int | None:
        """The step at which a member stops, as far as its series tell."""
        request = self.requests[member]
        if request is None or request.stop is None:
            return None
        event = stopping(request.stop.event)
        bracket = bracket_of(event, steps, series, self.baseline)
        return None if bracket is None else stop_after(self.grids[member], event, bracket, request.stop.factor)

    def earliest_unknown(self, step: int) -> int:
        """The earliest step at which a member recorded up to `step` could still turn out to stop."""
        stops = {
            (request.stop, id(grid)): grid
            for request, grid in zip(self.requests, self.grids, strict=True)
            if request and request.stop and grid[-1] > step
        }
        unknown = (earliest_unknown_stop(grid, stopping(stop.event), step, stop.factor) for (stop, _), grid in stops.items())
        return min(unknown, default=np.iinfo(np.int64).max)
