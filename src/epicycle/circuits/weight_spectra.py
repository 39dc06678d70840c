"""Where in the weights the components of the general algorithm are: the power of each one in the embedding and the unembedding."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from epicycle.circuits.algorithm import Algorithm, algorithm_of
from epicycle.circuits.strength import component_names
from epicycle.maths.fourier import THRESHOLDS
from epicycle.maths.sparsity import gini
from epicycle.spec.errors import InputError
from epicycle.spec.families import Measure, Task
from epicycle.spec.fields import static

Where = Literal["embedding", "unembedding"]


class OfWeights(Measure):
    """What the measures of weights share.

    Attributes:
        where: `embedding` takes what the first layer reads of each token (W_E, or W_in for one-hot operands). `unembedding` takes
            what each class reads of the last hidden layer (W_U, or W_out W_U of a transformer's last MLP).
    """

    where: Where = static("unembedding")

    @property
    def needs(self) -> tuple[str, ...]:
        """The task and the weights."""
        return ("task", "params")

    def functions(self, snapshot: Mapping[str, Any]) -> Float[Array, "element feature"]:
        """The weights as functions on the group."""
        read = _embedding if self.where == "embedding" else _unembedding
        return read(snapshot["params"], algorithm_of(snapshot["task"]))


class ComponentPower(OfWeights):
    """Share of the power of the embedding or unembedding in each component, without the constant; the shares sum to 1."""

    kind: ClassVar[str] = "component_power"
    dims: ClassVar[tuple[str, ...]] = ("component",)

    @property
    def name(self) -> str:
        """`embedding_power` or `unembedding_power`."""
        return f"{self.where}_power"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, " component"]:
        """From 0 to 1; NaN if the weights are all equal."""
        return power_shares(self.functions(snapshot), algorithm_of(snapshot["task"]))

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The names of the components."""
        del params
        return component_names(task)


class KeyComponents(OfWeights):
    """Number of key components: those with at least 1.5 times their equal share of the power, which noise does not reach.

    An equal share is in proportion to the number of functions that belong to a component.
    """

    kind: ClassVar[str] = "key_components"

    @property
    def name(self) -> str:
        """`embedding_key_components` or `unembedding_key_components`."""
        return f"{self.where}_key_components"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """A whole number."""
        functions = self.functions(snapshot)
        return _has_key_share(functions, algorithm_of(snapshot["task"])).sum().astype(functions.dtype)


class KeyPower(OfWeights):
    """Share of the power of the embedding or unembedding that lies in the key components, see `KeyComponents`."""

    kind: ClassVar[str] = "key_power"

    @property
    def name(self) -> str:
        """`embedding_key_power` or `unembedding_key_power`."""
        return f"{self.where}_key_power"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 0, where no component is key, to 1."""
        functions, algorithm = self.functions(snapshot), algorithm_of(snapshot["task"])
        return jnp.where(_has_key_share(functions, algorithm), power_shares(functions, algorithm), 0).sum()


class IsKey(OfWeights):
    """Which components are key, see `KeyComponents`."""

    kind: ClassVar[str] = "is_key"
    dims: ClassVar[tuple[str, ...]] = ("component",)

    @property
    def name(self) -> str:
        """`embedding_is_key` or `unembedding_is_key`."""
        return f"{self.where}_is_key"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, " component"]:
        """1 for a key component, 0 for another."""
        functions = self.functions(snapshot)
        return _has_key_share(functions, algorithm_of(snapshot["task"])).astype(functions.dtype)

    def coords(self, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
        """The names of the components."""
        del params
        return component_names(task)


class SpectralGini(OfWeights):
    """Gini coefficient of the norms of the embedding or unembedding along each function on the group, the constant among them.

    It is near 0 if all functions have the same norm, as for Gaussian weights, and near 1 if one has all of it (Nanda et al., arXiv
    2301.05217, section 5.1).
    """

    kind: ClassVar[str] = "spectral_gini"

    @property
    def name(self) -> str:
        """`embedding_gini` or `unembedding_gini`."""
        return f"{self.where}_gini"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """From 0 to 1."""
        functions, algorithm = self.functions(snapshot), algorithm_of(snapshot["task"])
        constant = functions.mean(axis=0, keepdims=True) * len(functions) ** 0.5
        along = jnp.asarray(algorithm.basis, functions.dtype).T @ functions
        return gini(jnp.sqrt(jnp.square(jnp.concatenate([constant, along])).sum(axis=1)))


def power_shares(functions: Float[Array, "element feature"], algorithm: Algorithm) -> Float[Array, " component"]:
    """Each component's share of the squared norm of functions on the group, their mean taken out."""
    power = power_of_components(functions, algorithm)
    return power / power.sum()


def power_of_components(functions: Float[Array, "element feature"], algorithm: Algorithm) -> Float[Array, " component"]:
    """The squared norm of functions on the group in each component."""
    along = jnp.asarray(algorithm.basis, functions.dtype).T @ functions
    return jnp.zeros(len(algorithm.names), functions.dtype).at[algorithm.owner].add(jnp.square(along).sum(axis=1))


def is_key(params: Mapping[str, Any], algorithm: Algorithm) -> Bool[Array, " component"]:
    """Whether each component is key in the unembedding, see `KeyComponents`."""
    return _has_key_share(_unembedding(params, algorithm), algorithm)


def _has_key_share(functions: Float[Array, "element feature"], algorithm: Algorithm) -> Bool[Array, " component"]:
    equal_share = np.bincount(algorithm.owner) / len(algorithm.owner)
    return power_shares(functions, algorithm) >= THRESHOLDS["equal_share"] * equal_share


def _unembedding(params: Mapping[str, Any], algorithm: Algorithm) -> Float[Array, "element feature"]:
    """What each class reads of the last hidden layer."""
    if "W_U" not in params and "W_E" not in params:
        raise InputError(f"measures of the unembedding need a tensor W_U, and this network has {', '.join(params)}.")
    unembed = params["W_U"] if "W_U" in params else params["W_E"].T
    if "W_out" in params:
        unembed = params["W_out"][-1] @ unembed
    return unembed.T[algorithm.classes]


def _embedding(params: Mapping[str, Any], algorithm: Algorithm) -> Float[Array, "element feature"]:
    """What the network reads of each token as an operand; the operands of a network with two tables side by side."""
    if "W_E" in params:
        table = params["W_E"]
        per_operand = [table] if table.ndim == 2 else list(table)
    else:  # one-hot operands
        per_operand = jnp.split(params["W_in"], 2) if "W_in" in params and len(params["W_in"]) % 2 == 0 else [jnp.zeros((0, 0))]
    if len(per_operand[0]) <= algorithm.classes.max():
        raise InputError("measures of the embedding need a table with a row for each token, and this network has none.")
    return jnp.concatenate([table[algorithm.classes] for table in per_operand], axis=1)
