"""Is one number a power of another? How a series, or a quantity, bends along another one when both are logarithms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import model_validator

from epicycle.claims.estimates import NEVER, Estimate, PerRun, chosen_runs, median_estimate
from epicycle.claims.quantities import AnyQuantity, OfQuantities, Quantity
from epicycle.claims.series_quantities import Between
from epicycle.events.moments import Moment
from epicycle.maths.laws import log_log
from epicycle.spec.plain_units import PlainUnits
from epicycle.spec.results import labels_of

if TYPE_CHECKING:
    import xarray

What = Literal["exponent", "bend", "r2"]
NAMES: dict[What, str] = {"exponent": "exponent", "bend": "bend", "r2": "share explained by the power law"}
LEAST_POINTS = 4


class SeriesPower(Between):
    """Is one series a power of another between two moments? Straight line and parabola of its logarithm along the other's logarithm.

    Evaluations at which one of the series is not above 0 do not count. The interval is that of the median over runs.

    Attributes:
        beside: the other series.
        what: `exponent` is the slope of the straight line. `bend` is how much larger the slope of the parabola is at the largest value
            of the other series than at the smallest; 0 is a power law. `r2` is the share of the variance that the straight line
            explains.
    """

    kind: ClassVar[str] = "series_power"

    beside: str
    since: Moment = "start"
    until: Moment = "end"
    what: What = "bend"

    def series_read(self) -> tuple[str, ...]:
        """Both series."""
        return (self.beside, self.series)

    def title(self) -> str:
        """What is read, the two series and the two moments."""
        return f"{NAMES[self.what]} of {self.series} as a power of {self.beside} from {self.since} to {self.until}"

    def plain_units(self) -> PlainUnits:
        """Percent of the variance, or a number."""
        return PlainUnits("%", times=100) if self.what == "r2" else PlainUnits()

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The exact number; open where a moment has not come, the run diverged, or fewer than four points can be fitted."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            between = self.evaluations(data, run)
            x, y = (data[name].values[run, between].astype(float) for name in (self.beside, self.series))
            lows[run], highs[run] = _read(x, y, self.what)
        return [PerRun("", lows, highs)]


class QuantityPower(OfQuantities):
    """Is one quantity a power of another along a sweep? Straight line and parabola of their logarithms within each seed.

    Each swept value gives a point: the two quantities of the run. A quantity that is known between bounds counts as their middle. A
    seed in which one is open, or not above 0, is open. The interval is that of the median over seeds.

    Attributes:
        of: the quantity, with its arm.
        beside: the other quantity, of the same arm.
        along: the swept name.
        what: as in `SeriesPower`.
    """

    kind: ClassVar[str] = "quantity_power"
    anytime: ClassVar[bool] = True

    beside: AnyQuantity
    along: str
    what: What = "bend"

    @model_validator(mode="after")
    def _of_one_arm(self) -> Self:
        if (self.of.arm, self.of.where) != (self.beside.arm, self.beside.where):
            raise ValueError("the two quantities must be of the same arm, at the same swept values; they are two numbers of one run")
        return self

    def quantities(self) -> tuple[Quantity, ...]:
        """Both quantities."""
        return (self.of, self.beside)

    def phrase(self) -> str:
        """The phrase names what is read, both quantities, the swept name and the arm."""
        of = f"{self.of.title()} as a power of {self.beside.title()}"
        return f"median over seeds of the {NAMES[self.what]} of {of} along {self.along} in {self.of.arm_phrase()}"

    def plain_units(self) -> PlainUnits:
        """Percent of the variance, or a number."""
        return PlainUnits("%", times=100) if self.what == "r2" else PlainUnits()

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """There is one estimate, under the first detector of each quantity."""
        data = chosen_runs(arms, self.of.arm, self.of.where, self.along)
        y, x = (_middles(quantity.per_run(data)[0]) for quantity in self.quantities())
        labels, lows, highs = np.array(labels_of(data)), dict[int, float](), dict[int, float]()
        for label in dict.fromkeys(labels.tolist()):
            runs = np.flatnonzero(labels == label)
            whole = (x[runs] > 0) & (y[runs] > 0)
            points = (x[runs], y[runs]) if whole.all() else (x[:0], y[:0])
            lows[int(runs[0])], highs[int(runs[0])] = _read(*points, self.what)
        return [median_estimate(data, PerRun("", lows, highs))]


def _middles(bounds: PerRun) -> Float[ndarray, " run"]:
    """The middle of the bounds of each run; NaN where one is infinite."""
    middles = np.array([(bounds.lows[run] + bounds.highs[run]) / 2 for run in sorted(bounds.lows)])
    return np.where(np.isfinite(middles), middles, np.nan)


def _read(x: Float[ndarray, " point"], y: Float[ndarray, " point"], what: What) -> tuple[float, float]:
    """The number twice; without end where the points are too few."""
    kept = np.isfinite(x) & np.isfinite(y) & (x > 0) & (y > 0)
    x, y = x[kept], y[kept]
    if len(x) < LEAST_POINTS or len(np.unique(x)) < LEAST_POINTS or not np.ptp(y):
        return -NEVER, NEVER
    value = float(getattr(log_log(x, y), what))
    return value, value
