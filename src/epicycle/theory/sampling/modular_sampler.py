"""Does the draw of first weights favour the rule of a clock? Random networks that fit part of a small table, beside trained ones.

A random network that fits the training set is too rare to be met by drawing. Importance splitting leads networks to the training set,
and leaves them distributed as random networks that fit (`splitting.py`).
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from pydantic import Field, model_validator

from epicycle.spec.families import Simulated, Theory
from epicycle.theory.sampling.descent import Descent, train
from epicycle.theory.sampling.perceptron import Perceptron, all_right, margins_of
from epicycle.theory.sampling.samplers import PASSES_OF_A_STEP
from epicycle.theory.sampling.side_by_side import side_by_side
from epicycle.theory.sampling.splitting import split

NAMES = (
    *("sampled_test_acc", "sampled_test_acc_2", "fitted_test_acc", "trained_test_acc", "chance"),
    *("sampled_general", "trained_general", "trained_share"),
    *("log10_probability", "log10_probability_2", "log10_error", "splitting_evaluations", "trained_evaluations", "log10_saving"),
)


class _Rows(NamedTuple):
    inputs: Float[ndarray, "row d_in"]
    labels: Int[ndarray, " row"]


class ModularSampler(Theory):
    """Random networks that fit part of a small table of clock arithmetic, beside networks trained with weight decay.

    Series: the decimal logarithm of the probability that a random network fits (`log10_probability`) with its least standard error
    (`log10_error`), and the same from a second, independent population (`log10_probability_2`). Test accuracy of random networks that
    fit, from either population (`sampled_test_acc`, `sampled_test_acc_2`; NaN where none fits after 1,000 levels), of trained networks
    when they fit for the first time (`fitted_test_acc`) and at the end of training (`trained_test_acc`); `chance` is one over the
    number of answers. `sampled_general` and `trained_general` are the shares of networks that are right on every held-out row,
    `trained_share` the share that came to fit. `splitting_evaluations` counts networks evaluated by splitting; `trained_evaluations`
    is three for each step until a network fits; `log10_saving` is how many times more networks plain rejection would draw, as a
    decimal logarithm.

    Attributes:
        p: number of residues.
        operation: `x-y` or `x+y` modulo p, or `random`, a random answer for each pair.
        frac_train: share of the pairs that are trained on, rounded to whole pairs.
        hidden: width of each hidden layer.
        activation: of hidden units, `relu` or `square`.
        weight_scale: standard deviation of weights, times the root of the number of inputs of their layer.
        bias_scale: standard deviation of biases.
        n_random: random networks in each of the two populations of importance splitting.
        kept_share: the share of networks that each level keeps.
        moves: moves of each network at each level.
        n_trained: networks trained by Adam, from draws of the same distribution.
        lr: learning rate.
        weight_decay: decoupled weight decay, in units of the learning rate.
        steps: steps of training.
    """

    kind: ClassVar[str] = "modular_sampler"
    series: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(NAMES, ())

    p: int = Field(7, ge=2, le=11)
    operation: Literal["x-y", "x+y", "random"] = "x-y"
    frac_train: float = Field(0.8, gt=0, lt=1)
    hidden: tuple[int, ...] = Field((48,), max_length=4)
    activation: Literal["relu", "square"] = "square"
    weight_scale: float = Field(1.5, gt=0)
    bias_scale: float = Field(0.0, ge=0)
    n_random: int = Field(256, ge=10, le=1 << 20)
    kept_share: float = Field(0.25, gt=0, lt=1)
    moves: int = Field(10, ge=1)
    n_trained: int = Field(16, ge=1, le=1 << 16)
    lr: float = Field(1e-2, gt=0)
    weight_decay: float = Field(1.0, ge=0)
    steps: int = Field(2000, ge=1)

    @model_validator(mode="after")
    def _rows_on_both_sides(self) -> "ModularSampler":
        if not 0 < self._n_train() < self.p**2:
            raise ValueError(
                f"frac_train {self.frac_train} of {self.p**2} pairs leaves no pair on one side; give a share nearer to a half"
            )
        return self

    @property
    def last_step(self) -> int:
        """0: a sampler has no time."""
        return 0

    def simulate(self, seeds: Sequence[int]) -> Simulated:
        """Each run has its own training set and networks."""
        runs = side_by_side(self._run, seeds)
        series = {name: np.array([[run[name]] for run in runs], float) for name in NAMES}
        return Simulated(np.zeros(1, int), series)

    def _n_train(self) -> int:
        return round(self.frac_train * self.p**2)

    def _network(self) -> Perceptron:
        return Perceptron(2 * self.p, self.hidden, self.p, self.weight_scale, self.bias_scale, self.activation)

    def _rows(self, seed: int) -> tuple[_Rows, _Rows]:
        """Trained and held-out rows."""
        generator = np.random.default_rng([seed, 0])
        x, y = np.divmod(np.arange(self.p**2), self.p)
        sign = -1 if self.operation == "x-y" else 1
        labels = generator.integers(0, self.p, self.p**2) if self.operation == "random" else (x + sign * y) % self.p
        one_hot = np.eye(self.p, dtype=np.float32)
        rows = generator.permutation(self.p**2)
        sides = (np.sort(rows[: self._n_train()]), np.sort(rows[self._n_train() :]))
        train_rows, test_rows = (
            _Rows(np.concatenate([one_hot[x[side]], one_hot[y[side]]], axis=1), labels[side].astype(np.int32)) for side in sides
        )
        return train_rows, test_rows

    def _run(self, seed: int) -> dict[str, float]:
        train_rows, test_rows = self._rows(seed)
        run = {"chance": 1 / self.p, **self._sampled(train_rows, test_rows, seed), **self._trained(train_rows, test_rows, seed)}
        run["log10_saving"] = -run["log10_probability"] - np.log10(run["trained_evaluations"])
        return run

    def _sampled(self, train_rows: _Rows, test_rows: _Rows, seed: int) -> dict[str, float]:
        first, second = (
            split(self._network(), train_rows, self.n_random, self.kept_share, self.moves, np.random.default_rng([seed, population]))
            for population in (1, 2)
        )
        right = [self._right(population.weights, test_rows) for population in (first, second)]
        return {
            "log10_probability": first.log_probability / np.log(10),
            "log10_probability_2": second.log_probability / np.log(10),
            "log10_error": first.log_error / np.log(10),
            "splitting_evaluations": first.evaluations,
            "sampled_test_acc": _share(right[0]),
            "sampled_test_acc_2": _share(right[1]),
            "sampled_general": _share(np.asarray(right[0].all(axis=1))),
        }

    def _trained(self, train_rows: _Rows, test_rows: _Rows, seed: int) -> dict[str, float]:
        first = self._network().draw(np.random.default_rng([seed, 3]), self.n_trained)
        descent = Descent("adam", self.lr, self.weight_decay, self.steps, until_right=False)
        trained = train(self._network(), descent, first, *train_rows)
        fitted, right = self._right(trained.when_right, test_rows), self._right(trained.weights, test_rows)
        still = all_right(np.asarray(margins_of(self._network(), trained.weights, *train_rows)))
        return {
            "fitted_test_acc": fitted.mean(),
            "trained_test_acc": right.mean(),
            "trained_general": right.all(axis=1).mean(),
            "trained_share": still.mean(),
            "trained_evaluations": PASSES_OF_A_STEP * (trained.steps.mean() + 1),
        }

    def _right(self, weights: Float[ndarray, "network weight"], rows: _Rows) -> ndarray:
        """Which networks are right on which rows."""
        return np.asarray(margins_of(self._network(), weights, *rows)) > 0


def _share(right: ndarray) -> float:
    """The share of answers that are right; NaN where there is no network."""
    return float(right.mean()) if len(right) else np.nan
