"""The transformer's `fast` forward pass: one stream per position, a column per distinct activation, and consecutive matrices folded.

Equal to `Transformer.apply` for inputs of up to SHORT positions; longer ones would make programs that grow with their square.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from epicycle.models.activations import ACTIVATIONS, normalised
from epicycle.models.streams import Stream, attended, embedded
from epicycle.models.transformer.positions import rotated
from epicycle.spec.table import Table

if TYPE_CHECKING:
    from epicycle.models.transformer.model import Transformer

READ_OUT = "only the read-out position after the last attention"
ONCE = "first-layer keys, values and scores once per token"
FOLD_OUT = "W_out and W_U as one matrix"
FOLD_HEADS = "W_O and W_in, and W_O and W_U, as one matrix each"
# Picking a row's column from a table and adding up its gradient again costs about as much as this many multiply-adds in a product.
PICK = 20
SHORT = 8  # positions up to which each one is followed by itself


def logits(
    model: "Transformer", params: dict[str, Any], inputs: Int[Array, "row pos"], constant: Sequence[int | None]
) -> Float[Array, "row d_vocab_out"]:
    """The logits of `model.apply` at the last position."""
    place = model.place(params, inputs.shape[1])
    table = model.tokens(params)[:, None]
    table = jnp.broadcast_to(table, (len(table), inputs.shape[1], table.shape[2])) if place is None else table + place
    streams = embedded(table, inputs, constant)
    last = model.n_layers - 1
    for layer in range(last):
        w = model.layer(params, layer)
        streams = _entering(model, w, streams)
        streams = [_block(model, w, streams, here) for here in range(len(streams))]
    w, here = model.layer(params, last), len(streams) - 1
    streams = _entering(model, w, streams)
    heads = _heads(model, w, _read(model, w, streams, here), here)
    return _read_out(model, params, w, streams[-1], heads, len(inputs)).T


def taken(model: "Transformer", table: Table, n_rows: int) -> tuple[str, ...]:
    """What is left out on so many rows of a table, in words."""
    varies = table.constant[-1] is None
    columns = (table.d_vocab if varies else 1) if model.n_layers == 1 else n_rows
    d_out = table.d_vocab if model.d_vocab_out == "tokens" else table.num_classes
    return (READ_OUT, ONCE, *_folds(model, n_rows, columns, d_out))


def _entering(model: "Transformer", w: dict[str, Any], streams: list[Stream]) -> list[Stream]:
    """The residuals that a block adds to; normalised already where attention reads the stream itself."""
    return [stream.map(lambda x: model.normed(w, "ln1", x, 0)) for stream in streams] if model.norm == "pre_stream" else streams


def _read(model: "Transformer", w: dict[str, Any], streams: Sequence[Stream], here: int) -> list[Stream]:
    """What attention reads at the positions that `here` sees."""
    seen = streams[: here + 1] if model.causal else streams
    return [stream.map(lambda x: model.normed(w, "ln1", x, 0)) for stream in seen] if model.norm == "pre" else list(seen)


def _block(model: "Transformer", w: dict[str, Any], streams: Sequence[Stream], at: int) -> Stream:
    """The residual after one block at one position."""
    out = _heads(model, w, _read(model, w, streams, at), at).map(lambda z: _plus(_flat(w["W_O"]).T @ z, w.get("b_O")))
    here = streams[at]
    same = out.column is here.column and out.values.shape == here.values.shape
    mid = Stream(here.values + out.values, here.column) if same else Stream(here.rows() + out.rows())
    if model.norm == "post":
        return mid.map(lambda x: _after(model, w, model.normed(w, "ln1", x, 0)))
    return mid.map(lambda x: _after(model, w, x))


def _after(model: "Transformer", w: dict[str, Any], mid: Float[Array, "d_model column"]) -> Float[Array, "d_model column"]:
    """The residual after the MLP, given the one before it."""
    out = mid + _mlp(model, w, model.normed(w, "ln2", mid, 0) if model.reads_normed else mid)
    return model.normed(w, "ln2", out, 0) if model.norm == "post" else out


def _heads(model: "Transformer", w: dict[str, Any], streams: Sequence[Stream], here: int) -> Stream:
    """What the heads bring to one of the given positions, before W_O."""
    W_Q, W_K, W_V = (w[name].transpose(0, 2, 1).reshape(-1, w[name].shape[1]) for name in ("W_Q", "W_K", "W_V"))
    b_Q, b_K, b_V = (w[name].reshape(-1) if name in w else None for name in ("b_Q", "b_K", "b_V"))
    size = len(W_K)
    both = jnp.concatenate([W_K, W_V])  # one product instead of two: at d_model 32 a step spends much of its time between products
    seen = [stream.map(lambda x: both @ x) for stream in streams]
    keys = [Stream(_turned(model, _plus(stream.values[:size], b_K), i), stream.column) for i, stream in enumerate(seen)]
    values = [stream.map(lambda x: _plus(x[size:], b_V)) for stream in seen]
    queries = streams[here].map(lambda x: _turned(model, _plus(W_Q @ x, b_Q), here))
    return attended(queries, keys, values, len(w["W_Q"]), model.attention_rate)


def _turned(model: "Transformer", x: Float[Array, "feature column"], place: int) -> Float[Array, "feature column"]:
    """Queries or keys of one position, turned where positions are rotary."""
    if model.positions != "rotary":
        return x
    by_head = x.T.reshape(-1, 1, model.n_heads, model.head)
    return rotated(by_head, jnp.array([place])).reshape(x.shape[1], -1).T


def _mlp(model: "Transformer", w: dict[str, Any], x: Float[Array, "d_model column"]) -> Float[Array, "d_model column"]:
    return _plus(w["W_out"].T @ ACTIVATIONS[model.act_fn](_plus(w["W_in"].T @ x, w.get("b_in"))), w.get("b_out"))


def _read_out(
    model: "Transformer", params: dict[str, Any], w: dict[str, Any], residual: Stream, heads: Stream, n_rows: int
) -> Float[Array, "d_vocab_out row"]:
    """The last MLP and the unembedding; consecutive matrices are multiplied first where that is less work."""
    unembed, act = model.unembedding(params), ACTIVATIONS[model.act_fn]
    W_O, W_in, W_out, b_in, b_out = _flat(w["W_O"]), w["W_in"], w["W_out"], w.get("b_in"), w.get("b_out")
    residual = residual.map(lambda x: _plus(x, w.get("b_O")))
    z = heads.rows()
    folds = _folds(model, n_rows, residual.values.shape[1], unembed.shape[1])
    if FOLD_HEADS in folds:
        direct = residual.map(lambda x: unembed.T @ _plus(x, b_out)).rows()
        hidden = act((W_O @ W_in).T @ z + residual.map(lambda x: _plus(W_in.T @ x, b_in)).rows())
        out = (W_out @ unembed).T @ hidden + (W_O @ unembed).T @ z + direct
    else:
        mid = residual.rows() + W_O.T @ z
        if FOLD_OUT in folds:
            read = model.normed(w, "ln2", mid, 0) if model.reads_normed else mid
            hidden = act(_plus(W_in.T @ read, b_in))
            out = (W_out @ unembed).T @ hidden + unembed.T @ _plus(mid, b_out)
        else:
            end = _after(model, w, model.normed(w, "ln1", mid, 0) if model.norm == "post" else mid)
            if model.final_norm:
                end = normalised(end, params["ln_final_w"], params.get("ln_final_b"), 0)
            out = unembed.T @ end
    out = _plus(out, params.get("b_U"))
    return jnp.broadcast_to(out, (out.shape[0], n_rows))


def _folds(model: "Transformer", n_rows: int, columns: int, d_out: int) -> tuple[str, ...]:
    """The products of weights that make a read-out cheapest, by multiply-adds; `columns`: distinct residuals before attention.

    A normalisation between two matrices keeps them apart.
    """
    heads, d_model, hidden = model.n_heads * model.head, model.d_model, model.hidden
    attention, unembed = heads * d_model, d_model * d_out
    plain = n_rows * (attention + 2 * d_model * hidden + unembed)
    out = n_rows * (attention + d_model * hidden + hidden * d_out + unembed) + d_model * hidden * d_out
    both = n_rows * (heads * hidden + heads * d_out + hidden * d_out)
    both += heads * d_model * (hidden + d_out) + d_model * hidden * d_out
    both += columns * d_model * (hidden + d_out) + (PICK * n_rows * (hidden + d_out) if columns > 1 else 0)
    choices: list[tuple[int, tuple[str, ...]]] = [(plain, ())]
    if model.norm != "post" and not model.final_norm:
        choices.append((out, (FOLD_OUT,)))
        if model.norm == "none":
            choices.append((both, (FOLD_OUT, FOLD_HEADS)))
    return min(choices, key=lambda choice: choice[0])[1]


def _flat(weight: Float[Array, "head d_head d_model"]) -> Float[Array, "feature d_model"]:
    return weight.reshape(-1, weight.shape[-1])


def _plus(x: Float[Array, "feature column"], bias: Float[Array, " feature"] | None) -> Float[Array, "feature column"]:
    return x if bias is None else x + bias[:, None]
