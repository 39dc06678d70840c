"""Moments in a recorded run: its start and end, an event, a share of one, or where a series is largest or smallest.

Claims name moments to say when a series is read; forks name moments to say where they begin. How moments are written is in
`spec.moments`.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from pydantic import AfterValidator

from epicycle.events.detectors import Threshold
from epicycle.events.standard import bracket_in, named, standard
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.families import Event
from epicycle.spec.moment_grammar import PASSES, PEAK, SHARE

if TYPE_CHECKING:
    import xarray

FIXED = ("start", "end", "max", "min")


def checked_moment(moment: str) -> str:
    """The moment itself, if there is one of that name.

    Raises:
        ValueError: there is none.
    """
    if moment not in FIXED and _share_and_event(moment) is None and _share_of_end(moment) is None:
        forms = "write start, end, max, min, an event, or a share of an event or of the end (0.8*end)"
        raise ValueError(f"'{moment}' is no moment: {forms}; {nearest(moment, (*FIXED, *standard()))}")
    return moment


Moment = Annotated[str, AfterValidator(checked_moment)]


def _share_and_event(moment: str) -> tuple[float, Event] | None:
    """The share and the event of `0.5*t_gen`, `t_gen` or `t_gen(level=0.8)`; None where the text names no standard event.

    Raises:
        InputError: the event's detector has no such field, or refuses the value.
    """
    match = SHARE.match(moment)
    if match is None or match["event"] not in named():
        return None
    event = named()[match["event"]]
    changes = dict(change.strip().split("=") for change in (match["changes"] or "").split(",") if change)
    return float(match["share"] or 1), type(event).parse(event.model_dump() | changes, moment) if changes else event


def _share_of_end(moment: str) -> float | None:
    """The share of `0.8*end`; None where the text is written otherwise or the share is above 1."""
    match = SHARE.match(moment)
    if match is None or match["event"] != "end" or not match["share"] or match["changes"]:
        return None
    share = float(match["share"])
    return share if share <= 1 else None


def events_in(moment: str) -> list[Event]:
    """The events that must be known to find a moment: one, or none."""
    share_and_event = _share_and_event(moment)
    return [share_and_event[1]] if share_and_event else []


def span_of(data: xarray.Dataset, run: int, moment: str, series: str, since: str = "start") -> tuple[int, int] | None:
    """The two evaluations between which a moment lies in one run.

    Args:
        data: the dataset of the run's arm.
        run: position along the axis `run`.
        moment: the moment.
        series: only evaluations that recorded this series count; `max` and `min` are its largest and smallest value.
        since: moment from which `max` and `min` are looked for.

    Returns:
        Positions along the axis `step`: twice the same one where the moment is an evaluation; None where the moment has not come.
    """
    values = data[series].values[run]
    recorded = np.flatnonzero(np.isfinite(values).reshape(len(values), -1).all(axis=1))  # a series may have axes of its own
    if not len(recorded):
        return None
    share = _share_of_end(moment)
    if moment in ("start", "end"):
        position = recorded[0] if moment == "start" else recorded[-1]
    elif share is not None:
        steps = data["step"].values[recorded]
        position = recorded[min(np.searchsorted(steps, share * steps[-1]), len(recorded) - 1)]
    elif moment in ("max", "min"):
        first = span_of(data, run, since, series) if since not in FIXED else (int(recorded[0]),) * 2
        later = recorded[recorded >= first[1]] if first else recorded[:0]
        if not len(later):
            return None
        position = later[values[later].argmax() if moment == "max" else values[later].argmin()]
    else:
        return _span_of_event(data, run, moment, recorded)
    return int(position), int(position)


def _span_of_event(data: xarray.Dataset, run: int, moment: str, recorded: Int[ndarray, " step"]) -> tuple[int, int] | None:
    """The recorded positions around the bracket of an event, or around the same share of both its ends."""
    share_and_event = _share_and_event(moment)
    assert share_and_event is not None, moment  # checked when the claim was made
    share, event = share_and_event
    bracket, steps = bracket_in(data, run, event), data["step"].values
    if bracket is None:
        return None
    low = int(np.searchsorted(steps[recorded], max(bracket[0], 0) * share, side="right")) - 1
    high = int(np.searchsorted(steps[recorded], bracket[1] * share))
    return int(recorded[max(low, 0)]), int(recorded[min(high, len(recorded) - 1)])


def fork_moment(data: xarray.Dataset, run: int, at: int | str | Event) -> int | None:
    """The step of one run at which its fork begins; None where the moment has not come in that run, or lies past its record.

    See `step_of_moment` for the arguments.

    Raises:
        InputError: there is no such event or series.
    """
    step = step_of_moment(data, run, at)
    recorded = data["step"].values[np.isfinite(data["train_loss"].values[run])]
    return step if step is not None and len(recorded) and step <= recorded[-1] else None


def step_of_moment(data: xarray.Dataset, run: int, at: int | str | Event) -> int | None:
    """The step of a moment in one run, which may lie past its record; None where the moment's event has not come in that run.

    Args:
        data: the dataset of the run's arm.
        run: position along the axis `run`.
        at: a step; an event, for the upper end of its bracket; the name or a share of a standard event; `peak(series)`; or a
            series and a value that it passes, such as `test_acc>=0.5`.

    Raises:
        InputError: there is no such event or series.
    """
    if isinstance(at, int):
        return at
    if isinstance(at, str) and (peak := PEAK.match(at)):
        values = data[_scalar_series(data, peak["series"], at)].values[run]
        return int(data["step"].values[np.nanargmax(values)]) if np.isfinite(values).any() else None
    share_and_event = (1.0, at) if isinstance(at, Event) else _passing(data, at) or _share_and_event(at)
    if share_and_event is None:
        raise InputError(f"fork at {at}: there is no such event; {nearest(str(at), standard())}")
    share, event = share_and_event
    bracket = bracket_in(data, run, event)
    return None if bracket is None else ceil(share * bracket[1])


def _passing(data: xarray.Dataset, at: str) -> tuple[float, Event] | None:
    """The event of `series>=level` or `series<level`, with the share 1; None where the text is written otherwise."""
    match = PASSES.match(at)
    if match is None:
        return None
    side: Literal["above", "below"] = "above" if match["sign"] == ">=" else "below"
    return 1.0, Threshold(of=_scalar_series(data, match["series"], at), level=float(match["level"]), side=side, hold=0.0)


def _scalar_series(data: xarray.Dataset, series: str, at: str) -> str:
    """The series' name, once it is known that the dataset has one number of it at each step."""
    scalar = [str(name) for name, values in data.data_vars.items() if values.dims == ("run", "step")]
    if series not in scalar:
        problem = "that series has more than one number at a step" if series in data else "no such series"
        raise InputError(f"fork at {at}: {problem}; {nearest(series, scalar)}")
    return series
