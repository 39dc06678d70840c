"""What the next update does to a quantity, and which part of the update does it: the loss, weight decay or noise.

To first order the change of a quantity in one step is the sum of what each part of the update changes. So these measures say which
part is responsible while nothing is switched off, where a fork would change the whole run from there on.

Cost: a gradient on all training rows, and a forward pass with its derivative along one direction.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from epicycle.spec.families import AnyMeasure, Measure, Task
from epicycle.spec.fields import static


class UpdateEffect(Measure):
    """First-order change of another measure in the next step, due to one part of the update.

    Attributes:
        of: the measure that changes: a loss, a margin, a norm, Gen or Mem. Accuracies do not change to first order.
        part: `loss`: what the gradient on all training rows would do through the optimiser, without weight decay. `decay`: what weight
            decay does. `noise`: what small batches and noise on the gradient do. `all`: the three together. `gradient`: what one unit
            of length along the direction of steepest descent of the training loss would do.
        relative: whether the change is divided by the measure's own size: 0.01 is one percent. The name then ends in `_relative`.
    """

    kind: ClassVar[str] = "update_effect"
    of: AnyMeasure
    part: Literal["loss", "decay", "noise", "all", "gradient"] = static("all")
    relative: bool = static(False)

    @property
    def dims(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the other measure."""
        return self.of.dims

    @property
    def name(self) -> str:
        """`gen_logit_by_loss`, `test_loss_by_decay_relative`, ..."""
        return f"{self.of.name}_by_{self.part}{'_relative' if self.relative else ''}"

    @property
    def needs(self) -> tuple[str, ...]:
        """The parts of the update, and what the other measure needs."""
        return ("params", "update_parts", "measured_at", *self.of.needs)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """In units of the other measure, or as a part of it, for one step (or for one unit of length)."""
        measured_at, direction = snapshot["measured_at"], snapshot["update_parts"][self.part]
        value, change = jax.jvp(lambda params: measured_at(self.of, params), (snapshot["params"],), (direction,))
        return change / jnp.abs(value) if self.relative else change

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """Those of the other measure."""
        return self.of.coords(params, task)
