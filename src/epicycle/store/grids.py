"""Runs as a reader wants them: a grid over swept fields and seeds, which every file format that xarray writes can hold."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray

from epicycle.spec.results import is_forked, swept_names
from epicycle.store.clocks import on_ancestor_clock

REPLICATE = "replicate"
INT32 = np.iinfo(np.int32).max  # netCDF 3, the format that SciPy writes, has no longer whole numbers and no float16


def unstacked(data: xarray.Dataset) -> xarray.Dataset:
    """Runs as a grid of swept fields x seed (x data_seed where it does not follow the seed), on the clock of the first ancestor.

    Where the runs share so few seeds that half of the grid or more would be empty for nothing, the runs at each point of the sweep
    are numbered from 0. The last axis is then `replicate`, and `seed` and `data_seed` are values over the grid. Forks keep the axis
    `seed`, by which they are paired with their parents.
    """
    data = on_ancestor_clock(data)
    numbered = data.assign_coords({REPLICATE: ("run", _replicates(data))})
    names = _axes(numbered)
    kept = numbered if REPLICATE in names else data
    per_run = [name for name in ("seed", "data_seed", "status", "baseline", "mirror_share", "run_id") if name not in names]
    flat = kept.assign_coords(run_id=("run", kept["run"].values)).drop_vars("run").reset_coords(per_run)
    if len(names) == 1:
        grid = flat.swap_dims(run=names[0])
    else:
        texts = dict.fromkeys(("status", "run_id"), "")
        truths = {name: values.astype(float) for name, values in flat.data_vars.items() if values.dtype == bool}
        full = math.prod(_lengths(flat, names)) == flat.sizes["run"]
        grid = (flat if full else flat.assign(truths)).set_index(run=names).unstack("run", fill_value=texts)
    return portable(grid.transpose(*names, "step", ..., missing_dims="ignore"))


def portable(data: xarray.Dataset) -> xarray.Dataset:
    """The dataset with attributes and encodings that `to_netcdf` can write. In memory, the numbers stay as they are."""
    data = data.assign_attrs({name: _attribute(value) for name, value in data.attrs.items()})
    for values in data.variables.values():
        if values.dtype == np.float16:
            values.encoding["dtype"] = "float32"
        elif values.dtype.kind in "iu" and values.size and np.abs(values.values.astype(float)).max() > INT32:
            values.encoding["dtype"] = "float64"
    return data


def _axes(data: xarray.Dataset) -> list[str]:
    """The coordinates that name a run. An axis of seeds is taken where it makes the grid less than twice as large as it must be."""
    swept = swept_names(data)
    smallest = [*swept, REPLICATE]
    seeds = ["seed"] if (data["seed"].values == data["data_seed"].values).all() else ["seed", "data_seed"]
    for names in ([*swept, *seeds], [*swept, "seed"]):
        runs = set(zip(*(data[name].values.tolist() for name in names), strict=True))
        is_dense = is_forked(data) or math.prod(_lengths(data, names)) < 2 * math.prod(_lengths(data, smallest))
        if len(runs) == data.sizes["run"] and is_dense:
            return names
    return smallest


def _lengths(data: xarray.Dataset, names: Sequence[str]) -> list[int]:
    """How many values each of some coordinates has."""
    return [len(set(data[name].values.tolist())) for name in names]


def _replicates(data: xarray.Dataset) -> list[int]:
    """The number of each run among the runs with the same swept values."""
    counts: dict[tuple[Any, ...], int] = {}
    numbers = []
    for point in zip(*(data[name].values.tolist() for name in swept_names(data)), range(data.sizes["run"]), strict=True):
        numbers.append(counts.setdefault(point[:-1], 0))
        counts[point[:-1]] += 1
    return numbers


def _attribute(value: Any) -> Any:
    """A value as an attribute of a file: a number or one text."""
    if isinstance(value, Mapping):
        return json.dumps(value, default=str)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if value is None or (isinstance(value, int) and abs(value) > INT32):
        return str(value)
    return value
