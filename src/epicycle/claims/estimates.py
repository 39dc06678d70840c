"""What every statistic works with: estimates, the runs of an arm that are meant, and what is known of an event in each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from epicycle.claims.intervals import Interval, median_interval
from epicycle.events.detectors import Bracket
from epicycle.events.standard import bracket_in, standard
from epicycle.spec.errors import InputError, NoRuns, nearest
from epicycle.spec.families import Event

if TYPE_CHECKING:
    import xarray

NEVER = float("inf")


@dataclass(frozen=True)
class Estimate:
    """What one statistic found under one detector.

    Attributes:
        n: runs it rests on.
        censored: labels of runs that had not got there; they are ranked last, not dropped.
        detector: which variant of the event was used.
        failed: runs that diverged.
        among: runs in all, where two arms are compared and `n` is the smaller of them.
    """

    interval: Interval
    n: int
    detector: str = ""
    censored: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    values: dict[str, float | None] = field(default_factory=dict)
    among: int | None = None


class PerRun(NamedTuple):
    """A quantity of every run under one detector, known to lie between two bounds; a censored one is open above."""

    detector: str
    lows: dict[int, float]
    highs: dict[int, float]


def median_estimate(data: xarray.Dataset, found: PerRun) -> Estimate:
    """The median over runs with its order-statistic interval."""
    labels = labels_of(data)
    order = list(found.lows)
    interval = median_interval([found.lows[run] for run in order], [found.highs[run] for run in order])
    return Estimate(interval, len(order), found.detector, unknown(labels, found), failed(data), values_of(labels, found))


def unknown(labels: list[str], found: PerRun) -> tuple[str, ...]:
    """Labels of the runs whose quantity has no bound on one side."""
    return tuple(labels[run] for run in found.lows if not np.isfinite(found.highs[run]) or not np.isfinite(found.lows[run]))


def values_of(labels: list[str], found: PerRun) -> dict[str, float | None]:
    """The upper bound in each run, None where there is none."""
    return {labels[run]: (high if np.isfinite(high) else None) for run, high in found.highs.items()}


def variants(name: str, extra: Mapping[str, Event]) -> dict[str, Event]:
    """The standard detector under the event's own name, then those a claim registers beside it."""
    events = standard()
    if name not in events and not extra:
        raise ValueError(f"there is no standard event '{name}'; {nearest(name, events)} Or give it under detectors.")
    return ({name: events[name]} if name in events else {}) | dict(extra)


def brackets_of(data: xarray.Dataset, event: Event) -> dict[int, Bracket]:
    """The interval of an event in every run."""
    return {run: bracket_in(data, run, event) for run in range(data.sizes["run"])}


def censored_at(data: xarray.Dataset, run: int, event: Event) -> float:
    """The last step at which an event was looked for: what has not happened by then may happen later. A diverged run never gets there.

    Runs of other codes may record one series more often, or for longer, than another.
    """
    if diverged(data, run):
        return NEVER
    read = [data[name].values[run] for name in event.series if name in data and np.isfinite(data[name].values[run]).any()]
    if len(read) < len(event.series):  # never recorded: as far as the run itself goes
        read = [data["train_loss"].values[run]] if "train_loss" in data else [np.full(data.sizes["step"], np.nan)]
    recorded = np.isfinite(np.stack(read)).all(axis=0)
    return float(data["step"].values[recorded].max()) if recorded.any() else 0.0


def diverged(data: xarray.Dataset, run: int) -> bool:
    """Whether a run's loss stopped being finite."""
    return str(data["status"].values[run]).startswith("diverged")


def baseline_of(data: xarray.Dataset, run: int) -> float:
    """Accuracy of the best predictor that sees at most one operand."""
    return float(data["baseline"].values[run])


def labels_of(data: xarray.Dataset) -> list[str]:
    """A run's seed, with its data_seed where that differs."""
    pairs = zip(data["seed"].values, data["data_seed"].values, strict=True)
    return [str(seed) if seed == data_seed else f"{seed}/{data_seed}" for seed, data_seed in pairs]


def chosen(arms: Mapping[str, xarray.Dataset], arm: str, where: Mapping[str, Any], along: str = "") -> xarray.Dataset:
    """The runs of an arm at the swept values a statistic names; `along` may stay open.

    Raises:
        InputError: a name that was not swept, or swept values left open.
        NoRuns: none has these values.
    """
    data = arms[arm]
    swept = data.attrs.get("swept", [])
    if along and along not in swept:
        raise InputError(f"arm '{arm}' does not sweep '{along}'; {nearest(along, swept)}")
    if open_ends := [name for name in swept if name not in where and name != along]:
        raise InputError(f"arm '{arm}' sweeps {', '.join(open_ends)}: a claim about it must say where (one value of each).")
    keep = np.ones(data.sizes["run"], bool)
    for name, value in where.items():
        if name not in swept:
            raise InputError(f"arm '{arm}' does not sweep '{name}'; {nearest(name, swept)}")
        keep &= data[name].values == value
    if not keep.any():
        raise NoRuns(f"arm '{arm}' has no run where {', '.join(f'{name} = {value}' for name, value in where.items())}")
    return data.isel(run=np.flatnonzero(keep))


def failed(data: xarray.Dataset) -> tuple[str, ...]:
    """Labels of the runs that diverged."""
    labels = labels_of(data)
    return tuple(labels[run] for run in range(data.sizes["run"]) if diverged(data, run))
