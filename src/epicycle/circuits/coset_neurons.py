"""Whether the neurons of a network are functions of cosets, and what a network without such neurons would show.

Stander et al. (arXiv 2312.06581, section 4) say that each neuron asks whether x y lies in a coset of a subgroup: its input from x is a
function of right cosets, and its input from y one of left cosets. A neuron that follows one irreducible representation can look
similar, as functions of cosets lie in few representations. So there is a null of neurons with the same power in each of them.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from epicycle.circuits.algorithm import Algorithm, algorithm_of
from epicycle.circuits.neurons import CosetConcentration, hidden, on_pairs
from epicycle.spec.families import Measure
from epicycle.spec.fields import static

LIVE = 0.01  # a neuron is live if its activation has at least this share of the mean variance of all neurons
NULL_SEED = 0  # of the random functions of the null


class CosetDistance(Measure):
    """How far each live neuron is from functions of cosets, in the worse of its two inputs: 0 if both are such functions.

    See `CosetConcentration` for the distance of one input. A neuron is live if the variance of its activation is at least 0.01 of the
    mean over neurons.

    Attributes:
        within: `mean` of the variances within cosets, or their `sum` as in the paper; the name of the series then ends in `_sum`.
        null: `same_irreps` takes, in place of each input, a random function with the same power in every irreducible representation,
            drawn once. The name of the series then ends in `_same_irreps`.
        reduce: `none` gives every neuron, and NaN for those that are not live. `median` gives the median of the live ones, and
            `share` the share of them whose distance is below `below`.
        below: the largest distance, not included, that `share` counts.
    """

    kind: ClassVar[str] = "coset_distance"
    within: Literal["mean", "sum"] = static("mean")
    null: Literal["none", "same_irreps"] = static("none")
    reduce: Literal["none", "median", "share"] = static("none")
    below: float = static(0.05, gt=0)

    @property
    def dims(self) -> tuple[str, ...]:  # type: ignore[override]
        """An axis for the neurons, or none."""
        return ("neuron",) if self.reduce == "none" else ()

    @property
    def name(self) -> str:
        """`coset_distance`, `coset_distance_median`, `coset_distance_share_below_0.05`, `..._sum`, `..._same_irreps`."""
        reduced = {"none": "", "median": "_median", "share": f"_share_below_{self.below:g}"}[self.reduce]
        within = "" if self.within == "mean" else "_sum"
        return f"coset_distance{reduced}{within}" + ("" if self.null == "none" else f"_{self.null}")

    @property
    def needs(self) -> tuple[str, ...]:
        """The task, and the activations on all rows."""
        return ("task", "activations")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """NaN where no neuron is live."""
        measured = snapshot if self.null == "none" else _with_random_inputs(snapshot)
        sides: tuple[Literal["first", "second"], ...] = ("first", "second")
        inputs = [CosetConcentration(operand=side, within=self.within).fn(measured) for side in sides]
        distance = jnp.where(live_neurons(snapshot["activations"]), jnp.maximum(*inputs), jnp.nan)
        if self.reduce == "none":
            return distance
        if self.reduce == "median":
            return jnp.nanmedian(distance)
        return (distance < self.below).sum() / jnp.isfinite(distance).sum().astype(distance.dtype)


def live_neurons(activations: Mapping[str, Any]) -> Bool[Array, " neuron"]:
    """Which neurons of the last hidden layer differ from row to row, see `CosetDistance`."""
    variance = hidden(activations, "post").var(axis=0)
    return variance >= LIVE * variance.mean()


def _with_random_inputs(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """The task with neurons of random inputs, whose power in every representation is that of the network's own neurons."""
    task, algorithm = snapshot["task"], algorithm_of(snapshot["task"])
    grid = on_pairs(hidden(snapshot["activations"], "pre"), task, algorithm)
    rng = np.random.default_rng(NULL_SEED)
    drawn = [_same_power(grid.mean(axis=axis), rng, algorithm) for axis in (1, 0)]
    x, y = algorithm.element_of[algorithm.operands].T
    return {"task": task, "activations": {"mlp.hook_pre": drawn[0][x] + drawn[1][y]}}


def _same_power(
    inputs: Float[Array, "element neuron"], rng: np.random.Generator, algorithm: Algorithm
) -> Float[Array, "element neuron"]:
    """Random functions with the same power in each component as these."""
    basis, owner = jnp.asarray(algorithm.basis, inputs.dtype), algorithm.owner
    random = rng.standard_normal((len(owner), inputs.shape[1]))
    norms = np.sqrt(np.stack([(random[owner == component] ** 2).sum(axis=0) for component in range(len(algorithm.names))]))
    own = jnp.square(basis.T @ inputs)
    power = jnp.zeros((len(algorithm.names), inputs.shape[1]), inputs.dtype).at[owner].add(own)
    return basis @ (jnp.asarray(random / norms[owner], inputs.dtype) * jnp.sqrt(power)[owner])
