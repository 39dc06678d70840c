"""A table of training curves with our names of columns in place of theirs."""

from collections.abc import Mapping

import pandas

from epicycle.interop.import_options import ImportOptions
from epicycle.interop.plain_tables import first_word
from epicycle.interop.spellings import LABELS, SERIES, columns_of, counts_epochs, meaning, meaning_after_prefix
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.results import COORDINATES, Status

SETTING = "experiment."  # begins the columns of our own exports that say how a run was trained
# Names that the dataset of an arm gives a meaning of its own.
RESERVED = {"moment", "budget", "run_id", "swept", "exact", *COORDINATES} - {*LABELS}


def with_our_names(frame: pandas.DataFrame, options: ImportOptions, where: str) -> pandas.DataFrame:
    """The table with its columns renamed to our names.

    Columns of text are left out, unless they are labels, swept or settings.

    Args:
        frame: a table with a row for each step.
        options: the columns that the caller names or leaves out, and those that are swept.
        where: file or table, for messages.

    Raises:
        InputError: a column in `columns` does not exist, two columns have the same meaning, there is no column of steps or none of
            the series that Epicycle knows, or a series holds text.
    """
    names = _names_of(frame, options, where)
    frame = frame[list(names)].rename(columns=names)
    kept = (*LABELS, *options.swept, "step", "status")
    text = [name for name in columns_of(frame) if frame[name].dtype.kind == "O"]
    named = [name for name in text if name in (*SERIES, *options.columns) and name not in kept]
    if named:
        raise InputError(
            f"{where}: column {named[0]} holds text where numbers are needed, such as {first_word(frame[named[0]])}; correct "
            "or remove the text."
        )
    frame = frame.drop(columns=[name for name in text if name not in kept and not name.startswith(SETTING)])
    _refuse_without_series(frame, where)
    return _without_reserved_names(frame, options, where)


def _refuse_without_series(frame: pandas.DataFrame, where: str) -> None:
    if any(name in SERIES for name in frame):
        return
    columns = [name for name in columns_of(frame) if name not in (*LABELS, "step", "status") and not name.startswith(SETTING)]
    beside = f"the other columns of numbers are {', '.join(columns[:20])}" if columns else "there is no column of numbers to import"
    raise InputError(
        f"{where}: none of {', '.join(SERIES)} is in the table; {beside}. Name a column with columns={{'test_acc': 'their name'}}. "
        "In a table with a row for each split, the column that names the split is called split."
    )


def _without_reserved_names(frame: pandas.DataFrame, options: ImportOptions, where: str) -> pandas.DataFrame:
    """The table without columns that are called like something else here: a series `baseline` becomes `logged_baseline`."""
    names = {
        name: f"logged_{name}"
        for name in columns_of(frame)
        if name in RESERVED and name not in options.swept and not _is_status(frame, name)
    }
    frame = frame.drop(columns=[name for name in names if frame[name].dtype.kind == "O"])
    for name in names:
        if name in frame:
            options.note(f"{where}: column {name} is kept as logged_{name}, because {name} has another meaning here.")
    return frame.rename(columns=names)


def _is_status(frame: pandas.DataFrame, name: str) -> bool:
    """Whether a column holds what our own exports say of a run, such as `diverged at step 300`."""
    if name != "status" or frame[name].dtype.kind != "O":
        return False
    try:
        return bool([Status.parse(str(text)) for text in frame[name].dropna().unique()])
    except ValueError:
        return False


def _names_of(frame: pandas.DataFrame, options: ImportOptions, where: str) -> dict[str, str]:
    """Column of the table -> our name. A column that the caller replaced by another in `columns` is left out."""
    for name, column in options.columns.items():
        if column not in frame:
            raise InputError(
                f"{where}: columns says that {name} is in column '{column}', which the table does not have; "
                f"{nearest(column, frame.columns)}"
            )
    chosen = {column: name for name, column in options.columns.items()}
    names = {column: chosen.get(column, column) for column in columns_of(frame) if column in chosen or column not in options.columns}
    free = [column for column in names if column not in chosen and column not in options.swept]
    for ours, columns in _by_meaning(free).items():
        if ours in options.columns:
            names = {column: name for column, name in names.items() if column not in columns[0]}
            continue
        names[_the_one(ours, columns, frame, options, where)] = ours
    _refuse_two_of_a_name(names, where)
    if "step" not in names.values():
        raise InputError(
            f"{where}: there is no column of steps (step, iteration, epoch, ...) among {', '.join(list(names)[:20])}; "
            "name the column with columns={'step': 'their name'}."
        )
    return names


def _by_meaning(columns: list[str]) -> dict[str, tuple[list[str], list[str]]]:
    """Our name -> the columns that are called so, and those that are called so after a prefix."""
    candidates: dict[str, tuple[list[str], list[str]]] = {}
    for column in columns:
        if column.startswith(SETTING):
            continue
        whole = meaning(column)
        ours = whole or meaning_after_prefix(column)
        if ours:
            candidates.setdefault(ours, ([], []))[0 if whole else 1].append(column)
    return candidates


def _the_one(ours: str, columns: tuple[list[str], list[str]], frame: pandas.DataFrame, options: ImportOptions, where: str) -> str:
    """The column that has one of our names.

    A name without a prefix goes before one with a prefix. A label that is spelled as here goes before another, and a step before an
    epoch.
    """
    candidates = columns[0] or columns[1]
    if ours == "step":
        candidates = [column for column in candidates if not counts_epochs(column)] or candidates
        candidates = candidates[:1] if all(frame[column].equals(frame[candidates[0]]) for column in candidates) else candidates
    elif ours in LABELS and ours in candidates:
        candidates = [ours]
    if len(candidates) > 1:
        raise InputError(
            f"{where}: columns {' and '.join(candidates)} both mean {ours}; choose one of them, for example with "
            f"columns={{'{ours}': '{candidates[0]}'}}."
        )
    if not columns[0]:
        options.note(f"{where}: column {candidates[0]} is read as {ours}.")
    return candidates[0]


def _refuse_two_of_a_name(names: Mapping[str, str], where: str) -> None:
    columns_of: dict[str, list[str]] = {}
    for column, name in names.items():
        columns_of.setdefault(name, []).append(column)
    for name, columns in columns_of.items():
        if len(columns) > 1:
            raise InputError(
                f"{where}: columns {' and '.join(columns[:4])} would both be called {name}; leave one out with leave_out."
            )
