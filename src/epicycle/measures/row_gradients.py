"""The gradients of single trained rows: how many directions they point in, and how much of their spread couples different weights.

Cost at a look: a gradient of one row for each of `of_rows` rows, all kept at once: as many numbers as rows times weights.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from epicycle.measures.ranks import exponential_entropy
from epicycle.measures.seldom import Seldom
from epicycle.spec.fields import static
from epicycle.spec.objective import Objective


class OfRowGradients(Seldom):
    """What the measures of row gradients share.

    Attributes:
        of_rows: how many of the rows trained on are taken, the first ones in the order of the split. With fewer rows, all are taken.
        unit: whether every gradient is first scaled to length 1, so that rows with a large loss count no more than others. The name
            of the series then ends in `_unit`.
    """

    of_rows: int = static(256, ge=2, le=100_000)
    unit: bool = static(False)

    def gradients(self, snapshot: Mapping[str, Any]) -> "Gram":
        """Sums over the gradients of the rows, computed once for all measures."""
        key = ("row_gradients", self.of_rows, self.unit)
        read: Gram = self.at_its_looks(snapshot, key, lambda entries: self._gram(entries["objective"]))
        return read

    def _gram(self, objective: Objective) -> "Gram":
        weights, unravel = ravel_pytree(objective.trained)
        slots = objective.slots[: self.of_rows]
        of_row = jax.vmap(jax.grad(lambda vector, slot: objective.row_loss(unravel(vector), slot)), in_axes=(None, 0))
        present = jnp.arange(len(slots)) < objective.n_rows
        rows = jnp.where(present[:, None], of_row(weights, slots), 0)
        if self.unit:
            lengths = jnp.linalg.norm(rows, axis=1, keepdims=True)
            rows = rows / jnp.where(lengths > 0, lengths, 1)
        return Gram(rows @ rows.T, jnp.square(rows).sum(axis=0))


class Gram(NamedTuple):
    """Sums over the gradients of rows.

    Attributes:
        products: scalar products of the gradients of any two rows.
        squares: for each weight the sum of the squares of the gradients.
    """

    products: Float[Array, "row row"]
    squares: Float[Array, " number"]


class GradientRank(OfRowGradients):
    """In how many directions do the gradients of single rows point? n for n rows at right angles, 1 if all agree: the effective rank.

    Attributes:
        by: how the rank is counted; see `EffectiveRank`. `participation` is 1 over the sum of the shares squared.
    """

    kind: ClassVar[str] = "gradient_rank"
    by: Literal["entropy", "power", "participation"] = static("participation")

    @property
    def name(self) -> str:
        """`gradient_rank`, `gradient_rank_unit`, `gradient_rank_entropy`, ..."""
        by = "" if self.by == "participation" else f"_{self.by}"
        return f"gradient_rank{by}{'_unit' if self.unit else ''}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 1 to the number of rows."""
        products = self.gradients(snapshot).products
        if self.by == "participation":
            return jnp.square(jnp.trace(products)) / jnp.square(products).sum()
        squares = jnp.maximum(jnp.linalg.eigvalsh(products), 0)
        return exponential_entropy(squares if self.by == "power" else jnp.sqrt(squares))


class FisherOffDiagonal(OfRowGradients):
    """Which share of the spread of row gradients couples different weights? The off-diagonal squares of the empirical Fisher matrix.

    The matrix is the mean over rows of g g', with the gradient g of a row's loss by the label that is trained on. The share is exact
    for these rows: squares of off-diagonal entries over squares of all entries.
    """

    kind: ClassVar[str] = "fisher_off_diagonal"

    @property
    def name(self) -> str:
        """`fisher_off_diagonal` or `fisher_off_diagonal_unit`."""
        return f"fisher_off_diagonal{'_unit' if self.unit else ''}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 0 to 1."""
        gram = self.gradients(snapshot)
        return 1 - jnp.square(gram.squares).sum() / jnp.square(gram.products).sum()
