"""The runs of a table as curves: which rows belong to which run, and one record for each step of each run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.interop.column_names import RESERVED, SETTING, with_our_names
from epicycle.interop.import_options import ImportOptions
from epicycle.interop.plain_tables import first_word, read_table
from epicycle.interop.spellings import LABELS, SERIES, columns_of
from epicycle.interop.table_shapes import one_row_a_step
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.plain_data import python_value

MOST_RUNS = 10_000  # in one table
_LARGEST = {"step": 2**53, "seed": 2**63 - 1, "data_seed": 2**63 - 1}  # steps are also kept as floats


@dataclass(frozen=True)
class Curve:
    """The records of one run.

    Attributes:
        name: the run's label in the table, or the file or table it came from.
        origin: the file or table and the run in it, for messages.
        steps: recorded steps, sorted, each of them once.
        series: name -> values at the steps; NaN where nothing was recorded.
        seed: None where the table has no seeds.
        data_seed: None where the table has no data seeds.
        swept: value of each swept column.
        run: the run's label in the table; None where the table has none.
        status: what our own export says of the run; None for other tables.
        settings: for our own exports, dotted field of the experiment -> its value.
    """

    name: str
    origin: str
    steps: Int[ndarray, " step"]
    series: Mapping[str, Float[ndarray, " step"]]
    seed: int | None = None
    data_seed: int | None = None
    swept: Mapping[str, Any] = field(default_factory=dict)
    run: str | None = None
    status: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def curves_of(source: Any, options: ImportOptions, where: str) -> Iterator[Curve]:
    """The runs in one table.

    Args:
        source: the path of a file, a pandas table, a list of rows, or a mapping of columns to arrays.
        options: how the table is to be read.
        where: file or table, for messages.

    Raises:
        InputError: a file that cannot be read, or columns that cannot be understood.
    """
    frame = with_our_names(one_row_a_step(read_table(source, options, where), options), options, where)
    _check_swept(frame, options.swept, where)
    if frame.empty:
        raise InputError(f"{where} has no rows; pass a table with a row for each recorded step.")
    keys = [name for name in dict.fromkeys((*options.swept, *LABELS)) if name in frame]
    frame = _rows_with_steps(frame, keys, options, where)
    for name in keys:
        _check_label(frame[name], name, where)
        if frame[name].dtype in (np.float16, np.float32):  # 0.3 in float32 is the number that it prints as
            frame[name] = frame[name].astype(str).astype(float)
    for name in ("step", *(name for name in ("seed", "data_seed") if name in keys)):
        frame[name] = _whole_numbers(frame[name], name, where)
    groups = list(frame.groupby(keys, sort="seed" in keys)) if keys else [((), frame)]
    if len(groups) > MOST_RUNS:
        raise InputError(f"{where}: {', '.join(keys)} tell {len(groups)} runs apart, more than {MOST_RUNS}; was {keys[0]} varied?")
    for number, (values, rows) in enumerate(groups):
        labels = dict(zip(keys, map(python_value, values), strict=True))
        yield _curve(labels, options, rows.drop(columns=keys), where, where if len(groups) == 1 else f"{where}#{number}")


def joined(curves: Sequence[Curve]) -> list[Curve]:
    """The curves, with two of them made one where they have the same label and no series in common.

    Panels of Weights & Biases are exported one by one: the accuracies of a run in one file, its losses in another.
    """
    whole: dict[Any, Curve] = {}
    for number, curve in enumerate(curves):
        key = number if curve.run is None else (curve.run, curve.seed, curve.data_seed, *curve.swept.items())
        earlier = whole.get(key)
        if earlier is not None and not set(earlier.series) & set(curve.series):
            whole[key] = _both(earlier, curve)
        else:
            whole[key if earlier is None else number] = curve
    return list(whole.values())


def _both(one: Curve, other: Curve) -> Curve:
    steps = np.union1d(one.steps, other.steps)
    series = {}
    for curve in (one, other):
        for name, values in curve.series.items():
            series[name] = np.full(len(steps), np.nan)
            series[name][np.searchsorted(steps, curve.steps)] = values
    return replace(one, steps=steps, series=series)


def _check_swept(frame: pandas.DataFrame, swept: Sequence[str], where: str) -> None:
    for name in swept:
        if name in ("seed", "data_seed"):
            raise InputError(f"{where}: seeds tell runs apart without being swept; leave {name} out of swept.")
        if name in (*RESERVED, *SERIES, "step", "run") or name.startswith("t_"):
            raise InputError(f"{where}: swept names column '{name}', which has another meaning here; rename the column.")
        if name not in frame:
            close = nearest(name, (column for column in map(str, frame.columns) if column != "step"))
            raise InputError(f"{where}: swept names column '{name}', which the table does not have; {close}")


def _rows_with_steps(frame: pandas.DataFrame, keys: Sequence[str], options: ImportOptions, where: str) -> pandas.DataFrame:
    """The rows of a step. Headers and summaries, which have none, are skipped; a label that only they have holds for all rows."""
    without = frame["step"].isna().to_numpy()
    if not without.any():
        return frame.copy()
    rows, others = frame[~without].copy(), frame[without]
    if rows.empty:
        raise InputError(f"{where}: no row has a step; name the column of steps with columns={{'step': 'their name'}}.")
    logged = [name for name in SERIES if name in others and others[name].notna().sum() > 1]
    if logged:
        raise InputError(
            f"{where}: {int(others[logged[0]].notna().sum())} rows have {logged[0]} but no step; give the step in every row, or name "
            "another column of steps with columns={'step': 'their name'}."
        )
    if others.drop(columns="step").notna().any(axis=None):
        options.note(f"{where}: {len(others)} row{'s' * (len(others) > 1)} without a step skipped.")
    for name in keys:
        if rows[name].isna().all() and others[name].nunique() == 1:
            rows[name] = others[name].dropna().iloc[0]
    return rows


def _check_label(column: "pandas.Series[Any]", name: str, where: str) -> None:
    if column.isna().any():
        raise InputError(f"{where}: column {name} is empty in some rows; give its value in every row.")
    if column.dtype.kind == "O" and (bad := [cell for cell in column if not isinstance(cell, str | int | float | np.number)]):
        raise InputError(f"{where}: column {name} holds a {type(bad[0]).__name__}; it must hold numbers or words.")


def _curve(labels: Mapping[str, Any], options: ImportOptions, rows: pandas.DataFrame, where: str, unnamed: str) -> Curve:
    """The curve of one run; `unnamed` is its name where the table has no column `run`."""
    run = _run_name(labels["run"]) if "run" in labels else None
    origin = unnamed if run is None else f"{where}: run {run}"
    said = [name for name in columns_of(rows) if name == "status" or name.startswith(SETTING)]
    of_run = {name: python_value(rows[name].iloc[-1]) for name in said}
    records = _one_record_a_step(rows.drop(columns=said), origin, options)
    return Curve(
        name=run or unnamed,
        origin=origin,
        steps=records.index.to_numpy(np.int64),
        series={str(column): records[column].to_numpy(float) for column in records},
        seed=labels.get("seed"),
        data_seed=labels.get("data_seed"),
        swept={name: labels[name] for name in options.swept},
        run=run,
        status=status if isinstance(status := of_run.get("status"), str) else None,
        settings={name.removeprefix(SETTING): value for name, value in of_run.items() if name != "status"},
    )


def _run_name(label: Any) -> str:
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def _whole_numbers(values: "pandas.Series[Any]", column: str, where: str) -> "pandas.Series[int]":
    wanted = "give whole numbers from 0 on"
    if values.dtype.kind == "O":
        raise InputError(f"{where}: column {column}: {first_word(values)} is not a whole number; {wanted}.")
    bad = values[~(np.isfinite(values) & (values >= 0) & (values == np.floor(values)))]
    if len(bad):
        raise InputError(f"{where}: column {column}: {bad.iloc[0]} is not a whole number; {wanted}.")
    largest = min(_LARGEST[column], 2**53) if values.dtype.kind == "f" else _LARGEST[column]
    if len(values) and int(values.max()) > largest:
        raise InputError(f"{where}: column {column}: {values.max()} is too large; {wanted} up to {largest}.")
    return values.astype(np.int64)


def _one_record_a_step(rows: pandas.DataFrame, origin: str, options: ImportOptions) -> pandas.DataFrame:
    """Rows by step. Some loggers write the training values and the test values of one step into two rows: these are merged."""
    rows = rows.astype({name: float for name in rows if name != "step"})
    if not rows["step"].duplicated().any():
        return rows.set_index("step").sort_index()
    by_step = rows.groupby("step")
    different = by_step.min() != by_step.max()
    different &= by_step.count() > 1
    for column in [name for name in different if different[name].any()]:
        if options.keep_later:
            continue
        step = different.index[different[column]][0]
        if column in SERIES or column in options.columns:
            raise InputError(
                f"{origin}: column {column} has several values at step {step}. If the table holds several runs, it needs a column "
                "that tells them apart: seed or run, or a column named in swept. If it is the log of a run that was resumed, pass "
                "keep_later=True."
            )
        options.note(f"{origin}: column {column} has several values at some steps; the first one counts.")
    return by_step.last() if options.keep_later else by_step.first()
