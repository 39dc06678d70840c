"""Edits of parameters and of the optimiser's state.

An edit of parameters leaves the optimiser's moments of its tensors as they were; add `ResetMoments` to put them back.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from pydantic import Field

from epicycle.edits.bases import TensorEdit
from epicycle.maths.fourier import basis
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment
from epicycle.spec.families import Edit, EditContext, Params
from epicycle.spec.fields import data
from epicycle.spec.limits import MOST_NAMES, MOST_SEED, MOST_STEPS, MOST_WIDTH


class _WeightEdit(TensorEdit):
    """Give tensors other values at once."""

    @abstractmethod
    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """The tensors' new values, by name, in any number type."""

    def apply(self, state: Any, data: Any, context: EditContext) -> tuple[Any, Any]:
        """The state with the tensors replaced; they keep their number types.

        Raises:
            InputError: no such tensor, another number of tensors than must, or a tensor that the edit cannot change.
        """
        tensors = {name: state.params[name] for name in self.matching(state.params)}
        new_values = self.new_values(tensors, context)
        replaced = {name: np.asarray(value, tensors[name].dtype) for name, value in new_values.items()}
        return state._replace(params={**state.params, **replaced}), data


class ScaleWeights(_WeightEdit):
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


class SetNorm(_WeightEdit):
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
        target = self.to * (_norm(_initial(tensors, context)) if self.relative else 1.0)
        norm = _norm(tensors)
        if norm == 0:
            raise InputError("edit set_norm: the tensors are all 0, so no factor gives them a norm.")
        return {name: value * (target / norm) for name, value in tensors.items()}


class AddNoise(_WeightEdit):
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
            name: value + self.spread * _norm({name: value}) / value.size**0.5 * normal[name]  # norm / size^0.5 = root mean square
            for name, value in tensors.items()
        }


class ResetWeights(_WeightEdit):
    """Put tensors back to the values that the run's seed started them with."""

    kind = "reset_weights"
    leading = ("tensors",)

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """The tensors at initialisation."""
        return _initial(tensors, context)


class ZeroUnits(_WeightEdit):
    """Set slices of tensors to 0: rows, columns, heads, neurons.

    Attributes:
        axis: the axis along which the units lie.
        units: their indices along that axis.
    """

    kind = "zero_units"
    leading = ("tensors", "axis", "units")

    axis: int = data(ge=-10, le=10)
    units: tuple[int, ...] = data(min_length=1, max_length=MOST_WIDTH)

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """Copies of the tensors with the units set to 0.

        Raises:
            InputError: a tensor has no such axis or unit.
        """
        del context
        return {name: self._without_units(name, value) for name, value in tensors.items()}

    def _without_units(self, name: str, value: Any) -> Any:
        length = value.shape[_axis(self.kind, self.axis, name, value)]
        if bad := [unit for unit in self.units if not 0 <= unit < length]:
            raise InputError(f"edit zero_units: {name} has units 0 to {length - 1} along axis {self.axis}, not {bad[0]}.")
        units_first = np.moveaxis(value.copy(), self.axis, 0)
        units_first[list(self.units)] = 0
        return np.moveaxis(units_first, 0, self.axis)


