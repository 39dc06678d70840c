"""What can be read off the hidden layer by a linear map: the band of a product, the product, or waves of the right answer.

A probe sees which tokens a row has, so it can always add up a function of each operand. Two things keep this from counting. Targets
are taken without the part that is such a sum. Controls have the same target of other rows, or of tokens with their names exchanged
(Hewitt & Liang, arXiv 1909.03368, call the second a control task). Only what a network computes from both operands is left.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from numpy import ndarray

from epicycle.circuits.algorithm import Algorithm, algorithm_of
from epicycle.circuits.neurons import hidden, on_pairs
from epicycle.circuits.weight_spectra import is_key
from epicycle.spec.families import Measure, Task
from epicycle.spec.fields import static

SEED = 0  # of the half of the pairs that probes are fitted to, and of the exchange of rows or names in controls
Target = Literal["band", "product", "key_components"]
Null = Literal["none", "shuffled", "relabelled"]


class Probe(Measure):
    """How well a linear map of the last hidden layer gives a target, from 0 to 1: explained variance on pairs it was not fitted to.

    The map is fitted by ridge regression to one half of all pairs of elements, drawn once, and scored on the other half.

    Attributes:
        target: `band` is the number m of times that p goes into the product of the operands, as numbers, so that the product modulo p
            is x y - m p; `product` is x y itself, as a number; `key_components` are the cosines and sines (or matrix entries) of the
            right answer in the components that are key in the unembedding, see `KeyComponents`. Each is taken without the part that
            is a function of x plus a function of y.
        null: `shuffled` gives each pair the target of another one. `relabelled` exchanges the names of the tokens before the target is
            computed. The name of the series then ends so.
        ridge: penalty, as a share of the mean variance of the hidden units.
    """

    kind: ClassVar[str] = "probe"
    target: Target = static("key_components")
    null: Null = static("none")
    ridge: float = static(0.01, gt=0)

    @property
    def name(self) -> str:
        """`probe_band`, `probe_key_components_relabelled`, ..."""
        return f"probe_{self.target}{'' if self.null == 'none' else f'_{self.null}'}"

    @property
    def needs(self) -> tuple[str, ...]:
        """The task, the weights, and the activations on all rows."""
        return ("task", "params", "activations")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """At most 1; below 0 where the fit is worse than the mean; NaN where no component is key."""
        task = snapshot["task"]
        algorithm = algorithm_of(task)
        units = on_pairs(hidden(snapshot["activations"], "post"), task, algorithm)
        targets = jnp.asarray(_targets(task, self.target, self.null), units.dtype)
        counted = jnp.ones(targets.shape[1], bool)
        if self.target == "key_components":
            counted = is_key(snapshot["params"], algorithm)[jnp.asarray(algorithm.owner)]
        return explained(units.reshape(len(targets), -1), targets, counted, self.ridge)


def explained(
    units: Float[Array, "row d_mlp"], targets: Float[Array, "row function"], counted: Bool[Array, " function"], ridge: float
) -> Float[Array, ""]:
    """The variance of the counted targets that ridge regression on the units explains, on the half it was not fitted to."""
    order = np.random.default_rng(SEED).permutation(len(targets))
    fitted, scored = order[: len(order) // 2], order[len(order) // 2 :]
    mean, aim = units[fitted].mean(axis=0), targets[fitted].mean(axis=0)
    centred = units[fitted] - mean
    gram = centred.T @ centred
    penalty = ridge * jnp.trace(gram) / len(gram) + 1e-30  # keeps a layer that is constant solvable
    weights = jnp.linalg.solve(gram + penalty * jnp.eye(len(gram), dtype=gram.dtype), centred.T @ (targets[fitted] - aim))
    error = targets[scored] - aim - (units[scored] - mean) @ weights
    left, whole = (
        jnp.where(counted, jnp.square(each).sum(axis=0), 0).sum() for each in (error, targets[scored] - targets[scored].mean(axis=0))
    )
    return 1 - left / whole


@lru_cache(maxsize=64)
def _targets(task: Task, target: Target, null: Null) -> Float[ndarray, "row function"]:
    """The targets of all pairs of elements, x first, without what is a function of x plus a function of y."""
    algorithm = algorithm_of(task)
    names, rng = np.arange(len(algorithm.classes)), np.random.default_rng(SEED + 1)
    x, y = (rng.permutation(names) if null == "relabelled" else names for _ in range(2))
    grid = _of_pairs(task, algorithm, target)[np.ix_(x, y)]
    grid = grid - grid.mean(axis=0, keepdims=True) - grid.mean(axis=1, keepdims=True) + grid.mean(axis=(0, 1))
    rows = grid.reshape(len(names) ** 2, -1)
    return rng.permutation(rows, axis=0) if null == "shuffled" else rows


def _of_pairs(task: Task, algorithm: Algorithm, target: Target) -> Float[ndarray, "x y function"]:
    """The targets of all pairs of elements."""
    if target == "key_components":
        rows: Int[ndarray, "x y"] = on_pairs(np.arange(len(algorithm.answers)), task, algorithm)
        return np.asarray(algorithm.basis[algorithm.answers[rows]])
    product = np.multiply.outer(algorithm.classes, algorithm.classes)
    n = int(algorithm.operands.max()) + 1
    return np.asarray((product if target == "product" else product // n)[:, :, None] / n, float)
