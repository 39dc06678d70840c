"""The names of columns in tables of training curves: how other codes spell the names that Epicycle uses."""

import re
from collections.abc import Mapping, Sequence

import pandas

from epicycle.spec.errors import InputError, nearest

_ROW_WORDS = {"train": ("train", "training"), "test": ("test", "val", "valid", "validation", "eval", "heldout")}
_VALUE_WORDS = {"loss": ("loss",), "acc": ("acc", "accuracy")}
_STEP_WORDS = ("step", "steps", "global_step", "iteration", "iterations", "iter", "update", "updates", "epoch", "epochs")
# train_loss, train_acc, test_loss, test_acc: the series that Epicycle gives a meaning.
SERIES = tuple(f"{rows}_{value}" for rows in _ROW_WORDS for value in _VALUE_WORDS)
LABELS = ("run", "seed", "data_seed")
# Spelling in lower case with underscores -> our name.
SPELLINGS = {
    **dict.fromkeys(_STEP_WORDS, "step"),
    **{name: name for name in LABELS},
    **{
        spelling: f"{rows}_{value}"
        for rows, row_words in _ROW_WORDS.items()
        for value, value_words in _VALUE_WORDS.items()
        for value_word in value_words
        for row_word in row_words
        for spelling in (f"{row_word}_{value_word}", f"{value_word}_{row_word}")
    },
}


def our_name(column: str) -> str:
    """Our name of a column, or the column's own name where we have none.

    Capitals and punctuation do not matter: `Validation Accuracy` and `val/acc` are both `test_acc`.
    """
    plain = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")
    return SPELLINGS.get(plain, column)


def is_accuracy(series: str) -> bool:
    """Whether a series holds accuracies, from 0 to 1."""
    return "acc" in series.split("_")


def with_our_names(frame: pandas.DataFrame, columns: Mapping[str, str], swept: Sequence[str], where: str) -> pandas.DataFrame:
    """The table with its columns renamed to our names.

    Columns of text are left out, unless they are labels or swept.

    Args:
        frame: a table with a row for each step.
        columns: our name -> column of the table, where the spelling is not understood or is ambiguous.
        swept: columns that hold what was varied.
        where: file or table, for messages.

    Raises:
        InputError: a column in `columns` does not exist, two columns have the same meaning, there is no column of steps or no
            series, or a series holds text.
    """
    names = _names_of(frame, columns, where)
    _check_names(names, where)
    frame = frame[list(names)].rename(columns=names)
    labels = (*LABELS, *swept, "step")
    text_columns = [name for name in frame if not pandas.api.types.is_numeric_dtype(frame[name].dtype)]
    if bad := [name for name in text_columns if name in SERIES or name in columns]:
        raise InputError(f"{where}: column {bad[0]} holds text where numbers are needed; correct the column or remove it.")
    frame = frame.drop(columns=[name for name in text_columns if name not in labels])
    if all(name in labels for name in frame):
        raise InputError(
            f"{where}: the table has steps and labels, but no column of numbers to import; it needs at least one such as "
            f"{', '.join(SERIES)}. Another spelling is named with columns={{'test_acc': 'their name'}}."
        )
    return frame.copy()


def _names_of(frame: pandas.DataFrame, columns: Mapping[str, str], where: str) -> dict[str, str]:
    """Column of the table -> our name. A column that the caller replaced by another in `columns` is left out."""
    for name, column in columns.items():
        if column not in frame:
            close = nearest(column, map(str, frame.columns))
            raise InputError(f"{where}: columns says that {name} is in column '{column}', which the table does not have; {close}")
    chosen = {column: name for name, column in columns.items()}
    names = {str(column): chosen.get(str(column), our_name(str(column))) for column in frame}
    return {column: name for column, name in names.items() if column in chosen or name not in columns}


def _check_names(names: Mapping[str, str], where: str) -> None:
    for name in names.values():
        if len(columns := [column for column in names if names[column] == name]) > 1:
            raise InputError(
                f"{where}: columns {' and '.join(columns)} both mean {name}; choose one of them, for example with "
                f"columns={{'{name}': '{columns[0]}'}}."
            )
    if "step" not in names.values():
        raise InputError(
            f"{where}: there is no column of steps (step, iteration, epoch, ...) among {', '.join(names)}; "
            "name the column with columns={'step': 'their name'}."
        )
