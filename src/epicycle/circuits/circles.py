"""Where the embedding puts the tokens: on a circle for each frequency that the general algorithm uses.

Nanda et al. (arXiv 2301.05217, section 4) and Zhong et al. (arXiv 2306.17844, figure 1) show these circles.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from epicycle.circuits.algorithm import algorithm_of
from epicycle.circuits.strength import component_names
from epicycle.circuits.weight_spectra import OfWeights
from epicycle.spec.errors import InputError
from epicycle.spec.families import Task


class TokenCircles(OfWeights):
    """The place of each token in the plane of each frequency: its weights along two directions, the cosine's and the sine's.

    The direction of a wave is the sum of the tokens' weights, each times the wave at its token. A token's own weights are left out of
    the sum that the token is placed by. So tokens of random weights lie around 0 without an order. If they were not left out, random
    weights would lie near a circle too, wherever there are more dimensions than tokens. A frequency with more than its equal share of
    the power has a circle, the larger the more it has; one with less has a small circle that is upside down.
    """

    kind: ClassVar[str] = "token_circles"
    dims: ClassVar[tuple[str, ...]] = ("component", "coordinate", "element")

    @property
    def name(self) -> str:
        """`embedding_circles` or `unembedding_circles`."""
        return f"{self.where}_circles"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "component coordinate element"]:
        """In units of the weights along one direction with an equal share of the power, in half precision, for pictures.

        Raises:
            InputError: the task has no frequencies.
        """
        task = snapshot["task"]
        algorithm, functions = algorithm_of(task), self.functions(snapshot)
        if not task.answer_group().is_cyclic:
            raise InputError(
                f"circles need a task with frequencies, which {task.kind} with this group has not; use x+y, x-y, or x*y and x/y "
                "with a prime p. {kind: component_power} works for every group."
            )
        centred = functions - functions.mean(axis=0)
        waves = jnp.asarray(_waves(algorithm.basis, algorithm.owner), functions.dtype)
        products = centred @ centred.T
        freedom = len(products) - 1
        own = jnp.diag(products) * len(products) / freedom  # with the mean taken out, a token is in the weights of the others too
        size = jnp.sqrt(jnp.trace(products) / freedom)
        by_others = jnp.einsum("kqe,ef->kqf", waves, products) - waves * own
        return (by_others / jnp.where(size > 0, size, 1)).astype(jnp.float16)

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The names of the components, the two coordinates, and the tokens."""
        del params
        tokens = [str(token) for token in algorithm_of(task).classes]
        return {**component_names(task), "coordinate": ["cosine", "sine"], "element": tokens}


def _waves(basis: Float[np.ndarray, "element function"], owner: Any) -> Float[np.ndarray, "component coordinate element"]:
    """The cosine and the sine of each frequency; the sine is 0 for the frequency that has none."""
    waves = np.zeros((owner.max() + 1, 2, len(basis)))
    for component in range(len(waves)):
        own = basis[:, owner == component].T
        waves[component, : len(own)] = own
    return waves
