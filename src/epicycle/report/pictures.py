"""What a picture is made of: panels with heat maps, dots or lines, at each position of a slider. Two modules draw it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.events.moments import checked_moment, span_of
from epicycle.events.standard import event_steps
from epicycle.spec.errors import InputError
from epicycle.spec.figure import MEASURES_OF_FORM, Figure
from epicycle.spec.results import labels_of


class Heat(NamedTuple):
    """Cells of colour.

    Attributes:
        x: the middle of each column; all are as wide as each other.
        values: of each cell; NaN is not drawn.
        span: the values with the first and the last colour.
    """

    x: Float[ndarray, " column"]
    values: Float[ndarray, "row column"]
    span: tuple[float, float]


class Dots(NamedTuple):
    """Dots with names, joined by a thin line in their order, which ends where it began."""

    x: Float[ndarray, " point"]
    y: Float[ndarray, " point"]
    names: list[str]


class Line(NamedTuple):
    """A line.

    Attributes:
        base: the height down to which the space below is filled; None for a line alone.
    """

    x: Float[ndarray, " point"]
    y: Float[ndarray, " point"]
    colour: str
    name: str
    base: float | None = None


class Axis(NamedTuple):
    """An axis of a panel.

    Attributes:
        ticks: place -> text; None leaves the axis without numbers.
    """

    title: str
    span: tuple[float, float]
    ticks: Mapping[float, str] | None


class Mark(NamedTuple):
    """A line across a panel at one place of its x axis."""

    x: float
    colour: str
    name: str


class Stop(NamedTuple):
    """A point of a way that has a name."""

    x: float
    y: float
    colour: str
    name: str


class Way(NamedTuple):
    """A line over a heat map, with stops, in the coordinates of the panel: heights are numbers of rows."""

    x: Float[ndarray, " point"]
    y: Float[ndarray, " point"]
    stops: tuple[Stop, ...]


@dataclass(frozen=True)
class Panel:
    """One plot of a picture."""

    title: str
    content: Heat | Dots | tuple[Line, ...]
    x: Axis
    y: Axis
    marks: tuple[Mark, ...] = ()
    way: Way | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is drawn, as at a moment that does not come."""
        content = self.content
        if isinstance(content, Heat):
            return bool(np.isnan(content.values).all())
        return bool(np.isnan(content.x).all()) if isinstance(content, Dots) else not content


class View(NamedTuple):
    """What one position of the slider shows; every view has as many panels."""

    name: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes:
        views: one for each position of the slider.
        caption: what is drawn, in sentences.
        slider: what the slider moves through: `moment` or `runs`.
        first: the position at which the slider begins.
        across: the largest number of panels side by side.
        square: whether panels are squares.
        colours: what the colours of a heat map are: `answers`, or numbers, which `colour_title` names.
        colour_title: the name of these numbers.
    """

    views: tuple[View, ...]
    caption: str
    slider: str = "moment"
    first: int = 0
    across: int = 1
    square: bool = False
    colours: str = "numbers"
    colour_title: str = ""


def series_in(figure: Figure, data: xarray.Dataset, arm: str) -> xarray.DataArray:
    """The series that a picture shows, in one arm.

    Raises:
        InputError: it was not recorded, or has other axes than the picture needs.
    """
    name = figure.series[0]
    if name not in data:
        raise InputError(
            f"figure '{figure.title}' shows series '{name}', which was not recorded of arm '{arm}'; a measure such as "
            f"{MEASURES_OF_FORM[figure.form]} records one (epicycle measure STUDY --measures ...)."
        )
    if flaw := figure.axes_flaw(tuple(map(str, data[name].dims[2:]))):
        raise InputError(f"figure '{figure.title}': {flaw}.")
    return data[name]


def moment_position(data: xarray.Dataset, figure: Figure, run: int, moment: str) -> int | None:
    """The record at which a moment has come in one run, as a position along `step`; None where it has not come.

    Raises:
        InputError: there is no such moment.
    """
    try:
        checked_moment(moment)
    except ValueError as error:
        raise InputError(f"figure '{figure.title}': {error}.") from None
    series = figure.series[0]
    values = data[series]
    axes = values.dims[2:]
    one_number = values.isel(run=[run]).notnull().any(axes) if axes else values.isel(run=[run]).notnull()
    only = data.isel(run=[run]).assign({series: one_number.where(one_number)})
    span = span_of(only, 0, moment, series)
    return span[1] if span else None


def middle_run(data: xarray.Dataset) -> int:
    """The run with the middle time of t_gen among those that reached it; the first run where none did."""
    times = event_steps(data, ["t_gen"])["t_gen"]
    reached = sorted((step, run) for run, step in enumerate(times) if step is not None)
    return reached[(len(reached) - 1) // 2][1] if reached else 0


def run_text(data: xarray.Dataset, run: int) -> str:
    """`seed 3`."""
    return f"seed {labels_of(data)[run]}"


def median_of_runs(values: Float[ndarray, "run ..."]) -> Float[ndarray, "..."]:
    """The median over runs; NaN where no run has a value."""
    median = np.full(values.shape[1:], np.nan)
    known = np.isfinite(values).any(axis=0)
    median[known] = np.nanmedian(values[:, known], axis=0)
    return median


def carried(values: Float[ndarray, "run step ..."]) -> Float[ndarray, "run step ..."]:
    """The values with each run's last record in place of what was not recorded after it."""
    known = np.isfinite(values).reshape(*values.shape[:2], -1).any(axis=2)
    last: Int[ndarray, "run step"] = np.maximum.accumulate(np.where(known, np.arange(values.shape[1]), 0), axis=1)
    return values[np.arange(len(values))[:, None], last]
