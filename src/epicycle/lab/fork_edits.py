"""A fork's edits, one after the other: what the changed experiment keeps of its parent's state, and what it begins anew."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import numpy as np

from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment, Run
from epicycle.spec.families import EditContext
from epicycle.training.cohort import Start
from epicycle.training.schedules import knobs_at
from epicycle.training.state import State, data_of, initialiser

Params = dict[str, Any]
Donors = Mapping[tuple[str, int | None], Params]


def applied(run: Run, parent: Experiment, origin: Start, donors: Donors) -> Start:
    """The origin of a fork, given its parent's state and data at the moment.

    Raises:
        InputError: an edit that hits nothing, or another number of places than it must, or that leaves another network.
    """
    lineage = run.lineage or {}
    moment, before = lineage["moment"], lineage["start"] - lineage["moment"]
    experiment, (state, data) = parent, origin
    for edit in lineage["edits"]:
        after = edit.changed(experiment, moment, before)
        now = run.model_copy(update={"experiment": after})
        table = after.task.table()
        rows = data if after.split == experiment.split else data_of(now, table)
        fresh = partial(initialiser(after, table), now, rows)
        if after != experiment:
            state = _carried(state, experiment, after, fresh())
        state, data = edit.apply(state, rows, EditContext(after, fresh, data, donors))
        experiment = after
    return Start(state, data)


def _carried(state: State, before: Experiment, after: Experiment, fresh: State) -> State:
    """The state in a changed experiment: what it had keeps its value, what it gains is as in a fresh one."""
    if _shapes(state.params) != _shapes(fresh.params):
        differing = {name for name, _ in _shapes(state.params) ^ _shapes(fresh.params)}
        raise InputError(f"a fork goes on with its parent's tensors, and this edit changes {', '.join(sorted(differing))}.")
    mine, theirs = before.training, after.training
    same_rows = before.split == after.split and (mine.batch_size, mine.replacement) == (theirs.batch_size, theirs.replacement)
    return State(
        params=state.params,
        moments=_moments(state.moments, fresh.moments) if type(mine.optimiser) is type(theirs.optimiser) else fresh.moments,
        step=state.step,
        knobs=_knobs(state, before, after, fresh),
        key=state.key,
        order=state.order if same_rows else fresh.order,
        diverged=state.diverged,
        initial_norm=fresh.initial_norm,  # of what is moving now
    )


def _knobs(state: State, before: Experiment, after: Experiment, fresh: State) -> dict[str, Any]:
    """Knobs that the change does not speak of stay where they are, at the end of a course where one is dropped."""
    here = {path: np.asarray(value)[()] for path, value in _now(state, before).items()}
    told, asked = before.knobs(), after.knobs()
    knobs = {path: here[path] if path in here and told[path] == asked[path] else fresh.knobs[path] for path in asked}
    for i, course in enumerate(after.training.courses):
        if course in before.training.courses:  # it may have another place in the list now
            j = before.training.courses.index(course)
            for what in ("steps", "values"):
                for k in range(len(course.steps)):
                    knobs[f"training.courses.{i}.{what}.{k}"] = here[f"training.courses.{j}.{what}.{k}"]
    return knobs


def _now(state: State, experiment: Experiment) -> dict[str, Any]:
    return knobs_at(experiment, state.knobs, jax.numpy.asarray(state.step))


def _moments(state: Any, fresh: Any) -> Any:
    """Moments of the same name and shape; tensors that training now moves and did not before start at their beginning.

    Where a rule's parts stand in their chain, the first key of a path, goes with the coupling of decay: what has no other place but
    one in another part is looked for there.
    """
    known = dict(jax.tree_util.tree_flatten_with_path(state)[0])
    tails = Counter(path[1:] for path in known)
    moved = {path[1:]: value for path, value in known.items() if tails[path[1:]] == 1}
    leaves, shape = jax.tree_util.tree_flatten_with_path(fresh)
    found = [known[path] if path in known else moved.get(path[1:], leaf) for path, leaf in leaves]
    kept = [value if np.shape(value) == np.shape(leaf) else leaf for value, (_, leaf) in zip(found, leaves, strict=True)]
    return jax.tree.unflatten(shape, kept)


def _shapes(params: Params) -> set[tuple[str, tuple[int, ...]]]:
    return {(name, np.shape(value)) for name, value in params.items()}
