"""A small function to be learned, and what learners of it share: the rows, the network, the loss and the record.

Learners with and without gradients are compared by the number of evaluations of the training loss that they need (row R056). A bowl
in place of the network has rates that are known.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, NamedTuple, Self

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from pydantic import Field, model_validator

from epicycle.spec.families import Simulated, Theory
from epicycle.theory.seeded import normal, recorded_steps, streams

MOST_BITS = 12


class Drawn(NamedTuple):
    """What the seeds draw: the streams of random numbers, and the rows with those that are trained on first."""

    rngs: list[np.random.Generator]
    inputs: Float[ndarray, "seed row d_in"]
    signs: Float[ndarray, "seed row"]  # 1 for true and -1 for false
    n_train: int


class SmallFunction(Theory):
    """A network with one hidden layer that learns a function of some bits from a share of all rows.

    A step is one evaluation of the training loss. The loss is the mean of ln(1 + exp(-sign logit)) over the trained rows, and what is
    minimised has decay / 2 times the squared norm of the weights added. The `bowl` has no rows: its loss is half of the squared norm.

    Series: `train_loss`, `test_loss`, `train_acc`, `test_acc`; a bowl has the same two losses and no accuracies.

    Attributes:
        function: `majority` of the bits, `parity` of the first `relevant` bits, or a `bowl`.
        bits: number of bits, or the dimensions of the bowl.
        relevant: how many bits the parity depends on.
        hidden: hidden units.
        frac_train: share of the rows that are trained on.
        decay: strength of the pull towards zero.
        init_scale: factor of the first weights, whose variance is 1 / inputs of a unit; those of a bowl have a variance of 1.
        evaluations: budget of evaluations of the training loss.
    """

    series = dict.fromkeys(("train_loss", "test_loss", "train_acc", "test_acc"), ())
    baseline: ClassVar[float] = 0.5

    function: Literal["majority", "parity", "bowl"] = "majority"
    bits: int = Field(5, ge=1, le=1000)
    relevant: int = Field(2, ge=1, le=20)
    hidden: int = Field(8, ge=1, le=1000)
    frac_train: float = Field(0.6, gt=0, lt=1)
    decay: float = Field(0.0, ge=0)
    init_scale: float = Field(1.0, gt=0)
    evaluations: int = Field(10_000, ge=1, le=10_000_000)

    @model_validator(mode="after")
    def _has_rows(self) -> Self:
        if self.function == "bowl":
            return self
        if self.bits > MOST_BITS:
            raise ValueError(f"a function of {self.bits} bits has too many rows; give at most {MOST_BITS} bits")
        if self.function == "majority" and self.bits % 2 == 0:
            raise ValueError(f"{self.bits} bits can be split evenly, so they have no majority; give an odd number of bits")
        if self.function == "parity" and self.relevant > self.bits:
            raise ValueError(f"a parity of {self.relevant} bits needs as many bits, and there are {self.bits}; give fewer as relevant")
        return self

    @abstractmethod
    def learn(self, drawn: Drawn) -> Iterator[Float[ndarray, "seed number"]]:
        """The weights after every single evaluation, from the first one on."""

    @property
    def last_step(self) -> int:
        """The budget."""
        return self.evaluations

    def simulate(self, seeds: Sequence[int]) -> Simulated:
        """Let one learner a seed spend its evaluations."""
        steps = recorded_steps(self.evaluations)[1:]  # nothing is known before the first evaluation
        drawn = self._drawn(streams(seeds))
        records, due = [], set(steps.tolist())
        for step, weights in zip(range(1, self.evaluations + 1), self.learn(drawn), strict=False):
            if step in due:
                records.append(self._record(weights, drawn))
        return Simulated(steps, {name: np.stack([row[name] for row in records], axis=1) for name in records[0]})

    def first_weights(self, drawn: Drawn, count: int) -> Float[ndarray, "seed draw number"]:
        """Fresh weights, some for each seed."""
        if self.function == "bowl":
            return self.init_scale * normal(drawn.rngs, count, self.bits)
        n, h = self.bits, self.hidden
        scales = np.concatenate([np.full((n + 1) * h, (n + 1) ** -0.5), np.full(h, h**-0.5)])
        return self.init_scale * scales * normal(drawn.rngs, count, len(scales))

    def objective(self, weights: Float[ndarray, "seed number"], drawn: Drawn) -> Float[ndarray, " seed"]:
        """What is minimised: the training loss and the decay."""
        norm = np.square(weights).sum(axis=1) / 2
        if self.function == "bowl":
            return norm
        logits, _ = self._logits(weights, drawn.inputs[:, : drawn.n_train])
        return np.logaddexp(0, -drawn.signs[:, : drawn.n_train] * logits).mean(axis=1) + self.decay * norm

    def gradient(self, weights: Float[ndarray, "seed number"], drawn: Drawn) -> Float[ndarray, "seed number"]:
        """The gradient of the objective."""
        if self.function == "bowl":
            return weights
        inputs, signs = drawn.inputs[:, : drawn.n_train], drawn.signs[:, : drawn.n_train]
        logits, units = self._logits(weights, inputs)
        push = -signs / (1 + np.exp(signs * logits)) / drawn.n_train
        to_units = push[..., None] * weights[:, None, -self.hidden :] * (1 - units**2)
        first = np.matmul(np.swapaxes(inputs, 1, 2), to_units).reshape(len(weights), -1)
        last = np.matmul(push[:, None], units)[:, 0]
        return np.concatenate([first, last], axis=1) + self.decay * weights

    def _logits(
        self, weights: Float[ndarray, "seed number"], inputs: Float[ndarray, "seed row d_in"]
    ) -> tuple[Float[ndarray, "seed row"], Float[ndarray, "seed row d_mlp"]]:
        first = weights[:, : -self.hidden].reshape(len(weights), -1, self.hidden)
        units = np.tanh(np.matmul(inputs, first))
        return np.matmul(units, weights[:, -self.hidden :, None])[..., 0], units

    def _drawn(self, rngs: list[np.random.Generator]) -> Drawn:
        """The rows of each seed in its own order. A constant input takes the place of biases."""
        if self.function == "bowl":
            return Drawn(rngs, np.zeros((len(rngs), 0, 0)), np.zeros((len(rngs), 0)), 0)
        rows = 1 - 2.0 * ((np.arange(2**self.bits)[:, None] >> np.arange(self.bits)) & 1)
        signs = np.sign(rows.sum(axis=1)) if self.function == "majority" else rows[:, : self.relevant].prod(axis=1)
        orders: Int[ndarray, "seed row"] = np.stack([rng.permutation(len(rows)) for rng in rngs])
        inputs = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
        return Drawn(rngs, inputs[orders], signs[orders], min(max(round(self.frac_train * len(rows)), 1), len(rows) - 1))

    def _record(self, weights: Float[ndarray, "seed number"], drawn: Drawn) -> dict[str, Float[ndarray, " seed"]]:
        if self.function == "bowl":
            loss, unknown = np.square(weights).sum(axis=1) / 2, np.full(len(weights), np.nan)
            return {"train_loss": loss, "test_loss": loss, "train_acc": unknown, "test_acc": unknown}
        margins = drawn.signs * self._logits(weights, drawn.inputs)[0]
        halves = {"train": margins[:, : drawn.n_train], "test": margins[:, drawn.n_train :]}
        losses = {f"{name}_loss": np.logaddexp(0, -half).mean(axis=1) for name, half in halves.items()}
        return {**losses, **{f"{name}_acc": (half > 0).mean(axis=1) for name, half in halves.items()}}
