"""Files, arrays and pandas tables of training curves, read as one pandas table with a row for each step of each run."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas
from jaxtyping import Shaped
from numpy import ndarray

from epicycle.interop.column_names import LABELS, our_name
from epicycle.interop.parquet import require_pyarrow
from epicycle.spec.errors import InputError

ARM = "runs"  # the arm of a source that names none


def tables_by_arm(source: Any) -> dict[str, Any]:
    """Arm -> its table or list of tables; a source without arms is one arm, `runs`."""
    return {str(arm): tables for arm, tables in source.items()} if _has_arms(source) else {ARM: source}


def _has_arms(source: Any) -> bool:
    """Whether a source maps arms to tables. A mapping with a column of steps is a table."""
    return isinstance(source, Mapping) and not any(our_name(str(name)) == "step" for name in source)


def with_places(tables: Any) -> list[tuple[str, Any]]:
    """Each table with its place for messages: the path of a file, or `table 0`, `table 1`, ... for tables in memory."""
    numbers = count()
    return [
        (str(table) if isinstance(table, str | Path) else f"table {next(numbers)}", table)
        for table in (tables if isinstance(tables, list | tuple) else [tables])
    ]


def as_python(source: Any) -> str:
    """The source as one would write it in Python; a table in memory is named by its type."""
    if isinstance(source, str | Path):
        return repr(str(source))
    if isinstance(source, list | tuple):
        only_paths = all(isinstance(table, str | Path) for table in source)
        return f"[{', '.join(map(as_python, source))}]" if only_paths else f"<{len(source)} tables>"
    if _has_arms(source):
        return f"{{{', '.join(f'{str(arm)!r}: {as_python(tables)}' for arm, tables in source.items())}}}"
    return f"<{type(source).__name__}>"


def read_table(source: Any, where: str) -> pandas.DataFrame:
    """The table in a source, with the source's own column names.

    Args:
        source: a .csv, .npz or .parquet file, a pandas table, or a mapping of columns to arrays `[step]` or `[run, step]`.
        where: file or table, for messages.

    Raises:
        InputError: a file that cannot be read, or arrays whose shapes do not fit each other.
    """
    if isinstance(source, pandas.DataFrame):
        return source.rename(columns=str)
    if isinstance(source, Mapping):
        return _table_of_arrays(source, where)
    path = Path(source)
    if not path.is_file():
        raise InputError(f"{path} is not a file; pass the path of a .csv, .npz or .parquet file.")
    if path.suffix not in (".csv", ".npz", ".parquet"):
        raise InputError(f"{path}: training curves are read from .csv, .npz and .parquet files; convert the file to one of them.")
    try:
        return _read_file(path, where)
    except InputError:
        raise
    except Exception as error:  # each reader has its own errors for a damaged file
        reason = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read as {path.suffix[1:]}: {reason}. Check that the file is whole.") from None


def _read_file(path: Path, where: str) -> pandas.DataFrame:
    if path.suffix == ".csv":
        return pandas.read_csv(path, skipinitialspace=True)
    if path.suffix == ".npz":
        # allow_pickle=False: numpy stores an array of Python objects as a pickle, and loading a pickle can execute code.
        with path.open("rb") as content, np.load(content, allow_pickle=False) as opened:
            return _table_of_arrays(dict(opened), where)
    require_pyarrow("reading")
    return pandas.read_parquet(path, engine="pyarrow").rename(columns=str)


class _Grid(NamedTuple):
    """How many runs the arrays of a source hold, and how many steps each run has."""

    runs: int
    steps: int


def _table_of_arrays(columns: Mapping[str, Any], where: str) -> pandas.DataFrame:
    """One long table from arrays `[step]` or `[run, step]` and labels `[run]`; runs without labels are numbered."""
    try:
        arrays = {str(name): np.atleast_1d(np.asarray(values)) for name, values in columns.items()}
    except ValueError as error:  # lists of different lengths
        raise InputError(f"{where}: a column is not a regular array: {error}. Give rows of the same length.") from None
    if bad := [name for name, values in arrays.items() if values.ndim > 2 or values.dtype.kind == "O"]:
        raise InputError(f"{where}: column {bad[0]} must be an array [step] or [run, step] of plain numbers.")
    longest = max((len(values) for values in arrays.values()), default=0)
    grid = _Grid(*next((values.shape for values in arrays.values() if values.ndim == 2), (1, longest)))
    table = {name: _long_column(values, name, grid, where) for name, values in arrays.items()}
    if grid.runs > 1 and not any(our_name(name) in LABELS for name in table):
        table["run"] = np.repeat([f"{where}#{run}" for run in range(grid.runs)], grid.steps)
    return pandas.DataFrame(table)


def _long_column(values: Shaped[ndarray, "..."], name: str, grid: _Grid, where: str) -> Shaped[ndarray, "..."]:
    """One value for each run and step, the steps of a run next to each other.

    An array that has as many entries as there are runs, and as there are steps, is ambiguous: only the name of a label or of the steps
    decides then.
    """
    if values.shape == tuple(grid):
        return values.ravel()
    per_run, per_step = values.shape == (grid.runs,), values.shape == (grid.steps,)
    meaning = our_name(name)
    if per_run and (meaning in LABELS or (meaning != "step" and not per_step)):
        return np.repeat(values, grid.steps)
    if per_step and (meaning == "step" or not per_run or grid.runs == 1):
        return np.tile(values, grid.runs)
    raise InputError(
        f"{where}: column {name} has shape {values.shape}, which does not say how its values belong to {grid.runs} runs and "
        f"{grid.steps} steps; give it as an array [run, step]."
    )
