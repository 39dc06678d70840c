"""Salience: which units matter for how many answers, how unequal units are in it, and what deleting the most salient ones does.

These are the two experiments that Pope proposed in 2022 to see whether shallow circuits give way to deep ones.
"""

from abc import abstractmethod
from collections.abc import Mapping
from math import ceil
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from pydantic import model_validator

from epicycle.circuits.attribution import Gain, Method, attributions
from epicycle.circuits.coverage import OfUnits
from epicycle.circuits.removable import Units, unit_names, units_of
from epicycle.maths.cross_entropy import margins
from epicycle.maths.order_statistics import kth_smallest, median
from epicycle.maths.sparsity import gini, inverse_participation, l_skewness, skewness
from epicycle.spec.families import Task
from epicycle.spec.fields import static

TOP = 0.1  # share of the units that count as the most salient ones of a row, or as the broadest ones of a network
_SEED = 0  # of the units that are deleted at random


class OfSalience(OfUnits):
    """What the measures of salience share.

    Attributes:
        method: `integrated_gradients` along the straight way from all baselines to the network; `shapley`, the mean of what a unit
            adds when units are added in random orders; `ablation`, what is lost without the unit. All give the same for the lead where
            the logits are linear in the units. The name of the series has the method in it, except for `integrated_gradients`.
        of: what is attributed: the `lead` of the right logit over the mean logit, or `log_prob`, the log-probability of the right
            answer. The name of the series has `log_prob` in it.
        orders: number of random orders of `shapley`.
        null: `random_directions` takes random orthogonal directions of the last hidden layer in the place of its neurons. The name of
            the series has `random_directions` in it.
    """

    method: Method = static("integrated_gradients")
    of: Gain = static("lead")
    orders: int = static(8, ge=2, le=1000)
    null: Literal["none", "random_directions"] = static("none")

    @model_validator(mode="after")
    def _directions_are_of_neurons(self) -> "OfSalience":
        if self.null != "none" and self.unit != "neuron":
            raise ValueError("null: random_directions is for neurons (unit: neuron)")
        return self

    def of_salience(self, quantity: str) -> str:
        """The name of a series."""
        choices = (self.method, "integrated_gradients"), (self.of, "lead"), (self.null, "none")
        return self.named(quantity, *(choice for choice, usual in choices if choice != usual))

    def units_or_directions(self, snapshot: Mapping[str, Any]) -> Units:
        """The units, or what the null takes instead."""
        return units_of(snapshot, self.unit, self.baseline, rotated=self.null != "none")

    def sizes(self, snapshot: Mapping[str, Any]) -> Float[Array, "row removable"]:
        """The absolute attribution of every row to every unit; NaN at rows that do not count."""
        return self._counted(snapshot, 0)

    def errors(self, snapshot: Mapping[str, Any]) -> Float[Array, "row removable"]:
        """The standard errors of the attributions; NaN at rows that do not count."""
        return self._counted(snapshot, 1)

    def saliences(self, snapshot: Mapping[str, Any]) -> Float[Array, " removable"]:
        """The median over rows of the absolute attribution to each unit."""
        return median(self.sizes(snapshot))

    def _counted(self, snapshot: Mapping[str, Any], which: Literal[0, 1]) -> Float[Array, "row removable"]:
        units = self.units_or_directions(snapshot)
        values = attributions(units, snapshot["labels"], self.method, self.of, self.orders)[which]
        return jnp.where(snapshot[self.rows][:, None], jnp.abs(values), jnp.nan)


class SaliencePerUnit(OfSalience):
    """What the measures of salience share that give a number for each unit."""

    @property
    def dims(self) -> tuple[str, ...]:  # type: ignore[override]
        """An axis for the units."""
        return (self.unit,)

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The names of the units."""
        return unit_names(self.unit, params, task)


class Salience(SaliencePerUnit):
    """How much each unit matters: median over rows of the absolute attribution of the right answer to the unit.

    Attributes:
        standard_error: the median over rows of the standard error of `shapley` instead. The name of the series then ends in `error`.
    """

    kind: ClassVar[str] = "salience"
    standard_error: bool = static(False)

    @property
    def name(self) -> str:
        """`neuron_salience`, `neuron_salience_shapley_log_prob`, `neuron_salience_error_shapley`, ..."""
        return self.of_salience("salience_error" if self.standard_error else "salience")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, " removable"]:
        """In units of the logits, or in nats; NaN if there are no rows."""
        return median(self.errors(snapshot)) if self.standard_error else self.saliences(snapshot)


class Breadth(SaliencePerUnit):
    """For how many answers each unit matters: share of the rows for which it is among the tenth of the units that matters most."""

    kind: ClassVar[str] = "breadth"

    @property
    def name(self) -> str:
        """`neuron_breadth`, `neuron_breadth_test`, ..."""
        return self.of_salience("breadth")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, " removable"]:
        """From 0 to 1 for each unit, a tenth on average."""
        return _breadth(self.sizes(snapshot))


class OverUnits(OfSalience):
    """What the measures share that are one number for all units."""

    @abstractmethod
    def over_units(self, sizes: Float[Array, "row removable"]) -> Float[Array, ""]:
        """The number, from the absolute attributions of rows; NaN at rows that do not count."""

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The number; NaN if there are no rows."""
        return self.over_units(self.sizes(snapshot))


