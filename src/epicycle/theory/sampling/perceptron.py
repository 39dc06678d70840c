"""Small multilayer perceptrons, many at once: each network is one vector of weights.

A network is drawn from independent Gaussian weights. The answers depend on the vector alone, so a sampler and gradient descent can
start from the same draws.
"""

from functools import partial
from itertools import pairwise
from math import prod, sqrt
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from numpy import ndarray


class Perceptron(NamedTuple):
    """The shape of a network and the spread of its random weights.

    Attributes:
        d_in: number of inputs.
        hidden: width of each hidden layer; empty for a linear network.
        d_out: 1 for yes-or-no answers (the sign of the output), else one output for each answer.
        weight_scale: a weight's standard deviation times the root of the number of inputs of its layer.
        bias_scale: standard deviation of biases.
        activation: of hidden units, `relu` or `square`.
    """

    d_in: int
    hidden: tuple[int, ...]
    d_out: int
    weight_scale: float
    bias_scale: float
    activation: str = "relu"

    def layers(self) -> list[tuple[int, int]]:
        """Inputs and outputs of each layer."""
        widths = (self.d_in, *self.hidden, self.d_out)
        return list(pairwise(widths))

    def deviations(self) -> Float[ndarray, " weight"]:
        """The standard deviation of each weight, layer by layer: first the weights, then the biases."""
        parts = [
            part
            for n_in, n_out in self.layers()
            for part in (np.full(n_in * n_out, self.weight_scale / sqrt(n_in)), np.full(n_out, self.bias_scale))
        ]
        return np.concatenate(parts).astype(np.float32)

    def draw(self, generator: np.random.Generator, n_networks: int) -> Float[ndarray, "network weight"]:
        """Random networks."""
        deviations = self.deviations()
        return generator.standard_normal((n_networks, len(deviations)), dtype=np.float32) * deviations

    def outputs(self, weights: Float[Array, "network weight"], inputs: Float[Array, "row d_in"]) -> Float[Array, "network row d_out"]:
        """What each network says of each row."""
        activations, position = inputs[None], 0
        bend = jax.nn.relu if self.activation == "relu" else jnp.square
        for depth, (n_in, n_out) in enumerate(self.layers()):
            shapes = ((n_in, n_out), (1, n_out))
            pieces = []
            for shape in shapes:
                pieces.append(weights[:, position : position + prod(shape)].reshape(-1, *shape))
                position += prod(shape)
            activations = (bend(activations) if depth else activations) @ pieces[0] + pieces[1]
        return activations


def margins(outputs: Float[Array, "network row d_out"], labels: Int[Array, " row"]) -> Float[Array, "network row"]:
    """How far each answer is on the right side: above 0 where it is right.

    With one output: the output, or its negative where the label is 0. With several: the right output less the largest other one.
    """
    if outputs.shape[-1] == 1:
        return outputs[..., 0] * (2 * labels - 1)
    right = jax.nn.one_hot(labels, outputs.shape[-1], dtype=bool)
    return (outputs * right).sum(axis=-1) - jnp.where(right, -jnp.inf, outputs).max(axis=-1)


@partial(jax.jit, static_argnums=0)
def answers(
    network: Perceptron, weights: Float[Array, "network weight"], inputs: Float[Array, "row d_in"]
) -> Int[Array, "network row"]:
    """The answer of each network to each row."""
    outputs = network.outputs(weights, inputs)
    return (outputs[..., 0] > 0).astype(jnp.uint8) if network.d_out == 1 else outputs.argmax(axis=-1).astype(jnp.uint8)


@partial(jax.jit, static_argnums=0)
def margins_of(
    network: Perceptron, weights: Float[Array, "network weight"], inputs: Float[Array, "row d_in"], labels: Int[Array, " row"]
) -> Float[Array, "network row"]:
    """The margin of each network at each row."""
    return margins(network.outputs(weights, inputs), labels)


def all_right(margin: Float[ndarray, "network row"]) -> Bool[ndarray, " network"]:
    """Which networks answer every row right."""
    return np.asarray((margin > 0).all(axis=1))
