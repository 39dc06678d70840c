"""An edit that moves a network along a path to another network: a straight line, a curve, a band, or a walk that never rises."""

from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epicycle.edits.bases import DonorEdit
from epicycle.maths.matching import matched
from epicycle.maths.paths import Landscape, Shape, heights, searched
from epicycle.spec.errors import InputError
from epicycle.spec.families import EditContext, Model, Params
from epicycle.spec.fields import data

LOOKS = 21  # points at which the highest one of a path is looked for, the two ends among them
MOST_SEARCH = 10_000


class AlongPath(DonorEdit):
    """Move tensors along a path to another run's tensors, or to the point of the path where the training loss is highest.

    The first record of the fork then shows how high the barrier is: its training loss at `top` less that of the higher end. Without a
    barrier the highest point is one of the two ends. In a study, an arm of runs may be their own donor: each then goes to its own end.

    Attributes:
        path: `straight` is the straight line. `bezier` is the quadratic Bezier curve with the least mean training loss (Garipov et
            al., arXiv 1802.10026, section 3). `band` is a chain of points that move downhill across the chain and stay evenly spread
            (E, Ren & Vanden-Eijnden 2002). `walk` goes from this network towards the donor and never raises the training loss above
            what it was; it may end before the donor.
        weight: the share of the way: 0 stays, 1 goes to the end of the path; `top` is the point with the highest training loss.
        match: whether units of the donor first change places to fit those of this run (neurons, heads, features). What the donor
            computes stays the same.
        search: steps of the search for the path; a straight line needs none.
    """

    kind = "along_path"
    leading = ("tensors", "donor", "path", "weight")

    path: Shape = data("straight")
    weight: float | Literal["top"] = data("top")
    match: bool = data(False)
    search: int = data(200, ge=1, le=MOST_SEARCH)

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """The tensors at the point of the path.

        Raises:
            InputError: the network does not say which units can change places, or units to match lie in tensors that stay.
        """
        donor = self.donor_tensors(tensors, context)
        if self.match:
            donor = fitted(donor, tensors, context.experiment.model, len(tensors) == len(context.fresh().params))
        first, last = (flat(each) for each in (tensors, donor))
        landscape = landscape_of(tensors, context.losses)
        path = searched(self.path, first, last, landscape, self.search)
        if self.weight == "top":
            weights = np.linspace(0, 1, LOOKS)
            share = heights(weights, landscape(path.at(weights))[0]).top
        else:
            share = self.weight
        return unflat(path.at(np.array([share])), tensors, first=False)


def fitted(donor: Params, target: Params, model: Model, whole: bool = True) -> Params:
    """A network whose units have changed places to fit those of another.

    Args:
        donor: the network.
        target: the other network.
        model: says which units can change places.
        whole: whether these are all tensors of the network.

    Raises:
        InputError: the model does not say, or some tensors are missing.
    """
    groups = model.interchangeable()
    if not groups:
        raise InputError(f"a {model.kind} network does not say which of its units can change places; set match to false.")
    if not whole:
        raise InputError("units change places in all tensors at once; name all tensors ('*'), or set match to false.")
    return matched(donor, target, groups)


def flat(tensors: Params) -> Float[ndarray, " number"]:
    """All numbers of all tensors, in the order of the tensors' names, in float64."""
    return np.concatenate([np.asarray(tensors[name], np.float64).ravel() for name in sorted(tensors)])


def unflat(points: Float[ndarray, "bead number"], like: Params, first: bool = True) -> Params:
    """The tensors of points, with a first axis for the point; or of the first point alone, without this axis.

    Args:
        points: as `flat` gives them.
        like: tensors of the same names and shapes.
        first: whether the tensors keep their first axis.
    """
    edges = np.cumsum([np.size(like[name]) for name in sorted(like)])
    parts = np.split(points if first else points[0], edges[:-1], axis=-1)
    lead = (len(points),) if first else ()
    return {name: part.reshape(*lead, *np.shape(like[name])) for name, part in zip(sorted(like), parts, strict=True)}


def landscape_of(like: Params, losses: Any) -> Landscape:
    """The training loss as a landscape of flat points.

    Args:
        like: tensors of the names and shapes that a point holds.
        losses: as in `EditContext`.
    """

    def landscape(points: Float[ndarray, "bead number"]) -> Any:
        values, slopes = losses(unflat(points, like))
        flat_slopes = [np.asarray(slopes[name], np.float64).reshape(len(points), -1) for name in sorted(like)]
        return np.asarray(values, np.float64), np.concatenate(flat_slopes, axis=1)

    return landscape
