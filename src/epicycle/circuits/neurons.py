"""What single neurons compute: which component of the general algorithm each one follows, and whether it is a function of cosets.

Neurons are the units of the last hidden layer, at the position where the answer is read.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy import ndarray

from epicycle.circuits.algorithm import Algorithm, algorithm_of
from epicycle.circuits.removable import last_hidden_site
from epicycle.circuits.strength import component_names
from epicycle.maths.groups import cosets, subgroups
from epicycle.spec.errors import InputError
from epicycle.spec.families import Measure, Task
from epicycle.spec.fields import static

CLUSTERED = 0.85  # share of variance from which on Nanda et al. (arXiv 2301.05217, section 4.1) count a neuron as one of a frequency's


class OfNeurons(Measure):
    """What the measures of neurons share."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The task, and the activations on all rows."""
        return ("task", "activations")

    def shares(self, snapshot: Mapping[str, Any]) -> Float[Array, "component d_mlp"]:
        """Share of the variance of each neuron that each component explains: functions of x, of y, and products of the two.

        Nanda et al. (arXiv 2301.05217, section 4.1) take the same functions of one frequency. The matrix of x y is a product of those
        of x and y, so functions of the right answer are among them.
        """
        algorithm = algorithm_of(snapshot["task"])
        grid = on_pairs(hidden(snapshot["activations"], "post"), snapshot["task"], algorithm)
        n = len(algorithm.classes)
        functions = jnp.concatenate([jnp.full((n, 1), n**-0.5), jnp.asarray(algorithm.basis)], axis=1).astype(grid.dtype)
        power = jnp.square(jnp.einsum("xi,xyu,yj->iju", functions, grid - grid.mean(axis=(0, 1)), functions))
        owner = np.concatenate([[-1], algorithm.owner])
        blocks = [np.flatnonzero((owner == component) | (owner == -1)) for component in range(len(algorithm.names))]
        return jnp.stack([power[np.ix_(block, block)].sum(axis=(0, 1)) for block in blocks]) / power.sum(axis=(0, 1))


class NeuronShare(OfNeurons):
    """Share of each neuron's variance over all pairs that its best component explains, from 0 to 1.

    Attributes:
        by_component: one share for each component, in half precision, for pictures. The name of the series then ends in
            `_by_component`.
    """

    kind: ClassVar[str] = "neuron_share"
    by_component: bool = static(False)

    @property
    def dims(self) -> tuple[str, ...]:  # type: ignore[override]
        """An axis for the neurons, and one for the components."""
        return ("component", "neuron") if self.by_component else ("neuron",)

    @property
    def name(self) -> str:
        """`neuron_share` or `neuron_share_by_component`."""
        return "neuron_share" + ("_by_component" if self.by_component else "")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """NaN for a neuron that is constant."""
        shares = self.shares(snapshot)
        return shares.astype(jnp.float16) if self.by_component else shares.max(axis=0)

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The names of the components."""
        del params
        return component_names(task) if self.by_component else {}


class NeuronComponent(OfNeurons):
    """The component that explains most of each neuron's variance, by its number from 0 on along the axis of components."""

    kind: ClassVar[str] = "neuron_component"
    dims: ClassVar[tuple[str, ...]] = ("neuron",)

    @property
    def name(self) -> str:
        """`neuron_component`."""
        return "neuron_component"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, " neuron"]:
        """One whole number for each neuron; for a neuron that is constant it says nothing."""
        shares = self.shares(snapshot)
        return shares.argmax(axis=0).astype(shares.dtype)


