"""A measure that says nothing of networks that it does not fit.

All arms of a study record the same measures. Some measures fit only some networks or tasks, such as those of hand-written circuits, or
those of the general algorithm of a group. So that both can stand in one study, each is wrapped here.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from epicycle.spec.errors import InputError
from epicycle.spec.families import AnyMeasure, Measure, Task


class WhereItFits(Measure):
    """Another measure, which is NaN where the measure does not fit the network, the task or the optimiser.

    A claim that reads the series in an arm of such networks stays undecided, because no run has a value.

    Attributes:
        of: the other measure. The series has its name.
    """

    kind: ClassVar[str] = "where_it_fits"
    of: AnyMeasure

    @property
    def name(self) -> str:
        """That of the other measure."""
        return self.of.name

    @property
    def dims(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the other measure."""
        return self.of.dims

    @property
    def needs(self) -> tuple[str, ...]:
        """What the other measure needs."""
        return self.of.needs

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """The value of the other measure; where that measure refuses the network, NaN, with one number along each of its axes."""
        try:
            return self.of.fn(snapshot)
        except InputError:
            return jnp.full((1,) * len(self.dims), jnp.nan)

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """Those of the other measure; none where it does not fit."""
        try:
            return self.of.coords(params, task)
        except InputError:
            return {}
