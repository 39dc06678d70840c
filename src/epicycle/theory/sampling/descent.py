"""Gradient descent on many small networks at once, beside the sampler that draws them."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int
from numpy import ndarray

from epicycle.theory.sampling.perceptron import Perceptron, margins


class Descent(NamedTuple):
    """How networks are trained.

    Attributes:
        optimiser: `sgd` (full batch) or `adam`.
        lr: learning rate.
        weight_decay: decoupled, in units of the learning rate.
        steps: at most so many.
        until_right: whether a network rests as soon as it answers every trained row right.
    """

    optimiser: str
    lr: float
    weight_decay: float
    steps: int
    until_right: bool


class Trained(NamedTuple):
    """Networks after training.

    Attributes:
        weights: at the end.
        when_right: weights when every trained row was right for the first time; as at the end where that never was.
        steps: the step at which every trained row was right for the first time; the budget where that never was.
        right: whether that ever was.
        wrong_steps: at how many steps before that each trained row was wrong.
    """

    weights: Float[ndarray, "network weight"]
    when_right: Float[ndarray, "network weight"]
    steps: Int[ndarray, " network"]
    right: Bool[ndarray, " network"]
    wrong_steps: Int[ndarray, "network row"]


def _loss(network: Perceptron, weights: Array, inputs: Array, labels: Array) -> tuple[Array, Array]:
    """Sum over networks of the mean cross-entropy, and the margins."""
    outputs = network.outputs(weights, inputs)
    margin = margins(outputs, labels)
    if network.d_out == 1:
        return jax.nn.softplus(-margin).mean(axis=1).sum(), margin
    return optax.softmax_cross_entropy_with_integer_labels(outputs, labels[None]).mean(axis=1).sum(), margin


class _State(NamedTuple):
    step: Array
    weights: Array
    moments: optax.OptState
    when_right: Array
    steps: Array
    wrong_steps: Array


@partial(jax.jit, static_argnums=(0, 1))
def _train(network: Perceptron, descent: Descent, first: Array, inputs: Array, labels: Array) -> _State:
    make = optax.scale_by_adam() if descent.optimiser == "adam" else optax.identity()
    gradient = jax.grad(partial(_loss, network), has_aux=True)
    never = descent.steps + 1

    def unfinished(state: _State) -> Array:
        more = state.step <= descent.steps
        return more & (state.steps == never).any() if descent.until_right else more

    def step(state: _State) -> _State:
        slopes, margin = gradient(state.weights, inputs, labels)
        wrong, before = margin <= 0, state.steps == never
        arrives = before & ~wrong.any(axis=1)
        direction, moments = make.update(slopes, state.moments)
        moved = state.weights - descent.lr * (direction + descent.weight_decay * state.weights)
        rests = (~before | arrives) if descent.until_right else jnp.zeros_like(arrives)
        return _State(
            step=state.step + 1,
            weights=jnp.where(rests[:, None] | (state.step == descent.steps), state.weights, moved),
            moments=moments,
            when_right=jnp.where(arrives[:, None], state.weights, state.when_right),
            steps=jnp.where(arrives, state.step, state.steps),
            wrong_steps=state.wrong_steps + (wrong & before[:, None]),
        )

    n = len(first)
    start = _State(jnp.int32(0), first, make.init(first), first, jnp.full(n, never), jnp.zeros((n, len(labels)), jnp.int32))
    return jax.lax.while_loop(unfinished, step, start)


def train(
    network: Perceptron,
    descent: Descent,
    first: Float[ndarray, "network weight"],
    inputs: Float[ndarray, "row d_in"],
    labels: Int[ndarray, " row"],
) -> Trained:
    """Train each network on the same rows.

    Args:
        network: the shape of the networks.
        descent: how they are trained.
        first: their first weights.
        inputs: of the trained rows.
        labels: of the trained rows.
    """
    state = _train(network, descent, first, inputs, labels)
    steps = np.asarray(state.steps)
    right = steps <= descent.steps
    when_right = np.where(right[:, None], state.when_right, state.weights)
    return Trained(np.asarray(state.weights), when_right, np.minimum(steps, descent.steps), right, np.asarray(state.wrong_steps))
