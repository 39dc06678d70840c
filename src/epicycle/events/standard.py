"""The standard events that every run is searched for, and the search of whole datasets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.events.detectors import HOLD, BelowIgnorance, Bracket, Onset, Peak, Threshold
from epicycle.spec.families import Event
from epicycle.spec.results import EVENT, is_forked

if TYPE_CHECKING:
    import xarray


def standard() -> dict[str, Event]:
    """The events that every run is searched for, by name.

    `t_mem`: the network has memorised. `t_on`: generalisation begins. `t_gen`: the network generalises. `t_calib`: the calibrated
    test loss is below that of ignorance, which is the second mark of the onset.
    """
    return {
        "t_mem": Threshold(of="train_acc", level=0.99),
        "t_on": Onset(),
        "t_gen": Threshold(of="test_acc", level=0.95),
        "t_calib": BelowIgnorance(),
    }


def named() -> dict[str, Event]:
    """Every event that a name stands for: the standard ones, and those of earlier versions, which old studies may name."""
    return standard() | {"t_peak": Peak()}


def bracket_of(event: Event, steps: Int[ndarray, " step"], series: Mapping[str, Float[ndarray, " step"]], baseline: float) -> Bracket:
    """The bracket of an event in the recorded part of a run.

    Args:
        event: the detector.
        steps: evaluations.
        series: values at these evaluations, NaN where nothing was recorded; more series than the event reads may be there.
        baseline: accuracy of the best predictor that sees at most one operand.

    Returns:
        The bracket; None where the event was not seen, or where a series it reads was not recorded.
    """
    recorded = _recorded(event, steps, series)
    return event.bracket(*recorded, baseline) if recorded else None


def _recorded(
    event: Event, steps: Int[ndarray, " step"], series: Mapping[str, Float[ndarray, " step"]]
) -> tuple[Int[ndarray, " step"], dict[str, Float[ndarray, " step"]]] | None:
    """The evaluations with every series that an event reads, and the series there; None where there are none."""
    if any(name not in series for name in event.series):
        return None
    recorded = np.isfinite(np.stack([series[name] for name in event.series])).all(axis=0)
    return (steps[recorded], {name: series[name][recorded] for name in event.series}) if recorded.any() else None


def bracket_in(data: xarray.Dataset, run: int, event: Event) -> Bracket:
    """The bracket of an event in one run of a dataset; `run` is a position along the axis `run`."""
    event = _with_hold_of(data, event)
    return bracket_of(event, data["step"].values, _series_of(data, run, event), float(data["baseline"].values[run]))


def unconfirmed_in(data: xarray.Dataset, run: int, event: Event) -> Bracket:
    """The bracket of an event that holds at the end of a run's record without being confirmed there; None where there is none."""
    event = _with_hold_of(data, event)
    recorded = _recorded(event, data["step"].values, _series_of(data, run, event))
    return event.unconfirmed(*recorded, float(data["baseline"].values[run])) if recorded else None


def _with_hold_of(data: xarray.Dataset, event: Event) -> Event:
    """The event with the share of its step for which it must hold, where the dataset of imported runs has one of its own."""
    if "hold" not in data.attrs or getattr(event, "hold", None) != HOLD:
        return event
    return event.model_copy(update={"hold": data.attrs["hold"]})


def _series_of(data: xarray.Dataset, run: int, event: Event) -> dict[str, Float[ndarray, " step"]]:
    return {name: data[name].values[run] for name in event.series if name in data}


def recorded_events(data: xarray.Dataset) -> list[str]:
    """Names of the standard events that a dataset has series for. The others are unknown, which is not the same as censored."""
    return [name for name, event in standard().items() if all(s in data and np.isfinite(data[s].values).any() for s in event.series)]


def event_steps(data: xarray.Dataset, names: Iterable[str] | None = None) -> dict[str, list[int | None]]:
    """The step of some events in every run (the upper end of the bracket); None where the event was not seen.

    Args:
        data: the dataset of an arm.
        names: names of events; None for the standard ones.
    """
    brackets = event_brackets(data, names)
    return {name: [None if bracket is None else bracket[1] for bracket in of_runs] for name, of_runs in brackets.items()}


def event_brackets(data: xarray.Dataset, names: Iterable[str] | None = None) -> dict[str, list[Bracket]]:
    """The bracket of some events in every run; `names` are names of events, None for the standard ones."""
    events = named()
    return {name: _brackets_in(data, events[name]) for name in (standard() if names is None else names)}


def _brackets_in(data: xarray.Dataset, event: Event) -> list[Bracket]:
    """The bracket of an event in every run, as `bracket_in` gives it. Labels of a dataset are slow, so each is looked up once."""
    event, steps, baselines = _with_hold_of(data, event), data["step"].values, data["baseline"].values
    series = {name: data[name].values for name in event.series if name in data}
    return [
        bracket_of(event, steps, {name: values[run] for name, values in series.items()}, float(baseline))
        for run, baseline in enumerate(baselines)
    ]


def event_dataset(data: xarray.Dataset) -> xarray.Dataset:
    """`event_steps` as a dataset along `run`: for each event `NAME` (a step, NaN where censored) and `NAME_censored`.

    Where the records of some runs begin after step 0 and the event has happened by then, `NAME_left_censored` says in which: there
    the event lies at `NAME` or at any step before.
    """
    arrays: dict[str, Any] = {}
    for name, brackets in event_brackets(data).items():
        arrays[name] = ("run", [np.nan if bracket is None else float(bracket[1]) for bracket in brackets], EVENT)
        arrays[f"{name}_censored"] = ("run", [bracket is None for bracket in brackets])
        before = [bracket is not None and bracket[0] < 0 < bracket[1] and not is_forked(data) for bracket in brackets]
        if any(before):
            arrays[f"{name}_left_censored"] = ("run", before)
    without_series = data.drop_vars(data.data_vars)
    return without_series.drop_dims(dim for dim in without_series.dims if dim != "run").assign(arrays)
