"""Edits of parts of tensors: units along one axis, or a subspace. The parts are listed, or selected in the run itself."""

from typing import Annotated, Any, Literal, Self

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, model_validator

from epicycle.edits.bases import WeightEdit, initial
from epicycle.maths.fourier import basis
from epicycle.spec.errors import InputError
from epicycle.spec.families import Edit, EditContext, Params
from epicycle.spec.fields import data
from epicycle.spec.limits import MOST_SEED, MOST_WIDTH
from epicycle.spec.selection import Selection

Numbers = Annotated[tuple[int, ...], Field(min_length=1, max_length=MOST_WIDTH)]


class ZeroUnits(WeightEdit):
    """Set slices of tensors to 0: rows, columns, heads, neurons.

    Attributes:
        axis: the axis along which the units lie.
        units: their indices along that axis, or a selection.
    """

    kind = "zero_units"
    leading = ("tensors", "axis", "units")

    axis: int = data(ge=-10, le=10)
    units: Numbers | Selection = data()

    def resolved(self, state: Any, context: EditContext) -> Edit:
        """The edit with the selected units as numbers.

        Raises:
            InputError: the selection chooses nothing, or is of another number of units than a tensor has along the axis.
        """
        return _with_units(self, self.units, self.axis, state, context)

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """Copies of the tensors with the units set to 0.

        Raises:
            InputError: a tensor has no such axis or unit.
        """
        del context
        return {name: _replaced(self, name, value, np.zeros_like(value)) for name, value in tensors.items()}


class ResetWeights(WeightEdit):
    """Put tensors, or units of them, back to the values that the run's seed started them with.

    Attributes:
        axis: the axis along which the units lie; None resets whole tensors.
        units: their indices along that axis, or a selection.
    """

    kind = "reset_weights"
    leading = ("tensors", "axis", "units")

    axis: int | None = data(None, ge=-10, le=10)
    units: Numbers | Selection | None = data(None)

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if (self.axis is None) != (self.units is None):
            raise ValueError("give an axis and its units, or neither to reset whole tensors")
        return self

    def resolved(self, state: Any, context: EditContext) -> Edit:
        """The edit with the selected units as numbers.

        Raises:
            InputError: the selection chooses nothing, or is of another number of units than a tensor has along the axis.
        """
        return self if self.axis is None else _with_units(self, self.units, self.axis, state, context)

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """The tensors at initialisation, or copies with the units as they were then.

        Raises:
            InputError: a tensor has no such axis or unit.
        """
        fresh = initial(tensors, context)
        return fresh if self.axis is None else {name: _replaced(self, name, tensors[name], fresh[name]) for name in tensors}


