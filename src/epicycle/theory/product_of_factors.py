"""Several factors that must be right together: a plateau, and then a sudden drop of the loss.

The model is that of Jermyn and Shlegeris (Multi-component learning and S-curves, 2022), with any number of factors and several modes.
The exact solutions are our algebra. For two factors they are those of deep linear networks (Saxe et al., arXiv 1312.6120).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from epicycle.spec.families import Simulated, Theory
from epicycle.spec.limits import MOST_STEPS
from epicycle.spec.observation import Observation
from epicycle.theory.seeded import normal, streams

Positive = Annotated[float, Field(gt=0, le=1e6)]
NODES = 20_000  # at which the time of a mode is integrated
END = 40.0  # log-odds at which a mode counts as learned: its strength differs from the end by exp(-40)


class ProductOfFactors(Theory):
    """Gradient flow on products of equal factors, one product for each mode.

    Mode k has the strength w = u^n, where u is the size of each of its n factors, and its target is `strengths[k]`. The loss is half
    the sum of the squares of what is missing. So du/dt = u^(n - 1) (s - u^n): with one factor the loss falls at once, with two or more
    there is a plateau first, and it grows with every factor.

    A step is `lr` units of the time of gradient flow.

    Attributes:
        factors: number of factors n in each mode.
        strengths: target s of each mode, such as the singular values of a matrix that is to be learned.
        start: size of each factor at step 0.
        lr: time of gradient flow in a step.
        steps: last step.
        spread: standard deviation of the logarithm of the start of each mode over seeds. 0 gives every seed the same curve.
    """

    kind: ClassVar[str] = "product_of_factors"
    series: ClassVar[Mapping[str, tuple[str, ...]]] = {"train_loss": (), "loss_left": (), "mode_strength": ("mode",)}

    factors: int = Field(2, ge=1, le=20)
    strengths: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=1000)] = (1.0,)
    start: float = Field(0.01, gt=0, le=1e6)
    lr: float = Field(0.01, gt=0, le=1e9)
    steps: int = Field(2000, ge=1, le=MOST_STEPS)
    spread: float = Field(0.0, ge=0, le=10)

    @property
    def last_step(self) -> int:
        """The last step."""
        return self.steps

    def simulate(self, seeds: Sequence[int]) -> Simulated:
        """The loss, the share of it that is left, and the strength of each mode."""
        steps, targets = Observation(dense_until=100).grid(self.steps), np.array(self.strengths)
        starts = self.start * np.exp(self.spread * normal(streams(seeds), len(targets)))
        learned = np.array(
            [[self._strength(steps * self.lr, u, s) for u, s in zip(run, targets, strict=True)] for run in starts]
        ).swapaxes(1, 2)
        loss = np.square(targets - learned).sum(axis=-1) / 2
        series = {"train_loss": loss, "loss_left": loss / loss[:, :1], "mode_strength": learned}
        return Simulated(steps, series, {"mode": [str(mode) for mode in range(len(targets))]})

    def _strength(self, times: Float[ndarray, " step"], start: float, target: float) -> Float[ndarray, " step"]:
        """The strength of one mode at some times.

        With z = ln(w / (s - w)) the flow is dt = w^(2 / n - 1) dz / (n s), which is integrated over z and read backwards. A mode that
        starts above its target has z = ln(w / (w - s)) and the sign of dt turned.
        """
        n, first = self.factors, start**self.factors
        if first == target:
            return np.full(len(times), target)
        side = 1.0 if first < target else -1.0
        begin = np.log(first / abs(target - first))
        z = np.linspace(begin, max(begin, 0) + END, NODES) if side > 0 else _falling(begin)
        strength = target / (1 + side * np.exp(-z))
        pace = strength ** (2 / n - 1) / (n * target)
        passed = np.concatenate([[0.0], np.cumsum((pace[1:] + pace[:-1]) / 2 * np.diff(z))])
        return np.interp(times, passed, strength)


def _falling(begin: float) -> Float[ndarray, " point"]:
    """Nodes of a mode that starts above its target: there z is above 0, and near 0 the strength changes fastest."""
    return np.expm1(np.linspace(np.log1p(begin), np.log1p(begin + END), NODES))
