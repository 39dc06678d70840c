"""The gradient of one step: the rows of its batch, the loss on them, and the noise that training adds; and the parts of an update."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from epicycle.spec.experiment import Experiment, Training, bind
from epicycle.spec.families import Params
from epicycle.training.losses import row_losses, tempered, weighted_mean
from epicycle.training.schedules import knobs_at, lr_share
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
    trained_tensors,
    zeros_held,
)


def loss_and_gradient(bound: Experiment, world: World, batch: Data, state: State, trained: Params) -> tuple[Any, Params]:
    """The loss on a batch and its gradient by the trained tensors; `bound` has its knobs as traced values."""
    training, model = bound.training, bound.model
    inputs, key = jnp.asarray(world.inputs)[batch.rows], _step_key(state, FORWARD)

    def objective(params: Params) -> Float[Array, ""]:
        noisy = _noised(params, training.weight_noise, _step_key(state, WEIGHT_NOISE))
        logits = model.fast({**state.params, **noisy}, inputs, key=key, constant=world.constant, positions=world.positions)
        return weighted_mean(row_losses(training.loss, tempered(logits, training.temperature), batch.labels), batch.weights)

    return jax.value_and_grad(objective)(trained)


def with_gradient_noise(gradient: Params, training: Training, state: State) -> Params:
    """The gradient with the noise that training adds to it at this step."""
    return _noised(gradient, training.gradient_noise, _step_key(state, GRADIENT_NOISE))


def update_parts(experiment: Experiment, world: World, data: Data, state: State) -> dict[str, Params]:
    """The next update of a member, split by what causes it.

    `loss` is the update that the gradient on all training rows would give without decay. `noise` is what small batches and noise on
    the gradient change in it, and `decay` what weight decay does. The three add up to `all`, the update of a step. `gradient` is the
    plain direction of steepest descent of the training loss, with norm 1, whatever the optimiser makes of it.
    """
    bound = bind(experiment, knobs_at(experiment, state.knobs, state.step))
    training, present = bound.training, data_at(data, state)
    trained = trained_tensors(experiment, state.params)
    steepest = zeros_held(experiment, trained, loss_and_gradient(bound, world, present, state, trained)[1])
    batch, _ = next_batch(training.batch_size, present, state)
    taken = with_gradient_noise(loss_and_gradient(bound, world, batch, state, trained)[1], training, state)
    schedule = lr_share(training, state.step, next(iter(trained.values())).dtype)

    def update(gradient: Params, optimiser: Any) -> Params:
        moved: Params = optimiser.transform(schedule).update(gradient, state.moments, trained)[0]
        return zeros_held(experiment, trained, moved)

    without_decay = training.optimiser.model_copy(update={"weight_decay": 0.0})
    by_loss, without, whole = update(steepest, without_decay), update(taken, without_decay), update(taken, training.optimiser)
    norm = jnp.sqrt(sum(jnp.square(value).sum() for value in steepest.values()))
    parts = {
        "gradient": {name: -value / norm for name, value in steepest.items()},
        "loss": by_loss,
        "noise": {name: without[name] - by_loss[name] for name in trained},
        "decay": {name: whole[name] - without[name] for name in trained},
        "all": whole,
    }
    nothing = {name: jnp.zeros_like(value) for name, value in state.params.items()}
    return {part: nothing | tensors for part, tensors in parts.items()}


def _step_key(state: State, purpose: int) -> Any:
    """The random key of one purpose at a state's step."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.wrap_key_data(state.key), purpose), state.step)


def _noised(tensors: Params, spread: Any, key: Any) -> Params:
    """The tensors with Gaussian noise of this standard deviation on every entry; None adds nothing."""
    if spread is None:
        return tensors
    keys = jax.random.split(key, len(tensors))
    return {name: v + spread * jax.random.normal(keys[i], v.shape, v.dtype) for i, (name, v) in enumerate(sorted(tensors.items()))}


def next_batch(batch_size: int | None, data: Data, state: State) -> tuple[Data, Order | None]:
    """The rows that this step trains on, and the order of the pass after the step.

    A pass over the rows is reshuffled when it is used up. Its last batch may hold fewer rows.

    Args:
        batch_size: rows an update sees; None is the full batch.
        data: the training rows with their weights at this step; rows of weight 0 are never drawn.
        state: the member before the update.
    """
    if batch_size is None:
        return data, None
    if state.order is None:
        return _drawn_with_replacement(batch_size, data, state), None
    size = min(batch_size, len(data.rows))
    present = (data.weights > 0).sum().astype(jnp.int32)

    def reshuffled(order: Order) -> Order:
        draw = jnp.where(
            data.weights > 0, jax.random.uniform(_step_key(state, BATCH), data.weights.shape, jnp.float32), jnp.float32(2)
        )
        return Order(jnp.argsort(draw).astype(jnp.int32), jnp.zeros((), jnp.int32))

    order = jax.lax.cond(state.order.cursor >= present, reshuffled, lambda order: order, state.order)
    positions = order.cursor + jnp.arange(size, dtype=jnp.int32)
    slots = order.slots[jnp.minimum(positions, len(data.rows) - 1)]
    weights = jnp.where(positions < present, data.weights[slots], jnp.zeros((), data.weights.dtype))
    return Data(data.rows[slots], weights, data.labels[slots]), order._replace(cursor=order.cursor + jnp.int32(size))


def _drawn_with_replacement(batch_size: int, data: Data, state: State) -> Data:
    """Rows drawn from all that have weight, all of them alike. The number of padding slots changes nothing."""
    present = data.weights > 0
    draw = jax.random.randint(_step_key(state, BATCH), (batch_size,), 0, present.sum(), jnp.int32)
    slots = jnp.searchsorted(jnp.cumsum(present), draw, side="right")  # the slot of the draw-th row that has weight
    return Data(data.rows[slots], data.weights[slots], data.labels[slots])
