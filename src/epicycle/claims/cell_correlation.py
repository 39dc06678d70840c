"""Do two numbers go together over the cells of a sweep? Their correlation within each seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from epicycle.claims.estimates import NEVER, Estimate, PerRun, median_estimate
from epicycle.claims.quantities import AnyQuantity, OfQuantities, Quantity
from epicycle.maths.correlations import correlation
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.results import labels_of, swept_names

if TYPE_CHECKING:
    import xarray

FEWEST = 3  # cells of a seed
Cell = tuple[str, ...]  # the label of a seed, and the swept values as text


class CellCorrelation(OfQuantities):
    """Do networks that have more of one number have more of another, over the cells of a sweep?

    For each seed, Pearson's correlation of the two numbers over its cells, which are the combinations of swept values. The interval is
    that of the median over seeds. Where a number lies between two looks, the later end counts. Where a cell is open in one of the
    numbers, such as a time of an event that was not seen, or has no run, the correlation of its seed may be anything from -1 to 1.

    Attributes:
        of: the first quantity, with its arm. What this arm sweeps and `where` leaves open are the cells.
        beside: the second quantity, with its arm, which has the same cells. It may be an arm of forks of the first.
        less: a quantity that is taken off the second one, with its arm; None takes nothing off.
    """

    kind: ClassVar[str] = "cell_correlation"
    anytime: ClassVar[bool] = True

    beside: AnyQuantity
    less: AnyQuantity | None = None

    def quantities(self) -> tuple[Quantity, ...]:
        """The two quantities, and the one that is taken off."""
        return (self.of, self.beside) if self.less is None else (self.of, self.beside, self.less)

    def phrase(self) -> str:
        """Both quantities and the arms."""
        less = "" if self.less is None else f" less {self.less.subject()} in {self.less.arm_phrase()}"
        second = f"{self.beside.subject()} in {self.beside.arm_phrase()}{less}"
        return f"median over seeds of the correlation over cells of {self.of.title()} in {self.of.arm_phrase()} with {second}"

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """There is one estimate, under the first detector of each quantity.

        Raises:
            InputError: the first arm sweeps nothing, or an arm has no run in a cell of the first.
        """
        data = _chosen(arms[self.of.arm], self.of)
        names = [name for name in swept_names(data) if name not in self.of.where]
        if not names:
            raise InputError(f"{self.kind}: arm '{self.of.arm}' sweeps nothing, so it has no cells.")
        tables = [_by_cell(_chosen(arms[quantity.arm], quantity), quantity, names) for quantity in self.quantities()]
        if not set.intersection(*({*table} for table in tables)):
            raise InputError(f"{self.kind}: the arms share no seed in any cell, so nothing can be compared.")
        seeds: dict[str, list[Cell]] = {}
        for cell in tables[0]:
            seeds.setdefault(cell[0], []).append(cell)
        labels = labels_of(data)
        ends = {labels.index(seed): self._of_seed(cells, tables) for seed, cells in seeds.items()}
        return [
            median_estimate(data, PerRun("", {run: end[0] for run, end in ends.items()}, {run: end[1] for run, end in ends.items()}))
        ]

    def _of_seed(self, cells: list[Cell], tables: list[dict[Cell, float]]) -> tuple[float, float]:
        """The correlation of one seed, twice; or -1 and 1."""
        first, second, *less = (np.array([table.get(cell, np.nan) for cell in cells]) for table in tables)
        if less:
            second = second - less[0]
        is_known = len(cells) >= FEWEST and np.isfinite([first, second]).all()
        value = correlation(first, second) if is_known else np.nan
        return (-1.0, 1.0) if np.isnan(value) else (value, value)


def _chosen(data: xarray.Dataset, quantity: Quantity) -> xarray.Dataset:
    """The runs at the swept values that a quantity names."""
    keep = np.ones(data.sizes["run"], bool)
    for name, value in quantity.where.items():
        if name not in swept_names(data):
            raise InputError(f"arm '{quantity.arm}' does not sweep '{name}'; {nearest(name, swept_names(data))}")
        keep &= data[name].values == value
    return data.isel(run=np.flatnonzero(keep))


def _by_cell(data: xarray.Dataset, quantity: Quantity, names: list[str]) -> dict[Cell, float]:
    """The number in each cell of each seed; not a number where it is open on one side."""
    if absent := [name for name in names if name not in swept_names(data)]:
        raise InputError(f"cell_correlation: arm '{quantity.arm}' is not swept over {absent[0]}, and the first arm is.")
    bounds, columns = quantity.per_run(data)[0], [data[name].values.tolist() for name in names]
    cells = list(zip(labels_of(data), *([str(value) for value in column] for column in columns), strict=True))
    is_open = {run for run in bounds.lows if bounds.lows[run] == -NEVER or bounds.highs[run] == NEVER}
    return {cells[run]: np.nan if run in is_open else high for run, high in bounds.highs.items()}
