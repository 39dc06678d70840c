"""Any source of a table as a pandas table with plain columns: names are text, and each column holds numbers or words."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas

from epicycle.interop.import_options import ImportOptions
from epicycle.interop.sources import is_rows
from epicycle.interop.spellings import LABELS, meaning
from epicycle.interop.table_arrays import MOST_VALUES, table_of_arrays
from epicycle.interop.table_files import read_file
from epicycle.interop.table_rows import table_of_rows
from epicycle.spec.errors import InputError
from epicycle.store.files import given_path

MOST_COLUMNS = 5_000
_NOT_A_NUMBER = {"", "nan", "none", "null", "na", "n/a", "-"}  # words that loggers write where there is no number


def read_table(source: Any, options: ImportOptions, where: str) -> pandas.DataFrame:
    """The table in a source, with the source's own column names.

    Args:
        source: the path of a file, a pandas table, a list of rows, or a mapping of columns to arrays.
        options: which columns are left out, and which names mean what.
        where: file or table, for messages.

    Raises:
        InputError: a file that cannot be read, arrays whose shapes do not fit each other, a column twice, or too many columns.
    """
    if isinstance(source, pandas.DataFrame):
        frame = _with_index_as_columns(source)
    elif isinstance(source, Mapping):
        frame = table_of_arrays({str(name): values for name, values in source.items()}, where, options)
    elif is_rows(source):
        frame = table_of_rows(source, where)
    else:
        frame = read_file(given_path(source), options)
    frame.columns = [_name(column) for column in frame.columns]
    frame = frame.drop(columns=[name for name in options.leave_out if name in frame])
    _refuse_unusable(frame, where)
    return pandas.DataFrame({name: plain_column(frame[name]) for name in frame}, index=range(len(frame)))


def plain_column(column: "pandas.Series[Any]") -> Any:
    """A column as an array of floats, whole numbers or truth values where all of it is numbers, otherwise of objects."""
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return column.to_numpy()
    cells = column.astype(object)
    is_text = cells.map(lambda cell: isinstance(cell, str))
    blank = (
        cells.isna() if not is_text.any() else cells.isna() | (is_text & cells.map(lambda c: str(c).strip().lower() in _NOT_A_NUMBER))
    )
    numbers = pandas.to_numeric(cells.where(~blank), errors="coerce") if dtype.kind not in "cMm" else cells.map(lambda _: np.nan)
    if numbers.dtype.kind != "c" and (numbers.notna() | blank).all() and not (blank.all() and len(cells)):
        return numbers.to_numpy() if not blank.any() and numbers.dtype.kind in "biuf" else numbers.to_numpy(float, na_value=np.nan)
    return cells.to_numpy(dtype=object)


def first_word(column: "pandas.Series[Any]") -> str:
    """The first cell of a column that is neither a number nor empty, for a message."""
    words = (cell for cell in column if not _is_number(cell) and not (isinstance(cell, str) and cell.strip().lower() in _NOT_A_NUMBER))
    return repr(str(next(words, column.iloc[0])))[:40]


def _is_number(cell: Any) -> bool:
    if isinstance(cell, str):
        return bool(pandas.notna(pandas.to_numeric(cell, errors="coerce")))
    return cell is None or isinstance(cell, int | float | np.floating | np.integer)


def _with_index_as_columns(frame: pandas.DataFrame) -> pandas.DataFrame:
    """The table with named parts of its index as columns: a table whose index is the step has no column of it."""
    frame = frame.copy()
    taken = {_name(column) for column in frame.columns}
    kept = [level for level in frame.index.names if level is not None and _name(level) not in taken]
    useful = [level for level in kept if meaning(_name(level)) in (*LABELS, "step") or len(frame.index.names) > 1]
    return frame.reset_index(level=useful) if useful else frame


def _name(column: Any) -> str:
    return "/".join(str(part) for part in column if str(part)) if isinstance(column, tuple) else str(column).strip()


def _refuse_unusable(frame: pandas.DataFrame, where: str) -> None:
    """Refuse a table that has a column twice, or more than can be handled."""
    if frame.shape[1] > MOST_COLUMNS or frame.size > MOST_VALUES:
        raise InputError(
            f"{where}: {frame.shape[1]} columns of {len(frame)} rows are too many (at most {MOST_COLUMNS} columns and {MOST_VALUES} "
            "values); pass only the steps, the seeds and the series that are wanted."
        )
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise InputError(f"{where}: column {repeated[0]} occurs twice; rename or remove one of the two.")
