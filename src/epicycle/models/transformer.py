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
        self, params: dict[str, Any], inputs: Int[Array, "row pos"], *, key: jax.Array | None = None
    ) -> Float[Array, "row d_vocab"]:
        """The logits of `apply` with less work.

        After the last attention only the read-out position is carried on; in a one-layer network the attention's scores and values
        are computed once per (token, position) and gathered, since they depend on nothing else.
        """
        del key
        weights = _layer(params, self.n_layers - 1)
        if self.n_layers == 1:
            last = params["W_E"][inputs[:, -1]] + params["W_pos"][-1] + _attention_from_tables(weights, params, inputs)
        else:
            residual = params["W_E"][inputs] + params["W_pos"]
            for layer in range(self.n_layers - 1):
                residual = _block(_layer(params, layer), residual, Sites(), "")
            last = residual[:, -1] + _attention(weights, residual[:, -1:], residual, Sites(), "")[:, 0]
        return (last + _mlp(weights, last, Sites(), "")) @ params["W_U"]


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


def _attention_from_tables(w: dict[str, Any], params: dict[str, Any], inputs: Int[Array, "row pos"]) -> Float[Array, "row d_model"]:
    """First-layer attention read at the last position, from tables over tokens."""
    n_pos = inputs.shape[1]
    tokens = params["W_E"][:, None] + params["W_pos"]  # every token at every position
    q, k, v = _per_head(tokens[:, -1:], w["W_Q"])[:, 0], _per_head(tokens, w["W_K"]), _per_head(tokens, w["W_V"])
    scores = jnp.einsum("nhe,mphe->nmph", q, k) * (q.shape[-1] ** -0.5)
    place = jnp.arange(n_pos)
    pattern = jax.nn.softmax(scores[inputs[:, -1:], inputs, place], axis=1)
    z = (pattern[..., None] * v[inputs, place]).sum(1)
    return z.reshape(z.shape[0], -1) @ w["W_O"].reshape(-1, w["W_O"].shape[-1])


def _per_head(x: Float[Array, "row pos d_model"], weight: Float[Array, "head d_model d_head"]) -> Float[Array, "row pos head d_head"]:
    """One matrix product for all heads."""
    heads, d_model, d_head = weight.shape
    return (x @ weight.transpose(1, 0, 2).reshape(d_model, heads * d_head)).reshape(*x.shape[:2], heads, d_head)


def _mlp(w: dict[str, Any], x: Float[Array, "*rows d_model"], site: Sites, at: str) -> Float[Array, "*rows d_model"]:
    pre = site(f"{at}mlp.hook_pre", x @ w["W_in"] + w["b_in"])
    return site(f"{at}mlp.hook_post", jax.nn.relu(pre)) @ w["W_out"] + w["b_out"]
