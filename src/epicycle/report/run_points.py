"""What figures of points show: a number of each run, in a column for each arm or for each value of a swept number.

Beside the points of a column stands a bar: their median, with its interval over runs. A run whose number is known from one side only
is an open triangle, which points to the side on which the number may lie. A run of which nothing is known is not drawn; the caption
names it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple

import numpy as np
import xarray
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.claims.estimates import NEVER, PerRun, median_estimate
from epicycle.claims.intervals import Interval, order_statistic_rank
from epicycle.claims.remaining_time import RemainingTime
from epicycle.report.ancestry import control_of
from epicycle.report.run_groups import group_text, runs_by_point, shown_arms, value_text
from epicycle.report.style import OTHERS, event_colour, series_styles
from epicycle.spec.results import ancestry_of, labels_of, swept_names
from epicycle.spec.study import Figure

SPREAD = 0.24  # distance between the quantities of one column, in columns
ASIDE = (0.2, 0.09)  # distance from the points to the bar of their median, with one quantity and with several; also the bar's width
LOGARITHM = "ln of "  # what the titles of quantities that are logarithms begin with
GAP = 0.7  # empty space between the columns of two groups, in columns
# The largest log remaining time of a figure is above -> which numbers of times, in each decade, have a tick.
TICKS = ((np.log(200), (1,)), (np.log(3), (1, 2, 5)), (0.0, (1, 1.2, 1.5, 2, 3, 5)))


class Column(NamedTuple):
    """Runs whose points stand above one another.

    Attributes:
        arm: the arm of the runs.
        label: the value of the swept number, or the name of the arm.
        group: what the neighbouring columns share: the arm, and its values of the other swept names.
        position: where the column stands; neighbours are 1 apart.
        runs: positions of the runs in the arm.
        dose: the swept number; None where the column has none above 0.
    """

    arm: str
    label: str
    group: str
    position: float
    runs: list[int]
    dose: float | None = None


@dataclass(frozen=True)
class PointSet:
    """One quantity in all columns of a figure.

    Attributes:
        title: the quantity's name in print.
        shift: distance from the middle of a column to its points.
        aside: distance from the points to the bar of their median.
        x: where each point stands.
        value: the quantity; where it is known from one side only, the bound.
        side: 0 known, 1 the value may lie above, -1 below.
        labels: arm and seed of each point.
        intervals: for each column the median with its interval.
        units: for each column the number of independent units that the interval rests on.
        open: for each column the labels of the runs known from one side only.
        unknown: for each column the labels of the runs that are not drawn, because nothing is known of them.
        never: for each column the labels of the runs that are not drawn, because they diverged and so never reach the event.
    """

    title: str
    colour: str
    shift: float
    aside: float
    x: Float[ndarray, " run"]
    value: Float[ndarray, " run"]
    side: Int[ndarray, " run"]
    labels: list[str]
    intervals: list[Interval]
    units: list[int]
    open: list[list[str]]
    unknown: list[list[str]]
    never: list[list[str]]


class Bar(NamedTuple):
    """The median of a column, with its interval.

    Attributes:
        x: where the bar stands.
        half_width: half the width of the stroke at the median.
        median: NaN where the median is not known.
        ends: both ends of the interval, cut to the axis; empty where there are too few runs.
    """

    x: float
    half_width: float
    median: float
    ends: list[float]


@dataclass(frozen=True)
class PointPlot:
    """A figure of points, ready to be drawn.

    Attributes:
        quantities: one set of points for each quantity.
        span: ends of the value axis.
        log: whether the value axis is logarithmic.
        compares: whether values are log remaining times. The axis is then written in times of the control's speed, with faster forks
            above, and the control's own speed is worth a line.
        proportional: whether a line shows where forks lie that are as many times faster as their dose is large.
        dose: title of the axis of columns.
        unit: title of the value axis.
        swept: names of the arms that sweep the number along the axis.
    """

    columns: list[Column]
    quantities: list[PointSet]
    span: tuple[float, float]
    log: bool
    compares: bool
    proportional: bool
    dose: str
    unit: str
    swept: frozenset[str]

    def bars(self, points: PointSet) -> Iterator[Bar]:
        """The bar of each column. An interval without an end runs off the axis; small columns have no interval."""
        for column, interval, units in zip(self.columns, points.intervals, points.units, strict=True):
            value, low, high = interval.value, interval.low, interval.high
            bounded = np.isfinite(low) or np.isfinite(high) or (np.isfinite(value) and order_statistic_rank(units))
            ends = list(np.clip([low, high], *self.span)) if bounded else []
            yield Bar(column.position + points.shift + points.aside, points.aside / 2, value, ends)

    def median_lines(self, points: PointSet) -> Iterator[list[tuple[float, float]]]:
        """For each group along a swept number, its known medians (position and value), to be joined by a line."""
        for group in dict.fromkeys(column.group for column in self.columns):
            pairs = [(c, i) for c, i in zip(self.columns, points.intervals, strict=True) if c.group == group]
            if pairs[0][0].arm in self.swept:
                yield [(c.position + points.shift + points.aside, i.value) for c, i in pairs if np.isfinite(i.value)]

    def proportional_lines(self) -> Iterator[list[tuple[float, float]]]:
        """For each group the positions and the values of forks that are as many times faster as their dose is large."""
        if self.proportional:
            for group in dict.fromkeys(column.group for column in self.columns):
                doses = [(column.position, column.dose) for column in self.columns if column.group == group]
                yield [(position, -float(np.log(dose))) for position, dose in doses if dose]

    def ends(self) -> tuple[float, float]:
        """Ends of the axis of columns: every point and every bar has its place between them."""
        aside = max(0.6, *(abs(points.shift) + 1.5 * points.aside + 0.05 for points in self.quantities))
        return self.columns[0].position - aside, self.columns[-1].position + aside

    def speed_ticks(self) -> dict[float, str]:
        """Ticks of an axis of log remaining times: their places, and how many times as fast as its control a fork is there."""
        largest = max(abs(end) for end in self.span)
        steps = next(steps for reach, steps in TICKS if largest > reach)
        speeds = {step * 10.0**decade for decade in range(4) for step in steps}
        both = {-float(np.log(speed)): f"{speed:g}" for speed in speeds} | {float(np.log(speed)): f"1/{speed:g}" for speed in speeds}
        ticks = {height: text for height, text in both.items() if self.span[0] <= height <= self.span[1]}
        return {**ticks, 0.0: "1"}

    def number(self, value: float) -> str:
        """A value as the axis has it."""
        return f"{np.exp(-value):,.3g}" if self.compares else f"{value:,.4g}"

    def side_up(self, side: int) -> int:
        """Whether the values that a side stands for lie above (1) or below (-1) in the picture."""
        return -side if self.compares else side

    def group_names(self) -> Iterator[tuple[float, list[str]]]:
        """The middle of each group and the lines of its name; none where there is only one group.

        A name is broken where its columns take a small part of the width, which holds about 120 characters.
        """
        positions: dict[str, list[float]] = {}
        for column in self.columns:
            positions.setdefault(column.group, []).append(column.position)
        for group, own in positions.items() if len(positions) > 1 else ():
            part = (len(own) - 1 + GAP) / (self.columns[-1].position + GAP)
            text = group if len(group) <= 120 * part else group.replace(", ", "\n").replace("_", "\n")
            yield (own[0] + own[-1]) / 2, text.split("\n")

    def column_texts(self) -> list[str]:
        """Each column in words, with its group where there are several."""
        if len({column.group for column in self.columns}) == 1:
            return [column.label for column in self.columns]
        return [f"({column.group}, {column.label})" if column.label else column.group for column in self.columns]


def point_plot(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> PointPlot:
    """Work out what a figure of points shows."""
    columns = list(_columns(figure, arms))
    sets = [_point_set(quantity, i, figure, columns, arms) for i, quantity in enumerate(figure.quantities)]
    shown = {name: arms[name] for name in shown_arms(figure.arms, arms)}
    log = _in_logarithms(figure) or all(quantity.kind in ("event_time", "event_ratio") for quantity in figure.quantities)
    compares = all(isinstance(quantity, RemainingTime) for quantity in figure.quantities)
    return PointPlot(
        columns,
        sets,
        _span(sets, log, compares),
        log,
        compares,
        figure.proportional,
        _dose(figure.along, shown),
        _unit(figure.quantities),
        frozenset(name for name, data in shown.items() if figure.along in swept_names(data)),
    )


def in_proportion(dose: str) -> str:
    """The legend of a line of `PointPlot.proportional_lines`."""
    return f"in proportion to the {dose}"


def _columns(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Iterator[Column]:
    position = 0.0
    for name in shown_arms(figure.arms, arms):
        data = arms[name]
        swept = [swept_name for swept_name in swept_names(data) if swept_name != figure.along]
        for point, runs in runs_by_point(data, swept).items():
            group = group_text(name, swept, point)
            if not figure.along:
                yield Column(name, group, "", position, runs)
                position += 1
                continue
            members = _runs_along(data, figure.along, runs)
            for value, matching in members.items():
                yield Column(name, value_text(value), group, position, matching, _dose_of(value))
                position += 1
            position += max(GAP, 2.2 - len(members))  # the name of a group needs the width of two columns


def _runs_along(data: xarray.Dataset, along: str, runs: Sequence[int]) -> dict[Any, list[int]]:
    """The runs at each value of a coordinate, in the order of the values; an arm without the coordinate has the one value ''."""
    values = data[along].values.tolist() if along in data.coords else [""] * data.sizes["run"]
    return {value: [run for run in runs if values[run] == value] for value in sorted({values[run] for run in runs})}


def _dose_of(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None


class _Bounds(NamedTuple):
    """Between which bounds a quantity lies in one run."""

    label: str
    low: float
    high: float

    @property
    def side(self) -> int | None:
        """0 where both bounds are finite, 1 where only the lower one is, -1 where only the upper one is, None where neither is."""
        if np.isfinite(self.low):
            return 0 if np.isfinite(self.high) else 1
        return -1 if np.isfinite(self.high) else None

    @property
    def value(self) -> float:
        """The value that is drawn: the upper bound, or the lower one where there is no upper bound."""
        return self.low if self.side == 1 else self.high


def _point_set(quantity: Any, order: int, figure: Figure, columns: Sequence[Column], arms: Mapping[str, xarray.Dataset]) -> PointSet:
    """A quantity in all columns; `order` is its position among the figure's quantities."""
    shift = (order - (len(figure.quantities) - 1) / 2) * SPREAD
    values = {name: _per_run(quantity, name, arms) for name in dict.fromkeys(column.arm for column in columns)}
    bounds = [_bounds(column, values[column.arm], labels_of(arms[column.arm])) for column in columns]
    drawn = [(column, run) for column, runs in zip(columns, bounds, strict=True) for run in runs if run.side is not None]
    hidden = [[run for run in runs if run.side is None] for runs in bounds]
    medians = [median_estimate(arms[column.arm], values[column.arm].of(column.runs)) for column in columns]
    return PointSet(
        _title(quantity, figure),
        _colour(quantity, order, figure),
        shift,
        ASIDE[len(figure.quantities) > 1],
        x=np.array([column.position + shift for column, _ in drawn], float),
        value=_drawn([run.value for _, run in drawn], figure),
        side=np.array([run.side for _, run in drawn], int),
        labels=[f"{column.arm}, seed {run.label}" for column, run in drawn],
        intervals=[Interval(*_drawn(astuple(median.interval), figure)) for median in medians],
        units=[median.independent for median in medians],
        open=[[run.label for run in runs if run.side] for runs in bounds],
        unknown=[[run.label for run in runs if run.low != NEVER] for runs in hidden],
        never=[[run.label for run in runs if run.low == NEVER] for runs in hidden],
    )


