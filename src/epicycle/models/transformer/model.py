"""Decoder-only transformer with the choices that the field's codes make differently, each a field of its own.

The defaults are the progress-measures code: no normalisation, ReLU, learned positions, biases in the MLP only, weights from
N(0, 1/d_model) and the unembedding from N(0, 1/d_vocab) (Nanda et al., arXiv 2301.05217; 226,816 parameters at p = 113), logits over
all tokens, "=" included. Weights carry TransformerLens's names and the shapes of its accessors, stacked over layers.
"""

from collections.abc import Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from pydantic import model_validator

from epicycle.models.activations import ACTIVATIONS, Activation, normalised
from epicycle.models.initialisation import Scheme, Tensor, draw
from epicycle.models.sites import Sites
from epicycle.models.transformer import fast as streamed
from epicycle.models.transformer.positions import rotated, sinusoids
from epicycle.spec.errors import InputError
from epicycle.spec.families import Model
from epicycle.spec.fields import knob, static
from epicycle.spec.table import Table

Bias = Literal["b_Q", "b_K", "b_V", "b_O", "b_in", "b_out", "b_U"]
STACKED = ("W_Q", "W_K", "W_V", "W_O", "W_in", "W_out", "b_Q", "b_K", "b_V", "b_O", "b_in", "b_out")
NORMS = ("ln1_w", "ln1_b", "ln2_w", "ln2_b")


