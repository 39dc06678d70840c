"""What `import_runs` is given: files and tables of one arm or of several, told apart, or refused with a word on what to pass."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas
import xarray

from epicycle.interop.import_options import ImportOptions
from epicycle.interop.spellings import meaning, meaning_after_prefix
from epicycle.spec.errors import InputError
from epicycle.store.files import given_path

ARM = "runs"  # the arm of a source that names none
_WANTED = (
    "pass the path of a file, a pandas table, a list of rows (mappings with a step), a mapping of columns to arrays, a list of these, "
    "or a mapping of arms to these"
)


def tables_by_arm(source: Any, options: ImportOptions) -> dict[str, list[Any]]:
    """Arm -> its tables; a source without arms is one arm, `runs`.

    Raises:
        InputError: the source, or a part of it, is no table.
    """
    if isinstance(source, Mapping) and not _is_unread(source) and _has_arms(source, options):
        return {str(arm): _tables_in(tables, options, f"arm '{arm}'") for arm, tables in source.items()}
    return {ARM: _tables_in(source, options, "import_runs")}


def with_names(tables: Iterable[Any]) -> list[tuple[str, Any]]:
    """Each table with its name for messages: the path of a file, or `table 0`, `table 1`, ... for tables in memory."""
    named, number = [], 0
    for table in tables:
        is_path = isinstance(table, str | Path)
        named.append((str(table) if is_path else f"table {number}", table))
        number += not is_path
    return named


def as_python(source: Any) -> str:
    """The source as one would write it in Python; a table in memory is named by its type."""
    if isinstance(source, str | Path):
        return repr(str(source))
    if isinstance(source, list | tuple):
        only_paths = all(isinstance(table, str | Path) for table in source)
        return f"[{', '.join(map(as_python, source))}]" if only_paths else f"<list of {len(source)}>"
    if isinstance(source, Mapping) and source and not any(_is_column(values) for values in source.values()):
        return f"{{{', '.join(f'{str(arm)!r}: {as_python(tables)}' for arm, tables in source.items())}}}"
    return f"<{type(source).__name__}>"


def is_rows(source: Any) -> bool:
    """Whether a source is one table as a list of rows. A list of mappings whose steps are arrays is a list of tables."""
    if not isinstance(source, list | tuple) or not source or not all(isinstance(row, Mapping) for row in source):
        return False
    steps = [value for row in source for name, value in row.items() if meaning(str(name)) == "step"]
    return not any(map(_has_axis, steps)) if steps else not any(_has_axis(value) for row in source for value in row.values())


def _has_axis(value: Any) -> bool:
    """Whether a value is an array or a list, and not a single number or word."""
    return isinstance(value, list | tuple) or getattr(value, "ndim", int(hasattr(value, "__array__"))) > 0


def _tables_in(source: Any, options: ImportOptions, owner: str) -> list[Any]:
    """The tables of one arm; `owner` is what was given the source, for messages."""
    tables = list(source) if isinstance(source, list | tuple) and not is_rows(source) else [source]
    checked = [_checked(table, options, owner) for table in tables]
    _refuse_repeats(checked, owner)
    return checked


def _refuse_repeats(tables: Sequence[Any], owner: str) -> None:
    """Refuse a file or a table that is given twice: its runs would count as further runs."""
    names: dict[Any, str] = {}
    for name, table in with_names(tables):
        key = given_path(table).resolve() if isinstance(table, str | Path) else id(table)
        if key in names:
            again = "" if names[key] == name else f", as {names[key]} and as {name}"
            raise InputError(
                f"{owner} was given {name} twice{again}; a copy of a run is no second run, so pass each file or table once."
            )
        names[key] = name


def _checked(table: Any, options: ImportOptions, owner: str) -> Any:
    """The table itself, if it is one."""
    if isinstance(table, Path | str | pandas.DataFrame) or is_rows(table):
        return table
    if isinstance(table, Mapping) and not _is_unread(table):
        if _has_step(table, options) or any(_is_column(value) for value in table.values()):
            return table
        raise InputError(f"{owner} was given a mapping of {_listed(table)} among the tables; {_WANTED}.")
    raise InputError(f"{owner} was given {_kind_of(table)}; {_advice_for(table)}")


def _has_arms(source: Mapping[Any, Any], options: ImportOptions) -> bool:
    """Whether a mapping has arms. A mapping with a column of steps, or with any array of numbers, is a table."""
    return not _has_step(source, options) and not any(_is_column(values) for values in source.values())


def _has_step(source: Mapping[Any, Any], options: ImportOptions) -> bool:
    names = [str(name) for name in source]
    if set(options.columns.values()) & set(names):
        return True
    return any("step" in (meaning(name), meaning_after_prefix(name)) for name in names)


def _is_column(values: Any) -> bool:
    """Whether a value is a column of a table: a number, numbers, or anything that numpy takes for an array."""
    if isinstance(values, str | Path | Mapping | pandas.DataFrame) or values is None or _is_unread(values):
        return False
    if isinstance(values, list | tuple):
        return bool(values) and all(value is None or _is_column(value) for value in values[:100])
    return isinstance(values, int | float | complex) or hasattr(values, "__array__")


def _is_unread(source: Any) -> bool:
    return isinstance(source, xarray.Dataset | xarray.DataTree | xarray.DataArray)


def _kind_of(source: Any) -> str:
    if source is None:
        return "None"
    name = type(source).__name__
    return f"an xarray {name}" if _is_unread(source) else f"a value of type {name}"


def _advice_for(source: Any) -> str:
    """What to pass instead of a value that is no table."""
    if _is_unread(source):
        return "pass a table made from it, such as data[['train_acc', 'test_acc']].to_dataframe().reset_index()."
    if hasattr(source, "to_pandas"):
        return "pass what its method to_pandas() gives."
    if hasattr(source, "__next__") or (hasattr(source, "__iter__") and not hasattr(source, "__len__")):
        return "pass list(...) of it."
    if hasattr(source, "__array__"):
        return "an array has no names of columns: pass a mapping such as {'step': steps, 'test_acc': accuracies}."
    return f"{_WANTED}."


def _listed(mapping: Mapping[Any, Any]) -> str:
    names = [str(name) for name in mapping]
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "") if names else "nothing"