def _in_logarithms(figure: Figure) -> bool:
    """Whether all quantities of a figure are natural logarithms, so that an axis can be logarithmic instead."""
    return all(getattr(quantity, "log", False) for quantity in figure.quantities)


def _title(quantity: Any, figure: Figure) -> str:
    if isinstance(quantity, RemainingTime):
        return f"speed to {quantity.event}"
    return quantity.title().removeprefix(LOGARITHM if _in_logarithms(figure) else "")


def _drawn(values: Sequence[float], figure: Figure) -> Float[ndarray, "..."]:
    """Values as the axis has them: out of the logarithm where the axis is logarithmic instead."""
    return np.exp(np.array(values, float)) if _in_logarithms(figure) else np.array(values, float)


def _bounds(column: Column, values: PerRun, labels: Sequence[str]) -> list[_Bounds]:
    return [_Bounds(labels[run], values.lows[run], values.highs[run]) for run in column.runs]


def _per_run(quantity: Any, name: str, arms: Mapping[str, xarray.Dataset]) -> PerRun:
    """The quantity in every run of an arm; for forks, against the control that the quantity names, or else their parent arm."""
    of_arm = quantity.model_copy(update={"arm": name, "where": {}})
    if isinstance(quantity, RemainingTime):
        return of_arm.per_run(arms[name], arms[control_of(name, quantity.against, arms)])[0]
    return of_arm.per_run(arms[name])[0]


