"""What every statistic works with: estimates, the runs of an arm that a statistic reads, and what is known of an event in each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from epicycle.claims.intervals import Interval, median_interval
from epicycle.claims.units import Grouping, Units, units_of
from epicycle.events.standard import bracket_in, named, standard, unconfirmed_in
from epicycle.spec.errors import InputError, NoRuns, nearest
from epicycle.spec.families import Event
from epicycle.spec.results import Status, labels_of, statuses, swept_names

if TYPE_CHECKING:
    import xarray

NEVER = float("inf")


@dataclass(frozen=True)
class Estimate:
    """The result of one statistic under one detector.

    Attributes:
        interval: the estimate with its interval.
        n: number of distinct runs that the estimate rests on.
        detector: name of the detector of the event; empty where the statistic has no choice of detectors.
        censored: labels of the runs whose value is open because an event was not seen; they count as the latest, and are not dropped.
        failed: labels of the runs that diverged.
        values: the value in each run, by label; None where it is open.
        among: number of runs that `censored` is out of, where that is not `n`: two arms are compared and `n` is the smaller of them.
        units: number of independent units among these runs, where it is smaller than `n`; see `claims/units.py`.
        sharing: what the runs share, in words, such as `on one split`; empty where they share nothing.
        noun: what a unit is, in the plural.
        unconfirmed: labels of those censored runs that end while the event holds, so that it neither happened nor did not.
    """

    interval: Interval
    n: int
    detector: str = ""
    censored: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    values: dict[str, float | None] = field(default_factory=dict)
    among: int | None = None
    units: int | None = None
    sharing: str = ""
    noun: str = "runs"
    unconfirmed: tuple[str, ...] = ()

    @property
    def independent(self) -> int:
        """The number of independent units."""
        return self.n if self.units is None else self.units

    def counted(self) -> str:
        """The runs in words, such as `n = 24 on 8 splits`."""
        return f"n = {self.n}{' ' * bool(self.sharing)}{self.sharing}"

    def among_units(self, units: Units) -> Estimate:
        """The same estimate, with what its runs share."""
        return replace(self, units=units.n_units, sharing=units.sharing, noun=units.noun)


class PerRun(NamedTuple):
    """A quantity of every run under one detector, as a lower and an upper bound.

    The bounds are equal where the record gives the quantity exactly. They are infinite on a side that the record leaves open: a
    time that is censored has the upper bound infinity.

    Attributes:
        detector: name of the detector; empty where the quantity has no choice of detectors.
        lows: position of the run along the axis `run` -> lower bound.
        highs: position of the run along the axis `run` -> upper bound.
    """

    detector: str
    lows: dict[int, float]
    highs: dict[int, float]

    def of(self, runs: Sequence[int]) -> PerRun:
        """The same quantity in some of the runs."""
        return PerRun(self.detector, {run: self.lows[run] for run in runs}, {run: self.highs[run] for run in runs})


def median_estimate(data: xarray.Dataset, bounds: PerRun) -> Estimate:
    """The median over runs with its any-time interval; where runs share splits or seeds, the median over their medians."""
    labels, runs = labels_of(data), list(bounds.lows)
    units = units_of(data, runs)
    interval = units.interval(lambda grouping: median_interval(*unit_medians(bounds, grouping)))
    censored, values = open_runs(labels, bounds), upper_values(labels, bounds)
    return Estimate(interval, len(runs), bounds.detector, censored, diverged_runs(data), values).among_units(units)


def unit_medians(bounds: PerRun, grouping: Grouping) -> tuple[list[float], list[float]]:
    """Bounds of the median of each unit.

    Args:
        bounds: the quantity of every run.
        grouping: for each of these runs, in the same order, the number of its unit.
    """
    lows, highs = (np.array(list(ends.values()), float) for ends in (bounds.lows, bounds.highs))
    if grouping.max(initial=-1) + 1 == len(lows):  # each unit is one run
        order = np.argsort(grouping)
        return lows[order].tolist(), highs[order].tolist()
    members = [grouping == unit for unit in range(int(grouping.max(initial=-1)) + 1)]
    return [_middle(lows[runs])[0] for runs in members], [_middle(highs[runs])[1] for runs in members]


def _middle(values: Any) -> tuple[float, float]:
    """The median twice; where it would lie between a number and infinity, the two middle values."""
    ordered = np.sort(values)
    low, high = float(ordered[(len(ordered) - 1) // 2]), float(ordered[len(ordered) // 2])
    return ((low + high) / 2,) * 2 if np.isfinite([low, high]).all() else (low, high)


def open_runs(labels: list[str], bounds: PerRun) -> tuple[str, ...]:
    """Labels of the runs whose quantity has no bound on at least one side."""
    return tuple(labels[run] for run in bounds.lows if not np.isfinite(bounds.highs[run]) or not np.isfinite(bounds.lows[run]))


def upper_values(labels: list[str], bounds: PerRun) -> dict[str, float | None]:
    """The upper bound in each run by its label; None where the quantity has no upper bound."""
    return {labels[run]: (high if np.isfinite(high) else None) for run, high in bounds.highs.items()}


def diverged_runs(data: xarray.Dataset) -> tuple[str, ...]:
    """Labels of the runs that diverged."""
    return tuple(label for label, status in zip(labels_of(data), statuses(data), strict=True) if status.diverged)


def diverged(data: xarray.Dataset, run: int) -> bool:
    """Whether a run's loss stopped being finite."""
    return Status.parse(str(data["status"].values[run])).diverged


