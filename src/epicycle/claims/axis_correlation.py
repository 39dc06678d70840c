"""Which units grow? What a series says of each unit at one moment, against how another series of the same units changes afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from epicycle.claims.estimates import PerRun, diverged
from epicycle.claims.persistence import CLOCK, known_rank_correlation
from epicycle.claims.series_quantities import Between
from epicycle.events.moments import span_of

if TYPE_CHECKING:
    import xarray

CHANGES = {"change": "change of {}", "growth": "growth of {}", "value": "{}"}


class GrowthCorrelation(Between):
    """Do units that have more of one thing at a moment grow more afterwards? Spearman's rank correlation over the units of a run.

    1: the units are in the same order; 0: the first says nothing about the second. Where a moment lies between two looks, the later
    one counts. The interval is that of the median over runs.

    Attributes:
        series: name of a series with one number for each unit. It is read at `since`.
        of: name of the series with one number for each of the same units whose change is compared.
        compares: `change`: the later value less the earlier one. `growth`: the later value over the earlier one, for values above 0; a
            unit that has another value at one of the two moments does not count. `value`: the later value alone.
    """

    kind: ClassVar[str] = "growth_correlation"

    of: str
    compares: Literal["change", "growth", "value"] = "change"

    def series_read(self) -> tuple[str, ...]:
        """Both series, and one by which moments are found."""
        return tuple(dict.fromkeys((self.series, self.of, CLOCK)))

    def reads_with_axes(self) -> tuple[str, ...]:
        """Both series."""
        return tuple(dict.fromkeys((self.series, self.of)))

    def title(self) -> str:
        """The two series and the two moments."""
        later = f"{CHANGES[self.compares].format(self.of)} {'at' if self.compares == 'value' else 'until'} {self.until}"
        return f"rank correlation over units of {self.series} at {self.since} with the {later}"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The exact value; from -1 to 1 where a moment has not come, the run diverged, or all units are alike."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        first, second = data[self.series].values, data[self.of].values
        for run in range(data.sizes["run"]):
            lows[run], highs[run] = -1.0, 1.0
            spans = [None if diverged(data, run) else span_of(data, run, moment, CLOCK) for moment in (self.since, self.until)]
            if spans[0] is None or spans[1] is None:
                continue
            since, until = spans[0][1], spans[1][1]
            value = known_rank_correlation(first[run, since].ravel(), self._compared(second[run, since], second[run, until]).ravel())
            if np.isfinite(value):
                lows[run] = highs[run] = value
        return [PerRun("", lows, highs)]

    def _compared(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """What is compared of each unit; NaN where a growth is not defined."""
        if self.compares != "growth":
            return after - before if self.compares == "change" else after
        positive = (before > 0) & (after > 0)
        return np.where(positive, after, np.nan) / np.where(positive, before, np.nan)
