"""The path of a network through the space of its weights: how far it is from its start, and a sketch of where it is.

A path can be judged only when its end is known, and all weights at every look would take too much room. A sketch keeps what is needed:
every weight gets a random sign and a place in one of `size` sums. Scalar products of two sketches are right on average, with a
standard deviation of about 1 / sqrt(size) of the product of the two lengths (count sketch: Charikar, Chen & Farach-Colton, 2002). So
distances, lengths of paths and angles between any two looks come out of a recorded sketch, see `epicycle.claims.path_quantities`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from epicycle.spec.families import Measure, Params
from epicycle.spec.fields import static

SKETCH_SEED = 0  # of the signs and places of weights, the same ones in every run


class Displacement(Measure):
    """Distance of the weights from those that the run's seed draws: how far the network has come from its start.

    Attributes:
        relative: whether the distance is divided by the norm of the first weights. The series is then `relative_displacement`.
    """

    kind: ClassVar[str] = "displacement"
    relative: bool = static(False)

    @property
    def name(self) -> str:
        """`displacement` or `relative_displacement`."""
        return "relative_displacement" if self.relative else "displacement"

    @property
    def needs(self) -> tuple[str, ...]:
        """The parameters now and at the start."""
        return ("params", "initial_params")

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The L2 distance, in units of the weights or of their first norm."""
        params, first = snapshot["params"], snapshot["initial_params"]
        distance = jnp.linalg.norm(_flat({name: params[name] - first[name] for name in params}))
        return distance / jnp.linalg.norm(_flat(first)) if self.relative else distance


class WeightSketch(Measure):
    """Random sums of all weights, or of all numbers of the next update: enough to tell how far apart two looks are.

    Attributes:
        of: `weights`, or a part of the next update, see `UpdateEffect`. The series is then `update_sketch_by_loss`, ...
        size: the number of sums. A network with fewer weights is kept exactly.
    """

    kind: ClassVar[str] = "weight_sketch"
    dims: ClassVar[tuple[str, ...]] = ("sketch",)
    of: Literal["weights", "loss", "decay", "noise", "all", "gradient"] = static("weights")
    size: int = static(512, ge=1, le=100_000)

    @property
    def name(self) -> str:
        """`weight_sketch`, `update_sketch_by_all`, ..."""
        return "weight_sketch" if self.of == "weights" else f"update_sketch_by_{self.of}"

    @property
    def needs(self) -> tuple[str, ...]:
        """The parameters, or the parts of the update."""
        return ("params",) if self.of == "weights" else ("update_parts",)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, " sketch"]:
        """In units of the weights."""
        numbers = _flat(snapshot["params"] if self.of == "weights" else snapshot["update_parts"][self.of])
        rng = np.random.default_rng(SKETCH_SEED)
        length = -(-len(numbers) // self.size) * self.size
        signs, places = rng.choice([-1.0, 1.0], len(numbers)), rng.permutation(len(numbers))
        signed = (numbers * jnp.asarray(signs, numbers.dtype))[places]
        return jnp.pad(signed, (0, length - len(numbers))).reshape(-1, self.size).sum(axis=0)


def _flat(tensors: Params) -> Float[Array, " number"]:
    """All numbers of all tensors, in the order of the tensors' names."""
    return jnp.concatenate([tensors[name].reshape(-1) for name in sorted(tensors)])
