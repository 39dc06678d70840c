"""Norms that a file of weights does not show: TransformerLens can fold a LayerNorm's gains and shifts into the weights beside it.

Such a file has the names of a network without norms, and it computes something else if it is run as one.
"""

import numpy as np

from epicycle.interop.layout_conversion import NORM_AXES
from epicycle.spec.errors import InputError
from epicycle.spec.families import Params
from epicycle.spec.plain_data import Plain

ATTENTION_BIASES = ("b_Q", "b_K", "b_V", "b_O", "b_U")
# Our tensors that folding centres, with the axis of d_model: what a normalised stream feeds, and what writes to the stream.
READING = {"W_Q": 2, "W_K": 2, "W_V": 2, "W_in": 1}
WRITING = {"W_E": 1, "W_O": 3, "W_out": 2}


def folded_norm_fields(params: Params, fields: Plain) -> Plain:
    """The model's fields about norms, for weights in which a norm may be folded and which have no gains.

    HookedTransformer normalises before the unembedding too, so a norm that was named brings the final one.

    Raises:
        InputError: the weights look as if a norm were folded in, and `fields` does not say whether one is.
    """
    if any(name in params for name in NORM_AXES):
        return {}
    if fields.get("norm", "none") != "none":
        return {"final_norm": True}
    clue = _clue(params)
    if clue and "norm" not in fields:
        raise InputError(
            f"the weights do not tell whether the network normalises its stream. They have no gains of a norm, but {clue}, as folding "
            "a LayerNorm into the weights leaves them. Say it in fields: {'norm': 'pre', 'final_norm': True} if it was folded "
            "(HookedTransformer's fold_ln; its gains are then 1), or {'norm': 'none'}."
        )
    return {}


def unit_norms(shapes: dict[str, tuple[int, ...]]) -> Params:
    """Gains of 1 and shifts of 0 for the norms among these tensors."""
    norms = {name: shape for name, shape in shapes.items() if name in NORM_AXES}
    return {name: np.full(shape, float(name.endswith("_w")), np.float32) for name, shape in norms.items()}


def _clue(params: Params) -> str:
    """What in the weights speaks for a folded norm; empty if nothing does."""
    biases = [name for name in ATTENTION_BIASES if np.any(params.get(name, 0))]
    if biases:
        return f"biases beside the MLP's that are not zero ({', '.join(biases)})"
    for tensors in (READING, WRITING):
        if all(_is_centred(params[name], axis) for name, axis in tensors.items()):
            return f"{', '.join(tensors)} are centred over d_model"
    return ""


def _is_centred(weights: np.ndarray, axis: int) -> bool:
    """Whether the mean along the axis is zero but for rounding."""
    size = float(np.sqrt(np.mean(np.square(weights, dtype=np.float64))))
    return size > 0 and float(np.abs(np.mean(weights, axis=axis, dtype=np.float64)).max()) < 1e-5 * size
