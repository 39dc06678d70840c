"""What does a picture of a path show? A plane through the space of weights, and what one can read off the two coordinates in it.

Pictures of training usually show the plane of the two main directions of the path (Li et al. 2018, arXiv 1712.09913). A random walk in
many dimensions has most of its variance in such a plane too, and all that changes along with the path is partly linear in it. So a
share means something beside that of another plane or of another series.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.claims.path_quantities import OfPath, Places
from epicycle.events.moments import Moment
from epicycle.maths.explained import explained_share, main_plane
from epicycle.spec.plain_units import PlainUnits

if TYPE_CHECKING:
    import xarray

SEED = 0  # of the random plane, the same one for every run
IN_WORDS = {"main": "the path's main plane", "random": "a random plane"}


class PlaneView(OfPath):
    """How much does a plane show? The share of the path's variance in it, or how much of a series its two coordinates explain.

    What the coordinates explain is the share of the variance of the series over the looks that a linear function of them has.

    Attributes:
        explains: name of the series that is explained; None takes the variance of the path.
        plane: `main` is the plane of the path's two main directions, and `random` one in random directions.
    """

    kind: ClassVar[str] = "plane_view"

    since: Moment = "start"
    until: Moment = "end"
    explains: str | None = None
    plane: Literal["main", "random"] = "main"

    def series_read(self) -> tuple[str, ...]:
        """The series of the path, and that which is explained."""
        return (self.series, *([self.explains] if self.explains else ()))

    def what(self) -> str:
        """The share, of what, and in which plane."""
        return f"share of {self.explains or 'the path'} seen in {IN_WORDS[self.plane]}"

    def plain_units(self) -> PlainUnits:
        """A part of one."""
        return PlainUnits(part_of_one=True)

    def value(self, places: Places, steps: Int[ndarray, " step"], data: xarray.Dataset, run: int) -> float:
        """From 0 to 1."""
        centred = places - places.mean(axis=0)
        if not np.square(centred).sum() > 0:
            return float("nan")
        seen = centred @ _axes(centred, self.plane)
        if not self.explains:
            return float(np.square(seen).sum() / np.square(centred).sum())
        course = data[self.explains].values[run, np.isin(data["step"].values, steps)].astype(float)
        known = np.isfinite(course)
        return explained_share(seen[known], course[known]) if known.sum() > 3 else float("nan")


def _axes(centred: Places, plane: str) -> Float[ndarray, "sketch coordinate"]:
    """Two directions at right angles."""
    if plane == "main":
        return main_plane(centred)[0]
    drawn: Any = np.random.default_rng(SEED).standard_normal((centred.shape[1], 2))
    return np.asarray(np.linalg.qr(drawn)[0])
