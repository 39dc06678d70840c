"""A bank of hand-written circuits, each behind a gate that is learned.

What decides which circuit a network ends with: how many rows it is right on (coverage), how much it adds to the logits for its
parameters' norm (efficiency), or how few parts it needs (simplicity)? In a real network the three go together. Here each is set by
itself.

The strength of circuit i with f gates g is s = e (g_1 ... g_f)^power: e is its logit per norm, and kappa = f power is the degree to
which its strength grows with its parameters (Varma et al., arXiv 2309.02390, section 3). Two results in closed form, which the tests
check, hold under gradient descent:

- While all strengths are small, a gate g moves by lr power (s / g) (cover - says / q) in a step, where `cover` is the share of the
  trained rows on which the circuit is right, `says` the share on which it speaks, and q the number of classes.
- With kappa < 2 and weight decay, two circuits that are right on all trained rows end with strengths in the ratio
  (P_2 / P_1)^(2 kappa / (2 - kappa)), whatever the decay. P is the norm that strength 1 costs: sqrt(f) e^(-1/kappa).
"""

from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int
from pydantic import Field

from epicycle.models.operands import check_one_answer
from epicycle.models.sites import Sites
from epicycle.models.written_circuits import OUT, STRENGTH, one_hot, seen_rows, wrong_classes
from epicycle.spec.base import Spec
from epicycle.spec.families import Activations, Model, Params, SitePatch
from epicycle.spec.fields import knob, static
from epicycle.spec.limits import MOST_RATE
from epicycle.spec.table import Table


class GatedCircuit(Spec):
    """One circuit of a bank. Which rows it covers is drawn from the run's seed.

    Attributes:
        coverage: share of the seen rows on which it says the right class.
        held_out: share of the new rows on which it says the right class.
        logit_per_norm: e, its strength when all of its gates are 1.
        n_factors: f, the number of its gates. Their product counts, so a circuit with more of them starts more slowly.
        start: each of its gates before the first step.
        elsewhere: what it does on the other rows: it says a `wrong` class, or is `silent`.
    """

    coverage: float = knob(1.0, ge=0, le=1)
    held_out: float = knob(0.0, ge=0, le=1)
    logit_per_norm: float = knob(1.0, ge=0, le=MOST_RATE)
    n_factors: int = static(1, ge=1, le=20)
    start: float = knob(0.1, ge=-MOST_RATE, le=MOST_RATE)
    elsewhere: Literal["wrong", "silent"] = static("silent")


class GatedBank(Model):
    """The sum of hand-written circuits, each times the product of its gates. Only the gates are trained.

    Attributes:
        circuits: the circuits; the first one is the general one.
        start_spread: standard deviation of ln(gate) before the first step, drawn for each gate.
        power: the power of the product of gates.
    """

    kind = "gated_bank"

    circuits: tuple[GatedCircuit, ...] = Field((GatedCircuit(held_out=1.0, n_factors=2), GatedCircuit()), min_length=1, max_length=200)
    start_spread: float = knob(0.0, ge=0, le=100)
    power: float = static(1.0, gt=0, le=20)

    def init(self, key: jax.Array, table: Table) -> Params:
        """Draw the rows that each circuit covers.

        Returns:
            W_gate [circuit, factor], and the frozen lookup W_U [circuit, token, d_vocab_out] of what each circuit says.

        Raises:
            InputError: the task's rows are not numbered.
        """
        seen = jnp.asarray(seen_rows(table, "a gated bank"))
        right, wrong = one_hot(table.labels, table.num_classes), one_hot(wrong_classes(table), table.num_classes)
        spread_key, *keys = jax.random.split(key, 1 + len(self.circuits))
        says = []
        for circuit, own_key in zip(self.circuits, keys, strict=True):
            draws = jax.random.uniform(own_key, seen.shape)
            covered = jnp.where(seen, _lowest(draws, seen, circuit.coverage), _lowest(draws, ~seen, circuit.held_out))
            says.append(jnp.where(covered[:, None], right, wrong if circuit.elsewhere == "wrong" else 0 * wrong))
        starts = jnp.stack([jnp.full(self._most_factors, circuit.start, jnp.float32) for circuit in self.circuits])
        spread = jnp.exp(self.start_spread * jax.random.normal(spread_key, starts.shape, jnp.float32))
        gates = jnp.where(self._is_gate, starts * spread, 0).astype(jnp.float32)
        return {"W_gate": gates, "W_U": jnp.stack(says).astype(jnp.float32)}

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
        check_one_answer(positions, "a gated bank")
        site, own = Sites(patches), self._strengths(params)
        strength = site(STRENGTH, jnp.broadcast_to(own, (len(inputs), len(own))))
        out = site(OUT, strength[:, :, None] * params["W_U"].swapaxes(0, 1)[inputs[:, 0]])
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
        """The logits of `apply`: circuits are added up once for each token.

        Raises:
            InputError: several answers are asked for.
        """
        del key, constant
        check_one_answer(positions, "a gated bank")
        return jnp.tensordot(self._strengths(params), params["W_U"], 1)[inputs[:, 0]]

    def frozen(self) -> tuple[str, ...]:
        """What circuits say."""
        return ("W_U",)

    def shortcuts(self, table: Table, n_rows: int) -> tuple[str, ...]:
        """What `fast` leaves out, as phrases."""
        return ("circuits added up once for each row of the table",)

    @property
    def _most_factors(self) -> int:
        return max(circuit.n_factors for circuit in self.circuits)

    @property
    def _is_gate(self) -> Bool[Array, "circuit factor"]:
        """True where a circuit has a gate: tensors are as wide as the circuit with most gates."""
        return jnp.arange(self._most_factors) < jnp.asarray([circuit.n_factors for circuit in self.circuits])[:, None]

    def _strengths(self, params: Params) -> Float[Array, " circuit"]:
        product = jnp.where(self._is_gate, params["W_gate"], 1).prod(axis=1)
        if self.power != 1:
            product = jnp.sign(product) * jnp.abs(product) ** self.power
        return product * jnp.stack([jnp.asarray(circuit.logit_per_norm, product.dtype) for circuit in self.circuits])


def _lowest(draws: Float[Array, " row"], among: Bool[Array, " row"], share: float | Array) -> Bool[Array, " row"]:
    """The rows with the lowest draws: this share of those among which they are taken."""
    rank = jnp.argsort(jnp.argsort(jnp.where(among, draws, jnp.inf)))
    return among & (rank < jnp.round(share * among.sum()))
