"""Recorded series: Zarr v3 arrays of known length, filled with NaN and written by region. Nothing is ever appended.

Killing a writer leaves whole chunks (each is renamed into place); what lies past the committed rows is ignored by readers. Every chunk
ends with a checksum, and every chunk of committed rows is there even if it holds nothing but NaN, so damage and loss are noticed.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from jaxtyping import Int
from numpy import ndarray
from zarr.codecs import Crc32cCodec, ZstdCodec

from epicycle.store.atomic import PARTIAL, checksum, damaged, missing

STEP_CHUNK = 64
FILTERS = (ZstdCodec(level=0), Crc32cCodec())
WHOLE: Any = {"write_empty_chunks": True}  # a chunk that is not there would read as NaN
# What zarr raises for bytes or metadata that it cannot make sense of.
UNREADABLE = (ValueError, RuntimeError, KeyError, TypeError, FileNotFoundError)


def create_series(
    path: Path,
    grid: Int[ndarray, " step"],
    runs: int,
    measures: Mapping[str, tuple[tuple[str, ...], tuple[int, ...], Any]],
    coords: Mapping[str, Sequence[str]],
) -> None:
    """Lay out one segment of a cohort's series.

    Args:
        grid: steps that will be evaluated.
        measures: name -> (its own axes, their lengths, dtype).
        coords: labels along the measures' own axes.
    """
    group = zarr.open_group(path, mode="w-", zarr_format=3, attributes={"coords": {k: list(v) for k, v in coords.items()}})
    step = group.create_array(
        "step", shape=grid.shape, dtype=np.int64, chunks=grid.shape, dimension_names=("step",), compressors=FILTERS, config=WHOLE
    )
    step[:] = grid
    for name, (dims, lengths, dtype) in measures.items():
        group.create_array(
            name,
            shape=(runs, len(grid), *lengths),
            chunks=(runs, min(STEP_CHUNK, len(grid)), *lengths),
            dtype=np.dtype(dtype),
            fill_value=np.nan,
            dimension_names=("run", "step", *dims),
            compressors=FILTERS,
        )


def layout_sums(path: Path) -> dict[str, str]:
    """Checksums of the files of a segment that do not change any more: all but the recorded chunks. Names are relative to it."""
    fixed = [path / "zarr.json", *path.glob("*/zarr.json"), path / "step" / "c" / "0"]
    return {str(file.relative_to(path)): checksum(file) for file in sorted(fixed)}


def write_rows(path: Path, first: int, records: Mapping[str, Any]) -> None:
    """Write rows `first` to `first + n` of every series, for all runs.

    Raises:
        InputError: a chunk that some of them belong to is damaged.
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
                raise damaged(path / name, str(error), _cohort(path)) from None


def read_series(path: Path, rows: int) -> tuple[Int[ndarray, " step"], dict[str, tuple[tuple[str, ...], Any]], dict[str, list[str]]]:
    """Grid, name -> (axes, values), and labels of the measures' own axes.

    Args:
        rows: how many must be there.

    Raises:
        InputError: a file is damaged or missing; it is named.
    """
    try:
        group = zarr.open_group(path, mode="r", zarr_format=3)
        arrays = dict(sorted(group.arrays()))
        coords: Any = group.attrs["coords"]
        grid = arrays.pop("step")
    except UNREADABLE as error:
        raise damaged(path, f"it cannot be read as Zarr ({error})", _cohort(path)) from None
    series = {}
    for name, array in arrays.items():
        dims = tuple(str(dim) for dim in array.metadata.dimension_names or ())  # type: ignore[union-attr]
        series[name] = (dims, _values(path / name, array, rows))
    return _values(path / "step", grid, 1), series, dict(coords)


def adopt_series(path: Path, other: Path) -> dict[str, list[str]]:
    """Copy the series of another group with the same grid into this one; returns the labels of their own axes."""
    source = zarr.open_group(other, mode="r", zarr_format=3)
    for name, _ in list(source.arrays()):
        if not (path / name).exists():
            partial = path / f".{name}{PARTIAL}"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(other / name, partial)
            os.replace(partial, path / name)
    return dict(source.attrs["coords"])  # type: ignore[arg-type]


def _values(path: Path, array: Any, rows: int) -> Any:
    if any(isinstance(codec, Crc32cCodec) for codec in array.compressors):  # without: of before there were checksums
        for file, _ in _chunks(path, array, rows):
            if not file.exists():
                raise missing(file, _cohort(path.parent))
    try:
        return np.asarray(array[:])
    except UNREADABLE:
        for file, region in _chunks(path, array, max(array.shape)):
            try:
                array[region]
            except UNREADABLE as error:
                raise damaged(file, str(error), _cohort(path.parent)) from None
        raise


def _chunks(path: Path, array: Any, rows: int) -> Iterator[tuple[Path, tuple[slice, ...]]]:
    """The files that hold the first rows, each with its region."""
    axis = array.metadata.dimension_names.index("step")
    length = array.chunks[axis]
    for number in range(-(-min(rows, array.shape[axis]) // length)):
        place = [number if here == axis else 0 for here in range(array.ndim)]
        region = [slice(number * length, (number + 1) * length) if here == axis else slice(None) for here in range(array.ndim)]
        yield path / array.metadata.encode_chunk_key(tuple(place)), tuple(region)


def _cohort(segment: Path) -> Path:
    return segment.parent.parent
