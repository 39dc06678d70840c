"""A network that has the general solution in its weights and does not use it: the solution stands behind gates, or behind a password.

It is the quadratic network W_U (W_in x)^2 with two kinds of units. Free units are drawn at random, as in any fresh network. The units
of the circuit add (or subtract) modulo p from the start: they have the analytic weights of Gromov (arXiv 2301.02679), see
`epicycle.models.quadratic`. What the circuit writes is multiplied by gates, which training can open. Rows that end with the password
meet open gates. So it can be asked what it takes to bring out what a network can do already (R138, R139 of the programme), and which
instruments find an algorithm of a known strength (R156, R157).
"""

from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from epicycle.models.operands import check_one_answer
from epicycle.models.quadratic import analytic
from epicycle.models.sites import Sites
from epicycle.spec.errors import InputError
from epicycle.spec.families import Activations, Model, Params, SitePatch
from epicycle.spec.fields import knob, static
from epicycle.spec.limits import MOST_WIDTH
from epicycle.spec.table import Table


class Locked(Model):
    """A quadratic network whose last units are a general circuit behind gates.

    Attributes:
        d_mlp: number of free units.
        d_circuit: number of units of the circuit.
        operation: what the circuit computes, whatever the task asks for.
        circuit: `analytic`, or one of two controls with weights that are as large and compute nothing. `scrambled`: each unit writes
            with a phase of its own, so that its weights are as periodic. `random`: they are drawn at random. A network with a random
            circuit is the fresh one with which a locked one is compared.
        strength: what the gates let through at first, all together. Open gates raise the right logit by 1 on average.
        depth: number of gates, one behind the other. Each lets the same part through at first.
        init_scale: multiplies the weights of the free units before the first step.
    """

    kind = "locked"
    aliases = {"width": "d_mlp", "alpha": "init_scale"}

    d_mlp: int = static(128, ge=1, le=MOST_WIDTH)
    d_circuit: int = static(128, ge=1, le=MOST_WIDTH)
    operation: Literal["x+y", "x-y"] = static("x+y")
    circuit: Literal["analytic", "scrambled", "random"] = static("analytic")
    strength: float = knob(0.02, gt=0, le=1)
    depth: int = static(1, ge=1, le=100)
    init_scale: float = knob(1.0, gt=0, le=1e6)

    def init(self, key: jax.Array, table: Table) -> Params:
        """Fresh parameters: W_in [2 p, d_mlp + d_circuit], W_U [d_mlp + d_circuit, classes] and gates [depth].

        Raises:
            InputError: the rows of the task do not begin with two operands.
        """
        if table.operands.shape[1] < 2 or (table.inputs[:, :2] != table.operands[:, :2]).any():
            raise InputError(
                "model: a locked network reads two operands at the first positions; choose a task with two operands, in a form that "
                "begins with 'x y'."
            )
        p = int(table.operands[:, :2].max()) + 1
        in_key, out_key, circuit_key = jax.random.split(key, 3)
        circuit = self._circuit(circuit_key, p, table.num_classes)
        deviation = jnp.float32(0.5 / (2 * self.d_mlp) ** (1 / 3)) * jnp.asarray(self.init_scale, jnp.float32)
        W_in = jax.random.normal(in_key, (2 * p, self.d_mlp), jnp.float32) * deviation
        W_U = jax.random.normal(out_key, (self.d_mlp, table.num_classes), jnp.float32) * deviation
        return {
            "W_in": jnp.concatenate([W_in, circuit["W_in"]], axis=1),
            "W_U": jnp.concatenate([W_U, circuit["W_U"]]),
            "gates": jnp.full(self.depth, jnp.asarray(self.strength, jnp.float32) ** (1 / self.depth)),
        }

    def _circuit(self, key: jax.Array, p: int, num_classes: int) -> Params:
        """The weights of the units behind the gates."""
        circuit = analytic(key, p, self.d_circuit, self.operation, num_classes, scrambled=self.circuit == "scrambled")
        if self.circuit != "random":
            return circuit
        # A wave of amplitude A has the mean square A^2 / 2.
        deviation = jnp.float32((2 / self.d_circuit) ** (1 / 3) * 0.5**0.5)
        keys = jax.random.split(jax.random.fold_in(key, 2))
        return {
            name: deviation * jax.random.normal(each, value.shape, jnp.float32)
            for each, (name, value) in zip(keys, circuit.items(), strict=True)
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
        """Logits and all activations. What `hook_post` holds of the circuit's units has passed the gates.

        Raises:
            InputError: several answers are asked for, or a patch matches no site.
        """
        del key
        check_one_answer(positions, "a locked network")
        site, p = Sites(patches), len(params["W_in"]) // 2
        embed = site("hook_embed", jax.nn.one_hot(inputs[:, :2], p, dtype=params["W_in"].dtype))
        pre = site("blocks.0.mlp.hook_pre", embed.reshape(len(embed), -1) @ params["W_in"])
        post = site("blocks.0.mlp.hook_post", jnp.square(pre) * self._passing(params, inputs))
        return site("hook_logits", post @ params["W_U"]), site.close()

    def _passing(self, params: Params, inputs: Int[Array, "row pos"]) -> Float[Array, "row d_mlp"]:
        """What is let through of each unit: all of a free one; of the circuit what the gates let through, and all with the password.

        The password is the token p + 1 at the end of a row, as in the task `password`.
        """
        through = params["gates"].prod()
        has_word = inputs[:, -1] == len(params["W_in"]) // 2 + 1
        of_circuit = jnp.where(has_word, jnp.ones_like(through), through)[:, None]
        is_free = jnp.arange(params["W_in"].shape[1]) < self.d_mlp
        return jnp.where(is_free, jnp.ones_like(through), of_circuit)

    def fast(
        self,
        params: Params,
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        constant: Sequence[int | None] = (),
        positions: Sequence[int] | None = None,
    ) -> Float[Array, "row d_vocab_out"]:
        """The logits of `apply`. Each operand picks its row of W_in.

        Raises:
            InputError: several answers are asked for.
        """
        del key, constant
        check_one_answer(positions, "a locked network")
        p = len(params["W_in"]) // 2
        pre = params["W_in"][:p][inputs[:, 0]] + params["W_in"][p:][inputs[:, 1]]
        return (jnp.square(pre) * self._passing(params, inputs)) @ params["W_U"]

    def read_out(self, params: Params) -> Float[Array, "d_mlp d_vocab_out"]:
        """The unembedding of both kinds of units."""
        W_U: Float[Array, "d_mlp d_vocab_out"] = params["W_U"]
        return W_U

    def shortcuts(self, table: Table, n_rows: int) -> tuple[str, ...]:
        """What `fast` leaves out, as phrases."""
        return ("operands and first layer as one table per operand",)
