"""Recorded series: Zarr v3 arrays of known length, filled with NaN and written by region. Nothing is ever appended.

Killing a writer leaves whole chunks, because each chunk is renamed into its place. Readers ignore chunks past the committed rows.
Every chunk ends with a checksum. Every chunk of committed rows is written, even one of nothing but NaN. So readers notice damage and
loss. `series_layout.py` checks the metadata before Zarr opens an array.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zarr
from jaxtyping import Int
from numpy import ndarray
from zarr.codecs import Crc32cCodec, ZstdCodec

from epicycle.spec.results import SeriesShape
from epicycle.store.atomic import PARTIAL
from epicycle.store.entries import checksum, damaged, gone, missing
from epicycle.store.series_layout import STEP_CHUNK, ArrayLayout, SegmentLayout, array_layout, cohort_of, group_labels, series_names

FILTERS = (ZstdCodec(level=0), Crc32cCodec())
WHOLE: Any = {"write_empty_chunks": True}  # a chunk that is not there would read as NaN
# What zarr raises for bytes or metadata that it cannot make sense of.
UNREADABLE = (ValueError, RuntimeError, KeyError, TypeError, FileNotFoundError)
ZSTD_BEGINNING = b"\x28\xb5\x2f\xfd"


class SegmentSeries(NamedTuple):
    """One segment of a cohort's series.

    Attributes:
        steps: recorded steps.
        series: name -> (axes, values).
        labels: along the series' own axes.
    """

    steps: Int[ndarray, " step"]
    series: dict[str, tuple[tuple[str, ...], Any]]
    labels: dict[str, list[str]]


def create_series(
    path: Path, grid: Int[ndarray, " step"], runs: int, shapes: Mapping[str, SeriesShape], coords: Mapping[str, Sequence[str]]
) -> None:
    """Create the arrays of one segment of a cohort's series.

    Args:
        path: the segment's folder.
        grid: steps that will be recorded.
        runs: number of members.
        shapes: one record of each series.
        coords: labels along the series' own axes.

    Raises:
        InputError: the cohort's folder is gone.
    """
    if not cohort_of(path).is_dir():
        raise gone(cohort_of(path))
    group = zarr.open_group(path, mode="w-", zarr_format=3, attributes={"coords": {k: list(v) for k, v in coords.items()}})
    step = group.create_array(
        "step", shape=grid.shape, dtype=np.int64, chunks=grid.shape, dimension_names=("step",), compressors=FILTERS, config=WHOLE
    )
    step[:] = grid
    for name, (axes, lengths, dtype) in shapes.items():
        group.create_array(
            name,
            shape=(runs, len(grid), *lengths),
            chunks=(runs, min(STEP_CHUNK, len(grid)), *lengths),
            dtype=np.dtype(dtype),
            fill_value=np.nan,
            dimension_names=("run", "step", *axes),
            compressors=FILTERS,
        )


def fixed_sums(path: Path) -> dict[str, str]:
    """Checksums of a segment's files that do not change any more: all but the recorded chunks. Names are relative to the segment."""
    fixed = [path / "zarr.json", *path.glob("*/zarr.json"), path / "step" / "c" / "0"]
    return {str(file.relative_to(path)): checksum(file) for file in sorted(fixed)}


def write_rows(path: Path, first: int, records: Mapping[str, Any]) -> None:
    """Write rows `first` to `first + n` of every series, for all runs.

    Raises:
        InputError: a chunk that some of these rows belong to is damaged, or the folder is gone.
        OSError: no room or no permission; the series is named.
    """
    if not path.is_dir():
        raise gone(path)
    for name, values in records.items():
        if values.shape[1]:
            layout, last = array_layout(path / name), first + values.shape[1]
            for file, region in _chunks(path / name, layout, last):
                if region[layout.axes.index("step")].stop > first and file.exists():  # a chunk that is partly written is read first
                    _refuse_unfit_chunk(file, layout, cohort_of(path))
            try:
                _opened(path / name, "r+").with_config(WHOLE)[:, first:last] = values
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(path / name)) from error
            except UNREADABLE as error:
                raise damaged(path / name, str(error), cohort_of(path)) from None


