"""How well three patterns describe a run, and when each of them is learned."""

from __future__ import annotations

from math import e
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from epicycle.claims.estimates import NEVER, PerRun, diverged
from epicycle.claims.quantities import Quantity
from epicycle.maths.patterns import PatternFit, fit_three_patterns
from epicycle.spec.plain_units import PlainUnits

if TYPE_CHECKING:
    import xarray

FEWEST = 10  # evaluations
ABSENT = 0.03  # a pattern that explains a smaller share of the questions has no time
WORDS = {
    "error": "distance of three fitted patterns from the accuracies",
    "order": "smallest gap in ln steps between fitted patterns that follow each other",
    "first_height": "height of the first fitted pattern",
    "third_height": "height of the third fitted pattern",
    "first": "ln step at which the first fitted pattern is half learned",
    "second": "ln step at which the second fitted pattern is half learned",
    "third": "ln step at which the third fitted pattern is half learned",
}


class ThreePatternFit(Quantity):
    """Do three patterns describe a run, and in which order are they learned? A number of the best fit of the theory to each run.

    The theory `three_patterns` is fitted to the accuracy on trained and on held-out rows. Its first pattern is fast and generalises,
    its second is memory, its third generalises and is preferred. A pattern that explains less than 0.03 of the rows is absent, and
    its time is unknown. The interval is that of the median over runs.

    Attributes:
        what: `error`, the root mean square distance between fitted and recorded accuracies. `order`, the smallest difference between
            the logarithms of the times of patterns that follow each other, without an absent first one; above 0 the order is first,
            second, third. `first_height` and `third_height`, the share of rows that the pattern explains. `first`, `second` and
            `third`, the natural logarithm of the step at which the pattern is half learned.
    """

    kind: ClassVar[str] = "three_pattern_fit"

    what: Literal["error", "order", "first_height", "third_height", "first", "second", "third"] = "error"

    def series_read(self) -> tuple[str, ...]:
        """Accuracy on trained and on held-out rows."""
        return ("train_acc", "test_acc")

    def title(self) -> str:
        """What is read from the fit."""
        return WORDS[self.what]

    def subject(self) -> str:
        """The same with an article."""
        return f"the {self.title()}"

    def plain_units(self) -> PlainUnits:
        """Steps for the times, whose logarithms are judged; the rest as it is."""
        if self.what in ("first", "second", "third"):
            return PlainUnits("steps", base=e, sides=("later", "sooner"))
        return PlainUnits()

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The exact number; open in a run that diverged or has fewer than ten evaluations, and where a pattern is absent."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            lows[run], highs[run] = -NEVER, NEVER
            both = np.stack([data[name].values[run].astype(float) for name in self.series_read()])
            known = np.isfinite(both).all(axis=0)
            if known.sum() >= FEWEST and not diverged(data, run):
                value = self._number(fit_three_patterns(data["step"].values[known], *both[:, known]))
                if np.isfinite(value):
                    lows[run] = highs[run] = value
        return [PerRun("", lows, highs)]

    def _number(self, fit: PatternFit) -> float:
        """The number of one fit; NaN where a pattern that it needs is absent."""
        ln_times = np.where(np.array(fit.heights) < ABSENT, np.nan, np.log(fit.times))
        if self.what == "order":
            gaps = np.diff(ln_times) if np.isfinite(ln_times[0]) else np.diff(ln_times[1:])
            return float(gaps.min())
        named = {"error": fit.error, "first_height": fit.heights[0], "third_height": fit.heights[2]}
        named |= dict(zip(("first", "second", "third"), ln_times.tolist(), strict=True))
        return float(named[self.what])
