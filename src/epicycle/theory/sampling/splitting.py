"""Importance splitting: random networks that fit a training set, where plain rejection would never meet one.

The networks go through levels. At each level a share of them, those that come closest to the training set, is kept and copied, and
every network then walks at random among those that come at least as close. The walk leaves the Gaussian draw as it is. The product of
the shares estimates the probability that a random network fits. Au & Beck 2001 (subset simulation); the walk is that of Neal 1999.
"""

from math import log, sqrt
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.theory.sampling.perceptron import Perceptron, margins_of

MOST_LEVELS = 1000
DESIRED = 0.3  # share of accepted moves to which the length of a move is fitted


class Split(NamedTuple):
    """What importance splitting found.

    Attributes:
        weights: networks that fit the training set, after a last walk; empty where it was not reached.
        log_probability: natural logarithm of the probability that a random network fits; the level reached, where none was reached.
        log_error: standard error of this logarithm as if the copies were independent, so it is a lower bound.
        evaluations: networks evaluated on the training set.
        accepted: share of accepted moves in the last walk.
    """

    weights: Float[ndarray, "network weight"]
    log_probability: float
    log_error: float
    evaluations: int
    accepted: float


class _Population:
    """Networks that walk, each with its score."""

    def __init__(self, network: Perceptron, rows: tuple[ndarray, ndarray], n_networks: int, generator: np.random.Generator) -> None:
        self.network, self.rows, self.generator = network, rows, generator
        self.weights = network.draw(generator, n_networks)
        self.scores = self._scores(self.weights)
        self.evaluations, self.stride, self.accepted = n_networks, 0.5, 1.0

    def _scores(self, weights: Float[ndarray, "network weight"]) -> Float[ndarray, " network"]:
        return closeness(np.asarray(margins_of(self.network, weights, *self.rows)))

    def copy(self, kept: Int[ndarray, " network"]) -> None:
        """Keep these networks, and fill up with copies of them."""
        n = len(self.weights)
        chosen = np.concatenate([self.generator.permutation(kept), self.generator.choice(kept, n)])[:n]
        self.weights, self.scores = self.weights[chosen], self.scores[chosen]

    def walk(self, level: float, moves: int) -> None:
        """Move each network at random; a move below the level is not made."""
        n, hits = len(self.weights), 0.0
        for _ in range(moves):
            shrunk = self.weights * np.float32(sqrt(1 - self.stride**2))
            moved = shrunk + self.network.draw(self.generator, n) * np.float32(self.stride)
            scores = self._scores(moved)
            enough = scores >= level
            self.weights[enough], self.scores[enough] = moved[enough], scores[enough]
            self.stride = float(np.clip(self.stride * np.exp(0.5 * (enough.mean() - DESIRED)), 1e-3, 1.0))
            hits += enough.mean() / moves
        self.evaluations += n * moves
        self.accepted = hits


def closeness(margin: Float[ndarray, "network row"]) -> Float[ndarray, " network"]:
    """How close each network is to fitting: 0 where every row is right, else minus the wrong share of all margins.

    The size of a network's outputs does not matter.
    """
    wrong = np.minimum(margin, 0).sum(axis=1)
    shares = wrong / np.maximum(np.abs(margin).sum(axis=1), 1e-30)
    return np.where((margin > 0).all(axis=1), 0.0, np.minimum(shares, -1e-9))


def split(
    network: Perceptron,
    rows: tuple[Float[ndarray, "row d_in"], Int[ndarray, " row"]],
    n_networks: int,
    kept_share: float,
    moves: int,
    generator: np.random.Generator,
) -> Split:
    """Lead random networks to those that fit a training set.

    Args:
        network: their shape.
        rows: inputs and labels of the training set.
        n_networks: how many walk side by side.
        kept_share: the share that each level keeps, at least.
        moves: of each network at each level.
        generator: of all draws.
    """
    population = _Population(network, rows, n_networks, generator)
    log_probability, variance = 0.0, 0.0
    for _ in range(MOST_LEVELS):
        n_kept = max(int(n_networks * kept_share), 1)
        level = np.sort(population.scores)[-n_kept]
        kept = np.flatnonzero(population.scores >= level)
        share = len(kept) / n_networks
        log_probability += log(share)
        variance += (1 - share) / (share * n_networks)
        population.copy(kept)
        population.walk(float(level), moves)
        if level == 0:
            return Split(population.weights, log_probability, sqrt(variance), population.evaluations, population.accepted)
    return Split(population.weights[:0], log_probability, sqrt(variance), population.evaluations, population.accepted)
