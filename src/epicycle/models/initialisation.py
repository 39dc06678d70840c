"""How published codes draw their first weights. A scheme gives each tensor a standard deviation or a uniform bound.

progress_measures: N(0, 1/d_model), the unembedding N(0, 1/d_vocab); biases 0 (Nanda et al., arXiv 2301.05217).
pizza: as progress_measures, but W_in is N(0, 1/d_mlp) (Zhong et al., arXiv 2306.17844, released code).
torch: PyTorch's defaults, as in openai/grok: linear maps and their biases uniform within 1/sqrt(fan_in), embeddings N(0, 1).
transformer_lens: N(0, 0.64/d_model) for every matrix; biases 0 (TransformerLens's default, `gpt2` mode without a range).
gpt2: N(0, 0.02^2) for every matrix; biases 0 (Radford et al. 2019, as in nanoGPT-like pre-norm codes).
fan_in: N(0, 1/fan_in); biases 0.
he: N(0, 2/fan_in); biases 0 (He et al., arXiv 1502.01852).
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from epicycle.spec.families import Params

Scheme = Literal["progress_measures", "pizza", "torch", "transformer_lens", "gpt2", "fan_in", "he"]
EMBEDDINGS = ("W_E", "W_pos")


class Tensor(NamedTuple):
    """A tensor to draw.

    Attributes:
        shape: its shape.
        fan_in: how many inputs each output sums over.
        bias: whether it is a bias. The fan-in of a bias is that of the map it belongs to.
        bound: if set, entries are uniform within -bound and bound, whatever the scheme.
    """

    shape: tuple[int, ...]
    fan_in: int
    bias: bool = False
    bound: float | None = None


def draw(key: jax.Array, tensors: Mapping[str, Tensor], scheme: str, d_model: int, alpha: Float[Array, ""] | float) -> Params:
    """Draw float32 tensors.

    Weights take their random keys in the order of `tensors`. Biases have keys of their own, so adding a bias leaves the weights as
    they are.

    Args:
        key: the random key of the whole network.
        tensors: what to draw, by name.
        scheme: one of the schemes above.
        d_model: width of the residual stream; some schemes scale by it.
        alpha: multiplies every tensor (the initial scale of Liu et al., arXiv 2210.01117).
    """
    weights = {name: tensor for name, tensor in tensors.items() if not tensor.bias}
    biases = {name: tensor for name, tensor in tensors.items() if tensor.bias}
    weight_keys = jax.random.split(key, len(weights))
    params = {
        name: _draw_tensor(weight_key, name, tensor, scheme, d_model)
        for weight_key, (name, tensor) in zip(weight_keys, weights.items(), strict=True)
    }
    for i, (name, tensor) in enumerate(biases.items()):
        # Splitting a key into n gives the same keys as folding in 0 to n - 1. Biases fold in larger numbers, so no key repeats.
        params[name] = _draw_tensor(jax.random.fold_in(key, 2**16 + i), name, tensor, scheme, d_model)
    return {name: value * jnp.asarray(alpha, value.dtype) for name, value in params.items()}


def _draw_tensor(key: jax.Array, name: str, tensor: Tensor, scheme: str, d_model: int) -> Float[Array, "..."]:
    if tensor.bound is not None:
        return jax.random.uniform(key, tensor.shape, jnp.float32, -tensor.bound, tensor.bound)
    if scheme == "torch":
        if name in EMBEDDINGS:
            return jax.random.normal(key, tensor.shape, dtype=jnp.float32)
        bound = tensor.fan_in**-0.5
        return jax.random.uniform(key, tensor.shape, jnp.float32, -bound, bound)
    if tensor.bias:
        return jnp.zeros(tensor.shape, jnp.float32)
    deviation = jnp.float32(_standard_deviation(name, tensor, scheme, d_model))
    return jax.random.normal(key, tensor.shape, dtype=jnp.float32) * deviation


def _standard_deviation(name: str, tensor: Tensor, scheme: str, d_model: int) -> float:
    """Standard deviation of a weight matrix under a scheme that draws normal entries."""
    if scheme in ("progress_measures", "pizza"):
        if name == "W_U":
            return tensor.shape[-1] ** -0.5
        return tensor.shape[-1] ** -0.5 if name == "W_in" and scheme == "pizza" else d_model**-0.5
    if scheme == "transformer_lens":
        return 0.8 * d_model**-0.5
    return {"gpt2": 0.02, "fan_in": tensor.fan_in**-0.5, "he": (2 / tensor.fan_in) ** 0.5}[scheme]
