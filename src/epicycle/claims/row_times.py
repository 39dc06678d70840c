"""When single rows are learned: how widely their times spread within a run."""

from __future__ import annotations

from math import e
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.claims.estimates import NEVER, PerRun, diverged
from epicycle.claims.quantities import Quantity
from epicycle.events.detectors import HOLD, first_held
from epicycle.spec.plain_units import PlainUnits

if TYPE_CHECKING:
    import xarray

MAP = "answer_map"
NAMES = {"trained": "trained rows", "held_out": "held-out rows"}


class RowTimes(Quantity):
    """When are single rows learned, and how widely do their times spread? A quantile distance of the times of rows within a run.

    A row is learned at the first evaluation at which it is right, where it stays right until 1.1 times that step. The spread is the
    difference between the upper and the lower quartile of the natural logarithms of these steps; a spread of 0.7 means that the slower
    quarter takes more than twice as long as the faster quarter. Rows that are not learned rank last. The interval is that of the
    median over runs.

    Attributes:
        rows: `trained` or `held_out`, as at the end of the record.
        what: `spread`, or `median` for the logarithm of the median step.
        seconds: the first and the last second operand of the rows that count; None for all.
    """

    kind: ClassVar[str] = "row_times"

    rows: Literal["trained", "held_out"] = "trained"
    what: Literal["spread", "median"] = "spread"
    seconds: tuple[int, int] | None = None

    def series_read(self) -> tuple[str, ...]:
        """The map of right answers."""
        return (MAP,)

    def reads_with_axes(self) -> tuple[str, ...]:
        """The map."""
        return (MAP,)

    def title(self) -> str:
        """What is read of which rows."""
        which = f" with second operands {self.seconds[0]} to {self.seconds[1]}" if self.seconds else ""
        what = "quartile distance of ln steps at which" if self.what == "spread" else "ln of the median step at which"
        return f"{what} {NAMES[self.rows]}{which} are learned"

    def subject(self) -> str:
        """The same with an article."""
        return f"the {self.title()}"

    def plain_units(self) -> PlainUnits:
        """Steps for the median, whose logarithm is judged; the spread as it is."""
        return PlainUnits("steps", base=e, sides=("later", "sooner")) if self.what == "median" else PlainUnits()

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The exact number; open above where too few rows are learned, and open where the run diverged or no such row exists."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        steps, maps = data["step"].values, data[MAP].values
        for run in range(data.sizes["run"]):
            lows[run], highs[run] = -NEVER, NEVER
            ln_times = np.empty(0) if diverged(data, run) else self._ln_times(steps, maps[run])
            if len(ln_times):
                quartiles = np.quantile(ln_times, [0.25, 0.5, 0.75], method="inverted_cdf")
                value = quartiles[1] if self.what == "median" else quartiles[2] - quartiles[0]
                if np.isfinite(value):
                    lows[run] = highs[run] = float(value)
        return [PerRun("", lows, highs)]

    def _ln_times(self, steps: Int[ndarray, " step"], answers: Float[ndarray, "step x y"]) -> Float[ndarray, " row"]:
        """The logarithm of the step at which each row is learned; infinite for rows that are not."""
        looked = np.isfinite(answers).any(axis=(1, 2))
        steps, answers = steps[looked], answers[looked]
        if not len(steps):
            return np.empty(0)
        if self.seconds:
            answers = answers[:, :, self.seconds[0] : self.seconds[1] + 1]
        last = answers[-1]
        of_rows = answers[:, (last >= 2) if self.rows == "trained" else (last < 2)]
        crossings = [first_held(steps, right, HOLD) for right in (of_rows % 2 == 1).T]
        return np.array([np.inf if crossing is None else np.log(max(crossing[1], 1)) for crossing in crossings])
