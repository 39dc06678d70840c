"""Recorded series: Zarr v3 arrays of known length, filled with NaN and written by region. Nothing is ever appended.

Killing a writer leaves whole chunks (each is renamed into place); what lies past the committed rows is ignored by readers.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from jaxtyping import Int
from numpy import ndarray

STEP_CHUNK = 64


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
    step = group.create_array("step", shape=grid.shape, dtype=np.int64, chunks=grid.shape, dimension_names=("step",))
    step[:] = grid
    for name, (dims, lengths, dtype) in measures.items():
        group.create_array(
            name,
            shape=(runs, len(grid), *lengths),
            chunks=(runs, min(STEP_CHUNK, len(grid)), *lengths),
            dtype=np.dtype(dtype),
            fill_value=np.nan,
            dimension_names=("run", "step", *dims),
        )


def write_rows(path: Path, first: int, records: Mapping[str, Any]) -> None:
    """Write rows `first` to `first + n` of every series, for all runs."""
    group = zarr.open_group(path, mode="r+", zarr_format=3)
    for name, values in records.items():
        if values.shape[1]:
            group[name][:, first : first + values.shape[1]] = values  # type: ignore[index]


def read_series(path: Path) -> tuple[Int[ndarray, " step"], dict[str, tuple[tuple[str, ...], Any]], dict[str, list[str]]]:
    """Grid, name -> (axes, values), and labels of the measures' own axes."""
    group = zarr.open_group(path, mode="r", zarr_format=3)
    series: dict[str, tuple[tuple[str, ...], Any]] = {}
    for name, array in sorted(group.arrays()):
        if name != "step":
            dims = tuple(str(dim) for dim in array.metadata.dimension_names or ())  # type: ignore[union-attr]
            series[name] = (dims, np.asarray(array[:]))
    return np.asarray(group["step"][:]), series, dict(group.attrs["coords"])  # type: ignore[index,arg-type]


def adopt_series(path: Path, other: Path) -> None:
    """Move the series of another group with the same grid into this one."""
    source = zarr.open_group(other, mode="r", zarr_format=3)
    coords = {**dict(source.attrs["coords"])}  # type: ignore[arg-type]
    for name, _ in list(source.arrays()):
        if name != "step":
            shutil.rmtree(path / name, ignore_errors=True)
            os.replace(other / name, path / name)
    target = zarr.open_group(path, mode="r+", zarr_format=3)
    target.attrs["coords"] = {**dict(target.attrs["coords"]), **coords}  # type: ignore[arg-type]
