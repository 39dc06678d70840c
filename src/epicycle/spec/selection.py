"""Selections: units that are found in a run itself at the moment of a fork, by what a measure says of each of them."""

from typing import Self

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from pydantic import model_validator

from epicycle.spec.base import Spec
from epicycle.spec.errors import InputError, NotInThisState
from epicycle.spec.families import AnyMeasure, EditContext
from epicycle.spec.fields import data
from epicycle.spec.limits import MOST_SEED, MOST_WIDTH


class Selection(Spec):
    """Units (neurons, components) chosen by a measure that gives a number for each of them, in the parent at the moment of the fork.

    One of `top`, `bottom`, `above` and `below` says which. Units for which the measure gives no number (NaN) are not chosen. Of units
    with the same number, those that come first are.

    Attributes:
        of: a measure with one axis: `{kind: neuron_share}`, `{kind: gen_logit, by_component: true}`.
        top: how many units with the largest numbers, or as a number below 1 which share of all units.
        bottom: how many units with the smallest numbers, or which share.
        above: the units whose number is above this.
        below: the units whose number is below this.
        invert: take all other units instead.
        random: the null: as many of the units that are not chosen, or all of these if there are fewer, drawn from the run's seed.
        of_all: draw the null from all units, the chosen ones among them: a large selection leaves few others.
        draw: number of the draw; another number gives other units.
    """

    of: AnyMeasure
    top: int | float | None = data(None, gt=0, le=MOST_WIDTH)
    bottom: int | float | None = data(None, gt=0, le=MOST_WIDTH)
    above: float | None = data(None)
    below: float | None = data(None)
    invert: bool = data(False)
    random: bool = data(False)
    of_all: bool = data(False)
    draw: int = data(0, ge=0, le=MOST_SEED)

    @model_validator(mode="after")
    def _is_one_rule(self) -> Self:
        rules = {name: getattr(self, name) for name in ("top", "bottom", "above", "below") if getattr(self, name) is not None}
        if len(rules) != 1:
            raise ValueError(f"a selection needs one of top, bottom, above and below, and has {' and '.join(rules) or 'none'}")
        if len(self.of.dims) != 1:
            raise ValueError(
                f"{self.of.name} gives {'one number' if not self.of.dims else 'a table of numbers'}, and a selection needs one number "
                "for each unit: neuron_share for neurons, or gen_logit with by_component for components"
            )
        if self.of_all and not self.random:
            raise ValueError("of_all says what the null is drawn from; set random too")
        if any(isinstance(value, float) and value >= 1 and value != int(value) for value in (self.top, self.bottom) if value):
            raise ValueError("top and bottom are a whole number of units, or a share below 1")
        return self

    def units(self, context: EditContext) -> tuple[tuple[int, ...], int]:
        """The chosen units in ascending order, and the number of all units.

        Raises:
            InputError: there are fewer units than must be chosen.
            NotInThisState: none is chosen.
        """
        values = np.asarray(context.measured(self.of), np.float64)
        chosen = self._chosen(values)
        if self.random:
            chosen = self._others(chosen, len(values), context)
        if not len(chosen):
            raise NotInThisState(f"a selection by {self.of.name} chooses none of the {len(values)} units; {self._range(values)}")
        return tuple(sorted(chosen.tolist())), len(values)

    def _chosen(self, values: Float[ndarray, " unit"]) -> Int[ndarray, " unit"]:
        if self.above is not None or self.below is not None:
            passes = values > self.above if self.above is not None else values < self.below
            chosen = np.flatnonzero(passes)
        else:
            chosen = self._first(np.argsort(values if self.top is None else -values, kind="stable"), np.isfinite(values))
        return np.setdiff1d(np.arange(len(values)), chosen) if self.invert else chosen

    def _first(self, order: Int[ndarray, " unit"], is_number: Float[ndarray, " unit"]) -> Int[ndarray, " unit"]:
        asked = self.top or self.bottom or 0
        count = int(asked) if asked >= 1 else max(round(asked * len(order)), 1)
        if count > len(order):
            raise InputError(f"a selection by {self.of.name} asks for {count} units, and there are {len(order)}.")
        return order[is_number[order]][:count]

    def _others(self, chosen: Int[ndarray, " unit"], n_units: int, context: EditContext) -> Int[ndarray, " unit"]:
        """As many units as are chosen, from the others or from all."""
        order = np.argsort(context.normal({"units": (n_units,)}, self.draw)["units"], kind="stable")
        return (order if self.of_all else order[~np.isin(order, chosen)])[: len(chosen)]

    def _range(self, values: Float[ndarray, " unit"]) -> str:
        numbers = values[np.isfinite(values)]
        return f"their numbers lie between {numbers.min():.3g} and {numbers.max():.3g}." if len(numbers) else "none has a number."
