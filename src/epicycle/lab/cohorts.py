"""Runs to trained, stored cohorts: allocate what is missing, resume what is not finished, train nothing twice."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from epicycle.events.standard import bracket_of
from epicycle.events.stops import earliest_unknown_stop, refuse_unrecorded_stops, stop_after, stopping
from epicycle.lab.resources import refuse_what_does_not_fit
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Run, longest
from epicycle.spec.families import Measure
from epicycle.spec.identity import digest
from epicycle.spec.observation import Observation
from epicycle.spec.paths import overrides
from epicycle.spec.results import Status
from epicycle.splits.drawn import leakage
from epicycle.store.catalogue import Catalogue
from epicycle.store.cohorts import CohortStore, create_cohort, sweep_nurseries
from epicycle.store.files import Root
from epicycle.store.own_code import keep_sources, refuse_changed
from epicycle.training.checks import refuse_unfit
from epicycle.training.cohort import Cohort, Interrupted, Start, train
from epicycle.training.devices import start
from epicycle.training.state import State, from_tensors, slots_for, to_tensors

POLL_SECONDS = 1.0  # between two looks whether a cohort that another process trains has become free


@dataclass(frozen=True)
class Progress:
    """A cohort after a round, for whoever watches.

    Attributes:
        rate: member-steps a second.
    """

    cohort_id: str
    cohort: Cohort
    rate: float


Watcher = Callable[[Progress], None]
Starts = Callable[[Sequence[Run]], Sequence[Start]]


def train_runs(
    runs: Sequence[Run],
    observation: Observation,
    root: Root,
    watch: Watcher,
    interrupted: Callable[[], bool],
    starts: Starts | None = None,
) -> int:
    """Bring every run to its stop or its budget. Cohorts that another process trains come last, and are waited for.

    Args:
        starts: where forks begin, asked for when there is something to train; all runs are then forks.

    Returns:
        How many runs were trained or continued; 0 when all were there already.

    Raises:
        InputError: something stored is damaged beyond its fallbacks.
        Interrupted: `interrupted` said so; everything is committed.
    """
    refuse_unrecorded_stops(runs, observation)
    wanted = longest(runs)
    catalogue = Catalogue(root)
    with catalogue.allocating():
        catalogue.refresh()
        sweep_nurseries(root)
        _allocate([run for run_id, run in wanted.items() if run_id not in catalogue.places], observation, root)
        catalogue.refresh()
    trained, told = 0, False
    waiting = list(dict.fromkeys(catalogue.places[run_id][0] for run_id in wanted))
    while waiting:
        elsewhere = []
        for cohort_id in waiting:
            go_on(interrupted)
            done = _bring(CohortStore(root.cohort(cohort_id)), wanted, observation, watch, interrupted, starts)
            elsewhere += [cohort_id] if done is None else []
            trained += done or 0
        if elsewhere == waiting:
            if not told:
                warnings.warn(f"another process is training cohort {', '.join(elsewhere)}; waiting for it.", stacklevel=2)
            told = True
            time.sleep(POLL_SECONDS)
        waiting = elsewhere
    return trained


def go_on(interrupted: Callable[[], bool]) -> None:
    """Go on, unless asked to end.

    Raises:
        Interrupted: `interrupted` said so.
    """
    if interrupted():
        raise Interrupted


def _bring(
    store: CohortStore,
    wanted: Mapping[str, Run],
    observation: Observation,
    watch: Watcher,
    interrupted: Callable[[], bool],
    starts: Starts | None,
) -> int | None:
    """Bring the wanted runs of a cohort to their ends: how many had to be trained, or None if another process trains it."""
    asked = _asked(store, wanted)
    parts = _parts(store, wanted, observation)
    refuse_changed(store.files, parts)
    trained = 0
    if not _satisfied(store, asked, observation):
        with store.held() as ours:
            if not ours:
                return None
            if not _satisfied(store, asked, observation):  # another process may just have done it
                store.verify()
                trained = _train_cohort(store, asked, wanted, watch, interrupted, starts)
                if missing := _unrecorded(store, observation):
                    _replay(store, missing, wanted, watch, interrupted, starts)
    store.verify()
    keep_sources(store.files, parts)
    return trained


def _allocate(runs: Sequence[Run], observation: Observation, root: Root) -> None:
    groups = grouped(runs)
    if groups:
        start()  # shapes are JAX's to tell, and it must be started with its devices first
    for group in groups:
        refuse_unfit(group[0], observation.measures)
    for group in groups:
        create_cohort(root, group[0].experiment, observation, [_member(run, group[0]) for run in group])


def _parts(store: CohortStore, wanted: Mapping[str, Run], observation: Observation) -> list[Any]:
    """What of a user's own could be in a cohort: its runs share their classes."""
    return [next(wanted[member["run"]] for member in store.members if member["run"] in wanted), *observation.measures]


