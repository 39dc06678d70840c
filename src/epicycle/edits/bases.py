"""Bases of edits that can hit several places: an edit must hit at least one place, or exactly as many as it says."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from epicycle.spec.errors import InputError, nearest
from epicycle.spec.families import Edit, EditContext, Params
from epicycle.spec.fields import budget, data
from epicycle.spec.limits import MOST_NAMES, MOST_STEPS
from epicycle.spec.paths import matches


class CountedEdit(Edit):
    """An edit that can hit several places: tensors or rows.

    Attributes:
        places: the number of places that it must hit; None allows any number but 0.
    """

    places: int | None = budget(None, ge=1, le=10**9)  # a check, which moves no trajectory

    def check_places(self, n_hit: int, noun: str) -> None:
        """Refuse a wrong number of places.

        Args:
            n_hit: the number of places that the edit hits.
            noun: what a place is, for the message: `row`, `tensor`.

        Raises:
            InputError: the edit hits no place, or another number of places than it must.
        """
        if not n_hit:
            raise InputError(f"edit {self.kind}: it changes no {noun}.")
        if self.places is not None and n_hit != self.places:
            raise InputError(f"edit {self.kind}: it hits {n_hit} {noun}s and must hit {self.places}.")


class TensorEdit(CountedEdit):
    """An edit of tensors named by patterns; its places are tensors.

    Attributes:
        tensors: patterns of tensor names: `W_E`, `b_*`.
    """

    tensors: tuple[str, ...] = data(min_length=1, max_length=MOST_NAMES)

    def matching(self, names: Iterable[str]) -> list[str]:
        """The names that a pattern fits, in their order.

        Raises:
            InputError: a pattern fits no name, or the edit hits another number of tensors than it must.
        """
        available = list(names)
        for pattern in self.tensors:
            if not any(matches(name, (pattern,)) for name in available):
                raise InputError(f"edit {self.kind}: no tensor is called '{pattern}'; {nearest(pattern, available)}")
        matching = [name for name in available if matches(name, self.tensors)]
        self.check_places(len(matching), "tensor")
        return matching


class WeightEdit(TensorEdit):
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


class DonorEdit(WeightEdit):
    """Use tensors of another run, which has the same task and the same rows to train on.

    Attributes:
        donor: id of a run, or in a study the name of an arm. Of an arm, the donor is the parent itself if the parent is in the arm,
            else the run with the parent's seeds. Where there is none, the donor is among the arm's runs with the parent's data seed,
            at the position that the parent's seed has among the seeds of its own arm; positions past their number start from the
            front again.
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


def initial(tensors: Params, context: EditContext) -> Params:
    """The tensors of the same names at initialisation."""
    params = context.fresh().params
    return {name: params[name] for name in tensors}


def norm_of(tensors: Params) -> float:
    """The square root of the sum of all squares."""
    return float(np.sqrt(sum(np.square(value.astype(np.float64)).sum() for value in tensors.values())))