def baseline_of(data: xarray.Dataset, run: int) -> float:
    """Accuracy of the best predictor that sees at most one operand."""
    return float(data["baseline"].values[run])


def detectors_of(name: str, extra: Mapping[str, Event]) -> dict[str, Event]:
    """The detectors of an event: the standard one under the event's own name, then those that a claim registers beside it.

    Raises:
        ValueError: the event is not standard, and no detector is registered for it.
    """
    events = named()
    if name not in events and not extra:
        raise ValueError(f"there is no standard event '{name}'; {nearest(name, standard())} Or give it under detectors.")
    return ({name: events[name]} if name in events else {}) | dict(extra)


class Known(NamedTuple):
    """Between which steps an event lies in a run.

    Attributes:
        low: the event is later than this step.
        high: the event is not later than this step; infinity where it was not seen, or not confirmed.
        unconfirmed: whether it holds at the end of the record without being confirmed there: it lies at `high` infinity, or between
            the two evaluations of which `low` is the first.
    """

    low: float
    high: float
    unconfirmed: bool = False

    @property
    def seen(self) -> bool:
        """Whether the event was seen and confirmed."""
        return self.high < NEVER


def known_steps(data: xarray.Dataset, event: Event) -> dict[int, Known]:
    """What is known of the step of an event in every run, by position along the axis `run`.

    An event that was not seen lies past the record. One that holds at the end of the record and cannot be confirmed there is open: it
    may lie where it began to hold, or past the record. In a diverged run, what was not confirmed never happens.
    """
    return {run: _known(data, run, event) for run in range(data.sizes["run"])}


def _known(data: xarray.Dataset, run: int, event: Event) -> Known:
    if bracket := bracket_in(data, run, event):
        return Known(*bracket)
    unconfirmed = None if diverged(data, run) else unconfirmed_in(data, run, event)
    return Known(unconfirmed[0], NEVER, True) if unconfirmed else Known(censored_at(data, run, event), NEVER)


def censored_at(data: xarray.Dataset, run: int, event: Event) -> float:
    """The last step at which an event was looked for in a run; infinity in a diverged run, which never gets there.

    An event that was not seen by this step may happen later. Runs of other programs may record one series more often, or for longer,
    than another, so only evaluations with every series that the event reads count. Where such a series was never recorded, the
    record of the training loss counts.
    """
    if diverged(data, run):
        return NEVER
    read = [data[name].values[run] for name in event.series if name in data and np.isfinite(data[name].values[run]).any()]
    if len(read) < len(event.series):
        read = [data["train_loss"].values[run]] if "train_loss" in data else [np.full(data.sizes["step"], np.nan)]
    recorded = np.isfinite(np.stack(read)).all(axis=0)
    return float(data["step"].values[recorded].max()) if recorded.any() else 0.0


def arm_phrase(arm: str, where: Mapping[str, Any]) -> str:
    """The arm and the swept values in words, such as `arm a at lr = 0.1`."""
    return f"arm {arm}" + (f" at {', '.join(f'{name} = {value}' for name, value in where.items())}" if where else "")


def chosen_runs(arms: Mapping[str, xarray.Dataset], arm: str, where: Mapping[str, Any], along: str = "") -> xarray.Dataset:
    """The runs of an arm that a statistic reads: those at the swept values it names.

    Args:
        arms: the dataset of each arm.
        arm: name of the arm.
        where: swept name -> value; every swept name but `along` must be there.
        along: a swept name along which the statistic is computed, so that all its values are kept.

    Raises:
        InputError: the arm does not sweep one of these names, or a swept name is left open.
        NoRuns: no run has these values.
    """
    data = arms[arm]
    swept = swept_names(data)
    for name in [along, *where] if along else where:
        if name not in swept:
            raise InputError(f"arm '{arm}' does not sweep '{name}'; {nearest(name, swept)}")
    if left_open := [name for name in swept if name not in where and name != along]:
        raise InputError(f"arm '{arm}' sweeps {', '.join(left_open)}: a claim about it must say where (one value of each).")
    keep = ~_copies(data)
    for name, value in where.items():
        keep &= data[name].values == value
    if not keep.any():
        values = "; ".join(f"{name} is {', '.join(map(str, _distinct(data, name)))}" for name in where)
        raise NoRuns(
            f"arm '{arm}' has no run where {', '.join(f'{name} = {value}' for name, value in where.items())}; there, {values}"
        )
    return data if keep.all() else data.isel(run=np.flatnonzero(keep))


def _distinct(data: xarray.Dataset, name: str) -> list[Any]:
    """The values of a swept name, each once, and at most twenty of them."""
    return list(dict.fromkeys(data[name].values.tolist()))[:20]


def _copies(data: xarray.Dataset) -> Any:
    """For each run of a dataset, whether it is the copy of an earlier one: a run has one id, however often a list names it."""
    columns = ("run", "seed", "data_seed", *swept_names(data))
    names = list(zip(*(data[name].values.tolist() for name in columns), strict=True))
    seen = {name: i for i, name in reversed(list(enumerate(names)))}
    return np.array([seen[name] != i for i, name in enumerate(names)], bool)
