"""The fast form of the transformer: one stream per position, one column per distinct activation, consecutive matrices folded into one.

The logits equal those of the plain form at the last position. The form serves inputs of up to SHORT positions: a longer input would
make a program that grows with the square of its length.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from epicycle.models.activation_functions import ACTIVATIONS, normalised
from epicycle.models.transformer.fields import TransformerFields
from epicycle.models.transformer.positions import rotated
from epicycle.models.transformer.streams import Stream, attended, embedded
from epicycle.spec.families import Params
from epicycle.spec.table import Table

READ_OUT = "only the read-out position after the last attention"
ONCE = "first-layer keys, values and scores once per token"
FOLD_OUT = "W_out and W_U as one matrix"
FOLD_HEADS = "W_O and W_in, and W_O and W_U, as one matrix each"
# Picking a row's column from a table and adding up its gradient again costs about as much as this many multiply-adds in a product.
PICK = 20
SHORT = 8  # the most positions for which the program treats each position separately


def logits(
    fields: TransformerFields, params: Params, inputs: Int[Array, "row pos"], constant: Sequence[int | None]
) -> Float[Array, "row d_vocab_out"]:
    """Logits at the last position, without dropout.

    Args:
        fields: the fields of the network.
        params: its parameters.
        inputs: token ids, at most SHORT positions.
        constant: for each position the token that every row has there, None where it varies; empty if unknown.
    """
    streams = embedded(_token_and_position_vectors(fields, params, inputs.shape[1]), inputs, constant)
    last_layer, last_position = fields.n_layers - 1, inputs.shape[1] - 1
    for layer in range(last_layer):
        weights = fields.block_params(params, layer)
        streams = _block_inputs(fields, weights, streams)
        streams = [_after_block(fields, weights, streams, position) for position in range(len(streams))]
    weights = fields.block_params(params, last_layer)
    streams = _block_inputs(fields, weights, streams)
    heads = _heads(fields, weights, _read_by_attention(fields, weights, streams, last_position), last_position)
    return _read_out(fields, params, weights, streams[-1], heads, len(inputs)).T


def is_short(fields: TransformerFields, n_pos: int) -> bool:
    """Whether this form can serve inputs of `n_pos` positions; smeared keys mix positions, which it does not cover."""
    return n_pos <= SHORT and not fields.smeared_keys


def shortcuts(fields: TransformerFields, table: Table, n_rows: int) -> tuple[str, ...]:
    """What this form leaves out on `n_rows` rows of a table, as phrases."""
    last_token_varies = table.constant[-1] is None
    n_columns = (table.d_vocab if last_token_varies else 1) if fields.n_layers == 1 else n_rows
    return (READ_OUT, ONCE, *_folds(fields, n_rows, n_columns, fields.n_logits(table)))


def _token_and_position_vectors(fields: TransformerFields, params: Params, n_pos: int) -> Float[Array, "token pos d_model"]:
    """The residual stream before the first block, for each token at each position."""
    vectors = fields.position_vectors(params, n_pos)
    table = fields.token_vectors(params)[:, None]
    return jnp.broadcast_to(table, (len(table), n_pos, table.shape[2])) if vectors is None else table + vectors


def _block_inputs(fields: TransformerFields, weights: Params, streams: list[Stream]) -> list[Stream]:
    """The residual streams that a block adds to; for `pre_stream` they are normalised before attention reads them."""
    if fields.norm != "pre_stream":
        return streams
    return [stream.map(lambda x: fields.normalise(weights, "ln1", x, 0)) for stream in streams]


def _read_by_attention(fields: TransformerFields, weights: Params, streams: Sequence[Stream], position: int) -> list[Stream]:
    """What attention reads at the positions that `position` sees."""
    visible = streams[: position + 1] if fields.causal else streams
    if fields.norm != "pre":
        return list(visible)
    return [stream.map(lambda x: fields.normalise(weights, "ln1", x, 0)) for stream in visible]


def _after_block(fields: TransformerFields, weights: Params, streams: Sequence[Stream], position: int) -> Stream:
    """The residual stream after one block at one position."""
    heads = _heads(fields, weights, _read_by_attention(fields, weights, streams, position), position)
    added = heads.map(lambda z: _plus(_heads_side_by_side(weights["W_O"]).T @ z, weights.get("b_O")))
    residual = streams[position]
    same_columns = added.column is residual.column and added.values.shape == residual.values.shape
    mid = Stream(residual.values + added.values, residual.column) if same_columns else Stream(residual.rows() + added.rows())
    if fields.norm == "post":
        return mid.map(lambda x: _after_mlp(fields, weights, fields.normalise(weights, "ln1", x, 0)))
    return mid.map(lambda x: _after_mlp(fields, weights, x))


def _after_mlp(fields: TransformerFields, weights: Params, mid: Float[Array, "d_model column"]) -> Float[Array, "d_model column"]:
    """The residual stream after the MLP, from the stream before it."""
    post = mid + _mlp(fields, weights, fields.normalise(weights, "ln2", mid, 0) if fields.reads_normalised else mid)
    return fields.normalise(weights, "ln2", post, 0) if fields.norm == "post" else post


def _heads(fields: TransformerFields, weights: Params, streams: Sequence[Stream], position: int) -> Stream:
    """What the heads read at one position, before W_O.

    Args:
        streams: what attention reads at every position that `position` sees.
    """
    W_Q, W_K, W_V = (weights[name].transpose(0, 2, 1).reshape(-1, weights[name].shape[1]) for name in ("W_Q", "W_K", "W_V"))
    b_Q, b_K, b_V = (weights[name].reshape(-1) if name in weights else None for name in ("b_Q", "b_K", "b_V"))
    n_features = len(W_K)
    # One product for keys and values instead of two: at d_model 32 a step spends much of its time between products.
    W_KV = jnp.concatenate([W_K, W_V])
    products = [stream.map(lambda x: W_KV @ x) for stream in streams]
    keys = [Stream(_turned(fields, _plus(product.values[:n_features], b_K), i), product.column) for i, product in enumerate(products)]
    values = [product.map(lambda x: _plus(x[n_features:], b_V)) for product in products]
    queries = streams[position].map(lambda x: _turned(fields, _plus(W_Q @ x, b_Q), position))
    return attended(queries, keys, values, fields.n_heads, fields.attention_rate)


def _turned(fields: TransformerFields, x: Float[Array, "feature column"], position: int) -> Float[Array, "feature column"]:
    """Queries or keys of one position, turned by their angle where positions are rotary."""
    if fields.positions != "rotary":
        return x
    by_head = x.T.reshape(-1, 1, fields.n_heads, fields.head_width)
    return rotated(by_head, jnp.array([position])).reshape(x.shape[1], -1).T


def _mlp(fields: TransformerFields, weights: Params, x: Float[Array, "d_model column"]) -> Float[Array, "d_model column"]:
    """What the MLP adds to the residual stream."""
    hidden = ACTIVATIONS[fields.act_fn](_plus(weights["W_in"].T @ x, weights.get("b_in")))
    return _plus(weights["W_out"].T @ hidden, weights.get("b_out"))


def _read_out(
    fields: TransformerFields, params: Params, weights: Params, residual: Stream, heads: Stream, n_rows: int
) -> Float[Array, "d_vocab_out row"]:
    """The last MLP and the unembedding. Consecutive matrices are multiplied first where that is less work.

    Args:
        weights: the tensors of the last block.
        residual: the stream at the last position before the last attention.
        heads: what the last attention reads there, before W_O.
    """
    unembed = fields.unembedding(params)
    residual = residual.map(lambda x: _plus(x, weights.get("b_O")))
    folds = _folds(fields, n_rows, residual.values.shape[1], unembed.shape[1])
    if FOLD_HEADS in folds:
        out = _read_out_folding_heads(fields, weights, unembed, residual, heads)
    else:
        mid = residual.rows() + _heads_side_by_side(weights["W_O"]).T @ heads.rows()
        if FOLD_OUT in folds:
            out = _read_out_folding_out(fields, weights, unembed, mid)
        else:
            post = _after_mlp(fields, weights, fields.normalise(weights, "ln1", mid, 0) if fields.norm == "post" else mid)
            if fields.final_norm:
                post = normalised(post, params["ln_final_w"], params.get("ln_final_b"), 0)
            out = unembed.T @ post
    out = _plus(out, params.get("b_U"))
    return jnp.broadcast_to(out, (out.shape[0], n_rows))


def _read_out_folding_heads(
    fields: TransformerFields, weights: Params, unembed: Float[Array, "d_model d_vocab_out"], residual: Stream, heads: Stream
) -> Float[Array, "d_vocab_out row"]:
    """Logits with W_O W_in, W_O W_U and W_out W_U as one matrix each; there is no normalisation in between."""
    W_O, W_in, z = _heads_side_by_side(weights["W_O"]), weights["W_in"], heads.rows()
    direct = residual.map(lambda x: unembed.T @ _plus(x, weights.get("b_out"))).rows()
    pre = (W_O @ W_in).T @ z + residual.map(lambda x: _plus(W_in.T @ x, weights.get("b_in"))).rows()
    return (weights["W_out"] @ unembed).T @ ACTIVATIONS[fields.act_fn](pre) + (W_O @ unembed).T @ z + direct


def _read_out_folding_out(
    fields: TransformerFields, weights: Params, unembed: Float[Array, "d_model d_vocab_out"], mid: Float[Array, "d_model row"]
) -> Float[Array, "d_vocab_out row"]:
    """Logits with W_out W_U as one matrix, from the stream between attention and MLP; nothing is normalised after the MLP."""
    read = fields.normalise(weights, "ln2", mid, 0) if fields.reads_normalised else mid
    hidden = ACTIVATIONS[fields.act_fn](_plus(weights["W_in"].T @ read, weights.get("b_in")))
    return (weights["W_out"] @ unembed).T @ hidden + unembed.T @ _plus(mid, weights.get("b_out"))


def _folds(fields: TransformerFields, n_rows: int, n_columns: int, d_out: int) -> tuple[str, ...]:
    """The products of weights that make the read-out cheapest, counted in multiply-adds.

    Two matrices with a normalisation between them cannot be folded.

    Args:
        n_rows: number of rows.
        n_columns: number of distinct residuals before the last attention.
        d_out: number of logits.
    """
    heads, d_model, hidden = fields.n_heads * fields.head_width, fields.d_model, fields.mlp_width
    attention, unembed = heads * d_model, d_model * d_out
    no_fold = n_rows * (attention + 2 * d_model * hidden + unembed)
    fold_out = n_rows * (attention + d_model * hidden + hidden * d_out + unembed) + d_model * hidden * d_out
    fold_both = n_rows * (heads * hidden + heads * d_out + hidden * d_out)
    fold_both += heads * d_model * (hidden + d_out) + d_model * hidden * d_out
    fold_both += n_columns * d_model * (hidden + d_out) + (PICK * n_rows * (hidden + d_out) if n_columns > 1 else 0)
    choices: list[tuple[int, tuple[str, ...]]] = [(no_fold, ())]
    if fields.norm != "post" and not fields.final_norm:
        choices.append((fold_out, (FOLD_OUT,)))
        if fields.norm == "none":
            choices.append((fold_both, (FOLD_OUT, FOLD_HEADS)))
    return min(choices, key=lambda choice: choice[0])[1]


def _heads_side_by_side(weight: Float[Array, "head d_head d_model"]) -> Float[Array, "feature d_model"]:
    return weight.reshape(-1, weight.shape[-1])


def _plus(x: Float[Array, "feature column"], bias: Float[Array, " feature"] | None) -> Float[Array, "feature column"]:
    return x if bias is None else x + bias[:, None]
