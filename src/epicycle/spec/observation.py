"""What is recorded, and at which steps. Recording changes no trajectory, so it is no part of a run's id."""

from collections.abc import Iterable
from typing import Annotated, Self

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from pydantic import Field, model_validator

from epicycle.spec.base import Spec
from epicycle.spec.families import AnyMeasure, Measure
from epicycle.spec.limits import MOST_NAMES, MOST_STEPS
from epicycle.spec.registry import resolve


def _everyday() -> tuple[Measure, ...]:
    def make(kind: str, **fields: str) -> Measure:
        return resolve("measure", kind)(**fields)  # type: ignore[return-value]

    return (
        *(make("loss", rows=rows) for rows in ("train", "test")),
        *(make("accuracy", rows=rows) for rows in ("train", "test", "all", "mirror_seen", "mirror_unseen")),
        *(make("margin", rows=rows, reduce=reduce) for rows in ("train", "test") for reduce in ("mean", "min")),
        make("calibrated_loss", rows="test"),
        make("zero_loss_share", rows="train"),
        make("weight_norm"),
        make("total_norm"),
    )


_DENSE = 40  # the step up to which every step is evaluated, unless told otherwise
_FAR = 10**6  # steps up to which the looks of measures that are taken seldom are checked


def few_looks(per_decade: int, budget: int) -> Int[ndarray, " step"]:
    """The steps at which a costly measure is taken: 0, and so many per factor of ten, counted from step 40 in both directions."""
    first, last = -int(np.log10(_DENSE) * per_decade), int(np.log10(max(budget, _DENSE) / _DENSE) * per_decade)
    spaced = np.round(_DENSE * 10 ** (np.arange(first, last + 1) / per_decade)).astype(np.int64)
    return np.concatenate([np.zeros(1, np.int64), np.unique(spaced)])


class Observation(Spec):
    """Measures, and the steps at which they are taken.

    Attributes:
        measures: what is recorded. The everyday ones are losses, accuracies, margins, the calibrated loss and norms.
        dense_until: every step up to this one is evaluated.
        per_decade: log-spaced evaluations per factor of ten after that.
        checkpoint_megabytes: disk that the log-spaced checkpoints of one cohort may take. There are fewer checkpoints where they are
            large.
        checkpoints: further steps whose full state is kept, whatever it takes. Any other step is reached by replay.
    """

    measures: tuple[AnyMeasure, ...] = Field(default_factory=_everyday, max_length=100)
    dense_until: int = Field(_DENSE, ge=1, le=100_000)
    per_decade: int = Field(40, ge=1, le=10_000)
    checkpoint_megabytes: float = Field(200.0, ge=0, le=1e9)
    checkpoints: tuple[Annotated[int, Field(ge=0, le=MOST_STEPS)], ...] = Field((), max_length=MOST_NAMES)

    @model_validator(mode="after")
    def _few_looks_are_looks(self) -> Self:
        for measure in self.measures:
            per_decade = getattr(measure, "per_decade", None)
            if per_decade and not np.isin(few_looks(per_decade, _FAR), self.grid(_FAR)).all():
                raise ValueError(
                    f"measure {measure.name} is taken {per_decade} times per factor of ten in steps, and not all of these are looks "
                    f"of this observation (every step up to {self.dense_until}, then {self.per_decade} per factor of ten); let "
                    f"per_decade of the measure divide {self.per_decade}, and leave dense_until at {_DENSE}"
                )
        return self

    def with_further(self, measures: Iterable[Measure]) -> Self:
        """The observation with further measures. One of the same name is not taken twice."""
        by_name = {measure.name: measure for measure in (*self.measures, *measures)}
        return type(self).parse({**dict(self), "measures": tuple(by_name.values())}, "observation")

    def grid(self, budget: int) -> Int[ndarray, " step"]:
        """The steps evaluated within a budget, from 0 to the budget itself. A longer budget keeps the earlier steps."""
        dense = np.arange(min(self.dense_until, budget) + 1)
        decades = np.log10(max(budget / self.dense_until, 1.0))
        spaced = self.dense_until * 10 ** (np.arange(1, int(decades * self.per_decade) + 1) / self.per_decade)
        return np.unique(np.concatenate([dense, np.round(spaced).astype(int), [budget]]).astype(np.int64))

    def checkpoint_steps(self, budget: int, megabytes_each: float) -> Int[ndarray, " step"]:
        """Steps whose full state is kept: those of `checkpoints`, and log-spaced ones.

        The log-spaced ones are at most ten a decade, and fewer where `checkpoint_megabytes` demands it.
        """
        listed = np.array([step for step in self.checkpoints if step <= budget], dtype=np.int64)
        return np.union1d(listed, self._spaced_checkpoints(budget, megabytes_each))

    def _spaced_checkpoints(self, budget: int, megabytes_each: float) -> Int[ndarray, " step"]:
        for per_decade in (10, 8, 6, 5, 4, 3, 2, 1):
            count = int(np.log10(max(budget, 1)) * per_decade) + 1
            if (count + 1) * megabytes_each <= self.checkpoint_megabytes:
                steps = np.round(10 ** (np.arange(count) / per_decade)).astype(np.int64)
                return np.unique(steps[steps < budget])
        return np.array([], dtype=np.int64)
