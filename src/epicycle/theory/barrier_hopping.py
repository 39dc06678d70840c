"""A particle that noise drives over a barrier: the picture in which shallow circuits are replaced as grains in a metal grow.

The comment thread compares the change from memory to rule with a process that has an activation energy (rows R096 and R097). The
process is Kramers' (1940): its rate falls as exp(-barrier / temperature). The formulas are those of textbooks, for a particle without
inertia and a friction of 1.
"""

from collections.abc import Sequence
from math import exp, pi, sqrt
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from epicycle.spec.families import Simulated, Theory
from epicycle.theory.seeded import recorded_steps, steady_noise, streams


class BarrierHopping(Theory):
    """A particle in the potential barrier (x^2 / a^2 - 1)^2 with a = half_distance, which starts in the left one of two equal wells.

    An update is x -= lr dU/dx + sqrt(2 lr temperature) noise, so `lr` is the length of time of an update.

    Series: `position`; `train_loss`, the potential; `basin`, 1 right of the barrier and 0 left of it; `escaped`, 1 from the update on
    that brings the particle to the other minimum for the first time.

    Attributes:
        barrier: height of the barrier, the activation energy.
        temperature: strength of the noise, in units of the loss.
        half_distance: distance of each minimum from the barrier.
        lr: length of an update.
        steps: updates.
    """

    kind: ClassVar[str] = "barrier_hopping"
    series = dict.fromkeys(("train_loss", "position", "basin", "escaped"), ())

    barrier: float = Field(1.0, ge=0)
    temperature: float = Field(0.3, ge=0)
    half_distance: float = Field(1.0, gt=0)
    lr: float = Field(0.01, gt=0)
    steps: int = Field(10_000, ge=1, le=10_000_000)

    @property
    def last_step(self) -> int:
        """The number of updates."""
        return self.steps

    def simulate(self, seeds: Sequence[int]) -> Simulated:
        """Push one particle for each seed."""
        a, steps = self.half_distance, recorded_steps(self.steps)
        due = set(steps.tolist())
        x, escaped = np.full(len(seeds), -a), np.zeros(len(seeds), bool)
        rows = [(x, escaped)]
        slope, kick, noise = 4 * self.lr * self.barrier / a**2, sqrt(2 * self.lr * self.temperature), steady_noise(streams(seeds))
        for step in range(1, self.steps + 1):
            x = x - slope * x * (x * x / a**2 - 1) + kick * next(noise)
            escaped = escaped | (x >= a)
            if step in due:
                rows.append((x, escaped))
        position, over = (np.stack(column, axis=1).astype(float) for column in zip(*rows, strict=True))
        loss = self.potential(position)
        return Simulated(steps, {"train_loss": loss, "position": position, "basin": (position > 0).astype(float), "escaped": over})

    def potential(self, x: Float[ndarray, "..."]) -> Float[ndarray, "..."]:
        """The loss at a position."""
        return np.asarray(self.barrier * np.square(x**2 / self.half_distance**2 - 1))

    def kramers_steps(self) -> float:
        """Mean number of updates to the other minimum by Kramers' formula, which holds for barriers much above the temperature."""
        at_minimum, at_top = 8 * self.barrier / self.half_distance**2, 4 * self.barrier / self.half_distance**2
        return 2 * pi / sqrt(at_minimum * at_top) * exp(self.barrier / self.temperature) / self.lr

    def mean_steps(self) -> float:
        """Mean number of updates to the other minimum at any temperature, for short updates: the integral of the first passage time.

        It is 1 / T times the integral over y from -a to a of exp(U(y) / T) times the integral over z up to y of exp(-U(z) / T).
        """
        from scipy import integrate

        a = self.half_distance
        grid = np.linspace(-4 * a, a, 20_001)
        energy = self.potential(grid) / self.temperature
        inner = integrate.cumulative_simpson(np.exp(-energy), x=grid, initial=0)
        inside = grid >= -a
        return float(integrate.simpson(np.exp(energy[inside]) * inner[inside], x=grid[inside])) / self.temperature / self.lr
