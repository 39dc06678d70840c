"""How many directions a matrix uses: the effective rank of weights and of activations; and how straight an embedding is."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from epicycle.spec.errors import InputError, nearest
from epicycle.spec.families import Measure, Task
from epicycle.spec.fields import static

MOST_SUM = 198  # of two symbols, from 0 to 99


class EffectiveRank(Measure):
    """How many directions a weight tensor or a hidden layer uses: k for k directions of equal size, whatever the shape.

    Attributes:
        of: name of a tensor (`W_E`), or of an activation of all rows (`blocks.0.mlp.hook_post`). Axes before the last are flattened.
        by: `entropy`: the exponential of the entropy of the singular values' shares (Roy & Vetterli 2007). `power`: that of the
            shares of their squares (Liu et al., arXiv 2205.10343). `participation`: 1 over the sum of these shares squared, which
            needs no decomposition.
        centred: whether the mean of each column is taken off first.
    """

    kind: ClassVar[str] = "effective_rank"
    of: str = static("W_E")
    by: Literal["entropy", "power", "participation"] = static("entropy")
    centred: bool = static(False)

    @property
    def name(self) -> str:
        """`rank_W_E`, `rank_W_E_power_centred`, `rank_blocks_0_mlp_hook_post_participation`, ..."""
        ending = ("" if self.by == "entropy" else f"_{self.by}") + ("_centred" if self.centred else "")
        return f"rank_{self.of.replace('.', '_')}{ending}"

    @property
    def needs(self) -> tuple[str, ...]:
        """The parameters or the activations; and the task, so that a wrong name is refused before anything is trained."""
        return ("task", "activations" if self._is_activation else "params")

    @property
    def _is_activation(self) -> bool:
        return "hook_" in self.of

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 1 to the smaller length of the matrix; NaN if it is 0 everywhere.

        Raises:
            InputError: there is no such tensor or activation, or it has one axis only.
        """
        matrix = self._matrix(snapshot)
        if self.centred:
            matrix = matrix - matrix.mean(axis=0, keepdims=True)
        if self.by == "entropy":
            return exponential_entropy(jnp.linalg.svd(matrix, compute_uv=False))
        gram = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
        if self.by == "power":
            return exponential_entropy(jnp.maximum(jnp.linalg.eigvalsh(gram), 0))
        return jnp.square(jnp.trace(gram)) / jnp.square(gram).sum()

    def _matrix(self, snapshot: Mapping[str, Any]) -> Float[Array, "d_in d_out"]:
        arrays = snapshot["activations" if self._is_activation else "params"]
        matrices = {name: value for name, value in arrays.items() if value.ndim > 1}
        if self.of not in matrices:
            what = "activation" if self._is_activation else "tensor"
            raise InputError(
                f"measure {self.name}: this network has no {what} '{self.of}' with two axes or more; {nearest(self.of, matrices)}"
            )
        value = matrices[self.of]
        return value.reshape(-1, value.shape[-1])


class RepresentationQuality(Measure):
    """Representation quality index: the share of the parallelograms which the sum asks for that the embedding has (Liu et al. 2022).

    Two pairs of symbols with the same sum ask for a parallelogram: E_i + E_j = E_k + E_l. It counts as there if the mean square of the
    difference over the dimensions of the embedding, each scaled to variance 1, is below the tolerance. Evenly spaced points on a line
    have all of them (arXiv 2205.10343, section 3).

    Attributes:
        tolerance: the mean square from which on a parallelogram is missing.
    """

    kind: ClassVar[str] = "representation_quality"
    tolerance: float = static(0.01, gt=0, le=1e6)

    @property
    def name(self) -> str:
        """`representation_quality`."""
        return self.kind

    @property
    def needs(self) -> tuple[str, ...]:
        """The task and the embedding."""
        return ("task", "params")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 0 to 1.

        Raises:
            InputError: sums are no plain sums, or the network has no embedding.
        """
        first, second = _pairs_of_pairs(snapshot["task"])
        if "W_E" not in snapshot["params"]:
            raise InputError(f"measure {self.name}: this network has no embedding W_E; an mlp with embedded operands has one.")
        embedding = snapshot["params"]["W_E"]
        centred = embedding - embedding.mean(axis=0)
        scaled = centred / jnp.sqrt(jnp.square(centred).mean(axis=0))
        sums = scaled[first].sum(axis=1) - scaled[second].sum(axis=1)
        return (jnp.square(sums).mean(axis=1) < self.tolerance).astype(embedding.dtype).mean()


def _pairs_of_pairs(task: Task) -> tuple[Any, Any]:
    """Both pairs of symbols of every two rows with the same plain sum."""
    if task.kind != "toy_addition" or getattr(task, "modular", False):
        raise InputError(
            f"representation_quality needs plain sums, and this is a {task.kind} task; use {{kind: toy_addition}}. Sums modulo p put "
            "symbols on circles, which have no such parallelograms; component_power finds circles."
        )
    operands = task.table().operands
    sums = operands.sum(axis=1)
    if sums.max() > MOST_SUM:
        raise InputError(f"representation_quality counts all parallelograms, so it takes {MOST_SUM // 2 + 1} symbols at most.")
    of_sum = [np.flatnonzero(sums == total) for total in np.unique(sums)]
    pairs = [np.stack([rows[side] for side in np.triu_indices(len(rows), k=1)]) for rows in of_sum]
    first, second = np.concatenate(pairs, axis=1)
    return operands[first], operands[second]


def exponential_entropy(sizes: Float[Array, " d_in"]) -> Float[Array, ""]:
    """The number of equal sizes that have the entropy of these."""
    shares = sizes / sizes.sum()
    return jnp.exp(-(shares * jnp.log(jnp.where(shares == 0, 1, shares))).sum())