class Project(_WeightEdit):
    """Keep only a subspace along one axis of tensors, or project it out.

    Attributes:
        axis: the axis along which the subspace lies.
        basis: `fourier` is cosines and sines over the residues 0 to p - 1, the first p entries of the axis; further entries stay as
            they are. `singular` is the tensor's own singular vectors along the axis, largest singular value first.
        which: frequencies from 0 (the mean) to p // 2, or numbers of singular vectors from 0.
        keep: True keeps the subspace alone; False takes it out.
        p: number of residues; None is the number of the task's operands.
    """

    kind = "project"
    leading = ("tensors", "axis", "basis", "which")

    axis: int = data(0, ge=-10, le=10)
    basis: Literal["fourier", "singular"] = data("fourier")
    which: tuple[int, ...] = data(min_length=1, max_length=10_000)
    keep: bool = data(True)
    p: int | None = data(None, ge=2, le=10_000)

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """The tensors projected, in float64.

        Raises:
            InputError: a tensor has no such axis, frequency or singular vector, or too few entries along the axis.
        """
        n_residues = self.p or int(context.experiment.task.table().operands.max()) + 1
        return {name: self._projected(name, value, n_residues) for name, value in tensors.items()}

    def _projected(self, name: str, value: Any, n_residues: int) -> Any:
        axis = _axis(self.kind, self.axis, name, value)
        axis_first = np.moveaxis(value.astype(np.float64), axis, 0)
        length = n_residues if self.basis == "fourier" else axis_first.shape[0]
        if length > axis_first.shape[0]:
            raise InputError(
                f"edit project: axis {self.axis} of {name} has {axis_first.shape[0]} entries, fewer than the {length} residues."
            )
        flat = axis_first[:length].reshape(length, -1)
        vectors = self._fourier(length) if self.basis == "fourier" else self._singular(flat, name)
        inside = vectors @ (vectors.T @ flat)
        axis_first[:length] = (inside if self.keep else flat - inside).reshape(axis_first[:length].shape)
        return np.moveaxis(axis_first, 0, axis)

    def _fourier(self, p: int) -> Any:
        """Orthonormal columns: the mean for frequency 0, cosine and sine of each other frequency (the cosine alone at p / 2)."""
        if bad := [k for k in self.which if not 0 <= k <= p // 2]:
            raise InputError(f"edit project: frequencies over {p} residues are 0 to {p // 2}, not {bad[0]}.")
        return basis(p, self.which).T

    def _singular(self, flat: Any, name: str) -> Any:
        """The chosen left singular vectors as columns."""
        vectors = np.linalg.svd(flat, full_matrices=False)[0]
        if bad := [k for k in self.which if not 0 <= k < vectors.shape[1]]:
            raise InputError(f"edit project: {name} has singular vectors 0 to {vectors.shape[1] - 1}, not {bad[0]}.")
        return vectors[:, list(self.which)]


class _DonorEdit(_WeightEdit):
    """Use tensors of another run, which has the same task and the same rows to train on.

    Attributes:
        donor: id of a run, or in a study the name of an arm. Of an arm, the donor is the run with the parent's seeds. Where there is
            none, the donor is among the arm's runs with the parent's data seed, at the position that the parent's seed has among the
            seeds of its own arm; positions past their number start from the front again.
        step: a step at which the donor's state is kept; None is the donor's last state at the time when the fork is made.
    """

    donor: str = data()
    step: int | None = data(None, ge=0, le=MOST_STEPS)

    def settled(self, step_of: Callable[[int | str], int | None], find_donor: Callable[[str], tuple[str, int]]) -> Edit | None:
        """The edit with the donor as a run's id at a step, so that a donor that is trained on later makes another fork."""
        del step_of
        run_id, last_step = find_donor(self.donor)
        return self.model_copy(update={"donor": run_id, "step": last_step if self.step is None else self.step})

    def donors(self) -> tuple[tuple[str, int | None], ...]:
        """The one donor and its step."""
        return ((self.donor, self.step),)

    def donor_tensors(self, tensors: Params, context: EditContext) -> Params:
        """The donor's tensors of the same names.

        Raises:
            InputError: the donor has no such tensor, or one of another shape.
        """
        params = context.donors[self.donor, self.step]
        for name, value in tensors.items():
            if name not in params or params[name].shape != value.shape:
                donor_has = f"shape {params[name].shape}" if name in params else "no such tensor"
                raise InputError(f"edit {self.kind}: {name} has shape {value.shape} in this run and {donor_has} in run {self.donor}.")
        return {name: params[name] for name in tensors}


class Transplant(_DonorEdit):
    """Take tensors from another run."""

    kind = "transplant"
    leading = ("tensors", "donor")

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """The donor's tensors."""
        return self.donor_tensors(tensors, context)


class Interpolate(_DonorEdit):
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


def _axis(kind: str, axis: int, name: str, value: Any) -> int:
    """The axis counted from 0."""
    if not -value.ndim <= axis < value.ndim:
        raise InputError(f"edit {kind}: {name} has axes 0 to {value.ndim - 1}, not {axis}.")
    return axis % int(value.ndim)


def _initial(tensors: Params, context: EditContext) -> Params:
    """The tensors of the same names at initialisation."""
    initial = context.fresh().params
    return {name: initial[name] for name in tensors}


def _norm(tensors: Params) -> float:
    """The square root of the sum of all squares."""
    return float(np.sqrt(sum(np.square(value.astype(np.float64)).sum() for value in tensors.values())))
