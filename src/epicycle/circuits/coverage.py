"""Which rows need which unit: the coverage of single units, and the number of units that share the work.

A row needs a unit if the network is right on it and wrong without the unit. Whether rows could share units at all is a question of
which units are active.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import model_validator

from epicycle.circuits.ablated_loss import Rows
from epicycle.circuits.removable import NEEDS, Baseline, Unit, Units, last_hidden_site, unit_names, units_of
from epicycle.maths.cross_entropy import margins
from epicycle.spec.families import Measure, Task
from epicycle.spec.fields import static


class OfUnits(Measure):
    """What the measures of single units share.

    Attributes:
        unit: what is taken out: `neuron`, a unit of the last hidden layer; `head`, an attention head; `component`, a frequency or
            irreducible representation of the general algorithm, taken out of the logits with its strength on held-out rows.
        baseline: what is put in the place of a neuron or head: `zero`, its `mean` over all rows, or its activation on another row,
            drawn once (`resample`). Nothing is put in the place of a component. The name of the series ends in it, except for `zero`.
        rows: the rows that are looked at. The name of the series ends in them, except for `train`.
    """

    unit: Unit = static("neuron")
    baseline: Baseline = static("zero")
    rows: Rows = static("train")

    @model_validator(mode="after")
    def _components_leave_nothing(self) -> "OfUnits":
        if self.unit == "component" and self.baseline != "zero":
            raise ValueError("a component is taken out of the logits, and nothing is put in its place; leave baseline at zero")
        return self

    @property
    def needs(self) -> tuple[str, ...]:
        """The task, what the network does without some of its units, and the rows."""
        return tuple(dict.fromkeys(("task", *NEEDS[self.unit], self.rows)))

    def named(self, quantity: str, *choices: str) -> str:
        """The name of a series, such as `neuron_coverage_mean_test`."""
        endings = [self.baseline] if self.baseline != "zero" else []
        return "_".join([self.unit, quantity, *choices, *endings, *([self.rows] if self.rows != "train" else [])])

    def units(self, snapshot: Mapping[str, Any]) -> Units:
        """The units."""
        return units_of(snapshot, self.unit, self.baseline)


class PerUnit(OfUnits):
    """What the measures share that give a number for each unit."""

    @property
    def dims(self) -> tuple[str, ...]:  # type: ignore[override]
        """An axis for the units."""
        return (self.unit,)

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The names of the units."""
        return unit_names(self.unit, params, task)


class Coverage(PerUnit):
    """Share of the rows that need each unit: the network is right on them, and wrong without the unit."""

    kind: ClassVar[str] = "coverage"

    @property
    def name(self) -> str:
        """`neuron_coverage`, `component_coverage`, `head_coverage_mean`, ..."""
        return self.named("coverage")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, " removable"]:
        """From 0 to 1 for each unit; NaN if there are no rows."""
        return _coverage(self.units(snapshot), snapshot, self.rows)


class EffectiveNumber(OfUnits):
    """Effective number of units that the rows need: squared sum of the coverages over the sum of their squares.

    It is 1 if a single unit is needed at all, and n if n units are needed equally often, whether by the same rows or by others.
    """

    kind: ClassVar[str] = "effective_number"

    @property
    def name(self) -> str:
        """`neuron_effective_number`, `component_effective_number`, ..."""
        return self.named("effective_number")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 1 to the number of units; NaN if no row needs any unit."""
        covered = _coverage(self.units(snapshot), snapshot, self.rows)
        return jnp.square(covered.sum()) / jnp.square(covered).sum()


class ActiveOverlap(Measure):
    """How far do rows share units? How probable it is that a unit which is active on one row is active on another one, too.

    1 if all rows activate the same units, 0 if no two rows have an active unit in common. A unit is active where its activation after
    the non-linearity is not 0. All rows count, and the units are those of the last hidden layer.
    """

    kind: ClassVar[str] = "active_overlap"

    @property
    def name(self) -> str:
        """`active_overlap`."""
        return self.kind

    @property
    def needs(self) -> tuple[str, ...]:
        """The activations on all rows."""
        return ("activations",)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 0 to 1; NaN if no unit is active on any row."""
        activations = snapshot["activations"]
        post = activations[last_hidden_site(activations, "post")]
        active = (post if post.ndim == 2 else post[:, -1]) != 0
        n, on_rows = len(active), active.astype(post.dtype).sum(axis=0)
        return (on_rows * (on_rows - 1)).sum() / (on_rows.sum() * (n - 1))


def _coverage(units: Units, snapshot: Mapping[str, Any], rows: Rows) -> Float[Array, " removable"]:
    labels, dtype = snapshot["labels"], snapshot["logits"].dtype
    counted = snapshot[rows]
    right = (margins(snapshot["logits"], labels) > 0) & counted

    def needed(unit: Any) -> Float[Array, ""]:
        return (right & ~(margins(units.logits_without(unit), labels) > 0)).sum().astype(dtype)

    return jax.lax.map(needed, jnp.arange(units.n)) / counted.sum().astype(dtype)
