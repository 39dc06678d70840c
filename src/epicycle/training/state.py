"""What the next step needs of one member, and nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt

from epicycle.spec.experiment import Experiment, Run, bind
from epicycle.spec.identity import digest
from epicycle.spec.paths import matches
from epicycle.spec.table import Table

# Each use of randomness has its own stream: fold_in(fold_in(key(seed), purpose), step).
INIT, BATCH, FORWARD, GRADIENT_NOISE, WEIGHT_NOISE, EDIT = 0, 1, 2, 3, 4, 5
NEVER = -1


class Order(NamedTuple):
    """Where a minibatch run stands in its pass over the rows.

    Attributes:
        slots: the slots of the training rows in the order of this pass, real rows first.
        cursor: how many of them are used up.
    """

    slots: Int[Array, " slot"]
    cursor: Int[Array, ""]


class State(NamedTuple):
    """One member between two steps.

    Attributes:
        params: weights under TransformerLens names.
        moments: the optimiser's state.
        step: updates done.
        knobs: dotted field path -> number.
        key: raw random key of the run's seed.
        order: the pass over the rows; None in a full-batch run and where rows are drawn with replacement.
        diverged: the step at which the loss was first not finite, or -1.
        initial_norm: norm of the moving tensors at initialisation; None where training does not hold it.
    """

    params: dict[str, Float[Array, "..."]]
    moments: Any
    step: Int[Array, ""]
    knobs: dict[str, Float[Array, ""]]
    key: UInt[Array, " key"]
    order: Order | None
    diverged: Int[Array, ""]
    initial_norm: Float[Array, ""] | None = None


class Data(NamedTuple):
    """The rows a member trains on, padded. A slot of weight 0 holds row 0 and counts for nothing.

    Attributes:
        labels: what is trained on at each slot, which may differ from the task's own.
        since: the step from which each slot counts; None where all count from the start.
        removed: true at the rows that were taken out of training; None where there are none.
    """

    rows: Int[Array, " slot"]
    weights: Float[Array, " slot"]
    labels: Int[Array, "slot ..."] | Float[Array, "slot d_vocab_out"]
    since: Int[Array, " slot"] | None = None
    removed: Bool[Array, " row"] | None = None


@partial(
    jax.tree_util.register_dataclass, data_fields=["inputs", "labels", "mirror"], meta_fields=["constant", "positions", "tolerance"]
)
@dataclass(frozen=True)
class World:
    """The task's table on the device, shared by all members.

    Attributes:
        mirror: row of the label-preserving swap of each row, -1 where there is none.
        constant: the token of each position where all rows have the same, else None; known when a program is compiled.
        positions: where answers are read; None is the last position.
        tolerance: of vector labels; None where labels are classes.
    """

    inputs: Int[Array, "row pos"]
    labels: Int[Array, "row ..."] | Float[Array, "row d_vocab_out"]
    mirror: Int[Array, " row"]
    constant: tuple[int | None, ...]
    positions: tuple[int, ...] | None
    tolerance: float | None


def slots_for(n_train: int, n_rows: int) -> int:
    """Padded number of training rows: the next multiple of 1/128 of the table, so nearby fractions share a program."""
    granule = max(8, n_rows // 128)
    return -(-n_train // granule) * granule


def world_of(table: Table) -> World:
    """The arrays of a table."""
    none: Any = np.full(len(table.labels), -1)
    mirror = none if table.mirror is None else table.mirror.image
    inputs, image = (np.asarray(array, np.int32) for array in (table.inputs, mirror))
    arrays: dict[str, Any] = {"inputs": inputs, "labels": _labels(table.labels), "mirror": image}
    return World(**arrays, constant=table.constant, positions=table.positions, tolerance=table.tolerance)


def data_of(run: Run, table: Table) -> Data:
    """The rows, weights and labels that a run trains on, padded."""
    split, n = run.experiment.split, len(table.labels)
    rows = split.train_rows(table, run.data_seed)
    slots = slots_for(len(rows), n)
    padded: Any = np.zeros(slots, np.int32)
    weights: Any = np.zeros(slots, _float())
    padded[: len(rows)], weights[: len(rows)] = rows, split.train_weights(table, rows, run.data_seed)
    labels = _labels(table.labels)[padded]
    labels[: len(rows)] = split.train_labels(table, rows, run.data_seed)
    begins, removed = split.train_since(table, rows, run.data_seed), split.removed_rows(table, run.data_seed)
    since: Any = None if begins is None else np.zeros(slots, np.int32)
    if since is not None:
        since[: len(rows)] = begins
    gone: Any = None if removed is None else np.isin(np.arange(n), removed)
    return Data(padded, weights, labels, since, gone)


def data_at(data: Data, state: State) -> Data:
    """The data that count at a state's step: slots that are still withheld have no weight."""
    if data.since is None:
        return data
    return data._replace(weights=jnp.where(state.step >= data.since, data.weights, jnp.zeros((), data.weights.dtype)))


