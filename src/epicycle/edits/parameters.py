"""Edits of parameters and of the optimiser's state. Moments stay with the tensors unless an edit says otherwise."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import numpy as np
from pydantic import Field

from epicycle.edits.counted import OfTensors
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment
from epicycle.spec.families import Edit, EditContext
from epicycle.spec.fields import data
from epicycle.training.state import EDIT, moving
from epicycle.training.update_rule import by_name

Tensors = dict[str, Any]


class _WeightEdit(OfTensors):
    """Tensors get other values at once."""

    def apply(self, state: Any, data: Any, context: EditContext) -> tuple[Any, Any]:
        """The state with the tensors replaced."""
        meant = {name: state.params[name] for name in self.hit(state.params)}
        after = {name: np.asarray(value, meant[name].dtype) for name, value in self._values(meant, state, context).items()}
        return state._replace(params={**state.params, **after}), data

    def _values(self, meant: Tensors, state: Any, context: EditContext) -> Tensors:
        raise NotImplementedError


class ScaleWeights(_WeightEdit):
    """Multiply tensors."""

    kind = "scale_weights"
    leading = ("tensors", "by")

    by: float = data()

    def _values(self, meant: Tensors, state: Any, context: EditContext) -> Tensors:
        del state, context
        return {name: value * value.dtype.type(self.by) for name, value in meant.items()}


class SetNorm(_WeightEdit):
    """Rescale tensors together to a norm.

    Attributes:
        to: the norm, or with `relative` a multiple of their norm at initialisation.
    """

    kind = "set_norm"
    leading = ("tensors", "to")

    to: float = data(gt=0)
    relative: bool = data(False)

    def _values(self, meant: Tensors, state: Any, context: EditContext) -> Tensors:
        del state
        wanted = self.to * (_norm({name: context.fresh().params[name] for name in meant}) if self.relative else 1.0)
        here = _norm(meant)
        if here == 0:
            raise InputError("edit set_norm: the tensors are 0, which no factor changes.")
        return {name: value * (wanted / here) for name, value in meant.items()}


class AddNoise(_WeightEdit):
    """Add Gaussian noise to tensors, drawn from the run's seed.

    Attributes:
        spread: its standard deviation as a multiple of each tensor's root mean square.
        draw: number of the draw; another gives other noise.
    """

    kind = "add_noise"
    leading = ("tensors", "spread")

    spread: float = data(gt=0)
    draw: int = data(0, ge=0)

    def _values(self, meant: Tensors, state: Any, context: EditContext) -> Tensors:
        del context
        key = jax.random.fold_in(jax.random.fold_in(jax.random.wrap_key_data(state.key), EDIT), state.step)
        keys = jax.random.split(jax.random.fold_in(key, self.draw), len(meant))
        return {
            name: meant[name]
            + self.spread * _norm({name: meant[name]}) / meant[name].size ** 0.5 * np.asarray(jax.random.normal(k, meant[name].shape))
            for name, k in zip(sorted(meant), keys, strict=True)
        }


class ResetWeights(_WeightEdit):
    """Put tensors back to where the run's seed started them."""

    kind = "reset_weights"
    leading = ("tensors",)

    def _values(self, meant: Tensors, state: Any, context: EditContext) -> Tensors:
        del state
        return {name: context.fresh().params[name] for name in meant}


class ZeroUnits(_WeightEdit):
    """Set slices of tensors to 0: rows, columns, heads, neurons.

    Attributes:
        axis: the axis that the units lie along.
        units: places along it.
    """

    kind = "zero_units"
    leading = ("tensors", "axis", "units")

    axis: int = data()
    units: tuple[int, ...] = data(min_length=1)

    def _values(self, meant: Tensors, state: Any, context: EditContext) -> Tensors:
        del state, context
        found = {}
        for name, value in meant.items():
            length = value.shape[_axis(self, name, value)]
            if bad := [unit for unit in self.units if not 0 <= unit < length]:
                raise InputError(f"edit zero_units: {name} has units 0 to {length - 1} along axis {self.axis}, not {bad[0]}.")
            kept = np.moveaxis(value.copy(), self.axis, 0)
            kept[list(self.units)] = 0
            found[name] = np.moveaxis(kept, 0, self.axis)
        return found


