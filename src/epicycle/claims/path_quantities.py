"""Quantities of the path through weight space: how far, how straight, how much like a random walk, and whether towards the end.

They read a series that says where a network is at each look, such as `weight_sketch` (`epicycle.measures.path_sketch`). A move is the
way from one look to the next. So looks that are a share of the elapsed steps apart smooth the moves, and lengths are lower bounds.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.claims.estimates import NEVER, PerRun
from epicycle.claims.series_quantities import Between
from epicycle.events.moments import Moment, events_in, span_of
from epicycle.spec.families import Event
from epicycle.spec.plain_units import PlainUnits

if TYPE_CHECKING:
    import xarray

SKETCH = "weight_sketch"  # the series of all weights
# Where a network is at each look.
Places = Float[ndarray, "step sketch"]


class OfPath(Between):
    """What the quantities of a path share: the path between two moments, over the looks that surely lie between them.

    Attributes:
        series: name of the series that says where the network is.
    """

    series: str = SKETCH

    def series_read(self) -> tuple[str, ...]:
        """A hook for subclasses: the series."""
        return (self.series,)

    def reads_with_axes(self) -> tuple[str, ...]:
        """All of its own series."""
        return self.series_read()

    def title(self) -> str:
        """The quantity and the two moments; and the series, if it is another one than that of all weights."""
        series = "" if self.series == SKETCH else f" in {self.series}"
        return f"{self.what()}{series} from {self.since} to {self.until}"

    @abstractmethod
    def what(self) -> str:
        """The name of the quantity."""

    @abstractmethod
    def value(self, places: Places, steps: Int[ndarray, " step"], data: xarray.Dataset, run: int) -> float:
        """The quantity of one run; NaN where it cannot be known.

        Args:
            places: where the network is at each look between the moments.
            steps: the step of each look.
            data: the dataset of the run's arm.
            run: position along the axis `run`.
        """

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The quantity; open where a moment has not come, the run diverged, or fewer than three looks lie between the moments."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            between = self.evaluations(data, run)
            places, steps = _recorded(data, run, self.series, between)
            value = self.value(places, steps, data, run) if len(steps) > 2 else float("nan")
            lows[run], highs[run] = (value, value) if np.isfinite(value) else (-NEVER, NEVER)
        return [PerRun("", lows, highs)]


class PathLength(OfPath):
    """How far does a network move between two moments?

    Attributes:
        direct: whether the distance between the two ends is taken, instead of the sum of all moves.
        per_decade: whether the length is divided by the number of factors of ten between the first and the last step.
        log: whether the natural logarithm is taken.
    """

    kind: ClassVar[str] = "path_length"

    direct: bool = False
    per_decade: bool = False
    log: bool = False

    def what(self) -> str:
        """The distance or the length, and its unit."""
        length = "distance" if self.direct else "path length"
        whole = f"{length} per decade of steps" if self.per_decade else length
        return f"ln of the {whole}" if self.log else whole

    def subject(self) -> str:
        """The quantity without the logarithm."""
        return f"the {self.title().removeprefix('ln of the ')}"

    def plain_units(self) -> PlainUnits:
        """Units of the weights, whether their logarithm is judged or not."""
        return PlainUnits(base=np.e if self.log else None, sides=("longer", "shorter"))

    def value(self, places: Places, steps: Int[ndarray, " step"], data: xarray.Dataset, run: int) -> float:
        """In units of the weights."""
        del data, run
        length = _length(places[-1] - places[0]) if self.direct else float(_lengths(np.diff(places, axis=0)).sum())
        length /= np.log10(steps[-1] / max(steps[0], 1)) if self.per_decade else 1
        return float(np.log(length)) if self.log else length


class Straightness(OfPath):
    """How straight is the path? The distance between its ends over its length.

    1 on a straight line, about 1 / sqrt(n) after n equal moves in random directions, 0 back at the start.
    """

    kind: ClassVar[str] = "straightness"

    def what(self) -> str:
        """Its name."""
        return "straightness"

    def value(self, places: Places, steps: Int[ndarray, " step"], data: xarray.Dataset, run: int) -> float:
        """From 0 to 1."""
        del steps, data, run
        return _length(places[-1] - places[0]) / float(_lengths(np.diff(places, axis=0)).sum())


class DiffusionExponent(OfPath):
    """Is the path a random walk? The exponent with which the squared distance from the first moment grows with the steps since.

    1 for a random walk, 2 for a straight line at an even speed. A network that slows down has a smaller exponent on any path, so
    `Straightness` and `MoveCosine` tell a slow walk from a random one. The exponent is the slope of a straight line fitted to the
    logarithms by least squares.
    """

    kind: ClassVar[str] = "diffusion_exponent"

    def what(self) -> str:
        """Its name."""
        return "exponent of the squared displacement"

    def value(self, places: Places, steps: Int[ndarray, " step"], data: xarray.Dataset, run: int) -> float:
        """The slope."""
        del data, run
        squares = np.square(places[1:] - places[0]).sum(axis=1)
        moved = squares > 0
        if moved.sum() < 2:
            return float("nan")
        return float(np.polyfit(np.log((steps[1:] - steps[0])[moved]), np.log(squares[moved]), 1)[0])


class MoveCosine(OfPath):
    """Do the moves of a network keep a direction? The mean cosine of a move with another direction, from -1 to 1.

    Directions that have nothing to do with each other have cosine 0, up to 1 / sqrt(number of weights), or 1 / sqrt(size) in a sketch.

    Attributes:
        beside: `next`: the move that follows. `ahead`: the way from the end of the move to the place at the moment `to`. This
            way does not contain the move, so in a random walk the mean is 0.
        to: the moment to which the way ahead leads.
        moves: the series of a part of the next update, which is taken instead of the move before each look.
        turning: whether only the turning of the weights counts: the part of both directions that lies along the weights, and makes all
            of them larger or smaller, is taken off.
    """

    kind: ClassVar[str] = "move_cosine"

    beside: Literal["next", "ahead"] = "ahead"
    to: Moment = "end"
    moves: str | None = None
    turning: bool = False

    def events_read(self) -> tuple[Event, ...]:
        """The events of the three moments."""
        return (*events_in(self.since), *events_in(self.until), *events_in(self.to))

    def series_read(self) -> tuple[str, ...]:
        """The series, and that of the moves."""
        return (self.series, self.moves) if self.moves else (self.series,)

    def what(self) -> str:
        """The two directions."""
        other = "the next one" if self.beside == "next" else f"the way to {self.to}"
        turning = ", as far as both turn the weights," if self.turning else ""
        return f"cosine of {self.moves or 'a move'} with {other}{turning}"

    def value(self, places: Places, steps: Int[ndarray, " step"], data: xarray.Dataset, run: int) -> float:
        """The mean over looks."""
        moves, at = np.diff(places, axis=0), places[1:]
        if self.moves:
            moves, looks = _recorded(data, run, self.moves, self.evaluations(data, run))
            at = places[np.isin(steps, looks)]
        others = moves[1:]
        if self.beside == "ahead":
            goal = span_of(data, run, self.to, self.series)
            if goal is None:
                return float("nan")
            others = data[self.series].values[run, goal[1]].astype(float).reshape(-1) - at
        n = len(others)
        cosines = self._cosines(moves[:n], others, at[:n])
        return float(cosines[np.isfinite(cosines)].mean()) if np.isfinite(cosines).any() else float("nan")

    def _cosines(self, moves: Places, others: Places, at: Places) -> Float[ndarray, " step"]:
        """The cosine at each look; NaN where one of the two is 0."""
        if self.turning:
            units = at / _lengths(at)[:, None]
            moves, others = (vectors - (vectors * units).sum(axis=1, keepdims=True) * units for vectors in (moves, others))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((moves * others).sum(axis=1) / (_lengths(moves) * _lengths(others)))


def _recorded(data: xarray.Dataset, run: int, series: str, between: slice) -> tuple[Any, Any]:
    """The values of a series at the looks that recorded it, as vectors, and the steps of these looks."""
    values = data[series].values[run].astype(float)
    values = values.reshape(len(values), -1)[between]
    recorded = np.isfinite(values).all(axis=1)
    return values[recorded], data["step"].values[between][recorded]


def _length(vector: Float[ndarray, " sketch"]) -> float:
    return float(np.linalg.norm(vector))


def _lengths(vectors: Places) -> Float[ndarray, " step"]:
    return np.asarray(np.linalg.norm(vectors, axis=1))