class Transformer(Model):
    """Attention and an MLP per block; the logits are read at the last position.

    Attributes:
        d_head: width of a head; None means d_model / n_heads.
        d_mlp: hidden units of each MLP; None means 4 * d_model.
        act_fn: `gelu` is the exact one, `quadratic` the square.
        norm: `pre` normalises what attention and MLP read, `post` the residual stream after each of them; `pre_stream` is `pre`, but
            the stream itself goes on as attention read it (teddykoker/grokking, and Lee et al., arXiv 2405.20233, after it).
        norm_kind: LayerNorm, or RMSNorm, which neither centres nor shifts.
        final_norm: whether the residual stream is normalised once more before the unembedding.
        biases: the tensors that are there.
        positions: how a position is told apart: learned vectors, fixed sinusoids (Vaswani et al., arXiv 1706.03762, section 3.5), keys
            and queries turned by an angle (Su et al., arXiv 2104.09864), or not at all.
        scaled_embedding: whether token embeddings are multiplied by sqrt(d_model) (Vaswani et al., arXiv 1706.03762, section 3.4).
        causal: whether a position sees only itself and those before it.
        tied: whether the unembedding is the transposed embedding.
        attention_rate: weights used are rate * softmax + (1 - rate) * 1, the ones not divided by their number (Zhong et al.,
            arXiv 2306.17844); 1 gives their clock, 0 their pizza; None is plain softmax.
        smeared_keys: each head's keys are a learned mixture of those at a position and the one before it (Olsson et al.,
            arXiv 2209.11895, section "smeared key").
        d_vocab_out: whether the logits cover all tokens or the classes alone.
        dropout: probability with which outputs of attention and MLP are dropped in training; None is none.
        dropout_at: where: the sum of embeddings, attention outputs, MLP outputs.
        initialisation: how weights are drawn, see `epicycle.models.initialisation`.
        attention_initialisation: whether attention departs from that. `torch_multihead`: as PyTorch's MultiheadAttention, W_Q, W_K and
            W_V uniform within sqrt(6 / (fan_in + 3 fan_out)), Xavier's bound for the three stacked, and all biases of attention 0;
            `xavier`: W_O within its Xavier bound sqrt(6 / (fan_in + fan_out)) as well (Glorot & Bengio, AISTATS 2010).
        init_scale: multiplies every weight before the first step (alpha of Liu et al., arXiv 2210.01117).
    """

    kind = "transformer"
    aliases = {"num_heads": "n_heads", "num_layers": "n_layers", "dim": "d_model", "activation": "act_fn", "alpha": "init_scale"}

    n_layers: int = static(1, ge=1)
    d_model: int = static(128, ge=1)
    n_heads: int = static(4, ge=1)
    d_head: int | None = static(None, ge=1)
    d_mlp: int | None = static(None, ge=1)
    act_fn: Activation = static("relu")
    norm: Literal["none", "pre", "post", "pre_stream"] = static("none")
    norm_kind: Literal["layer", "rms"] = static("layer")
    final_norm: bool = static(False)
    biases: tuple[Bias, ...] = static(("b_in", "b_out"))
    positions: Literal["learned", "sinusoidal", "rotary", "none"] = static("learned")
    scaled_embedding: bool = static(False)
    causal: bool = static(True)
    tied: bool = static(False)
    attention_rate: float | None = knob(None, ge=0, le=1)
    smeared_keys: bool = static(False)
    d_vocab_out: Literal["tokens", "classes"] = static("tokens")
    dropout: float | None = knob(None, ge=0, lt=1)
    dropout_at: tuple[Literal["embed", "attn", "mlp"], ...] = static(("attn", "mlp"))
    initialisation: Scheme = static("progress_measures")
    attention_initialisation: Literal["same", "torch_multihead", "xavier"] = static("same")
    init_scale: float = knob(1.0, gt=0)

    @model_validator(mode="after")
    def _fits_together(self) -> "Transformer":
        if self.d_head is None and self.d_model % self.n_heads:
            raise ValueError(
                f"n_heads = {self.n_heads} does not divide d_model = {self.d_model}; choose n_heads that does, or give d_head"
            )
        if self.positions == "rotary" and self.head % 2:
            raise ValueError(f"rotary positions turn pairs of features, and a head has {self.head}; choose an even width")
        if self.tied and self.d_vocab_out == "classes":
            raise ValueError("a tied unembedding has a logit for every token; set d_vocab_out to tokens, or tied to false")
        return self

    @property
    def head(self) -> int:
        """Width of a head."""
        return self.d_head or self.d_model // self.n_heads

    @property
    def hidden(self) -> int:
        """Hidden units of an MLP."""
        return self.d_mlp or 4 * self.d_model

    @property
    def reads_normed(self) -> bool:
        """Whether attention and MLP read a normalised stream."""
        return self.norm in ("pre", "pre_stream")

    def init(self, key: jax.Array, table: Table) -> dict[str, Float[Array, "..."]]:
        """Fresh parameters: W_E, W_pos, W_Q, W_K, W_V, W_O, W_in, W_out, W_U, the biases, ln1_w, ln1_b, ..., ln_final_b, smear."""
        last = table.inputs.shape[1] - 1
        if not self.causal and any(place < last for place in table.positions or ()):
            raise InputError(
                "this form is read before its last token, which a network without a causal mask sees; set causal to true."
            )
        layers, d, heads, head, hidden = self.n_layers, self.d_model, self.n_heads, self.head, self.hidden
        d_out = table.d_vocab if self.d_vocab_out == "tokens" else table.num_classes
        weights = {
            "W_E": Tensor((table.d_vocab, d), table.d_vocab),
            "W_pos": Tensor((table.inputs.shape[1], d), table.inputs.shape[1]),
            **dict.fromkeys(("W_Q", "W_K", "W_V"), Tensor((layers, heads, d, head), d)),
            "W_O": Tensor((layers, heads, head, d), heads * head),
            "W_in": Tensor((layers, d, hidden), d),
            "W_out": Tensor((layers, hidden, d), hidden),
            "W_U": Tensor((d, d_out), d),
        }
        if self.positions != "learned":
            del weights["W_pos"]
        if self.tied:
            del weights["W_U"]
        per_head = dict.fromkeys(("b_Q", "b_K", "b_V"), Tensor((layers, heads, head), d, bias=True))
        rest = {
            "b_O": Tensor((layers, d), heads * head, bias=True),
            "b_in": Tensor((layers, hidden), d, bias=True),
            "b_out": Tensor((layers, d), hidden, bias=True),
            "b_U": Tensor((d_out,), d, bias=True),
        }
        biases = {name: tensor for name, tensor in (per_head | rest).items() if name in self.biases}
        bounds = self._bounds()
        tensors = {name: tensor._replace(bound=bounds.get(name)) for name, tensor in (weights | biases).items()}
        drawn = draw(key, tensors, self.initialisation, d, self.init_scale)
        if self.smeared_keys:
            drawn["smear"] = jnp.zeros((layers, heads), jnp.float32)
        return drawn | self._norms()

    def _bounds(self) -> dict[str, float]:
        """Of the tensors of attention that the scheme does not draw."""
        if self.attention_initialisation == "same":
            return {}
        width = self.n_heads * self.head
        bounds = dict.fromkeys(("W_Q", "W_K", "W_V"), (6 / (self.d_model + 3 * width)) ** 0.5)
        if self.attention_initialisation == "xavier":
            bounds["W_O"] = (6 / (width + self.d_model)) ** 0.5
        return bounds | dict.fromkeys(("b_Q", "b_K", "b_V", "b_O"), 0.0)

    def _norms(self) -> dict[str, Float[Array, "..."]]:
        shapes: dict[str, tuple[int, ...]] = {} if self.norm == "none" else dict.fromkeys(NORMS, (self.n_layers, self.d_model))
        if self.final_norm:
            shapes |= dict.fromkeys(("ln_final_w", "ln_final_b"), (self.d_model,))
        kept = {name: shape for name, shape in shapes.items() if self.norm_kind == "layer" or name.endswith("_w")}
        return {name: jnp.full(shape, float(name.endswith("_w")), jnp.float32) for name, shape in kept.items()}

    def apply(
        self,
        params: dict[str, Any],
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        patches: Sequence[Any] = (),
        positions: Sequence[int] | None = None,
    ) -> tuple[Float[Array, "row *answer d_vocab_out"], dict[str, Any]]:
        """Logits and all activations under TransformerLens hook names."""
        site, drop = Sites(patches), _Dropout(self, key)
        residual = drop("embed", self._embedded(params, inputs, site))
        for layer in range(self.n_layers):
            residual = self._block(self.layer(params, layer), residual, site, f"blocks.{layer}.", drop)
        last = residual[:, -1] if positions is None else residual[:, jnp.asarray(positions)]
        return self._read_out(params, last, site), site.close()

    def fast(
        self,
        params: dict[str, Any],
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        constant: Sequence[int | None] = (),
        positions: Sequence[int] | None = None,
    ) -> Float[Array, "row *answer d_vocab_out"]:
        """The logits of `apply` with less work (see `shortcuts`)."""
        if positions is not None or (key is not None and self.dropout is not None):
            return self.apply(params, inputs, key=key, positions=positions)[0]
        if self._by_streams(inputs.shape[1]):
            return streamed.logits(self, params, inputs, constant)
        residual = self._embedded(params, inputs, Sites())
        for layer in range(self.n_layers - 1):
            residual = self._block(self.layer(params, layer), residual, Sites(), "")
        last = self._block(self.layer(params, self.n_layers - 1), residual, Sites(), "", only_last=True)[:, 0]
        return self._read_out(params, last, Sites())

    def _read_out(self, params: dict[str, Any], last: Float[Array, "row *answer d_model"], site: Sites) -> Any:
        """Logits of the residual stream after the last block."""
        if self.final_norm:
            last = site("ln_final.hook_normalized", normalised(last, params["ln_final_w"], params.get("ln_final_b"), -1))
        return site("hook_logits", _plus(last @ self.unembedding(params), params.get("b_U")))

    def shortcuts(self, table: Table, n_rows: int) -> tuple[str, ...]:
        """What `fast` leaves out on so many rows of a table."""
        if table.positions is not None or self.dropout is not None:
            return ()
        if not self._by_streams(table.inputs.shape[1]):
            return (streamed.READ_OUT,)
        return streamed.taken(self, table, n_rows)

    def _by_streams(self, n_pos: int) -> bool:
        return n_pos <= streamed.SHORT and not self.smeared_keys

    def layer(self, params: dict[str, Any], layer: int) -> dict[str, Any]:
        """The tensors of one block."""
        return {name: params[name][layer] for name in (*STACKED, *NORMS, "smear") if name in params}

    def unembedding(self, params: dict[str, Any]) -> Float[Array, "d_model d_vocab_out"]:
        """W_U, or the transposed embedding."""
        return params["W_E"].T if self.tied else params["W_U"]

    def place(self, params: dict[str, Any], n_pos: int) -> Float[Array, "pos d_model"] | None:
        """What is added to the embedding at each position."""
        if self.positions == "learned":
            return params["W_pos"]
        return sinusoids(n_pos, self.d_model, params["W_E"].dtype) if self.positions == "sinusoidal" else None

    def tokens(self, params: dict[str, Any]) -> Float[Array, "token d_model"]:
        """What is looked up for each token."""
        table = params["W_E"]
        return table * jnp.asarray(self.d_model**0.5, table.dtype) if self.scaled_embedding else table

    def _embedded(self, params: dict[str, Any], inputs: Any, site: Sites) -> Float[Array, "row pos d_model"]:
        embed = site("hook_embed", self.tokens(params)[inputs])
        place = self.place(params, inputs.shape[1])
        return embed if place is None else embed + site("hook_pos_embed", jnp.broadcast_to(place[: inputs.shape[1]], embed.shape))

    def _block(self, w: Any, residual: Any, site: Sites, at: str, drop: Any = None, only_last: bool = False) -> Any:
        """One block; `only_last` follows the last position alone after attention has read the others."""
        drop = drop or _Dropout(self, None)
        pre = site(f"{at}hook_resid_pre", residual)
        read = site(f"{at}ln1.hook_normalized", self.normed(w, "ln1", pre)) if self.reads_normed else pre
        kept = read if self.norm == "pre_stream" else pre
        mine, own = (read[:, -1:], kept[:, -1:]) if only_last else (read, kept)
        mid = own + site(f"{at}hook_attn_out", drop(f"attn{at}", self._attention(w, mine, read, site, at)))
        mid = site(f"{at}hook_resid_mid", self.normed(w, "ln1", mid) if self.norm == "post" else mid)
        read = site(f"{at}ln2.hook_normalized", self.normed(w, "ln2", mid)) if self.reads_normed else mid
        out = mid + site(f"{at}hook_mlp_out", drop(f"mlp{at}", self._mlp(w, read, site, at)))
        return site(f"{at}hook_resid_post", self.normed(w, "ln2", out) if self.norm == "post" else out)

    def normed(self, w: dict[str, Any], name: str, x: Float[Array, "..."], axis: int = -1) -> Float[Array, "..."]:
        """A normalisation of one block along an axis."""
        return normalised(x, w[f"{name}_w"], w.get(f"{name}_b"), axis)

    def _attention(self, w: Any, queries: Any, keys: Any, site: Sites, at: str) -> Float[Array, "row query d_model"]:
        """What attention adds at the query positions, the last ones of `keys`."""
        n_query, n_key = queries.shape[1], keys.shape[1]
        q, k, v = (_per_head(x, w[f"W_{n}"], w.get(f"b_{n}")) for n, x in (("Q", queries), ("K", keys), ("V", keys)))
        if self.smeared_keys:
            share = jax.nn.sigmoid(w["smear"])[:, None]
            k = jnp.concatenate([k[:, :1], share * k[:, 1:] + (1 - share) * k[:, :-1]], axis=1)
        if self.positions == "rotary":
            q, k = rotated(q, jnp.arange(n_key - n_query, n_key)), rotated(k, jnp.arange(n_key))
        q, k, v = (site(f"{at}attn.hook_{name}", value) for name, value in (("q", q), ("k", k), ("v", v)))
        scores = jnp.einsum("bqhe,bkhe->bhqk", q, k) * (self.head**-0.5)
        seen = jnp.ones((n_query, n_key), bool)
        if self.causal:
            seen = jnp.arange(n_key)[None, :] <= jnp.arange(n_key - n_query, n_key)[:, None]
        scores = site(f"{at}attn.hook_attn_scores", jnp.where(seen, scores, -jnp.inf))
        pattern = jax.nn.softmax(scores, axis=-1)
        if self.attention_rate is not None:
            pattern = jnp.where(seen, self.attention_rate * pattern + (1 - jnp.asarray(self.attention_rate, pattern.dtype)), 0)
        z = site(f"{at}attn.hook_z", jnp.einsum("bhqk,bkhe->bqhe", site(f"{at}attn.hook_pattern", pattern), v))
        return _plus(z.reshape(*z.shape[:2], -1) @ w["W_O"].reshape(-1, w["W_O"].shape[-1]), w.get("b_O"))

    def _mlp(self, w: dict[str, Any], x: Float[Array, "*rows d_model"], site: Sites, at: str) -> Float[Array, "*rows d_model"]:
        pre = site(f"{at}mlp.hook_pre", _plus(x @ w["W_in"], w.get("b_in")))
        return _plus(site(f"{at}mlp.hook_post", ACTIVATIONS[self.act_fn](pre)) @ w["W_out"], w.get("b_out"))