class SalienceSkewness(OverUnits):
    """How unequal units are in salience: a few that matter for most answers, and many that do not, give a large number.

    Attributes:
        shape: `moment` is the third standardised moment over units, `l` the ratio of L-moments, which single units move less, and
            `gini` the Gini coefficient.
    """

    kind: ClassVar[str] = "salience_skewness"
    shape: Literal["moment", "l", "gini"] = static("moment")

    @property
    def name(self) -> str:
        """`neuron_salience_skewness`, `neuron_salience_l_skewness`, `neuron_salience_gini`, ..."""
        return self.of_salience({"moment": "salience_skewness", "l": "salience_l_skewness", "gini": "salience_gini"}[self.shape])

    def over_units(self, sizes: Float[Array, "row removable"]) -> Float[Array, ""]:
        """NaN if all units have the same salience."""
        return {"moment": skewness, "l": l_skewness, "gini": gini}[self.shape](median(sizes))


class BroadUnits(OverUnits):
    """How broad the broadest units are, see `Breadth`.

    Attributes:
        quantity: `number` of the units that are among the most salient ones of more than half of the rows; mean `breadth` of the
            broadest tenth of the units; or `effective_number`, the squared sum of the breadths over the sum of their squares, which is
            the number of units if all are as broad, and a tenth of it if the same units matter for every row.
    """

    kind: ClassVar[str] = "broad_units"
    quantity: Literal["number", "breadth", "effective_number"] = static("number")

    @property
    def name(self) -> str:
        """`neuron_broad_units`, `neuron_top_breadth` or `neuron_effective_breadth`."""
        names = {"number": "broad_units", "breadth": "top_breadth", "effective_number": "effective_breadth"}
        return self.of_salience(names[self.quantity])

    def over_units(self, sizes: Float[Array, "row removable"]) -> Float[Array, ""]:
        """A whole number, or a share of rows."""
        breadth = _breadth(sizes)
        if self.quantity == "number":
            return (breadth > 0.5).sum().astype(breadth.dtype)
        if self.quantity == "effective_number":
            return 1 / inverse_participation(breadth)
        return jax.lax.top_k(breadth, ceil(TOP * len(breadth)))[0].mean()


class Participation(OverUnits):
    """How many units share in an answer: squared sum of a row's absolute attributions over the sum of their squares.

    The number is the mean over rows.
    """

    kind: ClassVar[str] = "participation"

    @property
    def name(self) -> str:
        """`neuron_participation`, `neuron_participation_test`, ..."""
        return self.of_salience("participation")

    def over_units(self, sizes: Float[Array, "row removable"]) -> Float[Array, ""]:
        """From 1 to the number of units."""
        return jnp.nanmean(1 / inverse_participation(sizes))


class DeletionDamage(OfSalience):
    """What the most salient units are worth: accuracy without k random units less accuracy without the k most salient ones.

    Averaged over k from none to all of the units. It is 0 if the most salient units are worth no more than others, and near 1 if
    everything depends on a few of them.

    Attributes:
        points: numbers of deleted units, evenly spaced between none and all; fewer where there are fewer units.
        draws: random orders of deletion, always the same ones.
    """

    kind: ClassVar[str] = "deletion_damage"
    points: int = static(12, ge=1, le=1000)
    draws: int = static(3, ge=1, le=1000)

    @property
    def name(self) -> str:
        """`neuron_deletion_damage`, `component_deletion_damage`, `neuron_deletion_damage_mean_test`, ..."""
        return self.of_salience("deletion_damage")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From -1 to 1; NaN if there are no rows."""
        units, labels, counted = self.units_or_directions(snapshot), snapshot["labels"], snapshot[self.rows]
        deleted = np.unique(np.linspace(0, units.n, min(self.points, units.n - 1) + 2).round()[1:-1])
        at_random = np.random.default_rng(_SEED).permuted(np.tile(np.arange(units.n), (self.draws, 1)), axis=1)
        by_salience = jnp.argsort(jnp.argsort(-self.saliences(snapshot)))
        turns = jnp.concatenate([by_salience[None], jnp.asarray(at_random)])

        def accuracy(kept: Float[Array, " removable"]) -> Float[Array, ""]:
            return ((margins(units.logits(kept), labels) > 0) & counted).sum() / counted.sum()

        kept = (turns[:, None] >= jnp.asarray(deleted)[:, None]).astype(units.whole.dtype)
        accuracies = jax.lax.map(accuracy, kept.reshape(-1, units.n)).reshape(len(turns), -1).mean(axis=1)
        return (accuracies[1:].mean() - accuracies[0]).astype(units.whole.dtype)


def _breadth(sizes: Float[Array, "row removable"]) -> Float[Array, " removable"]:
    """Share of the rows for which each unit is among the most salient ones; a unit that adds nothing to a row is never among them."""
    n = sizes.shape[1]
    least = kth_smallest(sizes.T, n - ceil(TOP * n))[:, None]
    counted = ~jnp.isnan(sizes[:, 0])
    return ((sizes >= least) & (sizes > 0)).sum(axis=0) / counted.sum().astype(sizes.dtype)
