"""The two matrices of an attention head over tokens: what it attends to, and what it writes. For notebooks.

Source: Elhage et al. 2021, "A mathematical framework for transformer circuits", section on QK and OV circuits.
"""

from jaxtyping import Array, Float

from epicycle.models.transformer.model import Transformer
from epicycle.spec.errors import InputError
from epicycle.spec.families import Model, Params


def query_key(model: Model, params: Params, layer: int, head: int) -> Float[Array, "token token"]:
    """The attention score of every token as query (row) with every token as key (column), before the softmax.

    What earlier layers, positions, biases and norms add to a head's input is left out.

    Args:
        model: a transformer.
        params: its parameters, such as `runs[0].params(step=1000)`.
        layer: number of the block, from 0 on.
        head: number of the head, from 0 on.

    Raises:
        InputError: the network has no such head.
    """
    transformer, weights = _block(model, params, layer, head)
    tokens = transformer.token_vectors(params)
    queries, keys = tokens @ weights["W_Q"][head], tokens @ weights["W_K"][head]
    return queries @ keys.T * transformer.head_width**-0.5


def output_value(model: Model, params: Params, layer: int, head: int) -> Float[Array, "token d_vocab_out"]:
    """What the head adds to the logits, straight through the residual stream, where it attends to a token alone.

    The arguments, what is left out, and the error are those of `query_key`.
    """
    transformer, weights = _block(model, params, layer, head)
    return transformer.token_vectors(params) @ weights["W_V"][head] @ weights["W_O"][head] @ transformer.unembedding(params)


def _block(model: Model, params: Params, layer: int, head: int) -> tuple[Transformer, Params]:
    """The transformer, and the tensors of one of its blocks."""
    if not isinstance(model, Transformer):
        raise InputError(f"heads: a network of kind {model.kind} has no attention; take a transformer.")
    if not (0 <= layer < model.n_layers and 0 <= head < model.n_heads):
        raise InputError(
            f"heads: there is no head {head} in layer {layer}; the network has {model.n_heads} in {model.n_layers} layers."
        )
    return model, model.block_params(params, layer)
