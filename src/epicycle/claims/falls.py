"""Curves that rise, fall and rise again: how deep the fall is, when it begins, and when one series gains more than another."""

from __future__ import annotations

from math import e
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from epicycle.claims.estimates import NEVER, PerRun
from epicycle.claims.series_quantities import Between, units_of_series
from epicycle.events.moments import Moment
from epicycle.spec.plain_units import PlainUnits

if TYPE_CHECKING:
    import xarray

STEPS = PlainUnits("steps", base=e, sides=("later", "sooner"))


class Fall(Between):
    """How far does a series fall below a value that it had before, and when does that fall begin? Or how far does it rise?

    The fall is the largest difference between a value and a later one. The interval is that of the median over runs.

    Attributes:
        direction: `fall`, or `rise` for the largest rise above an earlier value.
        what: `size` is how far the series falls or rises. `turn` is the natural logarithm of the step from which it does so; it is
            unknown where the size is not above `least`.
        least: the smallest fall or rise that has a turn.
    """

    kind: ClassVar[str] = "fall"

    since: Moment = "start"
    until: Moment = "end"
    direction: Literal["fall", "rise"] = "fall"
    what: Literal["size", "turn"] = "size"
    least: float = Field(0.02, ge=0)

    def series_read(self) -> tuple[str, ...]:
        """The series."""
        return (self.series,)

    def title(self) -> str:
        """The series and the two moments."""
        period = "" if (self.since, self.until) == ("start", "end") else f" from {self.since} to {self.until}"
        largest = f"largest {self.direction} of {self.series}{period}"
        return largest if self.what == "size" else f"ln step before the {largest}"

    def plain_units(self) -> PlainUnits:
        """As the series' own differences, or steps."""
        return STEPS if self.what == "turn" else units_of_series(self.series, None)

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The exact number; open where a moment has not come, the run diverged, or there is no fall whose turn could be known."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        sign = 1 if self.direction == "fall" else -1
        for run in range(data.sizes["run"]):
            lows[run], highs[run] = (0.0 if self.what == "size" else -NEVER), NEVER
            steps, (values,) = recorded(self, data, run, self.series)
            if not len(values):
                continue
            fallen = np.maximum.accumulate(sign * values) - sign * values
            end = int(fallen.argmax())
            if self.what == "size":
                lows[run] = highs[run] = float(fallen[end])
            elif fallen[end] > self.least:
                lows[run] = highs[run] = float(np.log(max(steps[int((sign * values[: end + 1]).argmax())], 1)))
        return [PerRun("", lows, highs)]


class Overtaking(Between):
    """When does one series begin to gain more than another? The natural logarithm of the step.

    A gain is the difference between a value and that at a step `window` times smaller. The crossover is in the middle (by the
    logarithm) of the first such window in which `series` gains more than `beside`, after one in which `beside` gained more, both by
    more than `least`. The interval is that of the median over runs.

    Attributes:
        beside: the series that gains more at first.
        window: factor between the two steps whose values are compared.
        least: smallest difference between the two gains that counts.
    """

    kind: ClassVar[str] = "overtaking"

    beside: str
    since: Moment = "start"
    until: Moment = "end"
    window: float = Field(1.25, gt=1, le=100)
    least: float = Field(0.01, ge=0)

    def series_read(self) -> tuple[str, ...]:
        """Both series."""
        return (self.series, self.beside)

    def title(self) -> str:
        """The two series."""
        return f"ln step from which {self.series} gains more than {self.beside}"

    def plain_units(self) -> PlainUnits:
        """Steps."""
        return STEPS

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The exact number; open where a moment has not come, the run diverged, or there is no crossover."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            lows[run], highs[run] = -NEVER, NEVER
            steps, (first, second) = recorded(self, data, run, self.series, self.beside)
            if len(steps) < 2:
                continue
            earlier = np.interp(np.log(np.maximum(steps, 1e-9) / self.window), np.log(np.maximum(steps, 1e-9)), np.arange(len(steps)))
            lead = sum(
                sign * (values - np.interp(earlier, np.arange(len(steps)), values)) for sign, values in ((1, first), (-1, second))
            )
            behind = np.flatnonzero(lead < -self.least)
            ahead = np.flatnonzero(lead > self.least)
            after = ahead[ahead > behind[0]] if len(behind) else ahead[:0]
            if len(after):
                lows[run] = highs[run] = float(np.log(max(steps[after[0]], 1)) - np.log(self.window) / 2)
        return [PerRun("", lows, highs)]


def recorded(
    between: Between, data: xarray.Dataset, run: int, *names: str
) -> tuple[Float[ndarray, " step"], Float[ndarray, "unit step"]]:
    """The evaluations of a run between two moments at which all of some series have numbers: their steps, and the numbers."""
    chosen = between.evaluations(data, run)
    values = np.stack([data[name].values[run, chosen].astype(float) for name in names])
    known = np.isfinite(values).all(axis=0)
    return data["step"].values[chosen][known].astype(float), values[:, known]
