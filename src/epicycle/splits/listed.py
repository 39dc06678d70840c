"""The split that lists its rows: the rows to train on are named one by one, in the spec or in a file.

A file is read when the spec is made, and the spec then holds the rows in its place. So a run's id depends on the rows and not on the
file's name, and stored results no longer need the file.
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
from epicycle.spec.limits import MOST_ENTRIES
from epicycle.spec.table import Table

Pair = tuple[int, int]


def read_rows(value: Any) -> Any:
    """Rows or pairs of operands, from a list, an array, or the path of a .txt, .csv or .npy file.

    A text file has one row or one pair to a line, with commas or spaces between numbers. `#` starts a comment. A .csv may begin with a
    line of names.

    Returns:
        A tuple of integers, or a tuple of pairs of integers.

    Raises:
        ValueError: the list is empty, mixed or repeats a row, or an entry or the file cannot be read; the message says where.
    """
    source = str(value) if isinstance(value, str | Path) else ""
    entries = _from_file(Path(value).expanduser()) if source else list(value) if isinstance(value, Sequence | ndarray) else None
    if entries is None:
        raise ValueError("give the rows as a list of row numbers, a list of operand pairs, or the path of a .txt, .csv or .npy file")
    prefix = f"{source}: " if source else ""
    if not entries:
        raise ValueError(f"{prefix}no rows are listed; name at least one")
    if len(entries) > MOST_ENTRIES:
        raise ValueError(f"{prefix}{len(entries):,} rows are listed; a table has at most {MOST_ENTRIES:,}")
    rows = [_row(entry, f"{prefix}entry {i + 1}") for i, entry in enumerate(entries)]
    if len({isinstance(row, tuple) for row in rows}) == 2:
        raise ValueError(f"{prefix}row numbers and pairs of operands are mixed; use one of the two")
    seen: set[Any] = set()
    for i, row in enumerate(rows):
        if row in seen:
            raise ValueError(f"{prefix}entry {i + 1} lists {row} a second time; name every row once")
        seen.add(row)
    return tuple(rows)


Rows = Annotated[tuple[int, ...] | tuple[Pair, ...], BeforeValidator(read_rows)]


class ListedSplit(SplitRule):
    """Exactly the listed rows, in the order of the list, whatever the `data_seed`.

    Attributes:
        rows: row numbers in table order from 0, pairs of operands (x, y), or a file of either, looked for in the working directory:
            `rows: train.txt`, also spelt `path: train.txt`.
    """

    kind = "listed"
    aliases = {"path": "rows"}

    rows: Rows = data()

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """The listed rows; pairs are looked up among the table's operands.

        Raises:
            InputError: the table has no such row.
        """
        del data_seed
        return listed_rows(self.rows, table)


def listed_rows(rows: tuple[int, ...] | tuple[Pair, ...], table: Table) -> Int[ndarray, " slot"]:
    """The row numbers of listed rows or pairs.

    Raises:
        InputError: the table has no such row.
    """
    listed = np.array(rows)
    if listed.ndim == 2:
        return _rows_of_pairs(listed, table)
    n = len(table.labels)
    if listed.max() >= n:
        raise InputError(f"split.rows: {listed.max()} is not a row of this task, whose {n} rows are numbered 0 to {n - 1}.")
    return listed


def _rows_of_pairs(pairs: Int[ndarray, "slot operand"], table: Table) -> Int[ndarray, " slot"]:
    row_of = {operands: row for row, operands in enumerate(map(tuple, table.operands.tolist()))}
    rows = [row_of.get(pair, -1) for pair in map(tuple, pairs.tolist())]
    if -1 in rows:
        x, y = pairs[rows.index(-1)]
        raise InputError(f"split.rows: the task has no row with operands ({x}, {y}); its operands go up to {table.operands.max()}.")
    return np.array(rows)


def _row(entry: Any, where: str) -> int | Pair:
    """One row number or one pair; `where` says which entry, for messages."""
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
        raise ValueError(f"{path}: cannot be read: {error.strerror or error}; paths are relative to the working directory") from None


def _from_npy(path: Path) -> list[Any]:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: not an array of numbers in NumPy's format ({' '.join(str(error).split())})") from None
    if array.dtype.kind not in "iu" or array.ndim not in (1, 2):
        raise ValueError(f"{path}: an integer array of rows or of pairs is needed; this one is {array.dtype} of shape {array.shape}")
    return list(array.tolist())


def _from_text(path: Path) -> list[Any]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text file") from None
    words = [line.split("#")[0].replace(",", " ").split() for line in lines]
    if path.suffix == ".csv" and words and not any(_is_integer(word) for word in words[0]):
        words[0] = []  # a line of names
    return [_integers(line, f"{path}, line {i + 1}") for i, line in enumerate(words) if line]


def _integers(words: list[str], where: str) -> list[int]:
    for word in words:
        if not _is_integer(word):
            raise ValueError(f"{where}: '{word}' is not an integer")
    return [int(word) for word in words]


def _is_integer(word: str) -> bool:
    return word.removeprefix("-").isdecimal()