def grouped(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs by the program that trains them: one new cohort each."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(cohort_key(run), []).append(run)
    return list(groups.values())


def _member(run: Run, first: Run) -> dict[str, Any]:
    """What a cohort's member list says of a run."""
    table = run.experiment.task.table()
    trained = np.zeros(len(table.labels), bool)
    rows = run.experiment.split.train_rows(table, run.data_seed)
    run.experiment.split.train_labels(table, rows, run.data_seed)  # what cannot be told is refused before anything is written
    trained[rows] = True
    return {
        "run": run.id,
        "seed": run.seed,
        "data_seed": run.data_seed,
        "baseline": table.baseline(),
        "train_rows": int(trained.sum()),
        "leakage": leakage(table, trained),
        "start": start_of(run),
        **_lineage(run),
        "differs": overrides(first.experiment.model_dump(mode="json"), run.experiment.model_dump(mode="json")),
    }


def _lineage(run: Run) -> dict[str, Any]:
    if run.lineage is None:
        return {}
    return {"lineage": {**run.lineage, "edits": [edit.model_dump(mode="json") for edit in run.lineage["edits"]]}}


def start_of(run: Run) -> int:
    """The step, counted from the first ancestor's, at which a run begins: 0, or for a fork the sum of its lineage's moments."""
    return int(run.lineage["start"]) if run.lineage else 0


def cohort_key(run: Run) -> str:
    """Runs with the same key are trained by one program."""
    table = run.experiment.task.table()
    rows = run.experiment.split.train_rows(table, run.data_seed)
    shape = [run.experiment.static_part(), slots_for(len(rows), len(table.labels))]
    # Forks at moments of their own have as many lengths as members; a cohort each would leave cores without work.
    return digest([*shape, "fork"] if run.lineage else [*shape, run.experiment.training.steps])


def _asked(store: CohortStore, wanted: Mapping[str, Run]) -> list[dict[str, Any] | None]:
    """Budget and stop for each member; None for members nobody asks for now, which stay where they are."""
    runs = [wanted.get(member["run"]) for member in store.members]
    return [None if run is None else _wish(run) for run in runs]


def _wish(run: Run) -> dict[str, Any]:
    training = run.experiment.training
    return {"budget": training.steps, "stop": training.stop.model_dump() if training.stop else None}


def _satisfied(store: CohortStore, asked: Sequence[Mapping[str, Any] | None], observation: Observation) -> bool:
    """Whether what is asked of every member is there already."""
    if not store.finished or _unrecorded(store, observation):
        return False
    return all(
        now is None
        or told.startswith("diverged")
        or (then is not None and then["stop"] in (None, now["stop"]) and then["budget"] >= now["budget"])
        for then, now, told in zip(store.status["asked"], asked, store.status["states"], strict=True)
    )


def _unrecorded(store: CohortStore, observation: Observation) -> list[Measure]:
    have = {measure.name for measure in store.observation().measures}
    return [measure for measure in observation.measures if measure.name not in have]


def _train_cohort(
    store: CohortStore,
    asked: Sequence[Mapping[str, Any] | None],
    wanted: Mapping[str, Run],
    watch: Watcher,
    interrupted: Callable[[], bool],
    starts: Starts | None,
) -> int:
    machine = start()
    some_run = next(wanted[member["run"]] for member in store.members if member["run"] in wanted)
    runs = [wanted.get(member["run"], some_run) for member in store.members]  # members nobody asks for are not advanced
    budget = max(store.budget, *(entry["budget"] for entry in asked if entry))
    try:
        cohort = _cohort(runs, asked, store.observation(), [*store.segment_ends(), budget], starts)
        refuse_what_does_not_fit(cohort, store.observation(), store.files.path, machine)
    except InputError:  # an edit that cannot be made, or too much for the machine, where fewer seeds may do: nothing stays behind
        store.discard_unstarted()
        raise
    if budget > store.budget:
        store.extend(cohort.grid[cohort.grid > store.budget] if store.budget else cohort.grid, cohort.series_shapes(), cohort.coords())
    store.sign(machine.signature(), asked)
    _resume(store, cohort, asked)
    moving = len(cohort.active())
    train(cohort, machine, _Sink(store, asked, cohort), lambda c, rate: watch(Progress(store.id, c, rate)), interrupted)
    return moving


def planned(runs: Sequence[Run], observation: Observation) -> Cohort:
    """The cohort that runs of one program would make, not stored anywhere."""
    asked = [_wish(run) for run in runs]
    return _cohort(runs, asked, observation, [max(entry["budget"] for entry in asked)])


def _cohort(
    runs: Sequence[Run],
    asked: Sequence[Mapping[str, Any] | None],
    observation: Observation,
    segment_ends: Sequence[int],
    starts: Starts | None = None,
) -> Cohort:
    """The cohort, on the grid of its segments one after the other."""
    grid, done = np.zeros(0, np.int64), -1
    for end in segment_ends:
        steps = observation.grid(end)
        grid, done = np.concatenate([grid, steps[steps > done]]), end
    table = runs[0].experiment.task.table()
    baseline = table.baseline()

    def stop_of(member: int, steps: Int[ndarray, " step"], series: Mapping[str, Any]) -> int | None:
        entry = asked[member]
        if entry is None or entry["stop"] is None:
            return None
        event = stopping(entry["stop"]["event"])
        bracket = bracket_of(event, steps, series, baseline)
        return None if bracket is None else stop_after(grid, event, bracket, entry["stop"]["factor"])

    def horizon(here: int) -> int:
        stops = [entry["stop"] for entry in asked if entry and entry["stop"]]
        return min((earliest_unknown_stop(grid, stopping(s["event"]), here, s["factor"]) for s in stops), default=int(grid[-1]))

    cohort = Cohort(
        runs=runs,
        table=table,
        measures=observation.measures,
        grid=grid,
        budgets=[entry["budget"] if entry else 0 for entry in asked],
        find_stop=stop_of,
        earliest_unknown_stop=horizon,
        fork_starts=None if starts is None else starts(runs),
    )
    megabytes = sum(tensor.nbytes for tensor in to_tensors(cohort.states[0]).values()) * len(runs) / 1e6
    cohort.checkpoints = observation.checkpoint_steps(segment_ends[-1], megabytes)
    return cohort


def _resume(store: CohortStore, cohort: Cohort, asked: Sequence[Any]) -> None:
    rows, checkpoint, damaged = store.committed()
    for problem in damaged:
        warnings.warn(f"{problem} Going on from the state before it.", stacklevel=2)
    if checkpoint is None:
        if damaged and any(entry is None for entry in asked):
            raise InputError(
                f"{' '.join(damaged)} Cohort {store.id} must be trained again from the start, but only some of its runs are "
                "asked for; run the study that it was made for."
            )
        return
    # Where nothing was recorded, nobody had asked for that run: what stands in its place is another run's state.
    states = [from_tensors(checkpoint.of(m), like) if rows[m] else like for m, like in enumerate(cohort.states)]
    for member, state in enumerate(states):
        if asked[member] is None:
            cohort.budgets[member] = int(state.step) - cohort.first_steps[member]
    cohort.resume(states, rows, store.records(rows))


def _replay(
    store: CohortStore,
    missing: Sequence[Measure],
    wanted: Mapping[str, Run],
    watch: Watcher,
    interrupted: Any,
    starts: Starts | None,
) -> None:
    """Record further measures by training the same runs again beside the cohort, to the same steps and the same bits.

    Raises:
        InputError: the replay ends in other bits than the stored runs (another signature), or a member is nobody's request.
    """
    if any(member["run"] not in wanted for member in store.members):
        raise InputError(
            f"cohort {store.id} lacks {', '.join(m.name for m in missing)}, and only some of its runs are asked for; "
            "run the study that it was made for with this measure."
        )
    machine = start()
    runs = [wanted[member["run"]] for member in store.members]
    _, checkpoint, _ = store.committed()
    if checkpoint is None:
        raise InputError(f"cohort {store.id} has no whole checkpoint to compare a replay with; remove {store.files.path}.")
    steps = [int(checkpoint.of(row)["step"]) - int(member.get("start", 0)) for row, member in enumerate(store.members)]
    asked: list[dict[str, Any] | None] = [{"budget": max(step, 1), "stop": None} for step in steps]
    observation = store.observation().model_copy(update={"measures": tuple(missing), "checkpoint_megabytes": 0.0})
    beside = store.beside(observation)
    with beside.held():
        cohort = _cohort(runs, asked, observation, store.segment_ends(), starts)
        if not beside.budget:
            for grid in store.grids():
                beside.extend(grid, cohort.series_shapes(), cohort.coords())
        beside.sign(machine.signature(), asked)
        _resume(beside, cohort, asked)
        train(cohort, machine, _Sink(beside, asked, cohort), lambda c, rate: watch(Progress(store.id, c, rate)), interrupted)
        for member, state in enumerate(cohort.states):
            stored = checkpoint.of(member)
            same = all(np.array_equal(value, stored[name], equal_nan=True) for name, value in to_tensors(state).items())
            if not same:
                raise InputError(
                    f"replaying cohort {store.id} for {', '.join(m.name for m in missing)} gave other bits than are stored "
                    f"(it was trained under another signature); remove {store.files.path} to train it again with this measure."
                )
    store.adopt(beside)
    keep_sources(store.files, missing)


class _Sink:
    """The store's side of a training cohort."""

    def __init__(self, store: CohortStore, asked: Sequence[Any], cohort: Cohort) -> None:
        self._store = store
        self._parts: Sequence[Any] = [cohort.runs[0], *cohort.measures]
        self._before = store.status["states"]
        self._asked = asked

    def rows(self, first: int, records: Mapping[str, Any]) -> None:
        self._store.write_rows(first, records)

    def checkpoint(self, step: int, members: Sequence[int], states: Sequence[State]) -> None:
        self._store.keep_checkpoint(step, members, [to_tensors(state) for state in states])

    def commit(self, rows: Sequence[int], statuses: Sequence[Status], states: Sequence[State], finished: bool) -> None:
        keep_sources(self._store.files, self._parts)  # not sooner: what has recorded nothing may still be corrected
        self._parts = ()
        kept = [str(now) if entry else before for now, entry, before in zip(statuses, self._asked, self._before, strict=True)]
        self._store.commit(rows, kept, [to_tensors(state) for state in states], finished)
