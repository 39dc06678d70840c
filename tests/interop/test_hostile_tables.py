"""Tables that are mutated at random either are read or are refused with one paragraph: nothing else ever comes out."""

import contextlib
import io
import json
import re
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.interop.test_foreign_runs import curve

import epicycle as ep
from epicycle.interop.spellings import SPELLINGS
from epicycle.spec.errors import InputError

STEPS = np.arange(0, 300, 20)
BASE = pandas.concat([curve(40, 160, STEPS, seed=seed, decay=decay) for seed in (0, 1) for decay in (0.1, 1.0)], ignore_index=True)
NAMES = (
    *BASE.columns, *sorted(SPELLINGS)[::9], "status", "baseline", "moment", "budget", "mirror_share", "run_id", "split", "metric",
    "value", "loss", "acc", "a - test/acc", "a - test/acc__MIN", "experiment.task.p", "t_gen", "", " ", "ü", "step.1",
    "x/y", "#step", "nan",
)  # fmt: skip
CELLS = (
    None, np.nan, np.inf, -np.inf, -1, 0, 0.5, 1e300, 2**63, 2**64, -(2**63), 1e-320, True, "", "nan", "NaN", "inf", "train", "test",
    "0,5", "1.5", "step", "words", "diverged at step 3", "done", "=1+1", "a\nb", b"bytes", [1, 2], {"a": 1}, (), 1j, pandas.NaT,
    pandas.Timestamp("2026-01-01"), pandas.NA, np.float16(0.1), {1},
)  # fmt: skip

names, cells = st.sampled_from(NAMES), st.sampled_from(CELLS)
columns = st.sampled_from(list(BASE.columns))
Frame = pandas.DataFrame


def _drop(frame: Frame, column: str) -> Frame:
    return frame.drop(columns=column, errors="ignore")


def _rename(frame: Frame, column: str, name: str) -> Frame:
    return frame.rename(columns={column: name})


def _double(frame: Frame, column: str, name: str) -> Frame:
    return pandas.concat([frame, frame[[column]].rename(columns={column: name})], axis=1) if column in frame else frame


def _set_column(frame: Frame, name: str, cell: Any) -> Frame:
    frame = frame.copy()
    if not frame.columns.duplicated().any():
        frame[name] = pandas.Series([cell] * len(frame), index=frame.index, dtype=object)
    return frame


def _set_cells(frame: Frame, column: str, cell: Any, first: int) -> Frame:
    if column not in frame or frame.columns.duplicated().any():
        return frame
    values = frame[column].astype(object).tolist()
    values[first::7] = [cell] * len(values[first::7])
    return frame.assign(**{column: pandas.Series(values, index=frame.index, dtype=object)})


def _rows(frame: Frame, first: int, stride: int) -> Frame:
    return frame.iloc[first::stride]


def _twice(frame: Frame, first: int) -> Frame:
    return pandas.concat([frame, frame.iloc[:first]])


def _indexed(frame: Frame, column: str) -> Frame:
    return frame.set_index(column) if column in frame else frame


def _as_type(frame: Frame, column: str, dtype: str) -> Frame:
    if column not in frame or frame.columns.duplicated().any():
        return frame
    return frame.astype({column: dtype})


def mutated(changes: list[Callable[[Frame], Frame]]) -> Frame:
    """The table after changes; one that pandas cannot make is skipped."""
    frame = BASE
    for change in changes:
        with contextlib.suppress(TypeError, ValueError, OverflowError, NotImplementedError):
            frame = change(frame)
    return frame


mutations = st.one_of(
    st.builds(lambda c: lambda f: _drop(f, c), columns),
    st.builds(lambda c, n: lambda f: _rename(f, c, n), columns, names),
    st.builds(lambda c, n: lambda f: _double(f, c, n), columns, names),
    st.builds(lambda n, v: lambda f: _set_column(f, n, v), names, cells),
    st.builds(lambda c, v, i: lambda f: _set_cells(f, c, v, i), columns, cells, st.integers(0, 60)),
    st.builds(lambda i, s: lambda f: _rows(f, i, s), st.integers(0, 70), st.integers(1, 40)),
    st.builds(lambda i: lambda f: _twice(f, i), st.integers(0, 60)),
    st.builds(lambda c: lambda f: _indexed(f, c), columns),
    st.builds(
        lambda c, t: lambda f: _as_type(f, c, t),
        columns,
        st.sampled_from(["float16", "float32", "Int64", "Float64", "string", "category", "bool", "complex128", "object", "uint64"]),
    ),
)


