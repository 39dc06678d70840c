"""Are outliers hard for random networks and for gradient descent alike? Clusters of equal answers, and single rows elsewhere."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy import ndarray
from pydantic import Field, model_validator

from epicycle.maths.correlations import rank_correlation
from epicycle.theory.sampling.agreement import harder
from epicycle.theory.sampling.boolean_sampler import difficulties
from epicycle.theory.sampling.samplers import BooleanNetworks, Learners, Questions

NAMES = ("difficulty_rank", "sampler_outliers_harder", "trained_outliers_harder", "acceptance", "accepted", "trained_share")


class ClusterSampler(BooleanNetworks):
    """Random networks and trained ones on two clusters of rows and some outliers.

    The clusters are an input with all that differ from it in one bit, which have one answer, and the opposite input with its
    neighbours, which have the other answer. Outliers are random other rows with the answer of a fair coin.

    Series, over the trained rows: `difficulty_rank` is Spearman's correlation of their difficulty for the sampler and for gradient
    descent; `sampler_outliers_harder` and `trained_outliers_harder` are the probabilities that a random outlier is harder than a
    random row of a cluster. `sampler_difficulty` is minus the logarithm of the share of random networks that are right on the row,
    among those that are right on all others; `trained_difficulty` is at how many steps the row was wrong, on average. Both list the
    clusters first. `acceptance` is the share of random networks that fit, `accepted` their number, `trained_share` the share of
    trained networks that came to fit.

    Attributes:
        n_outliers: how many outliers.
    """

    kind: ClassVar[str] = "cluster_sampler"
    series: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **dict.fromkeys(NAMES, ()),
        "sampler_difficulty": ("slot",),
        "trained_difficulty": ("slot",),
    }

    n_outliers: int = Field(3, ge=1)

    @model_validator(mode="after")
    def _outliers_lie_outside(self) -> "ClusterSampler":
        if self.n_bits < 4:
            raise ValueError(f"{self.n_bits} bits leave no row between two clusters; give n_bits 4 or more")
        if self.n_outliers > (rest := (1 << self.n_bits) - 2 * (self.n_bits + 1)):
            raise ValueError(f"only {rest} rows of {self.n_bits} bits lie outside both clusters; lower n_outliers to {rest} or less")
        return self

    def labels(self) -> Mapping[str, Sequence[str]]:
        """The rows of the clusters, then the outliers."""
        clusters = [f"cluster {side}, row {row}" for side in (0, 1) for row in range(self.n_bits + 1)]
        return {"slot": [*clusters, *(f"outlier {row}" for row in range(self.n_outliers))]}

    def questions(self, generator: np.random.Generator) -> Questions:
        """The clusters lie around a random input and its opposite, and which has the answer 1 is drawn."""
        n_rows = 1 << self.n_bits
        centre, answer = int(generator.integers(n_rows)), int(generator.integers(2))
        distance = np.bitwise_count(np.arange(n_rows) ^ centre)
        near, far = np.flatnonzero(distance <= 1), np.flatnonzero(distance >= self.n_bits - 1)
        between = generator.permutation(np.flatnonzero((distance > 1) & (distance < self.n_bits - 1)))
        labels = generator.integers(0, 2, n_rows, np.uint8)
        labels[near], labels[far] = answer, 1 - answer
        train = np.concatenate([near, far, between[: self.n_outliers]])
        outlier = np.arange(len(train)) >= len(train) - self.n_outliers
        return Questions(labels, train, between[self.n_outliers :], outlier)

    def say(self, learners: Learners) -> Mapping[str, float | ndarray]:
        """Every series of one run."""
        by_sampler, by_descent = difficulties(learners)
        outlier = learners.questions.outlier
        return {
            "difficulty_rank": rank_correlation(by_sampler, by_descent),
            "sampler_outliers_harder": harder(by_sampler, outlier),
            "trained_outliers_harder": harder(by_descent, outlier),
            "acceptance": len(learners.accepted) / self.n_random,
            "accepted": len(learners.accepted),
            "trained_share": learners.trained.right.mean(),
            "sampler_difficulty": by_sampler,
            "trained_difficulty": by_descent,
        }
