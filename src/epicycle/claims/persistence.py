"""What stays as it was: do the units of a network keep their parts from one moment to another?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from epicycle.claims.estimates import PerRun, diverged
from epicycle.claims.series_quantities import Between
from epicycle.events.moments import span_of
from epicycle.maths.correlations import rank_correlation

if TYPE_CHECKING:
    import xarray

CLOCK = "train_loss"  # a series with one number at a step, by which moments are found


class Persistence(Between):
    """How much of what a series says of each unit at one moment is still so at another? 0 is what chance alone would keep, 1 is all.

    For labels, such as the component that each neuron follows, it is Cohen's kappa (1960): the share of the units that keep their
    label, less the share that would keep it if the labels of the second moment were dealt out at random, over 1 less that share. For
    ranks, such as the rows that need each neuron, it is Spearman's correlation over the units. Where a moment lies between two looks,
    the later one counts. The interval is that of the median over runs.

    Attributes:
        series: name of a series with one number for each unit.
        compares: `labels` or `ranks`.
    """

    kind: ClassVar[str] = "persistence"

    compares: Literal["labels", "ranks"] = "labels"

    def series_read(self) -> tuple[str, ...]:
        """The series, and one by which moments are found."""
        return (self.series, CLOCK)

    def reads_with_axes(self) -> tuple[str, ...]:
        """The series."""
        return (self.series,)

    def title(self) -> str:
        """The series and the two moments."""
        return f"persistence of {self.series} from {self.since} to {self.until}"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The exact value; from -1 to 1 where a moment has not come, the run diverged, or all units are alike."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        values = data[self.series].values
        for run in range(data.sizes["run"]):
            lows[run], highs[run] = -1.0, 1.0
            spans = [None if diverged(data, run) else span_of(data, run, moment, CLOCK) for moment in (self.since, self.until)]
            if None not in spans:
                first, second = (values[run, span[1]].ravel() for span in spans if span is not None)
                value = _kappa(first, second) if self.compares == "labels" else known_rank_correlation(first, second)
                if np.isfinite(value):
                    lows[run] = highs[run] = value
        return [PerRun("", lows, highs)]


def _kappa(first: Any, second: Any) -> float:
    """Cohen's kappa of two lists of labels; NaN where all labels are the same one, or unknown."""
    known = np.isfinite(first) & np.isfinite(second)
    if not known.any():
        return float("nan")
    a, b = first[known], second[known]
    by_chance = sum(float((a == label).mean() * (b == label).mean()) for label in np.unique(a))
    return (float((a == b).mean()) - by_chance) / (1 - by_chance) if by_chance < 1 else float("nan")


def known_rank_correlation(first: Any, second: Any) -> float:
    """Spearman's correlation of the pairs of two lists that are known; NaN with fewer than four, or where one list is constant."""
    known = np.isfinite(first) & np.isfinite(second)
    return rank_correlation(first[known], second[known]) if known.sum() >= 4 else float("nan")