class Project(WeightEdit):
    """Keep only a subspace along one axis of tensors, or project it out.

    Attributes:
        axis: the axis along which the subspace lies.
        basis: `fourier` is cosines and sines over the residues 0 to p - 1, the first p entries of the axis; further entries stay as
            they are. `singular` is the tensor's own singular vectors along the axis, largest singular value first. `components` are
            those of the task's general algorithm, over the tokens or classes that are elements of its group; other entries stay, and
            so does the mean over the elements. `random` are orthonormal vectors over the same residues as `fourier`, drawn from the
            run's seed; the mean stays too. With as many vectors they are the null of `components`.
        which: frequencies from 0 (the mean) to p // 2, or numbers of singular vectors, components or random vectors from 0; of
            components also a selection.
        keep: True keeps the subspace alone; False takes it out.
        p: number of residues; None is the number of the task's operands.
        draw: number of the draw of random vectors; another number gives others.
    """

    kind = "project"
    leading = ("tensors", "axis", "basis", "which")

    axis: int = data(0, ge=-10, le=10)
    basis: Literal["fourier", "singular", "components", "random"] = data("fourier")
    which: Numbers | Selection = data()
    keep: bool = data(True)
    p: int | None = data(None, ge=2, le=10_000)
    draw: int = data(0, ge=0, le=MOST_SEED)

    @model_validator(mode="after")
    def _selects_components(self) -> Self:
        if isinstance(self.which, Selection) and self.basis != "components":
            raise ValueError(f"which is a selection, so basis must be components, not {self.basis}; or list the numbers")
        return self

    def resolved(self, state: Any, context: EditContext) -> Edit:
        """The edit with the selected components as numbers.

        Raises:
            InputError: the task has no general algorithm, the selection chooses nothing, or it is not of components.
        """
        del state
        if not isinstance(self.which, Selection):
            return self
        n_components = len(context.algorithm().names)
        chosen, n_units = self.which.units(context)
        if n_units != n_components:
            raise InputError(
                f"edit project: the task has {n_components} components, and {self.which.of.name} gives {n_units} numbers; "
                "select by a measure of components, such as gen_logit with by_component."
            )
        return self.model_copy(update={"which": chosen})

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """The tensors projected, in float64.

        Raises:
            InputError: a tensor has no such axis, frequency, singular vector or component, or too few entries along the axis.
        """
        return {name: self._projected(name, value, context) for name, value in tensors.items()}

    def _projected(self, name: str, value: Any, context: EditContext) -> Any:
        axis_first = np.moveaxis(value.astype(np.float64), _axis(self.kind, self.axis, name, value), 0)
        entries, vectors = self._subspace(axis_first, name, context)
        flat = axis_first[entries].reshape(len(vectors), -1)
        inside = vectors @ (vectors.T @ flat)
        axis_first[entries] = (inside if self.keep else flat - inside).reshape(axis_first[entries].shape)
        return np.moveaxis(axis_first, 0, _axis(self.kind, self.axis, name, value))

    def _subspace(self, axis_first: Any, name: str, context: EditContext) -> tuple[Any, Float[ndarray, "element function"]]:
        """The entries along the axis that a basis is over, and its orthonormal vectors."""
        length = len(axis_first)
        if self.basis == "singular":
            return slice(None), self._singular(axis_first.reshape(length, -1), name)
        if self.basis == "components":
            algorithm = context.algorithm()
            needed = int(algorithm.classes.max()) + 1
            entries, vectors = algorithm.classes, self._components(algorithm)
        else:
            needed = self.p or int(context.experiment.task.table().operands.max()) + 1
            entries = slice(needed)
            vectors = self._fourier(needed) if self.basis == "fourier" else self._random(needed, context)
        if needed > length:
            raise InputError(f"edit project: axis {self.axis} of {name} has {length} entries, fewer than the {needed} residues.")
        return entries, vectors

    def _fourier(self, p: int) -> Float[ndarray, "element function"]:
        """The mean for frequency 0, cosine and sine of each other frequency (the cosine alone at p / 2)."""
        if bad := [k for k in self._numbers() if not 0 <= k <= p // 2]:
            raise InputError(f"edit project: frequencies over {p} residues are 0 to {p // 2}, not {bad[0]}.")
        return basis(p, self._numbers()).T

    def _singular(self, flat: Any, name: str) -> Float[ndarray, "element function"]:
        """The chosen left singular vectors."""
        vectors = np.linalg.svd(flat, full_matrices=False)[0]
        if bad := [k for k in self._numbers() if not 0 <= k < vectors.shape[1]]:
            raise InputError(f"edit project: {name} has singular vectors 0 to {vectors.shape[1] - 1}, not {bad[0]}.")
        return vectors[:, list(self._numbers())]

    def _components(self, algorithm: Any) -> Float[ndarray, "element function"]:
        """The functions of the chosen components."""
        if bad := [k for k in self._numbers() if not 0 <= k < len(algorithm.names)]:
            raise InputError(f"edit project: the task has components 0 to {len(algorithm.names) - 1}, not {bad[0]}.")
        return self._with_mean(algorithm.basis[:, np.isin(algorithm.owner, self._numbers())])

    def _random(self, p: int, context: EditContext) -> Float[ndarray, "element function"]:
        """Orthonormal vectors with the mean 0, drawn from the run's seed."""
        if bad := [k for k in self._numbers() if not 0 <= k < p - 1]:
            raise InputError(f"edit project: there are random vectors 0 to {p - 2} over {p} residues, not {bad[0]}.")
        drawn = context.normal({"vectors": (p, p - 1)}, self.draw)["vectors"].astype(np.float64)
        vectors = np.linalg.qr(np.concatenate([np.ones((p, 1)), drawn], axis=1))[0][:, 1:]
        return self._with_mean(vectors[:, list(self._numbers())])

    def _with_mean(self, vectors: Float[ndarray, "element function"]) -> Float[ndarray, "element function"]:
        """The vectors, and the constant where they are kept: it stays in either case."""
        constant = np.full((len(vectors), 1), len(vectors) ** -0.5)
        return np.concatenate([constant, vectors], axis=1) if self.keep else vectors

    def _numbers(self) -> tuple[int, ...]:
        assert not isinstance(self.which, Selection), "`resolved` has made it numbers"
        return self.which


def _with_units(
    edit: WeightEdit, units: tuple[int, ...] | Selection | None, axis: int, state: Any, context: EditContext
) -> WeightEdit:
    """The edit with selected units as numbers; an edit whose units are listed is left as it is."""
    if not isinstance(units, Selection):
        return edit
    chosen, n_units = units.units(context)
    for name in edit.matching(state.params):
        length = state.params[name].shape[_axis(edit.kind, axis, name, state.params[name])]
        if length != n_units:
            raise InputError(
                f"edit {edit.kind}: {units.of.name} gives {n_units} numbers, and {name} has {length} entries along axis {axis}; "
                "name the axis along which these units lie."
            )
    return edit.model_copy(update={"units": chosen})


def _replaced(edit: ZeroUnits | ResetWeights, name: str, value: Any, new_value: Any) -> Any:
    """A copy of a tensor with the edit's units taken from another value of it."""
    assert edit.axis is not None, "a whole tensor has no units"
    assert isinstance(edit.units, tuple), "`resolved` has made them numbers"
    length = value.shape[_axis(edit.kind, edit.axis, name, value)]
    if bad := [unit for unit in edit.units if not 0 <= unit < length]:
        raise InputError(f"edit {edit.kind}: {name} has units 0 to {length - 1} along axis {edit.axis}, not {bad[0]}.")
    units_first, new_first = np.moveaxis(value.copy(), edit.axis, 0), np.moveaxis(new_value, edit.axis, 0)
    units_first[list(edit.units)] = new_first[list(edit.units)]
    return np.moveaxis(units_first, 0, edit.axis)


def _axis(kind: str, axis: int, name: str, value: Any) -> int:
    """The axis counted from 0."""
    if not -value.ndim <= axis < value.ndim:
        raise InputError(f"edit {kind}: {name} has axes 0 to {value.ndim - 1}, not {axis}.")
    return axis % int(value.ndim)
