"""The training state: what the next step needs of one member, the data it trains on, and how both are made for a run.

Also the state as named arrays, which is what checkpoints store.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt

from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment, Run, bind
from epicycle.spec.families import Params
from epicycle.spec.identity import digest
from epicycle.spec.paths import matches
from epicycle.spec.table import Table

# Each use of randomness has its own stream: fold_in(fold_in(key(seed), purpose), step).
INIT, BATCH, FORWARD, GRADIENT_NOISE, WEIGHT_NOISE, EDIT = 0, 1, 2, 3, 4, 5
NEVER = -1  # State.diverged of a member whose loss was always finite


class Order(NamedTuple):
    """The order in which a minibatch run goes through its training rows, and how far it has come.

    Attributes:
        slots: the slots of the training rows in the order of this pass; slots without weight come last.
        cursor: how many of them this pass has used.
    """

    slots: Int[Array, " slot"]
    cursor: Int[Array, ""]


class State(NamedTuple):
    """One member between two steps: everything that its next step depends on, beside its data.

    Attributes:
        params: weights under TransformerLens names.
        moments: the optimiser's state.
        step: updates done.
        knobs: dotted field path -> number.
        key: raw random key of the run's seed.
        order: the pass over the rows; None in a full-batch run and where rows are drawn with replacement.
        diverged: the step at which the loss was first not finite, or `NEVER`.
        initial_norm: norm of the trained tensors at initialisation; None unless training holds the norm.
    """

    params: Params
    moments: Any
    step: Int[Array, ""]
    knobs: dict[str, Float[Array, ""]]
    key: UInt[Array, " key"]
    order: Order | None
    diverged: Int[Array, ""]
    initial_norm: Float[Array, ""] | None = None


class Data(NamedTuple):
    """The rows a member trains on, padded to a number of slots that nearby training fractions share.

    Attributes:
        rows: the row of the task's table in each slot; a padding slot holds row 0.
        weights: the weight of each slot in the loss; a padding slot has weight 0 and never counts.
        labels: the label trained on in each slot, which may differ from the task's own.
        since: the step from which each slot counts; None if all count from the start.
        removed: true at the rows of the table that an edit took out of training; None if there are none.
        end: the weights with which the run ended, where it is trained again and they are known; else None.
    """

    rows: Int[Array, " slot"]
    weights: Float[Array, " slot"]
    labels: Int[Array, "slot ..."] | Float[Array, "slot d_vocab_out"]
    since: Int[Array, " slot"] | None = None
    removed: Bool[Array, " row"] | None = None
    end: Params | None = None


@partial(
    jax.tree_util.register_dataclass, data_fields=["inputs", "labels", "mirror"], meta_fields=["constant", "positions", "tolerance"]
)
@dataclass(frozen=True)
class World:
    """The task's table on the device, shared by all members.

    Attributes:
        inputs: token ids of every row.
        labels: the task's own labels.
        mirror: the row that is each row's label-preserving swap, or -1 where there is none.
        constant: for each position, the token that every row has in it, or None where rows differ; known at compilation.
        positions: the positions where answers are read; None reads the last one.
        tolerance: how far an output may be from a vector label (root mean square); None if labels are classes.
    """

    inputs: Int[Array, "row pos"]
    labels: Int[Array, "row ..."] | Float[Array, "row d_vocab_out"]
    mirror: Int[Array, " row"]
    constant: tuple[int | None, ...]
    positions: tuple[int, ...] | None
    tolerance: float | None


def slots_for(n_train: int, n_rows: int) -> int:
    """The padded number of training rows: the next multiple of 1/128 of the table, so that nearby fractions share a program."""
    granule = max(8, n_rows // 128)
    return -(-n_train // granule) * granule


def world_of(table: Table) -> World:
    """A task's table as arrays of the number types that training uses."""
    no_mirror: Any = np.full(len(table.labels), -1)
    mirror = no_mirror if table.mirror is None else table.mirror.image
    inputs: Any = np.asarray(table.inputs, np.int32)
    mirror_rows: Any = np.asarray(mirror, np.int32)
    return World(inputs, _label_array(table.labels), mirror_rows, table.constant, table.positions, table.tolerance)


def data_of(run: Run, table: Table) -> Data:
    """The rows, weights and labels that a run trains on, padded."""
    split, n_rows = run.experiment.split, len(table.labels)
    train_rows = split.train_rows(table, run.data_seed)
    n_train, slots = len(train_rows), slots_for(len(train_rows), n_rows)
    rows: Any = np.zeros(slots, np.int32)
    weights: Any = np.zeros(slots, _float_dtype())
    rows[:n_train], weights[:n_train] = train_rows, split.train_weights(table, train_rows, run.data_seed)
    labels = _label_array(table.labels)[rows]
    labels[:n_train] = split.train_labels(table, train_rows, run.data_seed)
    first_steps, removed_rows = split.train_since(table, train_rows, run.data_seed), split.removed_rows(table, run.data_seed)
    since: Any = None if first_steps is None else np.zeros(slots, np.int32)
    if since is not None:
        since[:n_train] = first_steps
    removed: Any = None if removed_rows is None else np.isin(np.arange(n_rows), removed_rows)
    return Data(rows, weights, labels, since, removed)


def data_at(data: Data, state: State) -> Data:
    """The data that count at a state's step: a slot that is still withheld has weight 0."""
    if data.since is None:
        return data
    return data._replace(weights=jnp.where(state.step >= data.since, data.weights, jnp.zeros((), data.weights.dtype)))


