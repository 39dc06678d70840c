"""How the rows of training push a quantity: all in one direction, or each in its own.

Every trained row has a gradient of its own, and its push on a quantity is how fast a step against that gradient raises it. Pushes that
agree add up, and pushes that disagree cancel out. The pushes of all rows are one derivative of their losses along one direction, so no
gradient of a single row is ever formed.

Cost: the gradient of the quantity, and a forward pass with its derivative along one direction.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import model_validator

from epicycle.spec.families import AnyMeasure, Measure


class GradientCoherence(Measure):
    """Do the trained rows agree on a quantity? The sum of their pushes on it over the sum of the pushes' sizes, from -1 to 1.

    1: every row pushes the quantity up. 0: for one row that pushes it up another one pushes it down. The push of a row is the scalar
    product of minus the gradient of its loss with the gradient of the quantity. The loss of a row is the recorded one, exact and
    without smoothing.

    Attributes:
        of: the quantity: another measure with one number at a step, such as Gen, Mem or a margin. Accuracies have no gradient, and the
            value is then NaN.
    """

    kind: ClassVar[str] = "gradient_coherence"
    of: AnyMeasure

    @model_validator(mode="after")
    def _of_one_number(self) -> Self:
        if self.of.dims:
            raise ValueError(
                f"rows push one number, and {self.of.name} has several at a step (along {', '.join(self.of.dims)}); "
                "name a measure with one, such as gen_logit, mem_logit or margin"
            )
        return self

    @property
    def name(self) -> str:
        """`gen_logit_coherence`, `mem_logit_coherence`, ..."""
        return f"{self.of.name}_coherence"

    @property
    def needs(self) -> tuple[str, ...]:
        """The parameters, the losses of all rows, the rows trained on, and what the other measure needs."""
        return tuple(dict.fromkeys(("params", "measured_at", "row_loss", "train", *self.of.needs)))

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The coherence; NaN if no row pushes."""
        measured_at, params = snapshot["measured_at"], snapshot["params"]
        upwards = jax.grad(lambda weights: measured_at(self.of, weights))(params)
        slopes = jax.jvp(lambda weights: measured_at(_RowLosses(), weights), (params,), (upwards,))[1]
        pushes = jnp.where(snapshot["train"], -slopes, 0)
        return pushes.sum() / jnp.abs(pushes).sum()


class _RowLosses(Measure):
    """The recorded loss of every row, to be derived by the parameters."""

    kind: ClassVar[str] = "row_losses"
    dims: ClassVar[tuple[str, ...]] = ("row",)

    @property
    def name(self) -> str:
        """`row_losses`."""
        return self.kind

    @property
    def needs(self) -> tuple[str, ...]:
        """The losses of all rows."""
        return ("row_loss",)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, " row"]:
        """In nats, or in the units of the loss."""
        return jnp.asarray(snapshot["row_loss"])
