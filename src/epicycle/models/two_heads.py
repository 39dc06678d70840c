"""Listed pairs, memorised by one attention head for each pair, or by one head for all: a network with hand-written QK and OV.

The last token of a row asks. A head attends from there to the row's number with a score that it learns (QK), and writes the row's
label with a weight that it learns (OV). A one-pair head can do so for its own pair only. Head 0 can do so for all pairs. Which of the
two implementations grows depends on what is a parameter, so there are three choices.
"""

from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from epicycle.models.operands import check_one_answer
from epicycle.models.sites import Sites
from epicycle.models.written_circuits import OUT, STRENGTH, one_hot, seen_rows
from epicycle.spec.families import Activations, Model, Params, SitePatch
from epicycle.spec.fields import knob, static
from epicycle.spec.table import Table


class TwoHeads(Model):
    """One head for all seen rows (head 0), and one head for each of them.

    Attributes:
        parameters: what is trained. `strengths`: each head's QK and OV are fixed matrices of zeros and ones, times one number each.
            `unit_strengths`: the same with matrices of norm 1, so that a head costs the same norm for the same number of pairs.
            `entries`: every entry of QK and OV is a parameter where the head's fixed matrix is 1.
        share: the part of the right logit that is due to head 0 before the first step.
        start_score: attention score of every head on its pairs before the first step.
        start_logit: right logit before the first step, for a head that attends fully.
        start_spread: standard deviation of ln(OV) before the first step, drawn for each parameter.
    """

    kind = "two_heads"

    parameters: Literal["strengths", "unit_strengths", "entries"] = static("strengths")
    share: float = knob(0.5, ge=0, le=1)
    start_score: float = knob(0.5, ge=-100, le=100)
    start_logit: float = knob(0.1, ge=0, le=100)
    start_spread: float = knob(0.0, ge=0, le=100)

    def init(self, key: jax.Array, table: Table) -> Params:
        """The start.

        Returns:
            W_QK and W_OV [head, entry], and the frozen labels W_U [token, d_vocab_out] of the rows. There is one entry for each seen
            row, or for each head.

        Raises:
            InputError: the task's rows are not numbered.
        """
        n = int(seen_rows(table, "two_heads").sum())
        by_entry = self.parameters == "entries"
        size = jnp.ones((n + 1, 1)).at[0].set(n**0.5 if self.parameters == "unit_strengths" else 1.0)
        first = jnp.arange(n + 1)[:, None] == 0
        own = jnp.where(first, self.share, 1 - self.share) * self.start_logit * size
        written = _pairs(n) if by_entry else jnp.ones((n + 1, 1))
        spread = jnp.exp(self.start_spread * jax.random.normal(key, written.shape, jnp.float32))
        return {
            "W_QK": (self.start_score * size * written).astype(jnp.float32),
            "W_OV": (own * spread * written).astype(jnp.float32),
            "W_U": jnp.asarray(one_hot(table.labels, table.num_classes)),
        }

    def apply(
        self,
        params: Params,
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        patches: Sequence[SitePatch] = (),
        positions: Sequence[int] | None = None,
    ) -> tuple[Float[Array, "row d_vocab_out"], Activations]:
        """Logits and all activations.

        Raises:
            InputError: several answers are asked for, or a patch matches no site.
        """
        del key
        check_one_answer(positions, "two_heads")
        site = Sites(patches)
        scores, values = (self._by_row(params, name)[inputs[:, 0]] for name in ("W_QK", "W_OV"))
        scores = site("blocks.0.attn.hook_attn_scores", jnp.stack([scores, jnp.zeros_like(scores)], axis=-1))
        pattern = site("blocks.0.attn.hook_pattern", jax.nn.softmax(scores, axis=-1))
        strength = site(STRENGTH, pattern[..., 0] * site("blocks.0.attn.hook_v", values))
        out = site(OUT, strength[:, :, None] * params["W_U"][inputs[:, 0]][:, None])
        return site("hook_logits", out.sum(axis=1)), site.close()

    def fast(
        self,
        params: Params,
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        constant: Sequence[int | None] = (),
        positions: Sequence[int] | None = None,
    ) -> Float[Array, "row d_vocab_out"]:
        """The logits of `apply`: attention over two tokens is a logistic function, and heads are added up first.

        Raises:
            InputError: several answers are asked for.
        """
        del key, constant
        check_one_answer(positions, "two_heads")
        scores, values = (self._by_row(params, name) for name in ("W_QK", "W_OV"))
        return ((jax.nn.sigmoid(scores) * values).sum(axis=1)[:, None] * params["W_U"])[inputs[:, 0]]

    def frozen(self) -> tuple[str, ...]:
        """The labels."""
        return ("W_U",)

    def shortcuts(self, table: Table, n_rows: int) -> tuple[str, ...]:
        """What `fast` leaves out, as phrases."""
        return ("attention over two tokens as a logistic function",)

    def _by_row(self, params: Params, name: str) -> Float[Array, "token head"]:
        """The entry of each head's matrix for each row of the table; 0 where it has none, as on all new rows."""
        weights, n_rows = params[name], len(params["W_U"])
        n = len(weights) - 1
        size = jnp.ones((n + 1, 1), weights.dtype).at[0].set(n**-0.5 if self.parameters == "unit_strengths" else 1.0)
        entries = jnp.where(_pairs(n), weights * size, 0)
        return jnp.concatenate([entries, jnp.zeros((n + 1, n_rows - n), weights.dtype)], axis=1).T


def _pairs(n: int) -> Bool[Array, "head entry"]:
    """Which heads have which pairs: head 0 has all, and every other head has one."""
    return jnp.concatenate([jnp.ones((1, n), bool), jnp.eye(n, dtype=bool)])
