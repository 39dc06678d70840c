"""Weight norms: how large the weights are, per tensor and in total. Weight decay shrinks them while a network groks.

The sum of squared weights of Nanda et al. (arXiv 2301.05217) is the square of the total norm.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from epicycle.spec.families import Measure, Task


class WeightNorm(Measure):
    """L2 norm of each parameter tensor: which part of the network grows or shrinks. Tensors are in alphabetical order."""

    kind: ClassVar[str] = "weight_norm"
    dims: ClassVar[tuple[str, ...]] = ("tensor",)

    @property
    def name(self) -> str:
        """`weight_norm`."""
        return "weight_norm"

    @property
    def needs(self) -> tuple[str, ...]:
        """The parameters."""
        return ("params",)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, " tensor"]:
        """One norm for each tensor, in units of the weights."""
        params = snapshot["params"]
        return jnp.stack([jnp.sqrt(jnp.square(params[name]).sum()) for name in sorted(params)])

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The names of the tensors."""
        del task
        return {"tensor": sorted(params)}


class TotalNorm(Measure):
    """L2 norm of all parameters together: how large the network's weights are as a whole."""

    kind: ClassVar[str] = "total_norm"

    @property
    def name(self) -> str:
        """`total_norm`."""
        return "total_norm"

    @property
    def needs(self) -> tuple[str, ...]:
        """The parameters."""
        return ("params",)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The norm, in units of the weights."""
        params = snapshot["params"]
        return jnp.sqrt(jnp.stack([jnp.square(value).sum() for value in params.values()]).sum())
