"""Learners of a small function that see its loss and no gradient, and descent on the same function beside them (row R056)."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from epicycle.theory.seeded import steady_noise
from epicycle.theory.small_functions import Drawn, SmallFunction

AT_ONCE = 64  # random networks of a seed that are drawn together
OF_A_GRADIENT = 3  # evaluations that a gradient counts for: one forward pass, and a backward pass of twice the work
SUCCESSES = 0.2  # share of better offspring that evolution keeps up


class RandomSearch(SmallFunction):
    """Draw fresh networks and keep the best so far."""

    kind: ClassVar[str] = "random_search"

    def learn(self, drawn: Drawn) -> Iterator[Float[ndarray, "seed number"]]:
        """The weights with the smallest training loss among those drawn so far."""
        best, least = self.first_weights(drawn, 0).sum(axis=1), np.full(len(drawn.rngs), np.inf)
        while True:
            for weights in np.moveaxis(self.first_weights(drawn, AT_ONCE), 1, 0):
                loss = self.objective(weights, drawn)
                better = loss < least
                best, least = np.where(better[:, None], weights, best), np.minimum(loss, least)
                yield best


class Evolution(SmallFunction):
    """One parent and one offspring: a random change is kept if the training loss does not rise.

    The size of changes is adapted so that a fifth of them are kept (Rechenberg 1973): it is multiplied by exp((1 - 0.2) / damping)
    after a success and by exp(-0.2 / damping) after a failure, with damping = (1 + n / 2) 0.8 for n weights.

    Attributes:
        first_change: size of the first changes.
    """

    kind: ClassVar[str] = "evolution"

    first_change: float = Field(0.1, gt=0)

    def learn(self, drawn: Drawn) -> Iterator[Float[ndarray, "seed number"]]:
        """The parent."""
        parent = self.first_weights(drawn, 1)[:, 0]
        loss = self.objective(parent, drawn)
        yield parent
        damping = (1 + parent.shape[1] / 2) * (1 - SUCCESSES)
        size = np.full(len(parent), self.first_change)
        for change in steady_noise(drawn.rngs, parent.shape[1]):
            child = parent + size[:, None] * change
            loss_of_child = self.objective(child, drawn)
            kept = loss_of_child <= loss
            parent, loss = np.where(kept[:, None], child, parent), np.where(kept, loss_of_child, loss)
            size = size * np.exp((kept - SUCCESSES) / damping)
            yield parent


class GradientDescent(SmallFunction):
    """Gradient descent with momentum on all trained rows. A gradient counts as three evaluations.

    Attributes:
        lr: learning rate.
        momentum: share of the last change that is made again.
    """

    kind: ClassVar[str] = "gradient_descent"

    lr: float = Field(0.1, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)

    def learn(self, drawn: Drawn) -> Iterator[Float[ndarray, "seed number"]]:
        """The weights, which change with every third evaluation."""
        weights = self.first_weights(drawn, 1)[:, 0]
        change = np.zeros_like(weights)
        while True:
            yield from (weights for _ in range(OF_A_GRADIENT))
            change = self.momentum * change - self.lr * self.gradient(weights, drawn)
            weights = weights + change
