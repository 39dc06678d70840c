"""Tables in other shapes than a row a step and a column a series: long tables, and panels with a column for each run."""

import re
from collections.abc import Callable, Sequence

import pandas

from epicycle.interop.import_options import ImportOptions
from epicycle.interop.spellings import SERIES, bare_value, columns_of, meaning, rows_of, words_of

# Columns that say on which rows a value was computed, and columns that name the value beside a column `value`.
_SPLIT_COLUMNS = ("split", "phase", "subset", "set", "mode", "partition", "stage", "dataset", "rows")
_NAME_COLUMNS = ("metric", "name", "key", "tag", "variable", "measure", "series", "quantity")
_PANEL = re.compile(r"^(?P<run>.+?) - (?P<series>.+?)(?P<bound>__MIN|__MAX)?$")


def one_row_a_step(frame: pandas.DataFrame, options: ImportOptions) -> pandas.DataFrame:
    """The table with a column for each series, whatever shape it came in. Only the names of columns and words in them decide.

    Args:
        frame: the table as it was read.
        options: columns named there are never taken apart.
    """
    own = {*options.columns.values(), *options.swept}
    for reshaped in (_from_panel, _from_names, _from_splits):
        frame = reshaped(frame, own)
    return _with_rows_named(frame, own, options)


def _from_panel(frame: pandas.DataFrame, own: set[str]) -> pandas.DataFrame:
    """A panel as Weights & Biases exports it: columns such as `calm-river - test/acc` become a run each."""
    matches = {name: _PANEL.match(name) for name in columns_of(frame) if name not in own}
    panels = {name: match for name, match in matches.items() if match}
    kept = {name: match for name, match in panels.items() if not match["bound"] and meaning(match["series"]) != "step"}
    if not any(meaning(match["series"]) in SERIES for match in kept.values()):
        return frame
    shared = [name for name in columns_of(frame) if name not in panels]
    parts = []
    for run in dict.fromkeys(match["run"] for match in kept.values()):
        columns = {name: match["series"] for name, match in kept.items() if match["run"] == run}
        parts.append(frame[[*shared, *columns]].rename(columns=columns).assign(run=run))
    return pandas.concat(parts, ignore_index=True)


def _from_names(frame: pandas.DataFrame, own: set[str]) -> pandas.DataFrame:
    """A table with a row for each value: the words of a column such as `metric` become columns."""
    column = _text_column(frame, _NAME_COLUMNS, own)
    value = next((name for name in columns_of(frame) if words_of(name) == ["value"] and name not in own), None)
    if column is None or value is None:
        return frame
    return _pivoted(frame, column, [value], lambda word, _: word)


def _from_splits(frame: pandas.DataFrame, own: set[str]) -> pandas.DataFrame:
    """A table with a row for each split: `loss` in a row whose `split` is `train` becomes `train_loss`."""
    column = _text_column(frame, _SPLIT_COLUMNS, own)
    values = [name for name in columns_of(frame) if name not in own and bare_value(name)]
    if column is None or not values or not any(rows_of(word) for word in _words_in(frame, column)):
        return frame
    return _pivoted(frame, column, values, lambda word, name: f"{word}_{name}")


def _text_column(frame: pandas.DataFrame, names: Sequence[str], own: set[str]) -> str | None:
    columns = (name for name in columns_of(frame) if "".join(words_of(name)) in names and name not in own)
    return next((name for name in columns if not pandas.api.types.is_numeric_dtype(frame[name].dtype)), None)


def _words_in(frame: pandas.DataFrame, column: str) -> list[str]:
    return [str(word) for word in frame[column].dropna().unique()[:100]]


def _pivoted(frame: pandas.DataFrame, column: str, values: list[str], name_of: Callable[[str, str], str]) -> pandas.DataFrame:
    """The rows of each word in a column, one set of rows after the other, with the word in the names of the values."""
    parts = []
    for word, rows in frame.groupby(column, sort=False, dropna=False):
        names = {} if pandas.isna(word) else {name: name_of(str(word), name) for name in values}
        parts.append(rows.rename(columns=names).drop(columns=[column, *(() if names else values)]))
    return pandas.concat(parts, ignore_index=True) if parts else frame


def _with_rows_named(frame: pandas.DataFrame, own: set[str], options: ImportOptions) -> pandas.DataFrame:
    """Bare `loss` and `accuracy` beside `val_loss` and `val_accuracy` are those of the trained rows, as Keras writes them."""
    meanings = {meaning(name) for name in columns_of(frame)}
    names = {}
    for name in columns_of(frame):
        value = None if name in own else bare_value(name)
        if value and f"test_{value}" in meanings and f"train_{value}" not in meanings and f"train_{value}" not in options.columns:
            names[name] = f"train_{value}"
            options.note(f"column {name} is read as train_{value}, because the held-out one has its own column.")
    return frame.rename(columns=names) if len(set(names.values())) == len(names) else frame
