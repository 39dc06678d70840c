"""An edit that gives a measure of a network another value by the smallest change of chosen weights."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epicycle.edits.bases import WeightEdit, norm_of
from epicycle.spec.errors import NotInThisState
from epicycle.spec.families import AnyMeasure, EditContext, Params
from epicycle.spec.fields import data
from epicycle.spec.limits import MOST_SEED

MOST_ITERATIONS = 50
CLOSE = 1e-3  # how near to its goal a measure must come, as a share of the way


class SetMeasure(WeightEdit):
    """Move tensors by the shortest way to where a measure has a given value.

    The way is that of Newton's method with the smallest step in each iteration. Where the measure is linear in the tensors, as Gen is
    in the read-out, it is the shortest there is.

    Attributes:
        of: the measure, such as `{kind: gen_logit, by_component: true}` with the value 0 to take the general algorithm out. A measure
            with several numbers has the value in all of them.
        to: the value.
        random: the null: move the tensors as far, in a random direction drawn from the run's seed.
        draw: number of the draw; another number gives another direction.
    """

    kind = "set_measure"
    leading = ("tensors", "of", "to")

    of: AnyMeasure
    to: float = data(0.0)
    random: bool = data(False)
    draw: int = data(0, ge=0, le=MOST_SEED)

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """The moved tensors, in float64.

        Raises:
            NotInThisState: the measure has no value here, or these tensors cannot give it that value.
        """
        moved = self._steered(tensors, context)
        if not self.random:
            return moved
        direction = context.normal({name: value.shape for name, value in tensors.items()}, self.draw)
        step = norm_of({name: moved[name] - value for name, value in tensors.items()}) / norm_of(direction)
        return {name: value + step * direction[name] for name, value in tensors.items()}

    def _steered(self, tensors: Params, context: EditContext) -> Params:
        moved = {name: value.astype(np.float64) for name, value in tensors.items()}
        way = None
        for _ in range(MOST_ITERATIONS):
            value, derivatives = context.linearised(self.of, moved)
            gap = self.to - value.astype(np.float64).ravel()
            if not np.isfinite(gap).all():
                raise NotInThisState(f"edit set_measure: {self.of.name} has no value at this moment, so it cannot be given one.")
            way = np.abs(gap).max() if way is None else way
            if np.abs(gap).max() <= CLOSE * way:
                return moved
            matrix = np.concatenate([derivatives[name].astype(np.float64).reshape(len(gap), -1) for name in moved], axis=1)
            if not matrix.any():
                break
            moved = _stepped(moved, np.linalg.lstsq(matrix, gap, rcond=1e-6)[0])  # the smallest step that closes the gap
        raise NotInThisState(
            f"edit set_measure: {', '.join(tensors)} cannot bring {self.of.name} to {self.to:g}: {np.abs(gap).max():.2g} of "
            f"{way:.2g} is left. Choose more tensors, or a measure that changes smoothly with them."
        )


def _stepped(tensors: Params, step: Float[ndarray, " number"]) -> Params:
    """The tensors moved by a step, given as one row of numbers."""
    parts = np.split(step, np.cumsum([value.size for value in tensors.values()])[:-1])
    return {name: value + part.reshape(value.shape) for (name, value), part in zip(tensors.items(), parts, strict=True)}
