"""Training curves from other codes: the runs of a table as curves, and curves as the dataset of an arm."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas
import xarray
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.interop.column_names import with_our_names
from epicycle.interop.table_files import read_table
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.results import COORDINATES, DONE, RunLabels, Status, arm_dataset

# Names that the dataset of an arm gives a meaning of its own, so that no swept column may have them.
_RESERVED = {"run", "step", "moment", *COORDINATES} - {"seed", "data_seed"}


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
    """

    name: str
    origin: str
    steps: Int[ndarray, " step"]
    series: Mapping[str, Float[ndarray, " step"]]
    seed: int | None = None
    data_seed: int | None = None
    swept: Mapping[str, Any] = field(default_factory=dict)


class _Seeds(NamedTuple):
    seed: int
    data_seed: int


def curves_of(source: Any, columns: Mapping[str, str], swept: Sequence[str], where: str) -> Iterator[Curve]:
    """The runs in one table.

    Args:
        source: a file, a mapping of columns to arrays, or a pandas table.
        columns: our name -> column of the table, where the spelling is not understood or is ambiguous.
        swept: columns that hold what was varied.
        where: file or table, for messages.

    Raises:
        InputError: a file that cannot be read, or columns that cannot be understood.
    """
    frame = with_our_names(read_table(source, where), columns, swept, where)
    _check_swept(frame, swept, where)
    if frame.empty:
        raise InputError(f"{where} has no rows; pass a table with a row for each recorded step.")
    frame["step"] = _whole_numbers(frame["step"], "step", where)
    keys = [name for name in (*swept, "seed", "data_seed", "run") if name in frame]
    if incomplete := [name for name in keys if frame[name].isna().any()]:
        raise InputError(f"{where}: column {incomplete[0]} is empty in some rows; give its value in every row.")
    groups = list(frame.groupby(keys, sort="seed" in keys)) if keys else [((), frame)]
    for number, (values, rows) in enumerate(groups):
        labels = dict(zip(keys, map(_plain, values), strict=True))
        yield _curve(labels, swept, rows.drop(columns=keys), where, where if len(groups) == 1 else f"{where}#{number}")


def dataset_of(curves: Sequence[Curve], baseline: float, swept: Sequence[str], budget: int | None) -> xarray.Dataset:
    """The dataset of an arm, over the union of the steps of its runs.

    A run whose loss ends in infinity has diverged; all other runs count as done.

    Args:
        curves: the runs of the arm.
        baseline: the accuracy that can be reached without solving the task.
        swept: names of the swept columns.
        budget: the step up to which runs count; None means the last step of the arm.

    Raises:
        InputError: two runs have the same seeds, only some tables have seeds, or no record lies within the budget.
    """
    seeds = _seeds_of(curves)
    _check_distinct(curves, seeds, swept)
    last = max(int(curve.steps[-1]) for curve in curves) if budget is None else budget
    steps = np.unique(np.concatenate([curve.steps[curve.steps <= last] for curve in curves]))
    if not len(steps):
        first = min(int(curve.steps[0]) for curve in curves)
        raise InputError(f"no run has a record up to step {last}, the budget; pass budget={first} (the first recorded step) or more.")
    runs = [
        RunLabels(curve.name, seed, data_seed, _status(curve, last), baseline, swept=curve.swept)
        for curve, (seed, data_seed) in zip(curves, seeds, strict=True)
    ]
    return arm_dataset(steps, _aligned(curves, steps), runs, budget=last, swept=swept)


def _check_swept(frame: pandas.DataFrame, swept: Sequence[str], where: str) -> None:
    for name in swept:
        if name not in frame:
            close = nearest(name, map(str, frame.columns))
            raise InputError(f"{where}: swept names column '{name}', which the table does not have; {close}")
        if name in _RESERVED:
            raise InputError(f"{where}: swept names column '{name}', which has another meaning here; rename the column.")


