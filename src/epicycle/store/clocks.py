"""Forks on two clocks: steps of the first ancestor, which parents and forks share, and steps since each fork's own moment.

Datasets inside the package count from the moment. What users read counts from step 0 of the first ancestor, as their parents' data do.
"""

from typing import Any

import numpy as np
import xarray

from epicycle.spec.results import EVENT, is_forked, recorded

SINCE = "since_moment"


def on_ancestor_clock(data: xarray.Dataset) -> xarray.Dataset:
    """A dataset whose steps and events count from step 0 of the first ancestor.

    Runs that begin at different moments have different steps. The axis `step` then holds the steps of all runs, and a series is NaN
    where its run has no record. The coordinate `since_moment` holds the steps since each run's moment.

    Args:
        data: an arm's dataset, counted from where its runs begin. Runs from the start are returned as they are.
    """
    if not is_forked(data):
        return data
    shifted = _shifted(data, data["moment"])
    if "step" not in shifted.dims:
        return shifted
    return shifted.assign_coords({SINCE: shifted["step"] - shifted["moment"]})


def since_moment(data: xarray.Dataset) -> xarray.Dataset:
    """A dataset of forks whose steps and events count from each fork's own moment: `ep.since_moment(forks.data)`.

    At step 0 every fork has just begun, so a median over seeds compares forks of the same age.

    Args:
        data: `data` or `events` of forks, or an arm of forks from `ep.open`. Runs from the start are returned as they are.
    """
    if not is_forked(data):
        return data
    return _shifted(data.drop_vars(SINCE, errors="ignore"), -data["moment"])


def _shifted(data: xarray.Dataset, by: xarray.DataArray) -> xarray.Dataset:
    """The dataset with the steps of each run, and of its events, moved; `by` has the axes that name a run."""
    names = tuple(map(str, by.dims))
    events = {name: (values + by).assign_attrs(EVENT) for name, values in data.data_vars.items() if values.attrs == EVENT}
    if "step" not in data.dims:
        return data.assign(events)
    series = {name: values.transpose(*names, "step", ...) for name, values in data.data_vars.items() if "step" in values.dims}
    kept = recorded((values.values for values in series.values()), (*by.shape, data.sizes["step"]))
    moved = np.nan_to_num(by.values)[..., None].astype(np.int64) + data["step"].values
    clock = np.unique(moved[kept])
    *runs, _ = cells = np.nonzero(kept)
    target = (*runs, np.searchsorted(clock, moved[cells]))
    shifted: dict[Any, Any] = {}
    for name, values in series.items():
        on_clock = np.full((*by.shape, len(clock), *values.shape[len(names) + 1 :]), np.nan, values.dtype)
        on_clock[target] = values.values[cells]
        shifted[name] = (values.dims, on_clock, values.attrs)
    return data.drop_dims("step").assign_coords(step=clock).assign(shifted | events)[list(data.data_vars)]