class ClusteredNeurons(OfNeurons):
    """Share of the neurons of which one component explains at least 85 % of the variance."""

    kind: ClassVar[str] = "clustered_neurons"

    @property
    def name(self) -> str:
        """`clustered_neurons`."""
        return "clustered_neurons"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 0 to 1; neurons that are constant do not count as clustered."""
        best = self.shares(snapshot).max(axis=0)
        return (best >= CLUSTERED).mean(dtype=best.dtype)


class CosetConcentration(Measure):
    """How far each neuron's input from one operand is from a function of cosets: 0 if it is one, 1 if cosets explain nothing.

    The input from the first operand is compared with the right cosets of every subgroup, that from the second with the left cosets,
    and the smallest value counts. The whole group and the subgroup of one element are left out. Stander et al. (arXiv 2312.06581,
    section 4) sum the variances within cosets; with `within="mean"` they are averaged, so that the number of cosets plays no part.

    Attributes:
        operand: whose input is measured.
        within: `mean` or `sum` of the variances within cosets, over the whole variance.
    """

    kind: ClassVar[str] = "coset_concentration"
    dims: ClassVar[tuple[str, ...]] = ("neuron",)
    operand: Literal["first", "second"] = static("first")
    within: Literal["mean", "sum"] = static("mean")

    @property
    def name(self) -> str:
        """`coset_concentration_first`, `coset_concentration_second_sum`, ..."""
        return f"coset_concentration_{self.operand}" + ("" if self.within == "mean" else "_sum")

    @property
    def needs(self) -> tuple[str, ...]:
        """The task, and the activations on all rows."""
        return ("task", "activations")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, " neuron"]:
        """One number for each neuron; NaN for a neuron that the operand does not change."""
        task = snapshot["task"]
        grid = on_pairs(hidden(snapshot["activations"], "pre"), task, algorithm_of(task))
        inputs = grid.mean(axis=1 if self.operand == "first" else 0)
        variance = inputs.var(axis=0)
        numbers = jnp.asarray(_cosets_of(task, "right" if self.operand == "first" else "left"))

        def within(coset: Int[Array, " element"]) -> Float[Array, " neuron"]:
            same = (coset[:, None] == coset).astype(inputs.dtype)
            spread = jnp.square(inputs - same @ inputs / same.sum(axis=1, keepdims=True)).mean(axis=0)
            return spread * (1 if self.within == "mean" else coset.max() + 1)

        best = jax.lax.map(within, numbers).min(axis=0)
        return jnp.where(variance > 0, best / variance, jnp.nan)


@lru_cache(maxsize=32)
def _cosets_of(task: Task, side: Literal["left", "right"]) -> Int[ndarray, "subgroup element"]:
    """The number of every element's coset, for every subgroup but the smallest and the largest."""
    group = task.answer_group()
    if group is None:
        raise InputError(f"cosets need a task whose answers are computed in a group, and none is known for this {task.kind} task.")
    members = subgroups(group.product).members[1:-1]
    if not len(members):
        raise InputError(
            f"cosets need a group with subgroups, and a group of {len(group.product)} elements has none; choose another group."
        )
    return np.stack([cosets(group.product, each, side) for each in members])


def hidden(activations: Mapping[str, Any], part: Literal["pre", "post"]) -> Float[Array, "row d_mlp"]:
    """The last hidden layer before or after its non-linearity, where the answer is read."""
    values = activations[last_hidden_site(activations, part)]
    return values if values.ndim == 2 else values[:, -1]


def on_pairs(values: Any, task: Task, algorithm: Algorithm) -> Any:
    """Values of rows by their two operands, in the order of the group's elements."""
    rows = _rows_of_pairs(task, algorithm)
    return values[rows]


@lru_cache(maxsize=32)
def _rows_of_pairs(task: Task, algorithm: Algorithm) -> Int[ndarray, "x y"]:
    """The row of each pair of elements.

    Raises:
        InputError: the task has no row for some pair.
    """
    row = np.full((int(algorithm.operands.max()) + 1,) * 2, -1)
    row[tuple(algorithm.operands.T)] = np.arange(len(algorithm.operands))
    rows: Int[ndarray, "x y"] = row[np.ix_(algorithm.classes, algorithm.classes)]
    if (rows < 0).any():
        raise InputError(f"measures of neurons need a row for every pair of elements, and this {task.kind} task leaves some out.")
    return rows
