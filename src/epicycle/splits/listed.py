"""Splits by a list: the rows to train on, named one by one in the spec or in a file.

A file is read when the spec is made, and its rows take its place there. So a run's id depends on the rows and not on where they came
from, and stored results need the file no longer.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from pydantic import BeforeValidator

from epicycle.spec.errors import InputError
from epicycle.spec.families import SplitRule
from epicycle.spec.fields import data
from epicycle.spec.table import Table

Pair = tuple[int, int]


def read_rows(value: Any) -> Any:
    """Rows or pairs of operands, from a list, an array, or the path of a .txt, .csv or .npy file, as tuples of plain integers.

    Text has one row or one pair to a line, separated by commas or spaces; `#` starts a comment, and a .csv may begin with a line of
    names.

    Raises:
        ValueError: what is wrong, and where.
    """
    where = str(value) if isinstance(value, str | Path) else ""
    entries = _from_file(Path(value)) if where else list(value) if isinstance(value, Sequence | ndarray) else None
    if entries is None:
        raise ValueError("give the rows as a list of row numbers, a list of operand pairs, or the path of a .txt, .csv or .npy file")
    told = f"{where}: " if where else ""
    if not entries:
        raise ValueError(f"{told}no rows are listed; name at least one")
    rows = [_entry(entry, f"{told}entry {i + 1}") for i, entry in enumerate(entries)]
    if len({isinstance(row, tuple) for row in rows}) == 2:
        raise ValueError(f"{told}row numbers and pairs of operands are mixed; use one of the two")
    seen: set[Any] = set()
    for i, row in enumerate(rows):
        if row in seen:
            raise ValueError(f"{told}entry {i + 1} lists {row} a second time; name every row once")
        seen.add(row)
    return tuple(rows)


Rows = Annotated[tuple[int, ...] | tuple[Pair, ...], BeforeValidator(read_rows)]


class ListedSplit(SplitRule):
    """Exactly the rows listed, in the order listed, whatever the `data_seed`.

    Attributes:
        rows: row numbers in table order (from 0 on), or pairs of operands (x, y). In a file of the working directory too:
            `rows: train.txt`, also spelt `path: train.txt`.
    """

    kind = "listed"
    aliases = {"path": "rows"}

    rows: Rows = data()

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """The rows listed; pairs are looked up among the table's operands.

        Raises:
            InputError: the table has no such row.
        """
        del data_seed
        return listed_rows(self.rows, table)


def listed_rows(rows: tuple[int, ...] | tuple[Pair, ...], table: Table) -> Int[ndarray, " slot"]:
    """The numbers of listed rows.

    Raises:
        InputError: the table has no such row.
    """
    listed = np.array(rows)
    if listed.ndim == 2:
        return _looked_up(listed, table)
    n = len(table.labels)
    if listed.max() >= n:
        raise InputError(f"split.rows: {listed.max()} is not a row of this task, whose {n} rows are numbered 0 to {n - 1}.")
    return listed


def _looked_up(pairs: Int[ndarray, "slot operand"], table: Table) -> Int[ndarray, " slot"]:
    row = {operands: i for i, operands in enumerate(map(tuple, table.operands.tolist()))}
    found = [row.get(pair, -1) for pair in map(tuple, pairs.tolist())]
    if -1 in found:
        x, y = pairs[found.index(-1)]
        raise InputError(f"split.rows: the task has no row with operands ({x}, {y}); its operands go up to {table.operands.max()}.")
    return np.array(found)


def _entry(entry: Any, where: str) -> int | Pair:
    """One row number, or one pair."""
    parts = list(entry) if isinstance(entry, list | tuple | ndarray) else [entry]
    if len(parts) not in (1, 2):
        raise ValueError(f"{where} has {len(parts)} numbers; a row is one number, a pair of operands two")
    for part in parts:
        if isinstance(part, bool | np.bool_) or not isinstance(part, int | np.integer):
            raise ValueError(f"{where} is {part!r}, which is not an integer")
        if part < 0:
            raise ValueError(f"{where} is {part}; rows and operands are counted from 0")
    numbers = [int(part) for part in parts]
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


def _from_file(path: Path) -> list[Any]:
    readers = {".npy": _from_npy, ".txt": _from_text, ".csv": _from_text}
    if path.suffix not in readers:
        raise ValueError(f"{path}: rows are read from .txt, .csv and .npy files")
    try:
        return readers[path.suffix](path)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror or error}; paths count from the working directory") from None


def _from_npy(path: Path) -> list[Any]:
    try:
        found = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: not an array of numbers in NumPy's format ({' '.join(str(error).split())})") from None
    if found.dtype.kind not in "iu" or found.ndim not in (1, 2):
        raise ValueError(f"{path}: an integer array of rows or of pairs is needed; this one is {found.dtype} of shape {found.shape}")
    return list(found.tolist())


def _from_text(path: Path) -> list[Any]:
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text file") from None
    fields = [line.split("#")[0].replace(",", " ").split() for line in lines]
    if path.suffix == ".csv" and fields and not any(_is_number(field) for field in fields[0]):
        fields[0] = []
    return [_numbers(entry, f"{path}, line {i + 1}") for i, entry in enumerate(fields) if entry]


def _numbers(fields: list[str], where: str) -> list[int]:
    for field in fields:
        if not _is_number(field):
            raise ValueError(f"{where}: '{field}' is not an integer")
    return [int(field) for field in fields]


def _is_number(field: str) -> bool:
    return field.removeprefix("-").isdecimal()