def _curve(labels: Mapping[str, Any], swept: Sequence[str], rows: pandas.DataFrame, where: str, unnamed: str) -> Curve:
    """The curve of one run; `unnamed` is its name where the table has no column `run`."""
    origin = f"{where}: run {labels['run']}" if "run" in labels else unnamed
    seeds = {
        name: int(_whole_numbers(pandas.Series([labels[name]]), name, where).iloc[0])
        for name in ("seed", "data_seed")
        if name in labels
    }
    values = {**labels, **seeds}
    records = _one_row_a_step(rows, origin)
    return Curve(
        name=str(labels.get("run", unnamed)),
        origin=origin,
        steps=records.index.to_numpy(np.int64),
        series={str(column): records[column].to_numpy(float) for column in records},
        swept={name: values[name] for name in swept},
        **seeds,
    )


def _plain(value: Any) -> Any:
    """A label as a Python number or text: pandas gives numpy's numbers."""
    return value.item() if isinstance(value, np.generic) else value


def _whole_numbers(values: "pandas.Series[Any]", column: str, where: str) -> "pandas.Series[int]":
    numbers = pandas.to_numeric(values, errors="coerce")
    bad = values[~(np.isfinite(numbers) & (numbers >= 0) & (numbers == np.floor(numbers)))]
    if len(bad):
        raise InputError(f"{where}: column {column}: {bad.iloc[0]!r} is not a whole number; give whole numbers from 0 on.")
    return numbers.astype(np.int64)


def _one_row_a_step(rows: pandas.DataFrame, origin: str) -> pandas.DataFrame:
    """Rows by step. Some loggers write the training values and the test values of one step into two rows: these are merged."""
    if not rows["step"].duplicated().any():
        return rows.set_index("step").sort_index()
    by_step = rows.groupby("step")
    counts = by_step.nunique()
    for column in counts:
        if (counts[column] > 1).any():
            step = counts.index[counts[column] > 1][0]
            raise InputError(
                f"{origin}: column {column} has several values at step {step}. If the table holds several runs, it needs a column "
                "that tells them apart: seed or run, or a column named in swept."
            )
    return by_step.first()


def _seeds_of(curves: Sequence[Curve]) -> list[_Seeds]:
    """The seeds of each run. Runs without seeds are numbered in their order; a missing data seed equals the seed."""
    with_seed = [curve for curve in curves if curve.seed is not None]
    if with_seed and len(with_seed) < len(curves):
        without = next(curve for curve in curves if curve.seed is None)
        raise InputError(f"{without.origin} has no column seed, but {with_seed[0].origin} has one; give all of them or none.")
    seeds = []
    for number, curve in enumerate(curves):
        seed = number if curve.seed is None else curve.seed
        seeds.append(_Seeds(seed, seed if curve.data_seed is None else curve.data_seed))
    return seeds


def _check_distinct(curves: Sequence[Curve], seeds: Sequence[_Seeds], swept: Sequence[str]) -> None:
    identities = [(*pair, *(curve.swept[name] for name in swept)) for curve, pair in zip(curves, seeds, strict=True)]
    if repeated := [curve.origin for curve, identity in zip(curves, identities, strict=True) if identities.count(identity) > 1]:
        raise InputError(
            f"{', '.join(repeated[:4])} have the same seed; name the column that tells them apart with swept=['column'], "
            "or put them into different arms."
        )


def _aligned(curves: Sequence[Curve], steps: Int[ndarray, " step"]) -> dict[str, tuple[tuple[str, str], Float[ndarray, "run step"]]]:
    """Every series over all runs and the given steps; NaN where a run recorded nothing, or no finite number."""
    names = list(dict.fromkeys(name for curve in curves for name in curve.series))
    values = {name: np.full((len(curves), len(steps)), np.nan) for name in names}
    for run, curve in enumerate(curves):
        within = curve.steps <= steps[-1]
        positions = np.searchsorted(steps, curve.steps[within])
        for name, series in curve.series.items():
            values[name][run, positions] = np.where(np.isfinite(series), series, np.nan)[within]
    return {name: (("run", "step"), array) for name, array in values.items()}


def _status(curve: Curve, last: int) -> Status:
    """Diverged at the first infinite loss after which no finite loss follows, if that step counts; otherwise done."""
    for loss in ("train_loss", "test_loss"):
        values = curve.series.get(loss, np.zeros(0))
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite) and not np.isfinite(values[infinite[0] :]).any() and curve.steps[infinite[0]] <= last:
            return Status.diverged_at(int(curve.steps[infinite[0]]))
    return DONE