class Project(_WeightEdit):
    """Keep a subspace along one axis of tensors, or project it out.

    Attributes:
        axis: the axis that the subspace lies along.
        basis: `fourier`, cosines and sines over the residues 0 to p - 1 (the first p places of the axis; further ones stay);
            `singular`, the tensor's own singular vectors along the axis, the largest first.
        which: frequencies from 0 (the mean) to p // 2, or numbers of singular vectors.
        keep: True keeps the subspace alone, False takes it out.
        p: number of residues; None is the number of the task's operands.
    """

    kind = "project"
    leading = ("tensors", "axis", "basis", "which")

    axis: int = data(0)
    basis: Literal["fourier", "singular"] = data("fourier")
    which: tuple[int, ...] = data(min_length=1)
    keep: bool = data(True)
    p: int | None = data(None, ge=2)

    def _values(self, meant: Tensors, state: Any, context: EditContext) -> Tensors:
        del state
        residues = self.p or int(context.experiment.task.table().operands.max()) + 1
        found = {}
        for name, value in meant.items():
            axis = _axis(self, name, value)
            front = np.moveaxis(value.astype(np.float64), axis, 0)
            length = residues if self.basis == "fourier" else front.shape[0]
            if length > front.shape[0]:
                raise InputError(
                    f"edit project: axis {self.axis} of {name} has {front.shape[0]} places, fewer than {length} residues."
                )
            flat = front[:length].reshape(length, -1)
            vectors = self._fourier(length) if self.basis == "fourier" else self._singular(flat, name)
            inside = vectors @ (vectors.T @ flat)
            front[:length] = (inside if self.keep else flat - inside).reshape(front[:length].shape)
            found[name] = np.moveaxis(front, 0, axis)
        return found

    def _fourier(self, p: int) -> Any:
        """Orthonormal columns: the mean, or cosine and sine of each frequency (the cosine alone at p / 2)."""
        if bad := [k for k in self.which if not 0 <= k <= p // 2]:
            raise InputError(f"edit project: frequencies over {p} residues are 0 to {p // 2}, not {bad[0]}.")
        x = np.arange(p)
        waves = [wave(2 * np.pi * k * x / p) for k in self.which for wave in (np.cos, np.sin) if wave is np.cos or 0 < 2 * k < p]
        return np.stack([wave / np.linalg.norm(wave) for wave in waves], axis=1)

    def _singular(self, flat: Any, name: str) -> Any:
        vectors = np.linalg.svd(flat, full_matrices=False)[0]
        if bad := [k for k in self.which if not 0 <= k < vectors.shape[1]]:
            raise InputError(f"edit project: {name} has singular vectors 0 to {vectors.shape[1] - 1}, not {bad[0]}.")
        return vectors[:, list(self.which)]


class _FromDonor(_WeightEdit):
    """Tensors from another run, which has the same task and the same rows to train on.

    Attributes:
        donor: id of a run, or in a study an arm (its run with the same seeds; where there is none, among those of the same data seed
            the one that stands where the recipient's seed stands among its own arm's, from the front again past their number).
        step: a step at which the donor's state is kept; None is that of its last state when the fork is made.
    """

    donor: str = data()
    step: int | None = data(None, ge=0)

    def settled(self, place: Callable[[int | str], int | None], donor: Callable[[str], tuple[str, int]]) -> Edit | None:
        """With the donor as a run's id at a step: a donor that is trained on later makes another fork."""
        del place
        run, last = donor(self.donor)
        return self.model_copy(update={"donor": run, "step": last if self.step is None else self.step})

    def donors(self) -> tuple[tuple[str, int | None], ...]:
        """The one."""
        return ((self.donor, self.step),)

    def _given(self, meant: Tensors, context: EditContext) -> Tensors:
        given = context.donors[self.donor, self.step]
        for name, value in meant.items():
            if name not in given or given[name].shape != value.shape:
                what = f"shape {given[name].shape}" if name in given else "no such tensor"
                raise InputError(f"edit {self.kind}: {name} has shape {value.shape} here and {what} in run {self.donor}.")
        return {name: given[name] for name in meant}


class Transplant(_FromDonor):
    """Take tensors from another run."""

    kind = "transplant"
    leading = ("tensors", "donor")

    def _values(self, meant: Tensors, state: Any, context: EditContext) -> Tensors:
        del state
        return self._given(meant, context)


class Interpolate(_FromDonor):
    """Go part of the straight line to another run's tensors.

    Attributes:
        weight: 0 stays, 1 is the other run.
    """

    kind = "interpolate"
    leading = ("tensors", "donor", "weight")

    weight: float = data()

    def _values(self, meant: Tensors, state: Any, context: EditContext) -> Tensors:
        del state
        given, w = self._given(meant, context), self.weight
        return {name: (1 - w) * value + w * given[name] for name, value in meant.items()}


class Freeze(OfTensors):
    """Stop training tensors; `{kind: change, field: training.frozen, to: []}` lets them go again."""

    kind = "freeze"
    leading = ("tensors",)

    def changed(self, experiment: Experiment, moment: int, before: int) -> Experiment:
        """With the patterns among the frozen ones."""
        del moment, before
        return experiment.swept("training.frozen", [*experiment.training.frozen, *self.tensors])

    def apply(self, state: Any, data: Any, context: EditContext) -> tuple[Any, Any]:
        """As they are, the moments of frozen tensors being gone already."""
        self.hit(state.params)
        if not moving(context.experiment, state.params):
            raise InputError("edit freeze: every tensor is frozen, so there is nothing to train.")
        return state, data


class ResetMoments(OfTensors):
    """Put the optimiser's state back to its beginning: all of it, or what it holds of some tensors (its count of steps goes on)."""

    kind = "reset_moments"

    tensors: tuple[str, ...] = Field(("*",), min_length=1, json_schema_extra={"role": "data"})

    def apply(self, state: Any, data: Any, context: EditContext) -> tuple[Any, Any]:
        """The state with moments of a fresh one."""
        meant, fresh = set(self.hit(moving(context.experiment, state.params))), context.fresh().moments
        if self.tensors == ("*",):
            return state._replace(moments=fresh), data

        def chosen(path: str, now: Any, new: Any) -> Any:
            return new if path.rsplit("/", 1)[-1] in meant else now

        return state._replace(moments=by_name(chosen, state.moments, fresh)), data


def _axis(edit: Any, name: str, value: Any) -> int:
    if not -value.ndim <= edit.axis < value.ndim:
        raise InputError(f"edit {edit.kind}: {name} has axes 0 to {value.ndim - 1}, not {edit.axis}.")
    return int(edit.axis % value.ndim)


def _norm(tensors: Tensors) -> float:
    return float(np.sqrt(sum(np.square(value.astype(np.float64)).sum() for value in tensors.values())))
