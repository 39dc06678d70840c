"""The compiled program of a cohort: one training step, a chunk of steps with observations, and the chunk over many members.

A chunk is a fixed number of segments. Each segment has a traced number of steps (0 is nearly free) and ends with an observation or
without. So one compilation serves every observation schedule, and where a chunk ends cannot change what a step computes.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec
from jaxtyping import Array, Bool, Int

from epicycle.spec.experiment import Experiment, bind
from epicycle.spec.families import Measure
from epicycle.spec.identity import digest
from epicycle.training.devices import Machine
from epicycle.training.gradients import loss_and_gradient, next_batch, with_gradient_noise
from epicycle.training.schedules import knobs_at, lr_share
from epicycle.training.snapshots import Record, blank, observe
from epicycle.training.state import Data, State, World, data_at, norm_of, trained_tensors, zeros_held

SEGMENTS = 24  # observations a chunk can hold


class ChunkPlan(NamedTuple):
    """What one chunk does.

    Attributes:
        steps: number of steps in each segment.
        observed: whether each segment ends with an observation.
        elapsed: steps since the run began at the end of each segment; a fork begins at its moment.
    """

    steps: Int[Array, " segment"]
    observed: Bool[Array, " segment"]
    elapsed: Int[Array, " segment"]


def step(experiment: Experiment, world: World, data: Data, state: State) -> State:
    """One optimiser update. A loss that is not finite marks the member as diverged.

    Args:
        experiment: gives the static fields; the values of knobs come from the state.
        world: the task's table.
        data: the rows trained on.
        state: the member before the update.

    Returns:
        The member after the update.
    """
    bound = bind(experiment, knobs_at(experiment, state.knobs, state.step))
    training = bound.training
    batch, order = next_batch(training.batch_size, data_at(data, state), state)
    trained = trained_tensors(experiment, state.params)
    loss, gradient = loss_and_gradient(bound, world, batch, state, trained)
    gradient = with_gradient_noise(gradient, training, state)
    optimiser = training.optimiser.transform(lr_share(training, state.step, loss.dtype))
    updates, moments = optimiser.update(gradient, state.moments, trained)
    moved = jax.tree.map(jnp.add, trained, zeros_held(experiment, trained, updates))
    if training.norm_share is not None and state.initial_norm is not None:
        factor = training.norm_share * state.initial_norm / norm_of(moved)
        moved = {name: value * factor for name, value in moved.items()}
    diverged = jnp.where(jnp.isfinite(loss), state.diverged, state.step)
    return state._replace(params={**state.params, **moved}, moments=moments, step=state.step + 1, order=order, diverged=diverged)


def chunk(
    experiment: Experiment, measures: Sequence[Measure], world: World, data: Data, state: State, plan: ChunkPlan
) -> tuple[State, Record]:
    """Train one member through the segments of a chunk.

    Returns:
        The state at the end, and the record of every segment, stacked along segments; NaN where a segment is not observed or the
        member diverged before its end.
    """
    # Traced once, for its shapes and its values.
    observe_state = jax.jit(lambda s, d, w, elapsed: observe(experiment, measures, s, d, w, elapsed))
    empty = blank(jax.eval_shape(observe_state, state, data, world, plan.elapsed[0]))

    def segment(state: State, segment_plan: ChunkPlan) -> tuple[State, Record]:
        goal = state.step + segment_plan.steps
        state = jax.lax.while_loop(lambda s: (s.step < goal) & (s.diverged < 0), lambda s: step(experiment, world, data, s), state)
        seen = (state, data, world, segment_plan.elapsed)
        record = _in_one_round(observe_state, seen, empty, segment_plan.observed & (state.step == goal))
        return state, record

    return jax.lax.scan(segment, state, plan)


def _in_one_round(
    observe_state: Callable[..., Record], seen: tuple[State, Data, World, Int[Array, ""]], empty: Record, due: Bool[Array, ""]
) -> Record:
    """The record of a state where it is due, and an empty one elsewhere, by a loop of one round or none.

    In a `jax.lax.cond` XLA computes what several measures share again for each of them, which takes four times as long. XLA also
    moves whatever does not change out of a loop. So it would observe where nothing is due, and it would share what it moved with the
    training step, whose last bit then depends on the measures. Therefore everything that is seen seems to depend on the round.
    """

    def one_round(carry: tuple[Int[Array, ""], Record]) -> tuple[Int[Array, ""], Record]:
        rounds_left = carry[0]
        in_round = jax.tree.map(lambda value: jnp.where(rounds_left > 0, value, jnp.zeros_like(value)), seen)
        return rounds_left - 1, observe_state(*in_round)

    return jax.lax.while_loop(lambda carry: carry[0] > 0, one_round, (due.astype(jnp.int32), empty))[1]


def cohort_program(experiment: Experiment, measures: Sequence[Measure], machine: Machine) -> Callable[..., Any]:
    """The compiled chunk over a block of members, spread over the devices of a machine.

    A process compiles one program for each set of static fields and measures. Knobs, seeds and the task's table are arguments.

    Returns:
        (world, data, state, plan) -> (state, records). All arguments but the world, and both results, have a first axis for the
        member, whose length is a multiple of the number of devices.
    """
    key = digest([experiment.static_part(), [measure.model_dump(mode="json") for measure in measures], id(machine.mesh), machine.lane])
    if key not in _PROGRAMS:
        _PROGRAMS[key] = _compiled(experiment, measures, machine)
    return _PROGRAMS[key]


_PROGRAMS: dict[str, Callable[..., Any]] = {}


def _compiled(experiment: Experiment, measures: Sequence[Measure], machine: Machine) -> Callable[..., Any]:
    def member(world: World, data: Data, state: State, plan: ChunkPlan) -> Any:
        return chunk(experiment, measures, world, data, state, plan)

    def block(world: World, data: Data, state: State, plan: ChunkPlan) -> Any:
        if machine.lane == "vmap":
            return jax.vmap(member, in_axes=(None, 0, 0, 0))(world, data, state, plan)
        return jax.lax.map(lambda args: member(world, *args), (data, state, plan))

    members = PartitionSpec("member")
    spread = jax.shard_map(
        block, mesh=machine.mesh, in_specs=(PartitionSpec(), members, members, members), out_specs=members, check_vma=False
    )
    return jax.jit(spread)