def _colour(quantity: Any, order: int, figure: Figure) -> str:
    """The colour of the quantity's series or event; one of its own where several quantities of the figure read that series."""
    series = getattr(quantity, "series", "")
    if series and sum(getattr(other, "series", "") == series for other in figure.quantities) > 1:
        return OTHERS[order % len(OTHERS)]
    if not series:
        return event_colour(getattr(quantity, "event", ""))
    every = [getattr(other, "series", "") for other in figure.quantities]
    return series_styles([name for name in every if name])[series].colour


def _span(sets: Sequence[PointSet], log: bool, compares: bool) -> tuple[float, float]:
    """Ends of the value axis: all points and interval ends with a margin, and 0 where values are compared with a control."""
    ends = [end for points in sets for interval in points.intervals for end in (interval.low, interval.high)]
    shown = np.array([*ends, *(value for points in sets for value in points.value), *([0.0] if compares else [])])
    shown = shown[np.isfinite(shown)]
    if log:
        shown = shown[shown > 0]
        low, high = (shown.min(), shown.max()) if len(shown) else (1.0, 10.0)
        return low / (high / low) ** 0.08 / 1.1, high * (high / low) ** 0.08 * 1.1
    low, high = (shown.min(), shown.max()) if len(shown) else (0.0, 1.0)
    margin = 0.08 * (high - low) or 0.5
    return low - margin, high + margin


def _dose(along: str, shown: Mapping[str, xarray.Dataset]) -> str:
    """What the columns are values of; where forks change a knob, the knob's name."""
    names = []
    for data in shown.values():
        if along in swept_names(data):
            ancestry = ancestry_of(data)
            names.append(ancestry.doses.get(along, along) if ancestry else along)
    return " or ".join(dict.fromkeys(names)) or along


def _unit(quantities: Sequence[Any]) -> str:
    if all(isinstance(quantity, RemainingTime) for quantity in quantities):
        return "times as fast as the control"
    if all(quantity.kind == "event_time" for quantity in quantities):
        return "step"
    return "accuracy" if all("acc" in getattr(quantity, "series", "") for quantity in quantities) else ""
