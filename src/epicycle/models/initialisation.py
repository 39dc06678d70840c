"""How the field's codes draw their first weights. Every scheme gives a standard deviation, or a uniform bound, for each tensor.

progress_measures: N(0, 1/d_model), the unembedding N(0, 1/d_vocab); biases 0 (Nanda et al., arXiv 2301.05217).
pizza: the same, but W_in is N(0, 1/d_mlp) (Zhong et al., arXiv 2306.17844, released code).
torch: what PyTorch does unasked, as in openai/grok: linear maps and their biases uniform within 1/sqrt(fan_in), embeddings N(0, 1).
transformer_lens: N(0, 0.64/d_model) for every matrix; biases 0 (TransformerLens's default, `gpt2` mode without a range).
gpt2: N(0, 0.02^2) for every matrix; biases 0 (Radford et al. 2019, as in nanoGPT-like pre-norm codes).
fan_in: N(0, 1/fan_in); biases 0.
he: N(0, 2/fan_in); biases 0 (He et al., arXiv 1502.01852).
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Scheme = Literal["progress_measures", "pizza", "torch", "transformer_lens", "gpt2", "fan_in", "he"]
EMBEDDINGS = ("W_E", "W_pos")


class Tensor(NamedTuple):
    """A tensor to draw.

    Attributes:
        fan_in: what each output sums over.
        bias: whether it is a bias; its fan-in is that of its map.
        bound: draw it uniformly within this, whatever the scheme; None follows the scheme.
    """

    shape: tuple[int, ...]
    fan_in: int
    bias: bool = False
    bound: float | None = None


def draw(
    key: jax.Array, tensors: Mapping[str, Tensor], scheme: str, d_model: int, alpha: Float[Array, ""] | float
) -> dict[str, Float[Array, "..."]]:
    """Float32 tensors, all multiplied by `alpha` (the initial scale of Liu et al., arXiv 2210.01117).

    Weights take their keys in the order given, biases after them, so that a bias more leaves the weights alone.
    """
    weights = {name: tensor for name, tensor in tensors.items() if not tensor.bias}
    biases = {name: tensor for name, tensor in tensors.items() if tensor.bias}
    keys = jax.random.split(key, len(weights))
    drawn = {name: _one(k, name, tensor, scheme, d_model) for k, (name, tensor) in zip(keys, weights.items(), strict=True)}
    for i, (name, tensor) in enumerate(biases.items()):
        # Far from the numbers of the weights: a key split into n has the keys that 0 to n - 1 are folded into.
        drawn[name] = _one(jax.random.fold_in(key, 2**16 + i), name, tensor, scheme, d_model)
    return {name: value * jnp.asarray(alpha, value.dtype) for name, value in drawn.items()}


def _one(key: Any, name: str, tensor: Tensor, scheme: str, d_model: int) -> Float[Array, "..."]:
    if tensor.bound is not None:
        return jax.random.uniform(key, tensor.shape, jnp.float32, -tensor.bound, tensor.bound)
    if scheme == "torch":
        if name in EMBEDDINGS:
            return jax.random.normal(key, tensor.shape, dtype=jnp.float32)
        bound = tensor.fan_in**-0.5
        return jax.random.uniform(key, tensor.shape, jnp.float32, -bound, bound)
    if tensor.bias:
        return jnp.zeros(tensor.shape, jnp.float32)
    return jax.random.normal(key, tensor.shape, dtype=jnp.float32) * jnp.float32(_deviation(name, tensor, scheme, d_model))


def _deviation(name: str, tensor: Tensor, scheme: str, d_model: int) -> float:
    """Standard deviation of a weight matrix."""
    if scheme in ("progress_measures", "pizza"):
        if name == "W_U":
            return tensor.shape[-1] ** -0.5
        return tensor.shape[-1] ** -0.5 if name == "W_in" and scheme == "pizza" else d_model**-0.5
    if scheme == "transformer_lens":
        return 0.8 * d_model**-0.5
    return {"gpt2": 0.02, "fan_in": tensor.fan_in**-0.5, "he": (2 / tensor.fan_in) ** 0.5}[scheme]
