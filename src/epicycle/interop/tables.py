"""Tables of training curves from other codes as the arrays that our readers take: run x step, NaN where nothing was recorded."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import xarray

from epicycle.interop.parquet import needs_pyarrow
from epicycle.spec.errors import InputError, nearest

_ROWS = {"train": ("train", "training"), "test": ("test", "val", "valid", "validation", "eval", "heldout")}
_WHAT = {"loss": ("loss",), "acc": ("acc", "accuracy")}
_STEP = ("step", "steps", "global_step", "iteration", "iterations", "iter", "update", "updates", "epoch", "epochs")
SERIES = tuple(f"{rows}_{what}" for rows in _ROWS for what in _WHAT)
SPELLINGS = {
    **dict.fromkeys(_STEP, "step"),
    **{name: name for name in ("run", "seed", "data_seed")},
    **{
        spelling: f"{rows}_{what}"
        for rows, row_words in _ROWS.items()
        for what, words in _WHAT.items()
        for row in row_words
        for word in words
        for spelling in (f"{row}_{word}", f"{word}_{row}")
    },
}
LABELS = ("run", "seed", "data_seed")


@dataclass
class Curve:
    """The records of one run.

    Attributes:
        name: where it came from.
        labels: seed, data_seed and swept values, where the table gives them.
        steps: sorted, each once.
    """

    name: str
    labels: dict[str, Any]
    steps: Any
    series: dict[str, Any] = field(default_factory=dict)


def curves_of(source: Any, columns: Mapping[str, str], swept: Sequence[str], where: str) -> Iterator[Curve]:
    """The runs in one table: a file, a mapping of columns to arrays, or a pandas table.

    Raises:
        InputError: a file that cannot be read, or columns that cannot be understood.
    """
    frame = _spelled(_frame(source, where), columns, swept, where)
    if missing := [name for name in swept if name not in frame]:
        raise InputError(f"{where}: swept: there is no column '{missing[0]}'; {nearest(missing[0], map(str, frame.columns))}")
    if frame.empty:
        raise InputError(f"{where} has no rows.")
    frame["step"] = _whole(frame["step"], f"{where}: step")
    keys = [name for name in (*swept, "seed", "data_seed", "run") if name in frame]
    if holes := [name for name in keys if frame[name].isna().any()]:
        raise InputError(f"{where}: {holes[0]} is missing in some rows.")
    groups = list(frame.groupby(keys, sort="seed" in keys)) if keys else [((), frame)]
    for number, (values, rows) in enumerate(groups):
        labels = dict(zip(keys, values, strict=True))
        name = str(labels.pop("run", where if len(groups) == 1 else f"{where}#{number}"))
        for seed in {"seed", "data_seed"} & set(labels):
            labels[seed] = int(_whole(pandas.Series([labels[seed]]), f"{where}: {seed}").iloc[0])
        records = _once_a_step(rows.drop(columns=keys), name)
        series = {str(column): records[column].to_numpy(float) for column in records}
        yield Curve(name, labels, records.index.to_numpy(np.int64), series)


def dataset_of(curves: Sequence[Curve], baseline: float, swept: Sequence[str], budget: int | None) -> xarray.Dataset:
    """The runs of an arm on the union of their steps: the shape in which our own arms are read.

    A run whose loss ends in infinity has diverged; all others count as done.

    Raises:
        InputError: two runs with the same seeds, or seeds in some tables only.
    """
    _number(curves)
    place = [tuple(curve.labels[name] for name in ("seed", "data_seed", *swept)) for curve in curves]
    if twice := [curve.name for curve, at in zip(curves, place, strict=True) if place.count(at) > 1]:
        raise InputError(f"{', '.join(twice[:4])} have the same seed; name what tells them apart as swept, or give them to two arms.")
    last = max(int(curve.steps[-1]) for curve in curves) if budget is None else budget
    steps = np.unique(np.concatenate([curve.steps[curve.steps <= last] for curve in curves]))
    if not len(steps):
        raise InputError(f"no run has a record up to step {last}.")
    names = list(dict.fromkeys(name for curve in curves for name in curve.series))
    values = {name: np.full((len(curves), len(steps)), np.nan) for name in names}
    for run, curve in enumerate(curves):
        own = curve.steps <= last
        for name, series in curve.series.items():
            values[name][run, np.searchsorted(steps, curve.steps[own])] = np.where(np.isfinite(series), series, np.nan)[own]
    coords = {
        "step": steps,
        "run": [curve.name for curve in curves],
        "seed": ("run", [curve.labels["seed"] for curve in curves]),
        "data_seed": ("run", [curve.labels["data_seed"] for curve in curves]),
        "status": ("run", np.array([_status(curve, last) for curve in curves], dtype=object)),
        "baseline": ("run", [float(baseline)] * len(curves)),
        "mirror_share": ("run", [float("nan")] * len(curves)),
        **{name: ("run", [curve.labels[name] for curve in curves]) for name in swept},
    }
    variables = {name: (("run", "step"), value) for name, value in values.items()}
    return xarray.Dataset(variables, coords, {"budget": last, "swept": list(swept)})


def is_accuracy(series: str) -> bool:
    """Whether a series holds accuracies, from 0 to 1."""
    return "acc" in series.split("_")


def _frame(source: Any, where: str) -> pandas.DataFrame:
    if isinstance(source, pandas.DataFrame):
        return source.rename(columns=str)
    if isinstance(source, Mapping):
        return _from_arrays(source, where)
    path = Path(source)
    if not path.is_file():
        raise InputError(f"{path} is not a file.")
    try:
        if path.suffix == ".csv":
            return pandas.read_csv(path, skipinitialspace=True)
        if path.suffix == ".npz":
            with path.open("rb") as content, np.load(content, allow_pickle=False) as opened:  # an array of objects would be a pickle
                return _from_arrays(dict(opened), where)
        if path.suffix == ".parquet":
            needs_pyarrow("reading")
            return pandas.read_parquet(path, engine="pyarrow").rename(columns=str)
    except InputError:
        raise
    except Exception as error:  # each reader has its own errors for a damaged file
        raise InputError(f"{path} cannot be read as {path.suffix[1:]}: {' '.join(str(error).split())}.") from None
    raise InputError(f"{path}: curves are read from .csv, .npz and .parquet files.")


def _from_arrays(arrays: Mapping[str, Any], where: str) -> pandas.DataFrame:
    """Arrays [step] or [run, step], and labels [run], as one long table."""
    try:
        held = {str(name): np.atleast_1d(np.asarray(values)) for name, values in arrays.items()}
    except ValueError as error:  # lists of different lengths
        raise InputError(f"{where}: {error}.") from None
    if odd := [name for name, values in held.items() if values.ndim > 2 or values.dtype.kind == "O"]:
        raise InputError(f"{where}: {odd[0]} must be an array [step] or [run, step] of plain numbers.")
    longest = max((len(values) for values in held.values()), default=0)
    runs, length = next((values.shape for values in held.values() if values.ndim == 2), (1, longest))
    columns = {name: _along(values, name, runs, length, where) for name, values in held.items()}
    if runs > 1 and not any(spelling(name) in LABELS for name in columns):
        columns["run"] = np.repeat([f"{where}#{run}" for run in range(runs)], length)
    return pandas.DataFrame(columns)


def _along(values: Any, name: str, runs: int, length: int, where: str) -> Any:
    """An array with one value for each run and step, the steps of a run together."""
    if values.shape == (runs, length):
        return values.ravel()
    per_run, per_step = values.shape == (runs,), values.shape == (length,)
    known = spelling(name)
    if per_run and (known in LABELS or (known != "step" and not per_step)):
        return np.repeat(values, length)
    if per_step and (known == "step" or not per_run or runs == 1):
        return np.tile(values, runs)
    raise InputError(
        f"{where}: {name} has shape {values.shape}, which does not tell its places among {runs} runs and {length} steps; "
        "give it as [run, step]."
    )


def _spelled(frame: pandas.DataFrame, columns: Mapping[str, str], swept: Sequence[str], where: str) -> pandas.DataFrame:
    """The table under our names; columns that are no numbers, no labels and not swept are left out."""
    for ours, theirs in columns.items():
        if theirs not in frame:
            raise InputError(f"{where}: columns: there is no column '{theirs}' for {ours}; {nearest(theirs, map(str, frame.columns))}")
    told = {theirs: ours for ours, theirs in columns.items()}
    named = {str(name): told.get(str(name), spelling(str(name))) for name in frame}
    named = {name: ours for name, ours in named.items() if name in told or ours not in columns}
    for ours in named.values():
        if len(same := [name for name, other in named.items() if other == ours]) > 1:
            raise InputError(
                f"{where}: {' and '.join(same)} both spell {ours}; say which is meant, as columns={{'{ours}': '{same[0]}'}}."
            )
    if "step" not in named.values():
        raise InputError(
            f"{where}: there is no column of steps (step, iteration, epoch, ...) among {', '.join(named)}; "
            "name it, as columns={'step': 'theirs'}."
        )
    frame = frame[list(named)].rename(columns=named)
    words = [name for name in frame if not pandas.api.types.is_numeric_dtype(frame[name].dtype)]
    if bad := [name for name in words if name in SERIES or name in columns]:
        raise InputError(f"{where}: {bad[0]} holds something that is not a number.")
    frame = frame.drop(columns=[name for name in words if name not in (*LABELS, *swept, "step")])
    if not [name for name in frame if name not in (*LABELS, *swept, "step")]:
        raise InputError(f"{where}: there is no series beside its labels; expected are {', '.join(SERIES)}.")
    return frame.copy()


def spelling(name: str) -> str:
    """Our name of a column, or its own where it has no meaning here."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return SPELLINGS.get(plain, name)


