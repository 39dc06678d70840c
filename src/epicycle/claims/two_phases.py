"""A slow ramp and then a fast rise: two straight lines that meet, fitted to a series."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epicycle.claims.estimates import NEVER, PerRun
from epicycle.claims.series_quantities import Between, units_of_series
from epicycle.events.moments import Moment
from epicycle.maths.laws import LEAST_STRETCH, Line, broken_line
from epicycle.spec.plain_units import PlainUnits

if TYPE_CHECKING:
    import xarray


class TwoPhases(Between):
    """Does a series rise slowly first and fast afterwards? Two straight lines that meet are fitted to the series between two moments.

    The fit is by least squares in the step; each evaluation weighs as much as the steps that it stands for. The interval is that of
    the median over runs.

    Attributes:
        what: `breakpoint` is the step at which the lines meet, as a share of the steps between the moments. `ramp` is how much the
            first line rises up to there. `slope_ratio` is the slope of the first line over that of the second; 0 means that the
            series is flat at first, and 1 that it has one phase only.
    """

    kind: ClassVar[str] = "two_phases"

    since: Moment = "start"
    until: Moment = "t_gen"
    what: Literal["breakpoint", "ramp", "slope_ratio"] = "breakpoint"

    def series_read(self) -> tuple[str, ...]:
        """The series."""
        return (self.series,)

    def title(self) -> str:
        """What is read from the two lines, the series and the two moments."""
        names = {
            "breakpoint": "share of the time before the fast phase of",
            "ramp": "rise in the slow phase of",
            "slope_ratio": "slope of the slow phase over slope of the fast phase of",
        }
        return f"{names[self.what]} {self.series} from {self.since} to {self.until}"

    def plain_units(self) -> PlainUnits:
        """Percent of the time, how far the series rises, or a ratio."""
        if self.what == "breakpoint":
            return PlainUnits("% of the time", times=100)
        return units_of_series(self.series, ("higher", "lower")) if self.what == "ramp" else PlainUnits()

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The number; open where a moment has not come, the run diverged, the series is constant, or it has too few evaluations."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            lows[run], highs[run] = -NEVER, NEVER
            between = self.evaluations(data, run)
            values, steps = data[self.series].values[run, between].astype(float), data["step"].values[between].astype(float)
            recorded = np.isfinite(values)
            if recorded.sum() >= 2 * LEAST_STRETCH and np.ptp(values[recorded]) > 0:
                value = self._value(broken_line(steps[recorded], values[recorded]), steps[recorded])
                lows[run], highs[run] = (value, value) if np.isfinite(value) else (-NEVER, NEVER)
        return [PerRun("", lows, highs)]

    def _value(self, line: Line, steps: Float[ndarray, " step"]) -> float:
        """The number; NaN for a ratio of slopes whose second is 0."""
        if self.what == "breakpoint":
            return (line.at - float(steps[0])) / float(steps[-1] - steps[0])
        if self.what == "ramp":
            return line.rise
        return line.slopes[0] / line.slopes[1] if line.slopes[1] else float("nan")
