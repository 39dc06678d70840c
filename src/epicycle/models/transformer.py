"""Decoder-only transformer as in the progress-measures code: no normalisation, ReLU, learned positions, biases in the MLP only.

Weights carry TransformerLens's names and the shapes of its accessors, stacked over layers. Every weight is drawn from
N(0, 1/d_model), the unembedding from N(0, 1/d_vocab); biases start at 0 (Nanda et al., arXiv 2301.05217; 226,816 parameters at
p = 113). The logits cover all tokens, "=" included, as in that code.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from pydantic import model_validator

from epicycle.models.sites import Sites
from epicycle.models.streams import Stream, attended, embedded
from epicycle.spec.families import Model
from epicycle.spec.fields import static
from epicycle.spec.table import Table


class Transformer(Model):
    """Causal attention and an MLP per block; the logits are read at the last position.

    Attributes:
        d_head: width of a head; None means d_model / n_heads.
        d_mlp: hidden units of each MLP; None means 4 * d_model.
    """

    kind = "transformer"
    aliases = {"num_heads": "n_heads", "num_layers": "n_layers", "dim": "d_model"}

    n_layers: int = static(1, ge=1)
    d_model: int = static(128, ge=1)
    n_heads: int = static(4, ge=1)
    d_head: int | None = static(None, ge=1)
    d_mlp: int | None = static(None, ge=1)

    @model_validator(mode="after")
    def _heads_fit(self) -> "Transformer":
        if self.d_head is None and self.d_model % self.n_heads:
            raise ValueError(
                f"n_heads = {self.n_heads} does not divide d_model = {self.d_model}; choose n_heads that does, or give d_head"
            )
        return self

    def init(self, key: jax.Array, table: Table) -> dict[str, Float[Array, "..."]]:
        """Fresh parameters: W_E, W_pos, W_Q, W_K, W_V, W_O, W_in, b_in, W_out, b_out, W_U."""
        layers, d, heads = self.n_layers, self.d_model, self.n_heads
        head, hidden = self.d_head or d // heads, self.d_mlp or 4 * d
        shapes = {
            "W_E": (table.d_vocab, d),
            "W_pos": (table.inputs.shape[1], d),
            **dict.fromkeys(("W_Q", "W_K", "W_V"), (layers, heads, d, head)),
            "W_O": (layers, heads, head, d),
            "W_in": (layers, d, hidden),
            "W_out": (layers, hidden, d),
            "W_U": (d, table.d_vocab),
        }
        keys = jax.random.split(key, len(shapes))
        scales = dict.fromkeys(shapes, d**-0.5) | {"W_U": table.d_vocab**-0.5}
        drawn = {
            name: jax.random.normal(k, shape, dtype=jnp.float32) * jnp.float32(scales[name])
            for k, (name, shape) in zip(keys, shapes.items(), strict=True)
        }
        zeros = {"b_in": jnp.zeros((layers, hidden), jnp.float32), "b_out": jnp.zeros((layers, d), jnp.float32)}
        return drawn | zeros

    def apply(
        self, params: dict[str, Any], inputs: Int[Array, "row pos"], *, key: jax.Array | None = None, edits: Sequence[Any] = ()
    ) -> tuple[Float[Array, "row d_vocab"], dict[str, Any]]:
        """Logits at the last position and all activations under TransformerLens hook names."""
        del key
        site = Sites(edits)
        embed = site("hook_embed", params["W_E"][inputs])
        residual = embed + site("hook_pos_embed", jnp.broadcast_to(params["W_pos"], embed.shape))
        for layer in range(self.n_layers):
            residual = _block(_layer(params, layer), residual, site, f"blocks.{layer}.")
        logits = site("hook_logits", residual[:, -1] @ params["W_U"])
        return logits, site.close()

    def fast(
        self,
        params: dict[str, Any],
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        constant: Sequence[int | None] = (),
    ) -> Float[Array, "row d_vocab"]:
        """The logits of `apply` with less work (see `shortcuts`)."""
        del key
        last = self.n_layers - 1
        if inputs.shape[1] > SHORT:
            residual = params["W_E"][inputs] + params["W_pos"]
            for layer in range(last):
                residual = _block(_layer(params, layer), residual, Sites(), "")
            w = _layer(params, last)
            mid = residual[:, -1] + _attention(w, residual[:, -1:], residual, Sites(), "")[:, 0]
            return (mid + _mlp(w, mid, Sites(), "")) @ params["W_U"]
        streams = embedded(params["W_E"][:, None] + params["W_pos"], inputs, constant)
        for layer in range(last):
            streams = [_fast_block(_layer(params, layer), streams[: i + 1]) for i in range(len(streams))]
        w = _layer(params, last)
        return _read_out(w, params["W_U"], streams[-1], _heads(w, streams), len(inputs)).T

    def shortcuts(self, table: Table, n_rows: int) -> tuple[str, ...]:
        """What `fast` leaves out on so many rows of a table."""
        if table.inputs.shape[1] > SHORT:
            return (READ_OUT,)
        heads, hidden = self.n_heads * (self.d_head or self.d_model // self.n_heads), self.d_mlp or 4 * self.d_model
        varies = table.constant[-1] is None
        columns = (table.d_vocab if varies else 1) if self.n_layers == 1 else n_rows
        folds = _folds(n_rows, columns, heads, self.d_model, hidden, table.d_vocab)
        return (READ_OUT, "first-layer keys, values and scores once per token", *folds)


READ_OUT = "only the read-out position after the last attention"
FOLD_OUT = "W_out and W_U as one matrix"
FOLD_HEADS = "W_O and W_in, and W_O and W_U, as one matrix each"
# Picking a row's column from a table and adding up its gradient again costs about as much as this many multiply-adds in a product.
PICK = 20
SHORT = 8  # positions up to which `fast` follows each one by itself; the programs of longer inputs would grow with their square


def _fast_block(w: dict[str, Any], streams: Sequence[Stream]) -> Stream:
    """The residual after one block at the last of the given positions."""
    out = _heads(w, streams).map(lambda z: _flat(w["W_O"]).T @ z)
    here = streams[-1]
    same = out.column is here.column and out.values.shape == here.values.shape
    mid = Stream(here.values + out.values, here.column) if same else Stream(here.rows() + out.rows())
    return mid.map(lambda x: x + _fast_mlp(w, x))


def _heads(w: dict[str, Any], streams: Sequence[Stream]) -> Stream:
    """What the heads bring to the last of the given positions, before W_O."""
    W_Q, W_K, W_V = (w[name].transpose(0, 2, 1).reshape(-1, w[name].shape[1]) for name in ("W_Q", "W_K", "W_V"))
    size = len(W_K)
    both = jnp.concatenate([W_K, W_V])  # one product instead of two: at d_model 32 a step spends much of its time between products
    seen = [stream.map(lambda x: both @ x) for stream in streams]
    keys = [stream.map(lambda x: x[:size]) for stream in seen]
    values = [stream.map(lambda x: x[size:]) for stream in seen]
    return attended(streams[-1].map(lambda x: W_Q @ x), keys, values, len(w["W_Q"]))


def _fast_mlp(w: dict[str, Any], x: Float[Array, "d_model column"]) -> Float[Array, "d_model column"]:
    return w["W_out"].T @ jax.nn.relu(w["W_in"].T @ x + w["b_in"][:, None]) + w["b_out"][:, None]


def _read_out(w: dict[str, Any], unembed: Float[Array, "d_model d_vocab"], residual: Stream, heads: Stream, n_rows: int) -> Any:
    """The last MLP and the unembedding; consecutive matrices are multiplied first where that is less work."""
    W_O, W_in, W_out = _flat(w["W_O"]), w["W_in"], w["W_out"]
    b_in, b_out = w["b_in"][:, None], w["b_out"][:, None]
    z = heads.rows()
    heads_out, d_model = W_O.shape
    folds = _folds(n_rows, residual.values.shape[1], heads_out, d_model, W_in.shape[1], unembed.shape[1])
    if FOLD_HEADS in folds:
        direct = residual.map(lambda x: unembed.T @ (x + b_out)).rows()
        hidden = jax.nn.relu((W_O @ W_in).T @ z + residual.map(lambda x: W_in.T @ x + b_in).rows())
        logits = (W_out @ unembed).T @ hidden + (W_O @ unembed).T @ z + direct
    else:
        mid = residual.rows() + W_O.T @ z
        if FOLD_OUT in folds:
            logits = (W_out @ unembed).T @ jax.nn.relu(W_in.T @ mid + b_in) + unembed.T @ (mid + b_out)
        else:
            logits = unembed.T @ (mid + _fast_mlp(w, mid))
    return jnp.broadcast_to(logits, (logits.shape[0], n_rows))


def _folds(n_rows: int, columns: int, heads: int, d_model: int, hidden: int, d_vocab: int) -> tuple[str, ...]:
    """The products of weights that make a read-out cheapest, by multiply-adds; `columns`: distinct residuals before attention."""
    attention, unembed = heads * d_model, d_model * d_vocab
    plain = n_rows * (attention + 2 * d_model * hidden + unembed)
    out = n_rows * (attention + d_model * hidden + hidden * d_vocab + unembed) + d_model * hidden * d_vocab
    both = n_rows * (heads * hidden + heads * d_vocab + hidden * d_vocab)
    both += heads * d_model * (hidden + d_vocab) + d_model * hidden * d_vocab
    both += columns * d_model * (hidden + d_vocab) + (PICK * n_rows * (hidden + d_vocab) if columns > 1 else 0)
    return min((plain, ()), (out, (FOLD_OUT,)), (both, (FOLD_OUT, FOLD_HEADS)), key=lambda choice: choice[0])[1]


def _flat(weight: Float[Array, "head d_head d_model"]) -> Float[Array, "feature d_model"]:
    return weight.reshape(-1, weight.shape[-1])


def _layer(params: dict[str, Any], layer: int) -> dict[str, Any]:
    stacked = ("W_Q", "W_K", "W_V", "W_O", "W_in", "b_in", "W_out", "b_out")
    return {name: params[name][layer] for name in stacked}


def _block(w: dict[str, Any], residual: Float[Array, "row pos d_model"], site: Sites, at: str) -> Float[Array, "row pos d_model"]:
    pre = site(f"{at}hook_resid_pre", residual)
    mid = site(f"{at}hook_resid_mid", pre + site(f"{at}hook_attn_out", _attention(w, pre, pre, site, at)))
    return site(f"{at}hook_resid_post", mid + site(f"{at}hook_mlp_out", _mlp(w, mid, site, at)))


def _attention(
    w: dict[str, Any], queries: Float[Array, "row query d_model"], keys: Float[Array, "row pos d_model"], site: Sites, at: str
) -> Float[Array, "row query d_model"]:
    """Causal attention; `queries` are the last positions of `keys`."""
    q = site(f"{at}attn.hook_q", _per_head(queries, w["W_Q"]))
    k = site(f"{at}attn.hook_k", _per_head(keys, w["W_K"]))
    v = site(f"{at}attn.hook_v", _per_head(keys, w["W_V"]))
    scores = jnp.einsum("bqhe,bkhe->bhqk", q, k) * (q.shape[-1] ** -0.5)
    n_query, n_key = queries.shape[1], keys.shape[1]
    past = jnp.arange(n_key)[None, :] <= jnp.arange(n_key - n_query, n_key)[:, None]
    scores = site(f"{at}attn.hook_attn_scores", jnp.where(past, scores, -jnp.inf))
    pattern = site(f"{at}attn.hook_pattern", jax.nn.softmax(scores, axis=-1))
    z = site(f"{at}attn.hook_z", jnp.einsum("bhqk,bkhe->bqhe", pattern, v))
    return z.reshape(*z.shape[:2], -1) @ w["W_O"].reshape(-1, w["W_O"].shape[-1])


def _per_head(x: Float[Array, "row pos d_model"], weight: Float[Array, "head d_model d_head"]) -> Float[Array, "row pos head d_head"]:
    """One matrix product for all heads."""
    heads, d_model, d_head = weight.shape
    return (x @ weight.transpose(1, 0, 2).reshape(d_model, heads * d_head)).reshape(*x.shape[:2], heads, d_head)


def _mlp(w: dict[str, Any], x: Float[Array, "*rows d_model"], site: Sites, at: str) -> Float[Array, "*rows d_model"]:
    pre = site(f"{at}mlp.hook_pre", x @ w["W_in"] + w["b_in"])
    return site(f"{at}mlp.hook_post", jax.nn.relu(pre)) @ w["W_out"] + w["b_out"]
