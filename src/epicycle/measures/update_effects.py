"""What the next update does to a quantity, and which part of the update does it: the loss, weight decay or noise.

To first order the change of a quantity in one step is the sum of what each part of the update changes. So these measures say which
part is responsible while nothing is switched off, where a fork would change the whole run from there on.

A step is not infinitely short. Along the whole step the derivative is a mean over the way from the weights before it to those after,
and the effects of the parts then add up to what the step changes. This is the loss change allocation of Lan et al. (2019, arXiv
1909.01440), who use the same rule. The statistic `path_sum` adds such effects up over the steps between two moments.

Cost: a gradient on all training rows, and a forward pass with its derivative along one direction. Along the whole step three passes.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, Self

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import model_validator

from epicycle.spec.errors import InputError
from epicycle.spec.families import AnyMeasure, Measure, Params, Task
from epicycle.spec.fields import static
from epicycle.spec.limits import MOST_NAMES
from epicycle.spec.paths import matches


class UpdateEffect(Measure):
    """Change of another measure in the next step, due to one part of the update.

    Attributes:
        of: the measure that changes: a loss, a margin, a norm, Gen or Mem. Accuracies do not change to first order.
        part: `loss`: what the gradient on all training rows would do through the optimiser, without weight decay. `decay`: what weight
            decay does. `noise`: what small batches and noise on the gradient do. `all`: the three together. `gradient`: what one unit
            of length along the direction of steepest descent of the training loss would do.
        along: `start` takes the derivative at the weights before the step, which is right to first order. `step` takes its mean along
            the way to the weights after the step, by Simpson's rule with three points. The rule is exact if the measure is a
            polynomial of degree 4 or less on this way. The name then has `_along_step` in it.
        tensors: patterns of the names of the tensors whose part of the update counts, such as `W_E`; empty for all. The name then has
            `_in_W_E` in it.
        relative: whether the change is divided by the measure's own size: 0.01 is one percent. The name then ends in `_relative`.
    """

    kind: ClassVar[str] = "update_effect"
    of: AnyMeasure
    part: Literal["loss", "decay", "noise", "all", "gradient"] = static("all")
    along: Literal["start", "step"] = static("start")
    tensors: tuple[str, ...] = static((), max_length=MOST_NAMES)
    relative: bool = static(False)

    @model_validator(mode="after")
    def _along_its_own_step(self) -> Self:
        if self.along == "step" and self.part == "gradient":
            raise ValueError("'gradient' is no part of the step, so there is no mean along the step; leave 'along' at 'start'")
        return self

    @property
    def dims(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the other measure."""
        return self.of.dims

    @property
    def name(self) -> str:
        """`gen_logit_by_loss`, `test_loss_by_decay_along_step_in_W_E`, `test_loss_by_decay_relative`, ..."""
        along = "_along_step" if self.along == "step" else ""
        tensors = "".join(f"_{pattern.replace('*', 'any')}" for pattern in self.tensors)
        return f"{self.of.name}_by_{self.part}{along}{tensors and '_in'}{tensors}{'_relative' if self.relative else ''}"

    @property
    def needs(self) -> tuple[str, ...]:
        """The parts of the update, and what the other measure needs."""
        return ("params", "update_parts", "measured_at", *self.of.needs)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """In units of the other measure, or as a part of it, for one step (or for one unit of length).

        Raises:
            InputError: no tensor has such a name.
        """
        measured_at, parts, params = snapshot["measured_at"], snapshot["update_parts"], snapshot["params"]
        direction = self._counted(parts[self.part])

        def at(share: float) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
            """The other measure after a share of the step, and its derivative along the part."""
            reached = {name: value + share * parts["all"][name] for name, value in params.items()} if share else params
            value, change = jax.jvp(lambda weights: measured_at(self.of, weights), (reached,), (direction,))
            return value, change

        value, change = at(0)
        if self.along == "step":
            change = (change + 4 * at(0.5)[1] + at(1)[1]) / 6
        return change / jnp.abs(value) if self.relative else change

    def _counted(self, update: Params) -> Params:
        """The part of the update in the tensors that count, and 0 in others."""
        if not self.tensors:
            return update
        if not any(matches(name, self.tensors) for name in update):
            raise InputError(f"measure {self.name}: no tensor is named {' or '.join(self.tensors)}; there are {', '.join(update)}.")
        return {name: value if matches(name, self.tensors) else jnp.zeros_like(value) for name, value in update.items()}

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """Those of the other measure."""
        return self.of.coords(params, task)


class StepAdditivity(Measure):
    """Can a quantity be built one tensor at a time? What steps of single tensors do, added up, over what their joint step does.

    1: each tensor brings its share whatever the others do. 0: single steps do nothing, and only coordinated ones do. To first order
    the two are always equal, so the steps are finite ones: the next update, many times over.

    Attributes:
        of: the quantity: another measure with one number at a step, such as Gen or Mem.
        part: the part of the update, see `UpdateEffect`.
        times: how many updates long the step is.
    """

    kind: ClassVar[str] = "step_additivity"
    of: AnyMeasure
    part: Literal["loss", "decay", "noise", "all", "gradient"] = static("loss")
    times: float = static(30.0, gt=0, le=1e6)

    @model_validator(mode="after")
    def _of_one_number(self) -> Self:
        if self.of.dims:
            raise ValueError(f"steps are compared in one number, and {self.of.name} has several at a step; name a measure with one")
        return self

    @property
    def name(self) -> str:
        """`gen_logit_additivity`, `mem_logit_additivity`, ..."""
        return f"{self.of.name}_additivity"

    @property
    def needs(self) -> tuple[str, ...]:
        """The parts of the update, and what the other measure needs."""
        return tuple(dict.fromkeys(("params", "update_parts", "measured_at", *self.of.needs)))

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The ratio; it says nothing where the joint step changes nothing."""
        measured_at, params, update = snapshot["measured_at"], snapshot["params"], snapshot["update_parts"][self.part]
        before = measured_at(self.of, params)

        def change(names: Iterable[str]) -> Float[Array, ""]:
            return measured_at(self.of, params | {name: params[name] + self.times * update[name] for name in names}) - before

        return sum(change([name]) for name in params) / change(params)
