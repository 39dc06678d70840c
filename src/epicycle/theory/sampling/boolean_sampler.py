"""Is initialisation a sampler? Random networks that fit a few rows of a Boolean function, beside trained ones.

Mingard et al. 2021 (JMLR 22:79): the probability that training ends at a function is about the probability that a random network
computes it, given that it fits the training set. They estimate the latter with Gaussian processes; here it is counted.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from pydantic import Field, model_validator

from epicycle.maths.correlations import correlation, rank_correlation
from epicycle.theory.sampling.agreement import complexity, function_ranks
from epicycle.theory.sampling.samplers import PASSES_OF_A_STEP, BooleanNetworks, Learners, Questions
from epicycle.theory.sampling.truth_tables import boolean_inputs, distinct

NAMES = (
    *("sampled_test_acc", "trained_test_acc", "guess_test_acc", "trained_share"),
    *("acceptance", "acceptance_low", "acceptance_high", "accepted"),
    *("sampler_evaluations", "trained_evaluations", "log10_saving"),
    *("function_rank", "function_count", "input_correlation", "majority_agreement", "difficulty_rank", "complexity_rank"),
)


class BooleanSampler(BooleanNetworks):
    """Random networks that fit a few rows of a Boolean function, beside networks trained on these rows.

    Series: test accuracy of accepted random networks (`sampled_test_acc`), of trained ones (`trained_test_acc`) and of the more
    frequent trained answer (`guess_test_acc`). The share of random networks that fit (`acceptance`) has its exact 95 % interval.
    `sampler_evaluations` are random networks drawn for each that fits; `trained_evaluations` are three for each step until a network
    fits; `log10_saving` is the decimal logarithm of their ratio. `function_rank` is Spearman's correlation between the logarithms of
    the probabilities of functions under the two, `function_count` the number of functions. `input_correlation` is Pearson's
    correlation over held-out rows between the shares of networks that say yes, `majority_agreement` the share of held-out rows on
    which the majorities agree, `difficulty_rank` Spearman's correlation of the difficulty of trained rows. `complexity_rank` is
    Spearman's correlation between the logarithm of how many random networks compute a whole truth table and its Lempel-Ziv complexity.

    Attributes:
        target: `bit` (one input), `majority` (of three inputs), `parity` (of two inputs), or `random`, a fair coin for each row.
            Which inputs, and whether the answer is negated, is drawn with the seed.
        n_train: rows trained on.
        n_compared: held-out rows on which functions are told apart.
        fewest: a function counts when random networks and trained ones compute it at least so often.
    """

    kind: ClassVar[str] = "boolean_sampler"
    series: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(NAMES, ())

    target: Literal["bit", "majority", "parity", "random"] = "bit"
    n_train: int = Field(8, ge=1)
    n_compared: int = Field(6, ge=1, le=16)
    fewest: int = Field(10, ge=1)

    @model_validator(mode="after")
    def _rows_are_left(self) -> "BooleanSampler":
        if self.n_train + self.n_compared > (rows := 1 << self.n_bits):
            raise ValueError(
                f"a function of {self.n_bits} bits has {rows} rows; {self.n_train} to train on and {self.n_compared} to compare are"
                " too many, so lower n_train or n_compared"
            )
        if self.target == "majority" and self.n_bits < 3:
            raise ValueError("target majority needs three bits; give n_bits 3 or more")
        return self

    def labels(self) -> Mapping[str, Sequence[str]]:
        """No series has axes of its own."""
        return {}

    def questions(self, generator: np.random.Generator) -> Questions:
        """A target of the chosen form, and random rows."""
        labels = _target(self.target, self.n_bits, generator)
        rows = generator.permutation(1 << self.n_bits)
        train = np.sort(rows[: self.n_train])
        return Questions(labels, train, rows[self.n_train :], np.zeros(self.n_train, bool))

    def say(self, learners: Learners) -> Mapping[str, float | ndarray]:
        """Every series of one run; NaN where no random network, or no trained one, fits."""
        run: dict[str, float] = dict.fromkeys(NAMES, np.nan)
        run.update(self._counts(learners))
        labels, test = learners.questions.labels, learners.questions.test
        guess = labels[learners.questions.train].mean() > 0.5
        run["guess_test_acc"] = (labels[test] == guess).mean()
        for name, answers in (("sampled", learners.accepted), ("trained", learners.learned)):
            run[f"{name}_test_acc"] = (answers[:, test] == labels[test]).mean() if len(answers) else np.nan
        if len(learners.accepted):
            run["complexity_rank"] = _simplicity(learners.accepted, self.fewest)
            if len(learners.learned):
                run.update(self._compared(learners))
        return run

    def _counts(self, learners: Learners) -> dict[str, float]:
        from scipy.stats import binomtest  # takes most of a second to load

        n, hits = self.n_random, len(learners.accepted)
        low, high = binomtest(hits, n).proportion_ci(method="exact")  # Clopper & Pearson 1934: right for few hits and for none
        trained = learners.trained
        effort = PASSES_OF_A_STEP * (trained.steps.mean() + 1)
        draws = n / hits if hits else np.nan
        return {
            "acceptance": hits / n,
            "acceptance_low": low,
            "acceptance_high": high,
            "accepted": hits,
            "trained_share": trained.right.mean(),
            "trained_evaluations": effort,
            "sampler_evaluations": draws,
            "log10_saving": np.log10(draws / effort),
        }

    def _compared(self, learners: Learners) -> dict[str, float]:
        test = learners.questions.test
        compared = test[: self.n_compared]
        ranks, count = function_ranks(learners.accepted[:, compared], learners.learned[:, compared], self.fewest)
        yes = [answers[:, test].mean(axis=0) for answers in (learners.accepted, learners.learned)]
        return {
            "function_rank": ranks,
            "function_count": count,
            "input_correlation": correlation(yes[0], yes[1]),
            "majority_agreement": ((yes[0] > 0.5) == (yes[1] > 0.5)).mean(),
            "difficulty_rank": rank_correlation(*difficulties(learners)),
        }


def difficulties(learners: Learners) -> tuple[ndarray, ndarray]:
    """How hard each trained row is: for the sampler, and for gradient descent.

    For the sampler: minus the logarithm of the share of random networks that are right on the row, among those that are right on all
    other trained rows. For gradient descent: at how many steps the row was wrong before all rows were right, on average.
    """
    hits = len(learners.accepted)
    right = (hits + 0.5) / (hits + learners.all_but_one + 1)  # one half more on each side keeps the logarithm finite
    return -np.log(right), learners.trained.wrong_steps.mean(axis=0)


def _target(target: str, n_bits: int, generator: np.random.Generator) -> UInt8[ndarray, " row"]:
    """The answers of a target function."""
    if target == "random":
        return generator.integers(0, 2, 1 << n_bits, np.uint8)
    width = {"bit": 1, "parity": 2, "majority": 3}[target]
    chosen = boolean_inputs(n_bits)[:, generator.permutation(n_bits)[:width]]
    value = chosen.prod(axis=1) if target == "parity" else chosen.sum(axis=1)
    return (value * generator.choice([-1, 1]) > 0).astype(np.uint8)


def _simplicity(accepted: UInt8[ndarray, "network row"], fewest: int) -> float:
    """Spearman's correlation between how often a whole truth table is computed, as a logarithm, and its complexity."""
    tables, counts = distinct(accepted)
    often = counts >= fewest
    if often.sum() < 5:
        return np.nan
    return rank_correlation(np.log(counts[often]), np.array([complexity(table) for table in tables[often]]))
