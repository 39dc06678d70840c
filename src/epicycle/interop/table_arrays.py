"""Tables in memory that come as columns: a mapping of names to arrays `[step]`, `[run]` or `[run, step]`, and to single values."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas
from jaxtyping import Shaped
from numpy import ndarray

from epicycle.interop.import_options import ImportOptions
from epicycle.interop.sources import is_rows
from epicycle.interop.spellings import LABELS, SERIES, counts_epochs, meaning, meaning_after_prefix
from epicycle.interop.table_rows import flattened
from epicycle.spec.errors import InputError

_WANTED = "must be an array [step] or [run, step] of plain numbers"

MOST_VALUES = 100_000_000  # of all columns together: more than a laptop's memory holds as a table


class _Grid(NamedTuple):
    """How many runs the arrays of a source hold, and how many steps each run has."""

    runs: int
    steps: int


def table_of_arrays(columns: Mapping[str, Any], where: str, options: ImportOptions) -> pandas.DataFrame:
    """One long table from arrays `[step]` or `[run, step]` and labels `[run]`; runs without labels are numbered.

    The array of steps fixes how many steps there are. A single number holds for every run and step. A single word is left out, unless
    it is swept or a label.

    Args:
        columns: name -> array or single value; a mapping inside becomes columns such as `train/loss`.
        where: file or table, for messages.
        options: which columns are left out, and which names mean what.

    Raises:
        InputError: arrays whose shapes do not fit each other, or too many values.
    """
    ours = _Meanings(options)
    plain = {name: value for name, value in flattened(columns, where).items() if name not in options.leave_out}
    arrays = {name: _array(value, name, where) for name, value in plain.items() if value is not None}
    grid = _grid(arrays, ours, where)
    arrays = {name: values for name, values in arrays.items() if not _is_final(name, values, arrays, grid, ours)}
    arrays = {name: values for name, values in arrays.items() if values.dtype.kind not in "USMm" or ours.keeps(name)}
    if grid.runs * grid.steps * len(arrays) > MOST_VALUES:
        raise InputError(
            f"{where}: {len(arrays)} columns of {grid.runs} runs and {grid.steps} steps are too many; pass fewer columns or steps."
        )
    _refuse_misfits(arrays, grid, where)
    table = {name: _long_column(values, name, grid, where, ours) for name, values in arrays.items()}
    if grid.runs > 1 and not any(ours(name) in LABELS for name in table):
        table["run"] = np.repeat([f"{where}#{run}" for run in range(grid.runs)], grid.steps)
    return pandas.DataFrame(table)


class _Meanings:
    """Our names of columns: first those that the caller gives, then the spellings that are known."""

    def __init__(self, options: ImportOptions) -> None:
        self._given = {column: name for name, column in options.columns.items()}
        self._own = {*options.swept, *self._given}

    def __call__(self, column: str) -> str | None:
        """Our name of a column; None where we have none."""
        return self._given.get(column) if column in self._own else meaning(column) or meaning_after_prefix(column)

    def keeps(self, column: str) -> bool:
        """Whether a column of words is kept."""
        return column in self._own or self(column) in (*LABELS, *SERIES, "step", "status")


def _array(values: Any, name: str, where: str) -> Shaped[ndarray, "..."]:
    if is_rows(values):
        raise InputError(f"{where}: '{name}' is a table of its own, as a list of rows; pass that list alone.")
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O" and not any(isinstance(value, complex | np.complexfloating) for value in array.ravel()):
            array = array.astype(float)  # None, as JSON writes a missing number, becomes NaN
    except Exception as error:  # whatever stands behind __array__ has errors of its own
        ragged = isinstance(error, ValueError) and isinstance(values, list | tuple)
        problem = "is not a regular array of plain numbers; give rows of the same length" if ragged else _WANTED
        raise InputError(f"{where}: column {name} {problem}, or leave it out with leave_out=['{name}'].") from None
    if array.dtype.kind not in "biufUSMm":
        raise InputError(f"{where}: column {name} {_WANTED}, or leave it out with leave_out=['{name}'].")
    return array


def _grid(arrays: Mapping[str, Shaped[ndarray, "..."]], ours: _Meanings, where: str) -> _Grid:
    """The lengths of the axes: that of steps from the array of steps, that of runs from the series with two axes."""
    steps = sorted((name for name, values in arrays.items() if ours(name) == "step" and values.ndim), key=counts_epochs)
    if not steps:
        raise InputError(
            f"{where}: there is no array of steps (step, iteration, epoch, ...) among {', '.join(list(arrays)[:20]) or 'no columns'}; "
            "name it with columns={'step': 'their name'}, or add it."
        )
    n_steps = arrays[steps[0]].shape[-1]
    known_first = sorted(arrays, key=lambda name: ours(name) not in (*SERIES, "step"))
    n_runs = (len(arrays[name]) for name in known_first if arrays[name].ndim == 2 and arrays[name].shape[1] == n_steps)
    return _Grid(next(n_runs, 1), n_steps)


def _is_final(
    name: str, values: Shaped[ndarray, "..."], arrays: Mapping[str, Shaped[ndarray, "..."]], grid: _Grid, ours: _Meanings
) -> bool:
    """Whether a single value is called like a series or the steps that are there as an array: a final accuracy, a number of steps."""
    if values.size != 1 or ours(name) not in (*SERIES, "step") or grid.steps == 1:
        return False
    return any(other.size > 1 and ours(column) == ours(name) for column, other in arrays.items())


def _refuse_misfits(arrays: Mapping[str, Shaped[ndarray, "..."]], grid: _Grid, where: str) -> None:
    fitting = ((), (1,), (grid.runs,), (grid.steps,), tuple(grid))
    misfits = [name for name, values in arrays.items() if values.shape not in fitting]
    if not misfits:
        return
    name, shape = misfits[0], arrays[misfits[0]].shape
    transposed = " The steps are the last axis: pass the array transposed." if len(shape) == 2 and shape[0] == grid.steps else ""
    raise InputError(
        f"{where}: column {name} has shape {shape}, which does not fit {grid.runs} run{'s' * (grid.runs > 1)} and {grid.steps} steps."
        f"{transposed} Give it as an array [run, step], or leave it out with leave_out={misfits[:8]}."
    )


def _long_column(values: Shaped[ndarray, "..."], name: str, grid: _Grid, where: str, ours: _Meanings) -> Shaped[ndarray, "..."]:
    """One value for each run and step, the steps of a run next to each other.

    An array that has as many entries as there are runs, and as there are steps, is ambiguous: only the name of a label or of the steps
    decides then.
    """
    if values.shape == tuple(grid):
        return values.ravel()
    if values.size == 1:
        return np.repeat(values.ravel(), grid.runs * grid.steps)
    per_run, per_step = values.shape == (grid.runs,), values.shape == (grid.steps,)
    name_decides = ours(name)
    if per_run and (name_decides in LABELS or (name_decides != "step" and not per_step)):
        return np.repeat(values, grid.steps)
    if per_step and (name_decides == "step" or not per_run):
        return np.tile(values, grid.runs)
    raise InputError(
        f"{where}: column {name} has shape {values.shape}, which does not say how its values belong to {grid.runs} runs and "
        f"{grid.steps} steps; give it as an array [run, step]."
    )
