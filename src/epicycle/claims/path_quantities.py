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
from epicycle.spec.plain_units import PlainUnits

if TYPE_CHECKING:
    import xarray

# Where a network is at each look.
Places = Float[ndarray, "step sketch"]


class OfPath(Between):
    """What the quantities of a path share: the path between two moments, over the looks that surely lie between them.

    Attributes:
        series: name of the series that says where the network is.
    """

    series: str = "weight_sketch"

    def series_read(self) -> tuple[str, ...]:
        """A hook for subclasses: the series."""
        return (self.series,)

    def reads_with_axes(self) -> tuple[str, ...]:
        """All of its own series."""
        return self.series_read()

    def title(self) -> str:
        """The quantity and the two moments."""
        return f"{self.what()} in {self.series} from {self.since} to {self.until}"

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
        beside: `next`: the move that follows. `end`: the way that is still ahead, from the end of the move to the last look of the
            run. The way ahead does not contain the move, so in a random walk the mean is 0.
        moves: the series of a part of the next update, which is taken instead of the move before each look.
    """

    kind: ClassVar[str] = "move_cosine"

    beside: Literal["next", "end"] = "end"
    moves: str | None = None

    def series_read(self) -> tuple[str, ...]:
        """The series, and that of the moves."""
        return (self.series, self.moves) if self.moves else (self.series,)

    def what(self) -> str:
        """The two directions."""
        other = "the next one" if self.beside == "next" else "the way to the end"
        return f"cosine of {self.moves or 'a move'} with {other}"

    def value(self, places: Places, steps: Int[ndarray, " step"], data: xarray.Dataset, run: int) -> float:
        """The mean over looks."""
        moves = np.diff(places, axis=0)
        ahead = places[1:]
        if self.moves:
            moves, at = _recorded(data, run, self.moves, self.evaluations(data, run))
            ahead = places[np.isin(steps, at)]
        if self.beside == "next":
            return float(np.mean(_cosines(moves[:-1], moves[1:])))
        end = _recorded(data, run, self.series, slice(None))[0][-1]
        return float(np.nanmean(_cosines(moves, end - ahead)))


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


def _cosines(first: Places, second: Places) -> Float[ndarray, " step"]:
    """NaN where one of the two is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((first * second).sum(axis=1) / (_lengths(first) * _lengths(second)))
