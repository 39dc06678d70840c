"""Paths between two points of a landscape, and searches for a path without a barrier.

A landscape is a function of many points at once that gives the height of each and its slopes. Nothing is known of networks, so every
search is tested on landscapes with a known pass.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epicycle.spec.errors import InputError

Line = Float[ndarray, "bead number"]  # points on a path, from its beginning to its end
Landscape = Callable[[Line], tuple[Float[ndarray, " bead"], Line]]  # points -> their heights, and the slopes there
Shape = Literal["straight", "bezier", "band", "walk"]

BEADS = 10  # points at which a search looks at a path, its ends left out
STRIDE = 0.02  # first step of a search, as a share of the distance between the ends (a number at a time)
LONGEST = 3.0  # longest step of a walk, in steps of the straight line; halved where a step leads no nearer
CORRECTIONS = 3  # Newton steps back to the ceiling, after each step of a walk


class Path(NamedTuple):
    """A path through a landscape.

    Attributes:
        points: the points that it is made of: all beads, joined by straight lines; or begin, control point and end of a Bezier curve.
        curved: whether it is a Bezier curve.
    """

    points: Line
    curved: bool = False

    def at(self, weights: Float[ndarray, " bead"]) -> Line:
        """The points at these shares of the way, 0 for its beginning and 1 for its end."""
        t = np.asarray(weights, float)[:, None]
        if self.curved:
            first, control, last = self.points
            return (1 - t) ** 2 * first + 2 * t * (1 - t) * control + t**2 * last
        along = _shares(self.points)
        after = np.clip(np.searchsorted(along, t[:, 0], side="right"), 1, len(along) - 1)
        share = ((t[:, 0] - along[after - 1]) / np.maximum(along[after] - along[after - 1], 1e-300))[:, None]
        line: Line = (1 - share) * self.points[after - 1] + share * self.points[after]
        return line


class Heights(NamedTuple):
    """How high a path rises.

    Attributes:
        above_ends: the highest point less the higher end; 0 where there is no barrier.
        above_line: the highest point above the straight line between the heights of the two ends.
        top: the share of the way at which the highest point lies.
    """

    above_ends: float
    above_line: float
    top: float


def heights(weights: Float[ndarray, " bead"], values: Float[ndarray, " bead"]) -> Heights:
    """How high a path rises, from heights along it.

    Args:
        weights: shares of the way, from 0 to 1.
        values: the heights there.
    """
    line = (1 - weights) * values[0] + weights * values[-1]
    top = int(np.argmax(values))
    return Heights(float(values[top] - max(values[0], values[-1])), float((values - line).max()), float(weights[top]))


def searched(shape: Shape, first: Float[ndarray, " number"], last: Float[ndarray, " number"], on: Landscape, steps: int) -> Path:
    """The path of a shape between two points.

    `straight` is the straight line. `bezier` is the quadratic Bezier curve whose control point makes the mean height of the curve
    least (Garipov et al., arXiv 1802.10026, section 3). `band` is a chain of points that move downhill across the chain and are spread
    evenly along it (E, Ren & Vanden-Eijnden 2002; nudged elastic bands of networks: Draxler et al., arXiv 1803.00885). `walk` goes
    from the first point towards the last and never rises above where it began; it may not arrive, see `walk`.

    Args:
        shape: of the path.
        first: where it begins.
        last: where it ends.
        on: the landscape.
        steps: of the search.
    """
    if shape == "straight" or not np.any(first != last):
        return Path(np.stack([first, last]))
    return {"bezier": bezier, "band": band, "walk": walk}[shape](first, last, on, steps)


def bezier(first: Float[ndarray, " number"], last: Float[ndarray, " number"], on: Landscape, steps: int) -> Path:
    """The Bezier curve through the control point at which the mean height of the curve is least. Arguments as in `searched`."""
    t = (np.arange(BEADS) + 0.5) / BEADS
    share = (2 * t * (1 - t))[:, None]
    control, descent = (first + last) / 2, _Descent(first, last, steps)
    for step in range(steps):
        points = Path(np.stack([first, control, last]), curved=True).at(t)
        control = control - descent.stride(step, (share * on(points)[1]).mean(axis=0))
    return Path(np.stack([first, control, last]), curved=True)


def band(first: Float[ndarray, " number"], last: Float[ndarray, " number"], on: Landscape, steps: int) -> Path:
    """A chain of points, each the lowest in all directions across the chain. Arguments as in `searched`."""
    chain = Path(np.stack([first, last])).at(np.linspace(0, 1, BEADS + 2))
    descent = _Descent(first, last, steps)
    for step in range(steps):
        along = chain[2:] - chain[:-2]
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-300)
        slopes = on(chain[1:-1])[1]
        across = slopes - (slopes * along).sum(axis=1, keepdims=True) * along
        moved = np.concatenate([chain[:1], chain[1:-1] - descent.stride(step, across), chain[-1:]])
        chain = Path(moved).at(np.linspace(0, 1, BEADS + 2))
    return Path(chain)


def walk(first: Float[ndarray, " number"], last: Float[ndarray, " number"], on: Landscape, steps: int) -> Path:
    """A walk from the first point towards the last that stays at or below the height at which it began.

    Each step goes straight on, less the part that rises. Where the ground is too high after a step, Newton steps down its slope
    follow. A step that leads no nearer is not taken. So the walk ends at the last point, or where no direction that leads nearer is
    free.

    Args:
        first: where it begins.
        last: where it is to end.
        on: the landscape.
        steps: of the walk.

    Returns:
        The points of the walk. Its end is `last` only if the walk arrives.
    """
    point, points, distance = first, [first], float(np.linalg.norm(last - first))
    ceiling, slope = (each[0] for each in on(first[None]))
    longest = LONGEST * distance / steps
    for step in range(steps):
        way = (last - point) / (steps - step)
        way *= min(1.0, longest / max(float(np.linalg.norm(way)), 1e-300))
        if way @ slope > 0:
            way = way - (way @ slope) / (slope @ slope) * slope
        nearer, its_slope = _below(point + way, ceiling, on)
        left = float(np.linalg.norm(last - nearer))
        if left >= distance:
            longest /= 2
            continue
        point, slope, distance = nearer, its_slope, left
        points.append(point)
    return Path(np.stack(points) if len(points) > 1 else np.stack([first, first]))


def _below(
    point: Float[ndarray, " number"], ceiling: float, on: Landscape
) -> tuple[Float[ndarray, " number"], Float[ndarray, " number"]]:
    """A point brought below the ceiling, or as near as `CORRECTIONS` steps bring it, and the slope there."""
    for _ in range(CORRECTIONS):
        value, slope = (each[0] for each in on(point[None]))
        if value <= ceiling or not slope.any():
            return point, slope
        point = point - (value - ceiling) / (slope @ slope) * slope
    return point, on(point[None])[1][0]


class _Descent:
    """Adam (Kingma & Ba, arXiv 1412.6980) with a step that falls to 0 along a half cosine.

    The first step is a share of the distance between the ends, so it needs no tuning to the size of a network's weights.
    """

    def __init__(self, first: Float[ndarray, " number"], last: Float[ndarray, " number"], steps: int) -> None:
        self._rate = STRIDE * float(np.sqrt(np.mean((last - first) ** 2)))
        self._steps, self._mean, self._square = steps, np.zeros(()), np.zeros(())

    def stride(self, step: int, slopes: Float[ndarray, "..."]) -> Float[ndarray, "..."]:
        """What is taken off the numbers at a step."""
        self._mean = 0.9 * self._mean + 0.1 * slopes
        self._square = 0.99 * self._square + 0.01 * slopes**2
        mean, square = self._mean / (1 - 0.9 ** (step + 1)), self._square / (1 - 0.99 ** (step + 1))
        rate = self._rate * (1 + np.cos(np.pi * step / self._steps)) / 2
        taken: Float[ndarray, ...] = rate * mean / (np.sqrt(square) + 1e-12)
        return taken


def _shares(points: Line) -> Float[ndarray, " bead"]:
    """The share of a chain's length at which each of its points lies.

    Raises:
        InputError: a point is not finite.
    """
    if not np.isfinite(points).all():
        raise InputError("the search for a path left all finite weights; take fewer steps, or a straight path.")
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    total = lengths.sum()
    return np.concatenate([[0.0], np.cumsum(lengths) / total]) if total > 0 else np.linspace(0, 1, len(points))
