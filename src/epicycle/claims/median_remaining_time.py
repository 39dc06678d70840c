"""Forks on several tasks: is the event sooner on most of them?"""

from __future__ import annotations

from collections.abc import Mapping
from math import e
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from epicycle.claims.estimates import NEVER, Estimate, PerRun, chosen_runs, diverged_runs, open_runs, unit_medians, upper_values
from epicycle.claims.factor_shares import Cell
from epicycle.claims.intervals import median_interval
from epicycle.claims.quantities import LATER_SOONER
from epicycle.claims.remaining_time import LogRemainingTime
from epicycle.claims.units import units_among
from epicycle.spec.families import Statistic
from epicycle.spec.plain_units import PlainUnits
from epicycle.spec.results import labels_of

if TYPE_CHECKING:
    import xarray


class MedianRemainingTime(Statistic):
    """Does a change bring an event sooner on most of several tasks? The median over tasks of the log remaining time, in each seed.

    The log remaining time is that of `log_remaining_time`. The number of tasks is odd, so the median of a seed is below 0 exactly
    where its forks are sooner than their controls on more than half of the tasks. The interval is that of the median over seeds. A
    fork that is missing, because its moment did not come, leaves its task open.

    Attributes:
        event: name of the event.
        cells: the forks of each task.
    """

    kind: ClassVar[str] = "median_remaining_time"
    anytime: ClassVar[bool] = True

    event: str = "t_gen"
    cells: tuple[Cell, ...] = Field(min_length=3)

    @model_validator(mode="after")
    def _there_is_a_middle(self) -> Self:
        if len(self.cells) % 2 == 0:
            raise ValueError(f"{self.kind}: {len(self.cells)} tasks have no middle one; give an odd number of cells")
        return self

    def arms(self) -> tuple[str, ...]:
        """The arms of forks and of controls of every task."""
        return tuple(dict.fromkeys(name for cell in self.cells for name in (cell.arm, cell.against)))

    def reads(self) -> tuple[str, ...]:
        """The series that the event is read from."""
        return self._of(self.cells[0]).reads()

    def phrase(self) -> str:
        """The phrase names the event and the arms."""
        among = ", ".join(self._of(cell).arm_phrase() for cell in self.cells)
        return f"median over {len(self.cells)} tasks ({among}) of {self.event}, counted from the fork, compared with its control,"

    def plain_units(self) -> PlainUnits:
        """How many times later than the control, or sooner."""
        return PlainUnits(base=e, compared="ratio", sides=LATER_SOONER)

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """There is one estimate, under the standard detector of the event."""
        pairs: dict[str, tuple[int, int]] = {}
        of_tasks: list[dict[str, tuple[float, float]]] = []
        failed: list[str] = []
        for cell in self.cells:
            control, left = chosen_runs(arms, cell.against, {}), self._of(cell)
            forks = left.with_controls(chosen_runs(arms, cell.arm, cell.where), control)
            labels, bounds = labels_of(forks), left.per_run(forks, control)[0]
            of_tasks.append({label: (bounds.lows[run], bounds.highs[run]) for run, label in enumerate(labels)})
            pairs |= dict(zip(labels, zip(*(forks[name].values.tolist() for name in ("seed", "data_seed")), strict=True), strict=True))
            failed += diverged_runs(forks)
        bounds = PerRun("", *({i: self._middle(of_tasks, label, end) for i, label in enumerate(pairs)} for end in (0, 1)))
        units, labels = units_among(list(pairs.values())), list(pairs)
        interval = units.interval(lambda grouping: median_interval(*unit_medians(bounds, grouping)))
        values = upper_values(labels, bounds)
        return [Estimate(interval, len(labels), "", open_runs(labels, bounds), tuple(failed), values).among_units(units)]

    def _of(self, cell: Cell) -> LogRemainingTime:
        return LogRemainingTime(event=self.event, arm=cell.arm, against=cell.against, where=cell.where)

    def _middle(self, of_tasks: list[dict[str, tuple[float, float]]], label: str, end: int) -> float:
        """The least (end 0) or the largest (end 1) that the median of a seed can be."""
        return float(np.median([bounds.get(label, (-NEVER, NEVER))[end] for bounds in of_tasks]))
