"""Two circuits that share a loss: one general and cheap but slow, one that remembers and is dear but fast.

The model is that of Varma et al. (arXiv 2309.02390, section 3), a demonstration that three ingredients suffice for grokking. Its text
gives the structure. The constants are not published, so the defaults are a reconstruction.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from epicycle.spec.families import Simulated, Theory
from epicycle.spec.limits import MOST_STEPS
from epicycle.theory.seeded import normal, recorded_steps, streams

Pair = Float[ndarray, "... run"]  # two rows: the general circuit, and the memory


class CircuitEfficiency(Theory):
    """Gradient descent on the strengths of two circuits, under weight decay.

    Each circuit puts a logit on one class: the general one on the right class of every question, the memory on the right class of
    trained questions and on a wrong class of held-out ones. The logit is a product of two numbers, and these are what is trained.
    A circuit whose numbers both start near 0 is slow. A circuit of logit w needs the norm P |w|^(1 / kappa). P is the price of a
    logit: the cheaper circuit is the more efficient one.

    With c classes and logits g and m the training loss is ln(1 + (c - 1) exp(-g - m)), plus `weight_decay` times half of the squared
    norms of both circuits. At the end g / m is (P_m / P_g)^(2 kappa / (2 - kappa)), whatever the decay (`equilibrium_ratio`).

    The test loss is ln(exp(g) + exp(m) + c - 2) - g, and held-out questions are all right as soon as g is above m and above 0. The
    accuracies are 0 or 1 for this reason, so a time at which the data are fitted is read from the loss.

    Attributes:
        num_classes: number of classes.
        kappa: degree of the logit in the weights of a circuit. From 2 on the end depends on the start, which is not covered.
        gen_price: norm that a logit of 1 costs the general circuit.
        mem_price: norm that a logit of 1 costs the memory.
        gen_start: where the second number of the general circuit starts. The first one starts at 0.
        mem_start: where the second number of the memory starts. The first one starts at 0.
        weight_decay: weight of half the squared norm in the loss.
        lr: learning rate of plain gradient descent.
        steps: number of updates.
        spread: standard deviation of the logarithm of both starts over seeds. 0 gives every seed the same curve.
    """

    kind: ClassVar[str] = "circuit_efficiency"
    series: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(
        ("train_loss", "test_loss", "train_acc", "test_acc", "gen_logit", "mem_logit", "gen_part"), ()
    )

    num_classes: int = Field(113, ge=3, le=10**9)
    kappa: float = Field(1.2, gt=0, lt=2)
    gen_price: float = Field(1.0, gt=0, le=1e3)
    mem_price: float = Field(3.0, gt=0, le=1e3)
    gen_start: float = Field(0.005, gt=0, le=10)
    mem_start: float = Field(1.0, gt=0, le=10)
    weight_decay: float = Field(0.005, ge=0, le=10)
    lr: float = Field(0.01, gt=0, le=10)
    steps: int = Field(60_000, ge=1, le=MOST_STEPS)
    spread: float = Field(0.0, ge=0, le=10)

    @property
    def last_step(self) -> int:
        """The number of updates."""
        return self.steps

    def equilibrium_ratio(self) -> float:
        """Logit of the general circuit over that of the memory where the loss is smallest: (P_m / P_g)^(2 kappa / (2 - kappa))."""
        return float((self.mem_price / self.gen_price) ** (2 * self.kappa / (2 - self.kappa)))

    def simulate(self, seeds: Sequence[int]) -> Simulated:
        """Both circuits by gradient descent."""
        steps = recorded_steps(self.steps)
        recorded = {int(step): position for position, step in enumerate(steps)}
        logits = np.empty((len(steps), 2, len(seeds)))
        first = np.zeros((2, len(seeds)))
        second = np.array([[self.gen_start], [self.mem_start]]) * np.exp(self.spread * normal(streams(seeds), 2).T)
        prices = self._prices()
        for step in range(self.steps + 1):
            logit = first * second
            if step in recorded:
                logits[recorded[step]] = logit
            descent = self.lr * self._slope(logit, prices)
            first, second = first - descent * second, second - descent * first
        return Simulated(steps, self._series(logits[:, 0].T, logits[:, 1].T))

    def _prices(self) -> Pair:
        """The factor of |logit|^(2 / kappa - 1) in the slope of the decay."""
        return np.array([[self.gen_price], [self.mem_price]]) ** 2 * self.weight_decay / self.kappa

    def _slope(self, logit: Pair, prices: Pair) -> Pair:
        """Derivative of the loss by the two logits."""
        wrong = 1 / (1 + np.exp(logit[0] + logit[1]) / (self.num_classes - 1))
        decay: Pair = np.copysign(np.abs(logit) ** (2 / self.kappa - 1), logit)
        return prices * decay - wrong

    def _series(self, gen: Float[ndarray, "run step"], mem: Float[ndarray, "run step"]) -> dict[str, Float[ndarray, "run step"]]:
        others = np.log(self.num_classes - 2)
        with np.errstate(invalid="ignore"):
            part = gen / (gen + mem)  # unknown where both are 0
        return {
            "train_loss": np.logaddexp(0, np.log(self.num_classes - 1) - gen - mem),
            "test_loss": np.logaddexp(np.logaddexp(gen, mem), others) - gen,
            "train_acc": (gen + mem > 0).astype(float),
            "test_acc": ((gen > mem) & (gen > 0)).astype(float),
            "gen_logit": gen,
            "mem_logit": mem,
            "gen_part": part,
        }