def _as_arrays(frame: Frame, shape: int) -> dict[Any, Any]:
    """Columns as arrays, some of them in another shape or shorter."""
    arrays = {name: frame[name].tolist() for name in frame.columns if not frame.columns.duplicated().any()}
    for number, name in enumerate(arrays):
        values = arrays[name]
        if shape == 1:
            arrays[name] = values[:15] if number % 2 else [values[:15], values[15:30]]
        if shape == 2:
            arrays[name] = values[: len(values) - number]
        if shape == 3 and number % 3 == 0:
            arrays[name] = np.array(values[:1])[0] if values else ()
        if shape == 4:
            arrays[name] = np.empty((2, 0, 3))
    return arrays


def _as_file(frame: Frame, folder: Path, suffix: str) -> Path:
    path = folder / f"table{suffix}"
    if suffix in (".csv", ".tsv"):
        frame.to_csv(
            path, sep=";" if suffix == ".csv" and len(frame) % 2 else "\t" if suffix == ".tsv" else ",", index=bool(frame.index.name)
        )
    elif suffix == ".npz":
        with io.BytesIO() as content:
            np.savez(content, **{str(name): np.asarray(values) for name, values in _as_arrays(frame, 0).items()})
            path.write_bytes(content.getvalue())
    else:
        rows = [json.dumps(row, default=str) for row in _as_rows(frame)]
        path.write_text("\n".join(rows) if suffix == ".jsonl" else f"[{','.join(rows)}]")
    return path


def _as_rows(frame: Frame) -> list[dict[Any, Any]]:
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False, name=None)]


FORMS: dict[str, Callable[[Frame, Path], Any]] = {
    "table": lambda frame, _: frame,
    "two tables": lambda frame, _: [frame, BASE],
    "arms": lambda frame, _: {"a": frame, "b": [BASE]},
    "rows": lambda frame, _: _as_rows(frame),
    **{f"arrays {shape}": lambda frame, _, shape=shape: _as_arrays(frame, shape) for shape in range(5)},
    **{
        suffix: lambda frame, folder, suffix=suffix: _as_file(frame, folder, suffix)
        for suffix in (".csv", ".tsv", ".json", ".jsonl", ".npz")
    },
}
options = st.fixed_dictionaries(
    {},
    optional={
        "swept": st.sampled_from([["decay"], "decay", ["seed"], ["lr"], ["train_acc"], ["decay", "decay"]]),
        "columns": st.sampled_from(
            [{"test_acc": "train_loss"}, {"step": "decay"}, {"seed": "step"}, {"x": "decay"}, {"test_acc": "no"}]
        ),
        "leave_out": st.sampled_from([["decay"], ["step"], ["no"]]),
        "keep_later": st.booleans(),
        "percent": st.booleans(),
        "budget": st.sampled_from([0, 100, 10**9]),
        "hold": st.sampled_from([0, 0.5]),
    },
)


@settings(max_examples=150, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(mutations, max_size=4), st.sampled_from(sorted(FORMS)), options)
def test_a_mutated_table_is_read_or_refused(changes: list[Callable[[Frame], Frame]], form: str, chosen: dict[str, Any]) -> None:
    frame = mutated(changes)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        try:
            source = FORMS[form](frame, Path(folder))
        except (TypeError, ValueError, OverflowError):  # such a table cannot be written
            return
        try:
            runs = ep.import_runs(source, **{"num_classes": 50, **chosen})
        except InputError as error:
            _check_paragraph(str(error))
            return
        _check_runs(runs)


def _check_paragraph(message: str) -> None:
    assert "\n" not in message
    assert 20 < len(message) < 700, message
    assert not re.search(r"pickle|Traceback|dtype|object at 0x|Error\b|numpy\.|pandas\.", message), message


def _check_runs(runs: ep.ForeignRuns) -> None:
    """What was read can be used."""
    assert len(runs) >= 1
    for data in runs.arms.values():
        assert data.sizes["step"] >= 1
        assert (np.diff(data["step"].values) > 0).all()
        assert data["step"].values[0] >= 0
        assert (data["seed"].values >= 0).all()
    if len(runs.arms) == 1:
        assert runs.data.sizes["step"] == data.sizes["step"]
        assert runs.events is not None
