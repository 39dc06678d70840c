"""The plain form of the transformer: every position of every row is computed, and every activation has a named site.

This form is the reference. It follows the formulas line by line, and `fast.py` is tested against it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from epicycle.models.activation_functions import ACTIVATIONS, normalised
from epicycle.models.sites import Sites
from epicycle.models.transformer.fields import TransformerFields
from epicycle.models.transformer.positions import rotated
from epicycle.spec.families import Activations, Params, SitePatch


class Dropout:
    """Dropout with its own random key at every use. Without a key or a rate it changes nothing."""

    def __init__(self, fields: TransformerFields, key: jax.Array | None) -> None:
        self._rate = fields.dropout if key is not None else None
        self._kinds, self._key, self._n_uses = fields.dropout_at, key, 0

    def __call__(self, kind: str, value: Float[Array, "..."]) -> Float[Array, "..."]:
        """Drop entries of `value` and scale up those that stay, if `dropout_at` lists the kind (`embed`, `attn` or `mlp`)."""
        if self._rate is None or self._key is None or kind not in self._kinds:
            return value
        self._n_uses += 1
        keep = 1 - jnp.asarray(self._rate, value.dtype)
        stays = jax.random.uniform(jax.random.fold_in(self._key, self._n_uses), value.shape, jnp.float32) < keep
        return jnp.where(stays, value / keep, 0)


class Block(NamedTuple):
    """One block in one forward pass.

    Attributes:
        fields: the fields of the network.
        weights: the tensors of this block.
        prefix: the beginning of its site names, such as `blocks.0.`.
        sites: records activations and applies patches.
        dropout: the dropout of this forward pass.
    """

    fields: TransformerFields
    weights: Params
    prefix: str
    sites: Sites
    dropout: Dropout

    def site(self, name: str, value: Float[Array, "..."]) -> Float[Array, "..."]:
        """Record an activation of this block; the value comes back patched."""
        return self.sites(f"{self.prefix}{name}", value)

    def normalise(self, name: str, x: Float[Array, "*rows d_model"]) -> Float[Array, "*rows d_model"]:
        """Apply the normalisation `ln1` or `ln2` of this block."""
        return self.fields.normalise(self.weights, name, x)


def logits_and_activations(
    fields: TransformerFields,
    params: Params,
    inputs: Int[Array, "row pos"],
    key: jax.Array | None,
    patches: Sequence[SitePatch],
    positions: Sequence[int] | None,
) -> tuple[Float[Array, "row *answer d_vocab_out"], Activations]:
    """Logits and every activation under its TransformerLens hook name; the arguments are those of `Model.apply`."""
    sites, dropout = Sites(patches), Dropout(fields, key)
    residual = dropout("embed", _embedded(fields, params, inputs, sites))
    for layer in range(fields.n_layers):
        residual = _after_block(_block(fields, params, layer, sites, dropout), residual)
    read = residual[:, -1] if positions is None else residual[:, jnp.asarray(positions)]
    return _unembedded(fields, params, read, sites), sites.close()


def last_position_logits(fields: TransformerFields, params: Params, inputs: Int[Array, "row pos"]) -> Float[Array, "row d_vocab_out"]:
    """Logits at the last position, without dropout; the last block computes its output for that position alone."""
    sites, dropout = Sites(), Dropout(fields, None)
    residual = _embedded(fields, params, inputs, sites)
    blocks = [_block(fields, params, layer, sites, dropout) for layer in range(fields.n_layers)]
    for block in blocks[:-1]:
        residual = _after_block(block, residual)
    return _unembedded(fields, params, _after_block(blocks[-1], residual, last_only=True)[:, 0], sites)


def _block(fields: TransformerFields, params: Params, layer: int, sites: Sites, dropout: Dropout) -> Block:
    return Block(fields, fields.block_params(params, layer), f"blocks.{layer}.", sites, dropout)


def _embedded(
    fields: TransformerFields, params: Params, inputs: Int[Array, "row pos"], sites: Sites
) -> Float[Array, "row pos d_model"]:
    """The residual stream before the first block."""
    n_pos = inputs.shape[1]
    embed = sites("hook_embed", fields.token_vectors(params)[inputs])
    vectors = fields.position_vectors(params, n_pos)
    return embed if vectors is None else embed + sites("hook_pos_embed", jnp.broadcast_to(vectors[:n_pos], embed.shape))


def _unembedded(
    fields: TransformerFields, params: Params, residual: Float[Array, "row *answer d_model"], sites: Sites
) -> Float[Array, "row *answer d_vocab_out"]:
    """Logits of the residual stream after the last block."""
    if fields.final_norm:
        normal = normalised(residual, params["ln_final_w"], params.get("ln_final_b"), -1)
        residual = sites("ln_final.hook_normalized", normal)
    return sites("hook_logits", _plus(residual @ fields.unembedding(params), params.get("b_U")))


def _after_block(block: Block, residual: Float[Array, "row pos d_model"], last_only: bool = False) -> Float[Array, "row pos d_model"]:
    """The residual stream after a block.

    Args:
        last_only: the result holds the last position alone; attention still reads all positions.
    """
    fields = block.fields
    pre = block.site("hook_resid_pre", residual)
    read = block.site("ln1.hook_normalized", block.normalise("ln1", pre)) if fields.reads_normalised else pre
    stream = read if fields.norm == "pre_stream" else pre
    queries = read
    if last_only:
        queries, stream = read[:, -1:], stream[:, -1:]
    mid = stream + block.site("hook_attn_out", block.dropout("attn", _attention(block, queries, read)))
    mid = block.site("hook_resid_mid", block.normalise("ln1", mid) if fields.norm == "post" else mid)
    read = block.site("ln2.hook_normalized", block.normalise("ln2", mid)) if fields.reads_normalised else mid
    post = mid + block.site("hook_mlp_out", block.dropout("mlp", _mlp(block, read)))
    return block.site("hook_resid_post", block.normalise("ln2", post) if fields.norm == "post" else post)


def _attention(
    block: Block, queries: Float[Array, "row query d_model"], keys: Float[Array, "row pos d_model"]
) -> Float[Array, "row query d_model"]:
    """What attention adds to the residual stream.

    Args:
        queries: the stream at the query positions, which are the last ones of `keys`.
        keys: the stream at all positions.
    """
    fields, weights = block.fields, block.weights
    n_query, n_key = queries.shape[1], keys.shape[1]
    q, k, v = (_per_head(x, weights[f"W_{n}"], weights.get(f"b_{n}")) for n, x in (("Q", queries), ("K", keys), ("V", keys)))
    if fields.smeared_keys:
        share = jax.nn.sigmoid(weights["smear"])[:, None]
        k = jnp.concatenate([k[:, :1], share * k[:, 1:] + (1 - share) * k[:, :-1]], axis=1)
    if fields.positions == "rotary":
        q, k = rotated(q, jnp.arange(n_key - n_query, n_key)), rotated(k, jnp.arange(n_key))
    q, k, v = (block.site(f"attn.hook_{name}", value) for name, value in (("q", q), ("k", k), ("v", v)))
    scores = jnp.einsum("bqhe,bkhe->bhqk", q, k) * (fields.head_width**-0.5)
    pattern = _pattern(block, scores)
    z = block.site("attn.hook_z", jnp.einsum("bhqk,bkhe->bqhe", pattern, v))
    return _plus(z.reshape(*z.shape[:2], -1) @ weights["W_O"].reshape(-1, weights["W_O"].shape[-1]), weights.get("b_O"))


def _pattern(block: Block, scores: Float[Array, "row head query pos"]) -> Float[Array, "row head query pos"]:
    """The attention weights: softmax of the scores, mixed with constant weights where `attention_rate` is set."""
    rate = block.fields.attention_rate
    visible = _visible(block.fields.causal, *scores.shape[2:])
    scores = block.site("attn.hook_attn_scores", jnp.where(visible, scores, -jnp.inf))
    pattern = jax.nn.softmax(scores, axis=-1)
    if rate is not None:
        pattern = jnp.where(visible, rate * pattern + (1 - jnp.asarray(rate, pattern.dtype)), 0)
    return block.site("attn.hook_pattern", pattern)


def _visible(causal: bool, n_query: int, n_key: int) -> Bool[Array, "query pos"]:
    """Which positions each of the last `n_query` positions may read: all of them, or under a causal mask none after itself."""
    if causal:
        return jnp.arange(n_key)[None, :] <= jnp.arange(n_key - n_query, n_key)[:, None]
    return jnp.ones((n_query, n_key), bool)


def _mlp(block: Block, x: Float[Array, "*rows d_model"]) -> Float[Array, "*rows d_model"]:
    """What the MLP adds to the residual stream."""
    weights = block.weights
    pre = block.site("mlp.hook_pre", _plus(x @ weights["W_in"], weights.get("b_in")))
    post = block.site("mlp.hook_post", ACTIVATIONS[block.fields.act_fn](pre))
    return _plus(post @ weights["W_out"], weights.get("b_out"))


def _per_head(
    x: Float[Array, "row pos d_model"], weight: Float[Array, "head d_model d_head"], bias: Float[Array, "head d_head"] | None
) -> Float[Array, "row pos head d_head"]:
    """Queries, keys or values of all heads, by one matrix product."""
    heads, d_model, d_head = weight.shape
    product = x @ weight.transpose(1, 0, 2).reshape(d_model, heads * d_head)
    return _plus(product.reshape(*x.shape[:2], heads, d_head), bias)


def _plus(x: Float[Array, "..."], bias: Float[Array, "..."] | None) -> Float[Array, "..."]:
    return x if bias is None else x + bias
