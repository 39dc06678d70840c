"""The loss that training minimises as a function of the weights, for a member at one step."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from epicycle.spec.experiment import Experiment, bind
from epicycle.spec.families import Optimiser, Params
from epicycle.spec.objective import Objective
from epicycle.training.losses import row_losses, tempered, weighted_mean
from epicycle.training.optimisers import AdamW
from epicycle.training.schedules import knobs_at
from epicycle.training.state import Data, State, World, trained_tensors, zeros_held
from epicycle.training.update_rule import TensorwiseRule


def objective_of(experiment: Experiment, world: World, data: Data, state: State) -> Objective:
    """The objective of a member; `data` are those that count at its step."""
    bound = bind(experiment, knobs_at(experiment, state.knobs, state.step))
    training, model, inputs = bound.training, bound.model, jnp.asarray(world.inputs)[data.rows]
    trained = trained_tensors(experiment, state.params)

    def logits(params: Params) -> Float[Array, "slot *answer d_vocab_out"]:
        own = model.fast({**state.params, **params}, inputs, constant=world.constant, positions=world.positions)
        return tempered(own, training.temperature)

    def loss_of(values: Float[Array, "slot *answer d_vocab_out"]) -> Float[Array, ""]:
        return weighted_mean(row_losses(training.loss, values, data.labels), data.weights)

    def row_loss(params: Params, slot: Int[Array, ""]) -> Float[Array, ""]:
        own = model.apply({**state.params, **params}, inputs[slot][None], positions=world.positions)[0]
        return row_losses(training.loss, tempered(own, training.temperature), data.labels[slot][None])[0]

    present = data.weights > 0
    scale = _scale(training.optimiser, state.moments, trained)
    return Objective(
        trained=trained,
        logits=logits,
        loss_of=loss_of,
        row_loss=row_loss,
        n_rows=present.sum(),
        slots=jnp.argsort(~present, stable=True),
        movable=lambda change: zeros_held(experiment, trained, change),
        scale=scale,
        penalty=_penalty(training.optimiser, scale),
    )


def _scale(optimiser: Optimiser, moments: Any, trained: Params) -> Params | None:
    """What Adam divides the gradient by."""
    leaves: list[Any] = jax.tree.leaves(moments, is_leaf=lambda node: isinstance(node, optax.ScaleByAdamState))
    states = [leaf for leaf in leaves if isinstance(leaf, optax.ScaleByAdamState)]
    if not isinstance(optimiser, AdamW) or len(states) != 1:
        return None
    corrected = 1 - jnp.power(optimiser.betas[1], states[0].count)  # 0 before the first step, where the scale is not known
    return {name: jnp.sqrt(states[0].nu[name] / corrected) + optimiser.eps for name in trained}


def _penalty(optimiser: Optimiser, scale: Params | None) -> Any:
    """The energy of weight decay towards 0."""
    if not isinstance(optimiser, TensorwiseRule) or optimiser.decay_to != "origin":
        return None
    coupled, plain = optimiser.decay_coupling == "coupled", type(optimiser).kind == "sgd"
    if not coupled and scale is None and not plain:
        return None  # the direction is no gradient divided by a known scale

    def penalty(params: Params) -> Float[Array, ""]:
        energy = jnp.zeros(())
        for name, value in params.items():
            decay = optimiser.decay_of(name)
            if optimiser.decay_coupling == "independent":
                decay = decay / optimiser.lr_of(name)
            weight = 1.0 if coupled or scale is None else scale[name]
            energy = energy + decay / 2 * (weight * jnp.square(value)).sum()
        return energy

    return penalty
