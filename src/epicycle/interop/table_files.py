"""Files of training curves (.csv, .tsv, .json, .jsonl, .npz, .parquet), read as pandas tables with the file's own column names."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas

from epicycle.interop.import_options import ImportOptions
from epicycle.interop.parquet import require_pyarrow
from epicycle.interop.sources import is_rows
from epicycle.interop.stand_ins import refuse_stand_in
from epicycle.interop.table_arrays import table_of_arrays
from epicycle.interop.table_rows import table_of_rows
from epicycle.spec.errors import InputError

_HEADER_LETTERS = re.compile(r"[A-Za-z_]{2,}")
_DECIMAL_COMMA = re.compile(r"^-?\d+,\d+(e[-+]?\d+)?$", re.IGNORECASE)


def read_file(path: Path, options: ImportOptions) -> pandas.DataFrame:
    """The table in a file, with the file's own column names.

    Args:
        path: a .csv, .tsv, .json, .jsonl, .npz or .parquet file.
        options: which columns are left out; skipped lines are noted there.

    Raises:
        InputError: a file that cannot be read.
    """
    if not path.is_file():
        kinds = f"pass the path of a {_listed()} file"
        raise InputError(f"{path} is a folder; {kinds}." if path.is_dir() else f"{path} is not a file; {kinds}.")
    refuse_stand_in(path)
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise InputError(f"{path}: training curves are read from {_listed()} files; convert the file to one of them.")
    try:
        return READERS[suffix](path, options)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or 'the system gives no reason'}.") from None
    except Exception as error:  # each reader has its own errors for a damaged file
        raise InputError(f"{path} cannot be read as {suffix[1:]}: {_reason(error)}. Check that the file is whole.") from None


def _listed() -> str:
    *first, last = READERS
    return f"{', '.join(first)} or {last}"


def _reason(error: Exception) -> str:
    """What is wrong with a file in our own words; other libraries' words often advise what does not help here."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    if line := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error)):
        return f"line {line[2]} has {line[3]} cells where {line[1]} are expected"
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno} is not valid JSON"
    if isinstance(error, pandas.errors.EmptyDataError):
        return "it is empty"
    return "its content is damaged, or in another format"


def _text(path: Path) -> str:
    content = path.read_bytes()
    return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")


def _read_csv(path: Path, options: ImportOptions) -> pandas.DataFrame:
    lines = [line for line in _text(path).splitlines() if line.strip()]
    comments = [line for line in lines if line.startswith("#")]
    lines = [line for line in lines if not line.startswith("#")]
    if lines and comments and not _HEADER_LETTERS.search(lines[0]):  # numpy writes the header as a comment
        lines.insert(0, comments[-1].lstrip("# "))
    if not lines:
        raise InputError(f"{path} cannot be read as csv: it is empty. Pass a file with a header and a line for each recorded step.")
    separator = "\t" if path.suffix.lower() == ".tsv" else _separator(lines[0])
    frame = pandas.read_csv(io.StringIO("\n".join(lines)), sep=separator, skipinitialspace=True, low_memory=False)
    if not isinstance(frame.index, pandas.RangeIndex):
        raise InputError(f"{path}: the lines have more cells than the header has names; correct the header.")
    frame = frame.rename(columns=lambda name: str(name).strip())
    _refuse_repeated_names(frame, path)
    frame = _without_repeated_headers(frame, path, options)
    return _with_decimal_points(frame) if separator == ";" else frame


def _separator(header: str) -> str:
    """What separates the names in a header: the most frequent of comma, semicolon and tab, otherwise spaces."""
    separator = max(",;\t", key=header.count)
    return separator if separator in header else r"\s+"


def _refuse_repeated_names(frame: pandas.DataFrame, path: Path) -> None:
    """Refuse a header that has a name twice. pandas writes the second one as `name.1`."""
    for name in map(str, frame.columns):
        first, _, number = name.rpartition(".")
        if number.isdigit() and first in frame.columns:
            raise InputError(f"{path}: column {first} occurs twice in the header; rename or remove one of the two.")