def _whole(values: "pandas.Series[Any]", where: str) -> "pandas.Series[int]":
    numbers = pandas.to_numeric(values, errors="coerce")
    bad = values[~(np.isfinite(numbers) & (numbers >= 0) & (numbers == np.floor(numbers)))]
    if len(bad):
        raise InputError(f"{where}: {bad.iloc[0]!r} is not a whole number from 0 on.")
    return numbers.astype(np.int64)


def _once_a_step(rows: pandas.DataFrame, name: str) -> pandas.DataFrame:
    """Rows by step; a logger may write training and test values of one step into two rows."""
    if not rows["step"].duplicated().any():
        return rows.set_index("step").sort_index()
    by_step = rows.groupby("step")
    told = by_step.nunique()
    if clash := [(column, told.index[told[column] > 1][0]) for column in told if (told[column] > 1).any()]:
        column, step = clash[0]
        raise InputError(
            f"{name}: {column} has several values at step {step}; a column that tells runs apart (seed, run) may be missing."
        )
    return by_step.first()


def _number(curves: Sequence[Curve]) -> None:
    """Runs without seeds are numbered in the order they came in."""
    seeded = [curve for curve in curves if "seed" in curve.labels]
    if seeded and len(seeded) < len(curves):
        without = next(curve for curve in curves if "seed" not in curve.labels)
        raise InputError(f"{without.name} gives no seed, but {seeded[0].name} does; give all of them or none.")
    for number, curve in enumerate(curves):
        curve.labels.setdefault("seed", number)
        curve.labels.setdefault("data_seed", curve.labels["seed"])


def _status(curve: Curve, last: int) -> str:
    for loss in ("train_loss", "test_loss"):
        values = curve.series.get(loss, np.zeros(0))
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite) and not np.isfinite(values[infinite[0] :]).any() and curve.steps[infinite[0]] <= last:
            return f"diverged at step {curve.steps[infinite[0]]}"
    return "done"