def trained_rows(data: Data, n_rows: int) -> Bool[Array, " row"]:
    """True for every row with weight in the training data."""
    return jnp.zeros(n_rows, bool).at[data.rows].max(data.weights > 0)


def initialiser(experiment: Experiment, table: Table) -> Callable[[Run, Data], State]:
    """A function that gives the state of a run before its first step, on the host.

    A process makes and compiles one for all experiments that differ in knobs and data alone. Weights are drawn in float32 whatever the
    precision of training, so float64 starts from the same.
    """
    key = (digest(experiment.static_part()), type(experiment.model), type(experiment.task))
    if key not in _INITIALISERS:
        _INITIALISERS[key] = _initialiser(experiment, table)
    return _INITIALISERS[key]


_INITIALISERS: dict[Any, Callable[[Run, Data], State]] = {}


def _initialiser(experiment: Experiment, table: Table) -> Callable[[Run, Data], State]:
    # Run once a member: optimised, they take four times as long to compile, which is most of what a small study waits for.
    quickly = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})

    @quickly
    def draw(key: Any, knobs: Any) -> Any:
        model = bind(experiment, knobs).model
        return model.init(jax.random.fold_in(key, INIT), table), jax.random.key_data(key)

    @quickly
    def still(params: Any, knobs: Any) -> Any:
        return bind(experiment, knobs).training.optimiser.transform(jnp.ones((), _float())).init(moving(experiment, params))

    def begin(run: Run, data: Data) -> State:
        knobs: Any = {path: np.asarray(value, _float())[()] for path, value in run.experiment.knobs().items()}
        started = {path: np.float32(value) for path, value in knobs.items()}
        weights, raw_key = jax.tree.map(np.asarray, draw(jax.random.key(run.seed), started))
        params: Any = {name: value.astype(_float()) for name, value in weights.items()}
        order = None
        if experiment.training.batch_size is not None and not experiment.training.replacement:
            slots: Any = np.arange(len(data.rows), dtype=np.int32)
            # An exhausted pass: the first step shuffles.
            order = Order(slots, _count(len(slots)))
        moments, norm = jax.tree.map(np.asarray, still(params, knobs)), cast("Any", None)
        if experiment.training.norm_share is not None:
            norm = np.asarray(norm_of(moving(experiment, params)), _float())[()]
        return State(params, moments, _count(0), knobs, raw_key, order, _count(NEVER), norm)

    return begin


def moving(experiment: Experiment, params: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors that training moves."""
    frozen, patterns = experiment.model.frozen(), experiment.training.frozen
    return {name: value for name, value in params.items() if name not in frozen and not matches(name, patterns)}


def norm_of(params: Mapping[str, Any]) -> Float[Array, ""]:
    """The root of the sum of all squares."""
    return jnp.sqrt(sum(jnp.square(value).sum() for value in params.values()))


def stacked(trees: Sequence[Any]) -> Any:
    """Members side by side: trees of arrays with a first axis for the member."""
    return jax.tree.map(lambda *values: np.stack(values), *trees)


def to_tensors(state: State) -> dict[str, Any]:
    """The state as named arrays: parameters under their own names, everything else prefixed by its place."""
    named = {f"{path[0].name}/{jax.tree_util.keystr(path[1:], simple=True, separator='/')}": leaf for path, leaf in _leaves(state)}
    return {name.removeprefix("params/").rstrip("/"): np.asarray(leaf) for name, leaf in named.items()}


def from_tensors(tensors: Mapping[str, Any], like: State) -> State:
    """The state with the arrays of `to_tensors` put back into the shape of `like`.

    A knob that the class has gained since the arrays were stored keeps its value in `like`: its no-op default, or the id would differ.

    Raises:
        KeyError: an array is missing.
    """
    known = {name: value for name, value in to_tensors(like).items() if name.startswith("knobs/")} | dict(tensors)
    leaves = [np.asarray(known[name])[()] for name in to_tensors(like)]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _leaves(state: State) -> Any:
    return jax.tree_util.tree_flatten_with_path(state)[0]


def _labels(labels: Any) -> Any:
    return np.array(labels, np.int32 if np.issubdtype(labels.dtype, np.integer) else _float())


def _count(value: int) -> Any:
    return np.int32(value)


def _float() -> Any:
    return np.dtype(jnp.result_type(float))
