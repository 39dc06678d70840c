"""The loss and accuracy of a network reduced to its key components (restricted) or without them (excluded).

The form of the literature projects the logits of all pairs on functions of the right answer (Nanda et al., arXiv 2301.05217,
section 4, for frequencies; Chughtai et al., arXiv 2302.03025, section 5, for irreducible representations). It averages every held-out
row with the trained rows of the same answer, so a network that has only memorised gets a low restricted loss. The form `held_out`
fits the same functions to held-out rows only, less the shadow of memory there, and is to be scored on held-out rows: such a network is
then at chance.
"""

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from numpy import ndarray

from epicycle.circuits.algorithm import Algorithm, algorithm_of
from epicycle.circuits.splitting import HELD_OUT, Aligned, Sums, aligned, held_out, summed
from epicycle.circuits.weight_spectra import is_key
from epicycle.maths.cross_entropy import cross_entropy, margins
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.families import Measure
from epicycle.spec.fields import static

Rows = Literal["train", "test", "all"]


class Ablated(Measure):
    """What the restricted and the excluded measures share.

    Attributes:
        quantity: mean cross-entropy in nats over the group's classes, or share of right rows.
        fit: `published` projects the logits of all rows. `held_out` fits functions of the right answer to held-out rows only, by least
            squares. The name of the series then ends in `_held_out`.
        rows: the rows that are scored.
        components: `key` are those with a large share of the unembedding's power at this step, see `KeyComponents`; `final` are those
            of the network that the run ends with (Nanda et al.), which `epicycle measure` knows; `all` are all; `random` are as many
            other ones as there are key ones, drawn once: the null. A list of names fixes them for all steps. The name ends in
            `_final`, `_all`, `_random` or the names.
    """

    part: ClassVar[str]

    quantity: Literal["loss", "acc"] = static("loss")
    fit: Literal["published", "held_out"] = static("published")
    rows: Rows = static("all")
    components: Literal["key", "final", "all", "random"] | tuple[str, ...] = static("key")

    @property
    def name(self) -> str:
        """`restricted_loss`, `excluded_loss_train`, `restricted_acc_test_held_out`, `restricted_loss_random`, ..."""
        pieces = [self.part, self.quantity]
        pieces += [] if self.rows == "all" else [self.rows]
        pieces += [] if self.fit == "published" else [self.fit]
        named = (self.components,) if isinstance(self.components, str) else self.components
        pieces += [] if self.components == "key" else named
        return re.sub(r"\W", "_", "_".join(pieces))

    @property
    def needs(self) -> tuple[str, ...]:
        """The task, the weights (or those at the end), the logits of all rows, and the sets of rows."""
        weights = "end_params" if self.components == "final" else "params"
        return tuple(dict.fromkeys((*HELD_OUT, weights, "all", self.rows)))

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """In nats, or from 0 to 1. NaN if there are no such rows. A tie counts as wrong."""
        algorithm = algorithm_of(snapshot["task"])
        logits = snapshot["logits"]
        fitted_on = summed(aligned(logits, snapshot["all"], algorithm)) if self.fit == "published" else held_out(snapshot, algorithm)
        kept = self._kept(snapshot, algorithm)
        constant, part = _function_of_answer(fitted_on, kept[jnp.asarray(algorithm.owner)], algorithm)
        scored = aligned(logits, snapshot[self.rows], algorithm)
        return self.mean_score(scored, summed(scored).counts, constant, part)

    @abstractmethod
    def mean_score(
        self,
        scored: Aligned,
        counts: Float[Array, " element"],
        constant: Float[Array, " element"],
        part: Float[Array, "element element"],
    ) -> Float[Array, ""]:
        """The mean score of the rows.

        Args:
            scored: the rows and their logits.
            counts: number of these rows with each right answer.
            constant: of the fit.
            part: what the kept components add to it, for each right answer.
        """

    def scores(self, logits: Float[Array, "row element"], answers: Int[ndarray, " row"]) -> Float[Array, " row"]:
        """The loss of each row, or 1 where it is right and 0 elsewhere."""
        labels = jnp.asarray(answers)
        return cross_entropy(logits, labels) if self.quantity == "loss" else (margins(logits, labels) > 0).astype(logits.dtype)

    def _kept(self, snapshot: Mapping[str, Any], algorithm: Algorithm) -> Bool[Array, " component"]:
        """The components that the part consists of."""
        n = len(algorithm.names)
        if self.components == "all":
            return jnp.ones(n, bool)
        if isinstance(self.components, tuple):
            return _named(self.components, algorithm)
        key = is_key(snapshot["end_params" if self.components == "final" else "params"], algorithm)
        if self.components != "random":
            return key
        # As many of the others as there are key components, or all others if there are fewer.
        order = jnp.asarray(np.random.default_rng(0).permutation(n))
        rank = jnp.cumsum(~key[order])
        return jnp.zeros(n, bool).at[order].set(~key[order] & (rank <= key.sum()))


class Restricted(Ablated):
    """Loss or accuracy with the key components alone: does the general algorithm suffice?

    The logits are the part that is a function of the right answer in the key components, and the mean over rows.
    """

    kind: ClassVar[str] = "restricted"
    part: ClassVar[str] = "restricted"

    def mean_score(
        self,
        scored: Aligned,
        counts: Float[Array, " element"],
        constant: Float[Array, " element"],
        part: Float[Array, "element element"],
    ) -> Float[Array, ""]:
        """By the part and the constant, which are the same for all rows with one answer."""
        del scored
        return (self.scores(part + constant, np.arange(len(part))) * counts).sum() / counts.sum()


class Excluded(Ablated):
    """Loss or accuracy without the key components: does the network need the general algorithm?"""

    kind: ClassVar[str] = "excluded"
    part: ClassVar[str] = "excluded"

    def mean_score(
        self,
        scored: Aligned,
        counts: Float[Array, " element"],
        constant: Float[Array, " element"],
        part: Float[Array, "element element"],
    ) -> Float[Array, ""]:
        """By all but the part."""
        del constant
        scores = self.scores(scored.logits - part[scored.answers], scored.answers)
        return jnp.where(scored.rows, scores, 0).sum() / counts.sum()


def _named(components: tuple[str, ...], algorithm: Algorithm) -> Bool[Array, " component"]:
    """Which components have these names.

    Raises:
        InputError: there is no such component.
    """
    for name in components:
        if name not in algorithm.names:
            raise InputError(f"components: the task has no component '{name}'; {nearest(name, algorithm.names)}")
    return jnp.asarray([name in components for name in algorithm.names])


def _function_of_answer(
    sums: Sums, kept: Bool[Array, " function"], algorithm: Algorithm
) -> tuple[Float[Array, " element"], Float[Array, "element element"]]:
    """The least-squares fit of the rows' logits by a constant and the kept functions of the right answer.

    Returns:
        The constant, and the rest of the fit for each right answer.
    """
    n, dtype = len(algorithm.classes), sums.by_answer.dtype
    functions = jnp.asarray(algorithm.basis, dtype) * kept
    features = jnp.concatenate([jnp.full((n, 1), n**-0.5, dtype), functions], axis=1)
    # A small ridge keeps the system solvable where functions are left out, or where an answer has no row.
    gram = (features * sums.counts[:, None]).T @ features / sums.total + 1e-6 * jnp.eye(features.shape[1], dtype=dtype) / n
    coefficients = jnp.linalg.solve(gram, features.T @ sums.by_answer / sums.total)
    return features[0, 0] * coefficients[0], functions @ coefficients[1:]