def _without_repeated_headers(frame: pandas.DataFrame, path: Path, options: ImportOptions) -> pandas.DataFrame:
    """The table without lines that repeat the header, as a log has them after a restart."""
    first = frame.columns[0]
    suspects: Any = frame.index[frame[first].astype(str) == first] if len(frame.columns) else []
    repeated = [row for row in suspects if [str(cell).strip() for cell in frame.loc[row]] == list(map(str, frame.columns))]
    if not repeated:
        return frame
    options.note(f"{path}: {len(repeated)} repeated header{'s' * (len(repeated) > 1)} skipped.")
    return frame.drop(index=repeated).reset_index(drop=True)


def _with_decimal_points(frame: pandas.DataFrame) -> pandas.DataFrame:
    """Columns of numbers that are written with decimal commas, as numbers."""
    frame = frame.copy()
    for name in frame:
        cells = frame[name].dropna().astype(str).str.strip()
        if (
            len(cells)
            and cells.str.contains(",").any()
            and cells.map(lambda cell: bool(_DECIMAL_COMMA.match(cell)) or "," not in cell).all()
        ):
            frame[name] = frame[name].astype("object").map(lambda cell: cell.replace(",", ".") if isinstance(cell, str) else cell)
    return frame


def _read_json(path: Path, options: ImportOptions) -> pandas.DataFrame:
    text = _text(path)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data"):  # more than one document: a document a line
            raise
        return _read_json_lines(path, options)
    if is_rows(content):
        return table_of_rows(content, str(path))
    if isinstance(content, dict):
        return table_of_arrays(content, str(path), options)
    raise InputError(f"{path} holds a JSON {type(content).__name__}; it must hold a list of rows, or columns with lists of numbers.")


def _read_json_lines(path: Path, options: ImportOptions) -> pandas.DataFrame:
    lines = [(number, line) for number, line in enumerate(_text(path).splitlines(), 1) if line.strip()]
    rows = []
    for position, (number, line) in enumerate(lines):
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            if position and position == len(lines) - 1:
                options.note(f"{path}: line {number}, the last one, is cut off and skipped.")
                break
            raise InputError(f"{path}: line {number} is not valid JSON; correct or remove it.") from None
        if not isinstance(row, dict):
            raise InputError(
                f'{path}: line {number} holds no JSON object; each line must be one such as {{"step": 0, "test_acc": 0.1}}.'
            )
        rows.append(row)
    if len(rows) == 1 and not is_rows(rows):
        return table_of_arrays(rows[0], str(path), options)
    return table_of_rows(rows, str(path))


def _read_npz(path: Path, options: ImportOptions) -> pandas.DataFrame:
    # allow_pickle=False: numpy stores an array of Python objects as a pickle, and loading a pickle can execute code.
    with path.open("rb") as content, np.load(content, allow_pickle=False) as opened:
        if not hasattr(opened, "files"):
            raise InputError(f"{path} holds one array without a name; save it with numpy.savez(path, step=..., test_acc=...).")
        return table_of_arrays(
            {name: _array(opened, name, path) for name in opened.files if name not in options.leave_out}, str(path), options
        )


def _array(opened: Any, name: str, path: Path) -> Any:
    try:
        return opened[name]
    except ValueError:
        raise InputError(
            f"{path}: array {name} cannot be read: it is damaged, or it holds Python objects, which are never loaded because loading "
            f"them can execute code. Save it as plain numbers, or leave it out with leave_out=['{name}']."
        ) from None


def _read_parquet(path: Path, options: ImportOptions) -> pandas.DataFrame:
    del options
    require_pyarrow("reading")
    return pandas.read_parquet(path, engine="pyarrow")


READERS: dict[str, Callable[[Path, ImportOptions], pandas.DataFrame]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".json": _read_json,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".npz": _read_npz,
    ".parquet": _read_parquet,
}
