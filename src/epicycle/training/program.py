"""The cohort program: step, segment, chunk, and the compiled program that serves every member, chunk length and knob.

A chunk is a fixed number of segments; each has a traced number of steps (0 is nearly free) and ends in an observation or not. So one
compilation serves every schedule, and where a chunk ends cannot change what a step computes.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec
from jaxtyping import Array, Bool, Float, Int

from epicycle.spec.experiment import Experiment, bind
from epicycle.spec.families import Measure
from epicycle.spec.identity import digest
from epicycle.training.devices import Machine
from epicycle.training.losses import row_losses, tempered, weighted_mean
from epicycle.training.schedules import knobs_at, lr_share
from epicycle.training.snapshots import blank, observe
from epicycle.training.state import (
    BATCH,
    FORWARD,
    GRADIENT_NOISE,
    WEIGHT_NOISE,
    Data,
    Order,
    State,
    World,
    data_at,
    moving,
    norm_of,
)

SEGMENTS = 24  # observations a chunk can hold


class Plan(NamedTuple):
    """What one chunk does: steps before each observation, and whether it is wanted."""

    steps: Int[Array, " segment"]
    wanted: Bool[Array, " segment"]


def step(experiment: Experiment, world: World, data: Data, state: State) -> State:
    """One optimiser update. A loss that is not finite marks the member as diverged."""
    bound = bind(experiment, knobs_at(experiment, state.knobs, state.step))
    training, model = bound.training, bound.model
    batch, order = _batch(training.batch_size, data_at(data, state), state)
    inputs, key = jnp.asarray(world.inputs)[batch.rows], _key(state, FORWARD)
    trained = moving(experiment, state.params)

    def objective(params: dict[str, Any]) -> Float[Array, ""]:
        noisy = _noised(params, training.weight_noise, _key(state, WEIGHT_NOISE))
        logits = model.fast({**state.params, **noisy}, inputs, key=key, constant=world.constant, positions=world.positions)
        return weighted_mean(row_losses(training.loss, tempered(logits, training.temperature), batch.labels), batch.weights)

    loss, gradient = jax.value_and_grad(objective)(trained)
    gradient = _noised(gradient, training.gradient_noise, _key(state, GRADIENT_NOISE))
    optimiser = training.optimiser.transform(lr_share(training, state.step, loss.dtype))
    updates, moments = optimiser.update(gradient, state.moments, trained)
    moved = jax.tree.map(jnp.add, trained, updates)
    if training.norm_share is not None and state.initial_norm is not None:
        factor = training.norm_share * state.initial_norm / norm_of(moved)
        moved = {name: value * factor for name, value in moved.items()}
    diverged = jnp.where(jnp.isfinite(loss), state.diverged, state.step)
    return state._replace(params={**state.params, **moved}, moments=moments, step=state.step + 1, order=order, diverged=diverged)


def chunk(experiment: Experiment, measures: Sequence[Measure], world: World, data: Data, state: State, plan: Plan) -> Any:
    """Segments of steps, each with its record (NaN where none is wanted): (state, records stacked along segments)."""
    look = jax.jit(lambda s: observe(experiment, measures, s, data, world))  # traced once, for its shapes and its values
    empty = blank(jax.eval_shape(look, state))

    def segment(state: State, segment_plan: Plan) -> tuple[State, dict[str, Any]]:
        goal = state.step + segment_plan.steps
        state = jax.lax.while_loop(lambda s: (s.step < goal) & (s.diverged < 0), lambda s: step(experiment, world, data, s), state)
        records = jax.lax.cond(segment_plan.wanted & (state.step == goal), look, lambda s: empty, state)
        return state, records

    return jax.lax.scan(segment, state, plan)


def cohort_program(experiment: Experiment, measures: Sequence[Measure], machine: Machine) -> Callable[..., Any]:
    """The compiled chunk over a block of members, spread over the devices of a machine.

    A process makes one program for each set of static fields and measures: knobs, seeds and the world come in as arguments.
    """
    key = digest([experiment.static_part(), [measure.model_dump(mode="json") for measure in measures], id(machine.mesh), machine.lane])
    if key not in _PROGRAMS:
        _PROGRAMS[key] = _compiled(experiment, measures, machine)
    return _PROGRAMS[key]


_PROGRAMS: dict[str, Callable[..., Any]] = {}


def _compiled(experiment: Experiment, measures: Sequence[Measure], machine: Machine) -> Callable[..., Any]:
    def member(world: World, data: Data, state: State, plan: Plan) -> Any:
        return chunk(experiment, measures, world, data, state, plan)

    def block(world: World, data: Data, state: State, plan: Plan) -> Any:
        if machine.lane == "vmap":
            return jax.vmap(member, in_axes=(None, 0, 0, 0))(world, data, state, plan)
        return jax.lax.map(lambda args: member(world, *args), (data, state, plan))

    members = PartitionSpec("member")
    spread = jax.shard_map(
        block, mesh=machine.mesh, in_specs=(PartitionSpec(), members, members, members), out_specs=members, check_vma=False
    )
    return jax.jit(spread)


def _key(state: State, purpose: int) -> Any:
    return jax.random.fold_in(jax.random.fold_in(jax.random.wrap_key_data(state.key), purpose), state.step)


def _noised(tensors: dict[str, Any], spread: Any, key: Any) -> dict[str, Any]:
    """Gaussian noise on every entry; None adds nothing."""
    if spread is None:
        return tensors
    keys = jax.random.split(key, len(tensors))
    return {name: v + spread * jax.random.normal(keys[i], v.shape, v.dtype) for i, (name, v) in enumerate(sorted(tensors.items()))}


def _batch(batch_size: int | None, data: Data, state: State) -> tuple[Data, Order | None]:
    """What this step trains on; a pass over the rows is reshuffled when it is used up, its last batch may be short."""
    if batch_size is None:
        return data, None
    if state.order is None:
        return _drawn(batch_size, data, state), None
    size = min(batch_size, len(data.rows))
    present = (data.weights > 0).sum().astype(jnp.int32)

    def reshuffled(order: Order) -> Order:
        draw = jnp.where(data.weights > 0, jax.random.uniform(_key(state, BATCH), data.weights.shape, jnp.float32), jnp.float32(2))
        return Order(jnp.argsort(draw).astype(jnp.int32), jnp.zeros((), jnp.int32))

    order = jax.lax.cond(state.order.cursor >= present, reshuffled, lambda order: order, state.order)
    taken = order.cursor + jnp.arange(size, dtype=jnp.int32)
    slots = order.slots[jnp.minimum(taken, len(data.rows) - 1)]
    weights = jnp.where(taken < present, data.weights[slots], jnp.zeros((), data.weights.dtype))
    return Data(data.rows[slots], weights, data.labels[slots]), order._replace(cursor=order.cursor + jnp.int32(size))


def _drawn(batch_size: int, data: Data, state: State) -> Data:
    """Rows drawn with replacement from all that have weight; how many slots pad them changes nothing."""
    present = data.weights > 0
    draw = jax.random.randint(_key(state, BATCH), (batch_size,), 0, present.sum(), jnp.int32)
    slots = jnp.searchsorted(jnp.cumsum(present), draw, side="right")  # the place of the draw-th row that has weight
    return Data(data.rows[slots], data.weights[slots], data.labels[slots])