class _Dropout:
    """Drops what it is given, with a key of its own for each place; does nothing without a key."""

    def __init__(self, model: Transformer, key: jax.Array | None) -> None:
        self._rate = model.dropout if key is not None else None
        self._at, self._key, self._count = model.dropout_at, key, 0

    def __call__(self, place: str, value: Float[Array, "..."]) -> Float[Array, "..."]:
        if self._rate is None or self._key is None or not place.startswith(self._at):
            return value
        self._count += 1
        keep = 1 - jnp.asarray(self._rate, value.dtype)
        kept = jax.random.uniform(jax.random.fold_in(self._key, self._count), value.shape, jnp.float32) < keep
        return jnp.where(kept, value / keep, 0)


def _plus(x: Float[Array, "..."], bias: Float[Array, "..."] | None) -> Float[Array, "..."]:
    return x if bias is None else x + bias


def _per_head(
    x: Float[Array, "row pos d_model"], weight: Float[Array, "head d_model d_head"], bias: Float[Array, "head d_head"] | None
) -> Float[Array, "row pos head d_head"]:
    """One matrix product for all heads."""
    heads, d_model, d_head = weight.shape
    out = x @ weight.transpose(1, 0, 2).reshape(d_model, heads * d_head)
    return _plus(out.reshape(*x.shape[:2], heads, d_head), bias)
