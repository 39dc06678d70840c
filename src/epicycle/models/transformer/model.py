"""The decoder-only transformer. Every choice that published codes make differently is a field.

The defaults are those of the progress-measures code (Nanda et al., arXiv 2301.05217): no normalisation, ReLU, learned positions,
biases in the MLP only, weights from N(0, 1/d_model), the unembedding from N(0, 1/d_vocab), and logits over all tokens, "=" included.
At p = 113 the network has 226,816 parameters. Weights have the names and shapes of TransformerLens's accessors, stacked over layers.
"""

from collections.abc import Sequence

import jax
from jaxtyping import Array, Float, Int

from epicycle.models.transformer import fast as fast_form
from epicycle.models.transformer import plain as plain_form
from epicycle.models.transformer.fields import TransformerFields
from epicycle.spec.families import Activations, Params, SitePatch
from epicycle.spec.table import Table


class Transformer(TransformerFields):
    """Attention and an MLP in each block; the logits are read at the last position.

    Attributes:
        n_layers: number of blocks.
        d_model: width of the residual stream.
        n_heads: attention heads of each block.
        d_head: features of a head; None means d_model / n_heads.
        d_mlp: hidden units of each MLP; None means 4 * d_model.
        act_fn: non-linearity of the MLP. `gelu` is the exact one, `gelu_tanh` its approximation, `quadratic` the square.
        norm: what is normalised in a block. `pre`: what attention and MLP read. `post`: the residual stream after each of them.
            `pre_stream`: as `pre`, and the stream itself continues as attention read it (teddykoker/grokking, and Lee et al.,
            arXiv 2405.20233, after it).
        norm_kind: LayerNorm, or RMSNorm, which neither centres nor shifts.
        final_norm: whether the residual stream is normalised once more before the unembedding.
        biases: which biases the network has.
        positions: how the network tells positions apart. `learned`: learned vectors are added. `sinusoidal`: fixed sinusoids are
            added (Vaswani et al., arXiv 1706.03762, section 3.5). `rotary`: keys and queries are turned by an angle (Su et al.,
            arXiv 2104.09864). `none`: it does not.
        scaled_embedding: whether token embeddings are multiplied by sqrt(d_model) (Vaswani et al., arXiv 1706.03762, section 3.4).
        causal: whether a position sees only itself and the positions before it.
        tied: whether the unembedding is the transposed embedding.
        attention_rate: the attention weights are rate * softmax + (1 - rate) * 1, where the ones are not divided by their number
            (Zhong et al., arXiv 2306.17844). 1 gives their clock, 0 their pizza, None plain softmax.
        smeared_keys: whether each head's keys are a learned mixture of the keys at a position and at the one before it (Olsson et
            al., arXiv 2209.11895, section "smeared key").
        d_vocab_out: whether there is a logit for every token, or for the classes alone.
        dropout: probability with which entries are dropped in training; None is no dropout.
        dropout_at: what is dropped: entries of the sum of embeddings, of attention outputs, of MLP outputs.
        initialisation: how weights are drawn, see `epicycle.models.initialisation`.
        attention_initialisation: whether attention is drawn by that scheme (`same`). `torch_multihead`: as in PyTorch's
            MultiheadAttention, W_Q, W_K and W_V are uniform within sqrt(6 / (fan_in + 3 fan_out)), Xavier's bound for the three
            stacked, and all biases of attention are 0. `xavier`: W_O too is uniform within its Xavier bound
            sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio, AISTATS 2010).
        init_scale: multiplies every drawn tensor before the first step (alpha of Liu et al., arXiv 2210.01117).
    """

    kind = "transformer"
    aliases = {"num_heads": "n_heads", "num_layers": "n_layers", "dim": "d_model", "activation": "act_fn", "alpha": "init_scale"}

    def apply(
        self,
        params: Params,
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        patches: Sequence[SitePatch] = (),
        positions: Sequence[int] | None = None,
    ) -> tuple[Float[Array, "row *answer d_vocab_out"], Activations]:
        """Logits and all activations under TransformerLens hook names."""
        return plain_form.logits_and_activations(self, params, inputs, key, patches, positions)

    def fast(
        self,
        params: Params,
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        constant: Sequence[int | None] = (),
        positions: Sequence[int] | None = None,
    ) -> Float[Array, "row *answer d_vocab_out"]:
        """The logits of `apply` with less work, see `shortcuts`. Several answers and dropout take the plain form."""
        if positions is not None or (key is not None and self.dropout is not None):
            return self.apply(params, inputs, key=key, positions=positions)[0]
        if fast_form.is_short(self, inputs.shape[1]):
            return fast_form.logits(self, params, inputs, constant)
        return plain_form.last_position_logits(self, params, inputs)

    def read_out(self, params: Params) -> Float[Array, "d_mlp d_vocab_out"] | None:
        """The last MLP's way to the logits; None where a normalisation lies on it."""
        if self.final_norm or self.norm == "post":
            return None
        return params["W_out"][-1] @ self.unembedding(params)

    def shortcuts(self, table: Table, n_rows: int) -> tuple[str, ...]:
        """What `fast` leaves out on `n_rows` rows of a table, as phrases."""
        if table.positions is not None or self.dropout is not None:
            return ()
        if fast_form.is_short(self, table.inputs.shape[1]):
            return fast_form.shortcuts(self, table, n_rows)
        return (fast_form.READ_OUT,)
