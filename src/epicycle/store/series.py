"""Recorded series: Zarr v3 arrays of known length, filled with NaN and written by region. Nothing is ever appended.

Killing a writer leaves whole chunks, because each chunk is renamed into its place. Readers ignore chunks past the committed rows.
Every chunk ends with a checksum. Every chunk of committed rows is written, even one of nothing but NaN. So readers notice damage and
loss.
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
from epicycle.store.atomic import PARTIAL, checksum, damaged, missing

STEP_CHUNK = 64
FILTERS = (ZstdCodec(level=0), Crc32cCodec())
WHOLE: Any = {"write_empty_chunks": True}  # a chunk that is not there would read as NaN
# What zarr raises for bytes or metadata that it cannot make sense of.
UNREADABLE = (ValueError, RuntimeError, KeyError, TypeError, FileNotFoundError)


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
        grid: steps that will be recorded.
        runs: number of members.
        shapes: one record of each series.
        coords: labels along the series' own axes.
    """
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
        InputError: a chunk that some of these rows belong to is damaged.
        OSError: no room or no permission; the series is named.
    """
    group = zarr.open_group(path, mode="r+", zarr_format=3)
    for name, values in records.items():
        if values.shape[1]:
            array: Any = group[name]
            try:
                array.with_config(WHOLE)[:, first : first + values.shape[1]] = values
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(path / name)) from error
            except UNREADABLE as error:
                raise damaged(path / name, str(error), _cohort_of(path)) from None


def read_series(path: Path, rows: int) -> SegmentSeries:
    """One segment of a cohort's series.

    Args:
        rows: how many rows must be there.

    Raises:
        InputError: a file is damaged or missing; the file is named.
    """
    try:
        group = zarr.open_group(path, mode="r", zarr_format=3)
        arrays = dict(sorted(group.arrays()))
        coords: Any = group.attrs["coords"]
        grid = arrays.pop("step")
    except UNREADABLE as error:
        raise damaged(path, f"it cannot be read as Zarr ({error})", _cohort_of(path)) from None
    series = {}
    for name, array in arrays.items():
        axes = tuple(str(axis) for axis in array.metadata.dimension_names or ())  # type: ignore[union-attr]
        series[name] = (axes, _values(path / name, array, rows))
    return SegmentSeries(_values(path / "step", grid, 1), series, dict(coords))


def adopt_series(path: Path, replay: Path) -> dict[str, list[str]]:
    """Copy the series of a replay with the same grid into a segment; returns the labels of their own axes."""
    source = zarr.open_group(replay, mode="r", zarr_format=3)
    for name, _ in list(source.arrays()):
        if not (path / name).exists():
            partial = path / f".{name}{PARTIAL}"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(replay / name, partial)
            os.replace(partial, path / name)
    return dict(source.attrs["coords"])  # type: ignore[arg-type]


def _values(path: Path, array: Any, rows: int) -> Any:
    if any(
        isinstance(codec, Crc32cCodec) for codec in array.compressors
    ):  # early versions wrote no checksums, and skipped chunks of NaN
        for file, _ in _chunks(path, array, rows):
            if not file.exists():
                raise missing(file, _cohort_of(path.parent))
    try:
        return np.asarray(array[:])
    except UNREADABLE:
        for file, region in _chunks(path, array, max(array.shape)):
            try:
                array[region]
            except UNREADABLE as error:
                raise damaged(file, str(error), _cohort_of(path.parent)) from None
        raise


def _chunks(path: Path, array: Any, rows: int) -> Iterator[tuple[Path, tuple[slice, ...]]]:
    """The files that hold the first rows, each with its region of the array."""
    step_axis = array.metadata.dimension_names.index("step")
    length = array.chunks[step_axis]
    for number in range(-(-min(rows, array.shape[step_axis]) // length)):
        chunk = tuple(number if axis == step_axis else 0 for axis in range(array.ndim))
        steps = slice(number * length, (number + 1) * length)
        region = tuple(steps if axis == step_axis else slice(None) for axis in range(array.ndim))
        yield path / array.metadata.encode_chunk_key(chunk), region


def _cohort_of(segment: Path) -> Path:
    return segment.parent.parent
