"""From runs to a cohort that the engine can train: the grid of recorded steps, stops, checkpoints, and where members begin."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from epicycle.events.standard import bracket_of
from epicycle.events.stops import earliest_unknown_stop, stop_after, stopping
from epicycle.spec.experiment import Request, Run
from epicycle.spec.identity import digest
from epicycle.spec.observation import Observation
from epicycle.training.cohort import Cohort, Start
from epicycle.training.state import slots_for, to_tensors

Starts = Callable[[Sequence[Run]], Sequence[Start]]  # gives the state and data with which each fork begins


def cohort_key(run: Run) -> str:
    """Runs with the same key are trained by one program."""
    table = run.experiment.task.table()
    rows = run.experiment.split.train_rows(table, run.data_seed)
    shape = [run.experiment.static_part(), slots_for(len(rows), len(table.labels))]
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
    requests = [Request.of(run) for run in runs]
    return assembled(runs, requests, observation, [max(request.budget for request in requests)])


def assembled(
    runs: Sequence[Run],
    requests: Sequence[Request | None],
    observation: Observation,
    segment_ends: Sequence[int],
    starts: Starts | None = None,
) -> Cohort:
    """The cohort of these runs.

    Args:
        requests: what is asked of each run; None for a run that nobody asks for now.
        segment_ends: last step of each segment of the series; a longer budget adds a segment.
        starts: where forks begin; None for runs from the start.
    """
    table = runs[0].experiment.task.table()
    stops = _Stops(requests, _grid(observation, segment_ends), table.baseline())
    cohort = Cohort(
        runs=runs,
        table=table,
        measures=observation.measures,
        grid=stops.grid,
        budgets=[request.budget if request else 0 for request in requests],
        find_stop=stops.find,
        earliest_unknown_stop=stops.earliest_unknown,
        fork_starts=None if starts is None else starts(runs),
    )
    megabytes = sum(tensor.nbytes for tensor in to_tensors(cohort.states[0]).values()) * len(runs) / 1e6
    cohort.checkpoints = observation.checkpoint_steps(segment_ends[-1], megabytes)
    return cohort


def _grid(observation: Observation, segment_ends: Sequence[int]) -> Int[ndarray, " step"]:
    """Recorded steps of all segments, one segment after the other."""
    grid, last = np.zeros(0, np.int64), -1
    for end in segment_ends:
        steps = observation.grid(end)
        grid, last = np.concatenate([grid, steps[steps > last]]), end
    return grid


@dataclass(frozen=True)
class _Stops:
    """Finds the events that end members."""

    requests: Sequence[Request | None]
    grid: Int[ndarray, " step"]
    baseline: float

    def find(self, member: int, steps: Int[ndarray, " step"], series: Mapping[str, Any]) -> int | None:
        """The step at which a member stops, as far as its series tell."""
        request = self.requests[member]
        if request is None or request.stop is None:
            return None
        event = stopping(request.stop.event)
        bracket = bracket_of(event, steps, series, self.baseline)
        return None if bracket is None else stop_after(self.grid, event, bracket, request.stop.factor)

    def earliest_unknown(self, step: int) -> int:
        """The earliest step at which a member recorded up to `step` could still turn out to stop."""
        stops = [request.stop for request in self.requests if request and request.stop]
        unknown = (earliest_unknown_stop(self.grid, stopping(stop.event), step, stop.factor) for stop in stops)
        return min(unknown, default=int(self.grid[-1]))
