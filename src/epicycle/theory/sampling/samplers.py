"""What the samplers of Boolean functions share: the networks, the draws, and the same networks trained by gradient descent."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt8
from numpy import ndarray
from pydantic import Field

from epicycle.spec.families import Simulated, Theory
from epicycle.theory.sampling.descent import Descent, Trained, train
from epicycle.theory.sampling.perceptron import Perceptron, answers
from epicycle.theory.sampling.side_by_side import side_by_side
from epicycle.theory.sampling.truth_tables import boolean_inputs, packed, random_tables, unpacked

PASSES_OF_A_STEP = 3  # one forward pass, and one backward pass that costs two


class Questions(NamedTuple):
    """One target function and one training set.

    Attributes:
        labels: the target's answer to each row.
        train: rows trained on.
        test: the other rows, in random order.
        outlier: which of the trained rows are outliers.
    """

    labels: UInt8[ndarray, " row"]
    train: Int[ndarray, " slot"]
    test: Int[ndarray, " row"]
    outlier: Bool[ndarray, " slot"]


class Learners(NamedTuple):
    """The networks of one seed.

    Attributes:
        questions: the target and the training set.
        accepted: answers of the random networks that fit the training set.
        all_but_one: how many random networks are wrong on this trained row and on no other.
        trained: the networks trained by gradient descent.
        learned: answers of those that came to fit.
    """

    questions: Questions
    accepted: UInt8[ndarray, "network row"]
    all_but_one: Int[ndarray, " slot"]
    trained: Trained
    learned: UInt8[ndarray, "network row"]


class BooleanNetworks(Theory):
    """Random networks on a function of a few bits, and the same networks trained.

    Attributes:
        n_bits: number of inputs, each -1 or 1.
        hidden: width of each hidden layer; empty for a threshold unit.
        prior: where the sampler's truth tables come from: `networks` with random weights, or `coins`, one for each answer.
        weight_scale: standard deviation of weights, times the root of the number of inputs of their layer.
        bias_scale: standard deviation of biases.
        n_random: random networks drawn.
        n_trained: networks trained, from draws of the same distribution. Each rests as soon as it fits the training set.
        optimiser: `sgd` on the full batch, or `adam`.
        lr: learning rate.
        steps: at most so many steps.
    """

    baseline: ClassVar[float] = 0.5

    n_bits: int = Field(5, ge=2, le=7)
    hidden: tuple[int, ...] = Field((16,), max_length=4)
    prior: Literal["networks", "coins"] = "networks"
    weight_scale: float = Field(1.5, gt=0)
    bias_scale: float = Field(0.5, ge=0)
    n_random: int = Field(1 << 20, ge=1, le=1 << 26)
    n_trained: int = Field(1024, ge=1, le=1 << 20)
    optimiser: Literal["sgd", "adam"] = "sgd"
    lr: float = Field(0.3, gt=0)
    steps: int = Field(2000, ge=1)

    @property
    def last_step(self) -> int:
        """0: a sampler has no time."""
        return 0

    @property
    def network(self) -> Perceptron:
        """The shape of the networks."""
        return Perceptron(self.n_bits, self.hidden, 1, self.weight_scale, self.bias_scale)

    @abstractmethod
    def questions(self, generator: np.random.Generator) -> Questions:
        """Draw a target function and a training set."""

    @abstractmethod
    def say(self, learners: Learners) -> Mapping[str, float | ndarray]:
        """Every series of one run."""

    @abstractmethod
    def labels(self) -> Mapping[str, Sequence[str]]:
        """Labels along the series' own axes."""

    def simulate(self, seeds: Sequence[int]) -> Simulated:
        """Each run has its own target, training set and networks."""
        runs = side_by_side(lambda seed: self.say(self._learners(seed)), seeds)
        series = {name: np.stack([np.asarray(run[name], float)[None] for run in runs]) for name in self.series}
        return Simulated(np.zeros(1, int), series, self.labels())

    def _learners(self, seed: int) -> Learners:
        questions = self.questions(np.random.default_rng([seed, 0]))
        tables = random_tables(self.network if self.prior == "networks" else None, self.n_bits, self.n_random, seed)
        accepted, all_but_one = _sorted_out(tables, questions)
        trained = self._trained(questions, seed)
        learned = np.asarray(answers(self.network, trained.when_right, boolean_inputs(self.n_bits)))[trained.right]
        return Learners(questions, accepted, all_but_one, trained, learned)

    def _trained(self, questions: Questions, seed: int) -> Trained:
        first = self.network.draw(np.random.default_rng([seed, 2]), self.n_trained)
        descent = Descent(self.optimiser, self.lr, 0.0, self.steps, until_right=True)
        rows = questions.train
        return train(self.network, descent, first, boolean_inputs(self.n_bits)[rows], questions.labels[rows].astype(np.int32))


def _sorted_out(
    tables: UInt8[ndarray, "network byte"], questions: Questions
) -> tuple[UInt8[ndarray, "network row"], Int[ndarray, " slot"]]:
    """The tables that fit the training set, and for each trained row how many are wrong on this row only."""
    n_rows = len(questions.labels)
    mask = np.zeros(n_rows, np.uint8)
    mask[questions.train] = 1
    wrong = (tables ^ packed(questions.labels)) & packed(mask)
    fits = ~wrong.any(axis=1)
    n_wrong = np.bitwise_count(wrong).sum(axis=1)
    once = unpacked(wrong[n_wrong == 1], n_rows).sum(axis=0)
    return unpacked(tables[fits], n_rows), once[questions.train]
