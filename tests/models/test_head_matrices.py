"""The matrices of a head against the forward pass of a network in which nothing else happens."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epicycle import MLP, InputError, Modular, Transformer
from epicycle.models.transformer.head_matrices import output_value, query_key

TABLE = Modular(p=7).table()
INPUTS = jnp.asarray(TABLE.inputs)


def test_scores_and_logits_follow_from_the_two_matrices() -> None:
    """One layer without positions and MLP: the logits are the direct path, and the heads' values weighted by their patterns."""
    model = Transformer(d_model=12, n_heads=3, d_mlp=4, positions="none", biases=(), causal=False, scaled_embedding=True)
    params = model.init(jax.random.key(0), TABLE)
    params["W_out"] = jnp.zeros_like(params["W_out"])
    logits, activations = model.apply(params, INPUTS)
    expected = model.token_vectors(params)[INPUTS[:, -1]] @ model.unembedding(params)
    for head in range(3):
        scores = query_key(model, params, 0, head)[INPUTS[:, -1][:, None], INPUTS]
        assert np.asarray(activations["blocks.0.attn.hook_attn_scores"][:, head, -1]) == pytest.approx(np.asarray(scores), abs=1e-4)
        pattern = jax.nn.softmax(scores, axis=-1)
        expected = expected + jnp.einsum("bk,bkc->bc", pattern, output_value(model, params, 0, head)[INPUTS])
    assert np.asarray(logits) == pytest.approx(np.asarray(expected), abs=1e-3)


def test_what_does_not_fit_is_refused() -> None:
    model = Transformer(d_model=12, n_heads=3, d_mlp=4)
    params = model.init(jax.random.key(0), TABLE)
    with pytest.raises(InputError, match="there is no head 3 in layer 0"):
        query_key(model, params, 0, 3)
    with pytest.raises(InputError, match="take a transformer"):
        output_value(MLP(d_mlp=4), {}, 0, 0)
