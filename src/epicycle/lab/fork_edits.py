"""Applies a fork's edits one after the other to the state that its parent had at the moment of the fork.

After each edit, the state keeps what the changed experiment shares with the one before, and begins the rest anew.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import jax
import numpy as np

from epicycle.circuits.algorithm import algorithm_of
from epicycle.lab.fork_measures import MeasuredState
from epicycle.measures.fit import Loss
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment, Run
from epicycle.spec.families import EditContext, Params
from epicycle.training.cohort import Start
from epicycle.training.schedules import knobs_at
from epicycle.training.state import EDIT, Data, State, data_of, initialiser, trained_tensors
from epicycle.training.update_rule import by_name

TRAIN_LOSS = Loss(rows="train")
Donors = Mapping[tuple[str, int | None], Params]


def applied(run: Run, parent: Experiment, origin: Start, donors: Donors) -> Start:
    """Where a fork begins: its parent's state and data at the moment, with the fork's edits applied in order.

    What edits select is looked up in the parent at the moment, before the first of them.

    Args:
        run: the fork.
        parent: the parent's experiment.
        origin: the parent's state and data at the moment.
        donors: parameters of other runs, by (run id, step).

    Raises:
        InputError: an edit changes nothing, hits another number of places than it must, or changes the tensors' names or shapes.
    """
    lineage = run.lineage
    assert lineage is not None, "only forks have edits"
    experiment, state, data, resolved = parent, origin.state, origin.data, []
    at_moment = MeasuredState(parent, origin.state, origin.data)
    for edit, after in zip(lineage.edits, lineage.stages, strict=True):
        fork = run.model_copy(update={"experiment": after})
        table = after.task.table()
        rows = data if after.split == experiment.split else data_of(fork, table)
        fresh = partial(initialiser(after, table), fork, rows)
        if after != experiment:
            state = _carried(state, experiment, after, fresh())
        context = _context(after, state, fresh, data, donors, at_moment, rows)
        resolved.append(edit.resolved(state, context))
        state, data = resolved[-1].apply(state, rows, context)
        experiment = after
    return Start(state, data, tuple(resolved))


def _context(
    experiment: Experiment,
    state: State,
    fresh: Callable[[], State],
    data_before: Data,
    donors: Donors,
    parent: MeasuredState,
    data: Data,
) -> EditContext:
    now = MeasuredState(experiment, state, data)
    return EditContext(
        experiment=experiment,
        fresh=fresh,
        before=data_before,
        donors=donors,
        trained_tensors=tuple(trained_tensors(experiment, state.params)),
        normal=partial(_normal, state),
        reset_moments=partial(_reset_moments, state, fresh),
        measured=parent.value,
        linearised=now.linearised,
        losses=partial(now.values_of_several, TRAIN_LOSS),
        algorithm=partial(algorithm_of, experiment.task),
    )


def _normal(state: State, shapes: Mapping[str, tuple[int, ...]], draw: int) -> Params:
    """Standard-normal numbers for each tensor, from a stream that only edits use; names take their keys in alphabetical order."""
    key = jax.random.fold_in(jax.random.fold_in(jax.random.wrap_key_data(state.key), EDIT), state.step)
    keys = jax.random.split(jax.random.fold_in(key, draw), len(shapes))
    return {name: np.asarray(jax.random.normal(k, shapes[name])) for name, k in zip(sorted(shapes), keys, strict=True)}


def _reset_moments(state: State, fresh: Callable[[], State], names: Collection[str]) -> Any:
    """The optimiser's state, with the entries of these tensors as in a fresh state; entries of no tensor (a count) stay."""

    def entry(path: str, current: Any, initial: Any) -> Any:
        return initial if path.rsplit("/", 1)[-1] in names else current

    return by_name(entry, state.moments, fresh().moments)


def _carried(state: State, before: Experiment, after: Experiment, fresh: State) -> State:
    """The state in a changed experiment: what it had keeps its value, what it gains is as in a fresh state."""
    if _shapes(state.params) != _shapes(fresh.params):
        differing = {name for name, _ in _shapes(state.params) ^ _shapes(fresh.params)}
        raise InputError(
            f"a fork keeps its parent's tensors, but this edit changes the names or shapes of {', '.join(sorted(differing))}."
        )
    old, new = before.training, after.training
    same_rows = before.split == after.split and (old.batch_size, old.replacement) == (new.batch_size, new.replacement)
    return State(
        params=state.params,
        moments=_moments(state.moments, fresh.moments) if type(old.optimiser) is type(new.optimiser) else fresh.moments,
        step=state.step,
        knobs=_knobs(state, before, after, fresh),
        key=state.key,
        order=state.order if same_rows else fresh.order,
        diverged=state.diverged,
        initial_norm=fresh.initial_norm,  # the edit may have changed which tensors move
    )


def _knobs(state: State, before: Experiment, after: Experiment, fresh: State) -> dict[str, Any]:
    """The knobs in a changed experiment.

    A knob that the change leaves alone keeps its current value. Where the change drops a course, the knob stays where the course has
    brought it.
    """
    current = {path: np.asarray(value)[()] for path, value in _current_knobs(state, before).items()}
    old, new = before.knobs(), after.knobs()
    knobs = {path: current[path] if path in current and old[path] == new[path] else fresh.knobs[path] for path in new}
    for i, course in enumerate(after.training.courses):
        if course in before.training.courses:  # its position in the list may have changed
            j = before.training.courses.index(course)
            for field in ("steps", "values"):
                for k in range(len(course.steps)):
                    knobs[f"training.courses.{i}.{field}.{k}"] = current[f"training.courses.{j}.{field}.{k}"]
    return knobs


def _current_knobs(state: State, experiment: Experiment) -> dict[str, Any]:
    return knobs_at(experiment, state.knobs, jax.numpy.asarray(state.step))


def _moments(state: Any, fresh: Any) -> Any:
    """The optimiser's state in a changed experiment: moments of the same name and shape are kept, all others are fresh.

    Tensors that training moves now and did not move before have fresh moments. The first key of a path is the position of a part in
    optax's chain. A changed decay coupling reorders the chain, so a moment that is not found at its path is matched by the path after
    the chain index, where that is unique.
    """
    old = dict(jax.tree_util.tree_flatten_with_path(state)[0])
    tails = Counter(path[1:] for path in old)
    by_tail = {path[1:]: value for path, value in old.items() if tails[path[1:]] == 1}
    leaves, structure = jax.tree_util.tree_flatten_with_path(fresh)
    matching = [old[path] if path in old else by_tail.get(path[1:], leaf) for path, leaf in leaves]
    kept = [value if np.shape(value) == np.shape(leaf) else leaf for value, (_, leaf) in zip(matching, leaves, strict=True)]
    return jax.tree.unflatten(structure, kept)


def _shapes(params: Params) -> set[tuple[str, tuple[int, ...]]]:
    return {(name, np.shape(value)) for name, value in params.items()}