def read_steps(path: Path, layout: SegmentLayout) -> Int[ndarray, " step"]:
    """The recorded steps of a segment.

    Raises:
        InputError: a file is damaged or missing; the file is named.
    """
    steps = _values(path / "step", layout.grid, layout.grid.shape[0])
    if not (steps[0] >= 0 and (np.diff(steps) > 0).all()):
        raise damaged(path / "step", "its steps do not rise", cohort_of(path))
    return steps


def read_series(path: Path, rows: int, layout: SegmentLayout) -> SegmentSeries:
    """One segment of a cohort's series. Values past the rows are NaN.

    Args:
        path: the segment's folder.
        rows: how many rows must be there.
        layout: as the segment's metadata give it.

    Raises:
        InputError: a file is damaged or missing; the file is named.
    """
    series = {name: (array.axes, _values(path / name, array, rows)) for name, array in layout.series.items()}
    return SegmentSeries(read_steps(path, layout), series, layout.labels)


def adopt_series(path: Path, replay: Path) -> dict[str, list[str]]:
    """Copy the series of a replay with the same grid into a segment; returns the labels of their own axes."""
    for name in series_names(replay):
        if not (path / name).exists():
            partial = path / f".{name}{PARTIAL}"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(replay / name, partial)
            os.replace(partial, path / name)
    return group_labels(replay)


def _opened(path: Path, mode: Any) -> Any:
    """One array, whose metadata were checked before."""
    return zarr.open_array(path, mode=mode, zarr_format=3)


def _values(path: Path, layout: ArrayLayout, rows: int) -> Any:
    step_axis = layout.axes.index("step")
    rows, cohort = min(rows, layout.shape[step_axis]), cohort_of(path.parent)
    files = list(_chunks(path, layout, rows))
    for file, _ in files:
        if file.exists():
            _refuse_unfit_chunk(file, layout, cohort)
        elif layout.has_checksums:  # early versions wrote no checksums, and skipped chunks of NaN
            raise missing(file, cohort)
    values = np.full(layout.shape, np.nan if layout.dtype.kind == "f" else 0, layout.dtype)
    written = (slice(None),) * step_axis + (slice(rows),)
    try:
        array = _opened(path, "r")
        if rows:
            values[written] = array[written]
    except UNREADABLE as error:
        raise _unreadable(path, files, error) from None
    return values


def _unreadable(path: Path, files: Sequence[tuple[Path, tuple[slice, ...]]], error: Exception) -> Exception:
    """The error for an array that cannot be read; it names the first chunk that is damaged."""
    for file, region in files:
        try:
            _opened(path, "r")[region]
        except UNREADABLE as reason:
            return damaged(file, str(reason), cohort_of(path.parent))
    return damaged(path, str(error), cohort_of(path.parent))


def _chunks(path: Path, layout: ArrayLayout, rows: int) -> Iterator[tuple[Path, tuple[slice, ...]]]:
    """The files that hold the first rows, each with its region of the array."""
    step_axis = layout.axes.index("step")
    length = layout.chunk[step_axis]
    for number in range(-(-min(rows, layout.shape[step_axis]) // length)):
        names = [str(number) if axis == "step" else "0" for axis in layout.axes]
        steps = slice(number * length, (number + 1) * length)
        yield path.joinpath("c", *names), tuple(steps if axis == "step" else slice(None) for axis in layout.axes)


def _refuse_unfit_chunk(file: Path, layout: ArrayLayout, cohort: Path) -> None:
    """Refuse a chunk that would unfold to another size than its array says: a few bytes can claim to be terabytes.

    Raises:
        InputError: the chunk is no Zstandard frame of that size.
    """
    with file.open("rb") as content:
        head = content.read(18)
    if _unfolded_bytes(head) != layout.chunk_bytes:
        raise damaged(file, f"it does not hold a chunk of {layout.chunk_bytes:,} bytes", cohort)


def _unfolded_bytes(head: bytes) -> int | None:
    """The size that a Zstandard frame says it has (RFC 8878, 3.1.1.1); None where it says nothing."""
    if len(head) < 6 or head[:4] != ZSTD_BEGINNING:
        return None
    flags = head[4]
    single = flags >> 5 & 1
    size = (single, 2, 4, 8)[flags >> 6]
    begin = 5 + (1 - single) + (0, 1, 2, 4)[flags & 3]
    if not size or len(head) < begin + size:
        return None
    return int.from_bytes(head[begin : begin + size], "little") + (256 if size == 2 else 0)