def trained_rows(data: Data, n_rows: int) -> Bool[Array, " row"]:
    """True at every row of the table that has weight in the training data."""
    return jnp.zeros(n_rows, bool).at[data.rows].max(data.weights > 0)


def initialiser(experiment: Experiment, table: Table) -> Callable[[Run, Data], State]:
    """A function that gives the state of a run before its first step, on the host.

    A process compiles one initialiser for all experiments that differ only in knobs and data. Weights are drawn in float32 whatever
    the precision of training, so a float64 run starts from the same weights.
    """
    key = (digest(experiment.static_part()), type(experiment.model), type(experiment.task))
    if key not in _INITIALISERS:
        _INITIALISERS[key] = _initialiser(experiment, table)
    return _INITIALISERS[key]


_INITIALISERS: dict[Any, Callable[[Run, Data], State]] = {}


def _initialiser(experiment: Experiment, table: Table) -> Callable[[Run, Data], State]:
    # Each runs once a member. Optimised, they would take four times as long to compile: most of what a small study waits for.
    quick_jit = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})

    @quick_jit
    def draw_weights(key: Any, knobs: Any) -> Any:
        model = bind(experiment, knobs).model
        return model.init(jax.random.fold_in(key, INIT), table), jax.random.key_data(key)

    @quick_jit
    def first_moments(params: Any, knobs: Any) -> Any:
        transform = bind(experiment, knobs).training.optimiser.transform(jnp.ones((), _float_dtype()))
        return transform.init(trained_tensors(experiment, params))

    def begin(run: Run, data: Data) -> State:
        knobs: Any = {path: np.asarray(value, _float_dtype())[()] for path, value in run.experiment.knobs().items()}
        float32_knobs = {path: np.float32(value) for path, value in knobs.items()}
        weights, raw_key = jax.tree.map(np.asarray, draw_weights(_key(run.seed), float32_knobs))
        params: Any = {name: value.astype(_float_dtype()) for name, value in weights.items()}
        moments, norm = jax.tree.map(np.asarray, first_moments(params, knobs)), cast("Any", None)
        if experiment.training.norm_share is not None:
            norm = np.asarray(norm_of(trained_tensors(experiment, params)), _float_dtype())[()]
        return State(params, moments, _int32(0), knobs, raw_key, _first_order(experiment, data), _int32(NEVER), norm)

    return begin


def _key(seed: int) -> Any:
    """`jax.random.key(seed)`, without the offset that JAX_RANDOM_SEED_OFFSET may add to it."""
    return jax.random.wrap_key_data(jnp.array([0, seed], jnp.uint32), impl="threefry2x32")


def _first_order(experiment: Experiment, data: Data) -> Order | None:
    """A pass that is already used up, so that the first step shuffles."""
    if experiment.training.batch_size is None or experiment.training.replacement:
        return None
    slots: Any = np.arange(len(data.rows), dtype=np.int32)
    return Order(slots, _int32(len(slots)))


def trained_tensors(experiment: Experiment, params: Params) -> Params:
    """The parameters without those that the model or the training freezes."""
    frozen, patterns = experiment.model.frozen(), experiment.training.frozen
    return {name: value for name, value in params.items() if name not in frozen and not matches(name, patterns)}


def zeros_held(experiment: Experiment, params: Params, updates: Params) -> Params:
    """The updates without those of weights that `training.sparse` holds at 0."""
    patterns = experiment.training.sparse
    return {name: jnp.where(params[name] == 0, 0, u) if matches(name, patterns) else u for name, u in updates.items()}


def norm_of(params: Params) -> Float[Array, ""]:
    """The L2 norm of all tensors together."""
    return jnp.sqrt(sum(jnp.square(value).sum() for value in params.values()))


def stacked(trees: Sequence[Any]) -> Any:
    """Trees of arrays as one tree whose arrays have a first axis for the member."""
    return jax.tree.map(lambda *values: np.stack(values), *trees)


def to_tensors(state: State) -> dict[str, Any]:
    """The state as named arrays: parameters under their own names, every other array under its path in the state."""
    arrays = {
        f"{path[0].name}/{jax.tree_util.keystr(path[1:], simple=True, separator='/')}": leaf for path, leaf in _leaves_with_path(state)
    }
    return {name.removeprefix("params/").rstrip("/"): np.asarray(leaf) for name, leaf in arrays.items()}


def from_tensors(tensors: Mapping[str, Any], like: State) -> State:
    """The state that `to_tensors` took apart.

    A knob that its class has gained since the arrays were stored keeps the value it has in `like`. That value is the default, which
    changes nothing: with another value the run would have another id.

    Args:
        tensors: named arrays.
        like: a state of the same run, whose structure the result has.

    Raises:
        InputError: an array is missing, or has another shape than in this run.
    """
    expected = to_tensors(like)
    arrays = {name: value for name, value in expected.items() if name.startswith("knobs/")} | dict(tensors)
    for name, value in expected.items():
        if name not in arrays or np.shape(arrays[name]) != np.shape(value):
            problem = f"'{name}' has another shape" if name in arrays else f"there is no '{name}' in it"
            raise InputError(
                f"a stored state is damaged or is not of this run: {problem}. Remove its cohort's folder to train the run again."
            )
    leaves = [np.asarray(arrays[name])[()] for name in expected]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _leaves_with_path(state: State) -> Any:
    return jax.tree_util.tree_flatten_with_path(state)[0]


def _label_array(labels: Any) -> Any:
    return np.array(labels, np.int32 if np.issubdtype(labels.dtype, np.integer) else _float_dtype())


def _int32(value: int) -> Any:
    return np.int32(value)


def _float_dtype() -> Any:
    return np.dtype(jnp.result_type(float))
