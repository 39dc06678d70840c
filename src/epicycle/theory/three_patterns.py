"""Patterns that are learned at different speeds and generalise to different degrees, and the accuracies that they give together.

The model is that of Davies, Langosco and Krueger (arXiv 2303.06173, section 3; constants from their notebook). Its three kinds of
patterns are: fast ones that generalise, slower ones that fit the trained data only, and slow ones that generalise and are preferred.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, model_validator

from epicycle.maths.patterns import accuracies, logistic_shares
from epicycle.spec.families import Simulated, Theory
from epicycle.spec.limits import MOST_STEPS
from epicycle.spec.observation import Observation
from epicycle.theory.seeded import normal, streams

MOST_PATTERNS = 8  # every subset of the patterns is a case
Share = Annotated[float, Field(ge=0, le=1)]
Shares = Annotated[tuple[Share, ...], Field(min_length=1, max_length=MOST_PATTERNS)]
Positive = Annotated[float, Field(gt=0, le=1e9)]
Positives = Annotated[tuple[Positive, ...], Field(min_length=1, max_length=MOST_PATTERNS)]


class ThreePatterns(Theory):
    """Accuracy of a learner that acquires patterns along logistic curves.

    Pattern i explains a question at step t with probability heights[i] / (1 + exp(-rates[i] (t - times[i]))), for each question by
    itself. A trained question is right if any pattern explains it. A held-out question is right with the probability to which the
    patterns that explain it generalise: that of the preferred pattern if it is among them, else their mean. A question that no pattern
    explains is wrong.

    The defaults give grokking. With heights (0.7, 1, 0.2) the test accuracy rises, falls and rises again (double descent in time).

    Attributes:
        heights: share of questions that each pattern explains in the end.
        rates: how steeply each pattern is learned, per step.
        times: the step at which each pattern is half learned.
        generalise: probability that a held-out question which the pattern explains is right.
        preferred: number of the pattern that decides wherever it explains a question, counted from 0; None for no such pattern.
        steps: last step.
        spread: standard deviation of the logarithm of `times` over seeds. 0 gives every seed the published curve.
    """

    kind: ClassVar[str] = "three_patterns"
    series: ClassVar[Mapping[str, tuple[str, ...]]] = {"train_acc": (), "test_acc": (), "pattern_share": ("pattern",)}

    heights: Shares = (0.0, 1.0, 1.0)
    rates: Positives = (0.15, 0.15, 0.05)
    times: Positives = (30.0, 50.0, 200.0)
    generalise: Shares = (1.0, 0.0, 1.0)
    preferred: int | None = Field(2, ge=0, lt=MOST_PATTERNS)
    steps: int = Field(299, ge=1, le=MOST_STEPS)
    spread: float = Field(0.0, ge=0, le=10)

    @model_validator(mode="after")
    def _lists_agree(self) -> "ThreePatterns":
        lengths = {name: len(getattr(self, name)) for name in ("heights", "rates", "times", "generalise")}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"every pattern needs a height, a rate, a time and how far it generalises; these lists have {lengths}")
        if self.preferred is not None and self.preferred >= len(self.heights):
            raise ValueError(f"pattern {self.preferred} is preferred, and the last one is {len(self.heights) - 1}")
        return self

    @property
    def last_step(self) -> int:
        """The last step."""
        return self.steps

    def simulate(self, seeds: Sequence[int]) -> Simulated:
        """The accuracies in closed form."""
        steps = Observation(dense_until=1000).grid(self.steps)
        times = np.array(self.times) * np.exp(self.spread * normal(streams(seeds), len(self.times)))
        shares = logistic_shares(steps, self.heights, self.rates, times)
        train, test = accuracies(shares, self.generalise, self.preferred)
        labels = {"pattern": [str(i) for i in range(len(self.times))]}
        return Simulated(steps, {"train_acc": train, "test_acc": test, "pattern_share": shares}, labels)
