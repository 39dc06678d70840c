"""A rule and a memory, each with its own norm: the argument from circuit efficiency as a network that is trained.

The rule is one hand-written circuit for all rows. The memory has a weight for each seen row, so its norm grows with the number of rows
while that of the rule does not. Where the two cost the same lies the critical data size (Varma et al., arXiv 2309.02390, section 4).
On a new row the rule is right, and the memory says the class of a seen row, which is wrong.

In closed form: let every circuit have one factor, train by gradient descent with weight decay a, and let row r count with the share
f_r of the loss. At the end the rule's strength is e_G^2 E / a and the memory of row r has strength e_M^2 f_r E_r / a. E_r is by how
much the probability of the right class falls short of 1 on row r, and E is its mean. So where D rows count alike, rule and memory
stand in the ratio D (e_G / e_M)^2 whatever the decay, and they are equal at D = (e_M / e_G)^2.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from epicycle.models.operands import check_one_answer
from epicycle.models.sites import Sites
from epicycle.models.written_circuits import OUT, STRENGTH, one_hot, seen_rows, wrong_classes
from epicycle.spec.families import Activations, Model, Params, SitePatch
from epicycle.spec.fields import knob, static
from epicycle.spec.limits import MOST_RATE
from epicycle.spec.table import Table


class FrequencyToy(Model):
    """A rule for all rows (circuit 0) and a memory of single rows (circuit 1), each a product of factors.

    Attributes:
        rule_logit: the logit of the rule when all of its factors are 1: e_G.
        memory_logit: the same of the memory of a row: e_M.
        rule_factors: number of factors of the rule; with more of them it starts more slowly.
        memory_factors: number of factors of the memory of a row.
        rule_start: each factor of the rule before the first step.
        memory_start: each factor of the memory before the first step.
        start_spread: standard deviation of ln(factor) before the first step, drawn for each factor.
    """

    kind = "frequency_toy"

    rule_logit: float = knob(1.0, ge=0, le=MOST_RATE)
    memory_logit: float = knob(10.0, ge=0, le=MOST_RATE)
    rule_factors: int = static(1, ge=1, le=20)
    memory_factors: int = static(1, ge=1, le=20)
    rule_start: float = knob(0.1, ge=-MOST_RATE, le=MOST_RATE)
    memory_start: float = knob(0.1, ge=-MOST_RATE, le=MOST_RATE)
    start_spread: float = knob(0.0, ge=0, le=100)

    def init(self, key: jax.Array, table: Table) -> Params:
        """The start.

        Returns:
            W_rule [factor], W_memory [token, factor] with one row for each seen row, and the frozen lookups W_U and W_U_memory
            [token, d_vocab_out] of what the rule and the memory say.

        Raises:
            InputError: the task's rows are not numbered.
        """
        n_seen = int(seen_rows(table, "frequency_toy").sum())
        labels, rows = table.labels, np.arange(len(table.labels))
        remembered = labels[rows % n_seen]
        remembered = np.where((rows >= n_seen) & (remembered == labels), wrong_classes(table), remembered)
        rule_key, memory_key = jax.random.split(key)

        def drawn(own_key: jax.Array, start: float, shape: tuple[int, ...]) -> Float[Array, "..."]:
            return (start * jnp.exp(self.start_spread * jax.random.normal(own_key, shape, jnp.float32))).astype(jnp.float32)

        return {
            "W_rule": drawn(rule_key, self.rule_start, (self.rule_factors,)),
            "W_memory": drawn(memory_key, self.memory_start, (n_seen, self.memory_factors)),
            "W_U": jnp.asarray(one_hot(labels, table.num_classes)),
            "W_U_memory": jnp.asarray(one_hot(remembered, table.num_classes)),
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
        check_one_answer(positions, "frequency_toy")
        site, rows = Sites(patches), inputs[:, 0]
        rule = self.rule_logit * params["W_rule"].prod()
        memory = self.memory_logit * params["W_memory"][rows % len(params["W_memory"])].prod(axis=1)
        strength = site(STRENGTH, jnp.stack([jnp.broadcast_to(rule, memory.shape), memory], axis=1))
        out = site(OUT, strength[:, :, None] * jnp.stack([params["W_U"][rows], params["W_U_memory"][rows]], axis=1))
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
        """The logits of `apply`: the two circuits are added up without being kept.

        Raises:
            InputError: several answers are asked for.
        """
        del key, constant
        check_one_answer(positions, "frequency_toy")
        rows = inputs[:, 0]
        memory = self.memory_logit * params["W_memory"].prod(axis=1)[rows % len(params["W_memory"])]
        return self.rule_logit * params["W_rule"].prod() * params["W_U"][rows] + memory[:, None] * params["W_U_memory"][rows]

    def frozen(self) -> tuple[str, ...]:
        """What rule and memory say."""
        return ("W_U", "W_U_memory")

    def shortcuts(self, table: Table, n_rows: int) -> tuple[str, ...]:
        """What `fast` leaves out, as phrases."""
        return ("products of factors once for each seen row",)
