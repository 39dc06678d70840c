"""Edits of parameters and of the optimiser's state.

An edit of parameters leaves the optimiser's moments of its tensors as they were; add `ResetMoments` to put them back.
"""

from typing import Any

from pydantic import Field

from epicycle.edits.bases import DonorEdit, TensorEdit, WeightEdit, initial, norm_of
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment
from epicycle.spec.families import EditContext, Params
from epicycle.spec.fields import data
from epicycle.spec.limits import MOST_NAMES, MOST_SEED


class ScaleWeights(WeightEdit):
    """Multiply tensors.

    Attributes:
        by: the factor.
    """

    kind = "scale_weights"
    leading = ("tensors", "by")

    by: float = data()

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """Each tensor times the factor."""
        del context
        return {name: value * value.dtype.type(self.by) for name, value in tensors.items()}


class SetNorm(WeightEdit):
    """Rescale tensors by one common factor, so that together they have a given norm.

    Attributes:
        to: the norm, or with `relative` a multiple of the tensors' norm at initialisation.
        relative: whether `to` is a multiple.
    """

    kind = "set_norm"
    leading = ("tensors", "to")

    to: float = data(gt=0)
    relative: bool = data(False)

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """Each tensor times the common factor.

        Raises:
            InputError: all the tensors are 0.
        """
        target = self.to * (norm_of(initial(tensors, context)) if self.relative else 1.0)
        norm = norm_of(tensors)
        if norm == 0:
            raise InputError("edit set_norm: the tensors are all 0, so no factor gives them a norm.")
        return {name: value * (target / norm) for name, value in tensors.items()}


class AddNoise(WeightEdit):
    """Add Gaussian noise to tensors, drawn from the run's seed.

    Attributes:
        spread: the noise's standard deviation, as a multiple of each tensor's root mean square.
        draw: number of the draw; another number gives other noise.
    """

    kind = "add_noise"
    leading = ("tensors", "spread")

    spread: float = data(gt=0, le=1e6)
    draw: int = data(0, ge=0, le=MOST_SEED)

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """Each tensor plus its noise."""
        normal = context.normal({name: value.shape for name, value in tensors.items()}, self.draw)
        return {
            name: value + self.spread * norm_of({name: value}) / value.size**0.5 * normal[name]  # norm / size^0.5 = root mean square
            for name, value in tensors.items()
        }


class Transplant(DonorEdit):
    """Take tensors from another run."""

    kind = "transplant"
    leading = ("tensors", "donor")

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """The donor's tensors."""
        return self.donor_tensors(tensors, context)


class Interpolate(DonorEdit):
    """Move tensors part of the way along the straight line to another run's tensors.

    Attributes:
        weight: 0 stays, 1 takes the other run's tensors.
    """

    kind = "interpolate"
    leading = ("tensors", "donor", "weight")

    weight: float = data()

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """Weighted means of the tensors and the donor's."""
        donor_tensors, w = self.donor_tensors(tensors, context), self.weight
        return {name: (1 - w) * value + w * donor_tensors[name] for name, value in tensors.items()}


class Freeze(TensorEdit):
    """Stop training tensors; `{kind: change, field: training.frozen, to: []}` trains them again."""

    kind = "freeze"
    leading = ("tensors",)

    def changed(self, experiment: Experiment, moment: int, before: int) -> Experiment:
        """The experiment with the patterns added to `training.frozen`."""
        del moment, before
        return experiment.swept("training.frozen", [*experiment.training.frozen, *self.tensors])

    def apply(self, state: Any, data: Any, context: EditContext) -> tuple[Any, Any]:
        """The state and data unchanged, as the moments of the frozen tensors are gone already; only the tensors are checked.

        Raises:
            InputError: no such tensor, another number of tensors than must, or no tensor is left to train.
        """
        self.matching(state.params)
        if not context.trained_tensors:
            raise InputError("edit freeze: every tensor is frozen, so there is nothing to train.")
        return state, data


class ResetMoments(TensorEdit):
    """Put the optimiser's state back to its start: all of it, or what it holds of some tensors (its count of steps then goes on)."""

    kind = "reset_moments"

    tensors: tuple[str, ...] = Field(("*",), min_length=1, max_length=MOST_NAMES, json_schema_extra={"role": "data"})

    def apply(self, state: Any, data: Any, context: EditContext) -> tuple[Any, Any]:
        """The state with moments as at the start.

        Raises:
            InputError: no trained tensor of such a name, or another number of tensors than must.
        """
        names = self.matching(context.trained_tensors)
        moments = context.fresh().moments if self.tensors == ("*",) else context.reset_moments(names)
        return state._replace(moments=moments), data
