"""The quadratic network: two layers with a square in between, W_U (W_in x)^2, on two concatenated one-hot operands, without biases.

With random weights it groks modular addition under plain gradient descent (Gromov, arXiv 2301.02679). With the analytic weights of
that paper (restated by Doshi et al., arXiv 2310.13061, eq. 2) it adds modulo p from the start: a planted circuit on which measures are
tested. With the weights of a lookup it has one unit for each pair: another algorithm for the same function.
"""

from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from epicycle.models.operands import check_one_answer, check_two_operands
from epicycle.models.sites import Sites
from epicycle.spec.errors import InputError
from epicycle.spec.families import Activations, Model, Params, SitePatch
from epicycle.spec.fields import knob, static
from epicycle.spec.interchangeable import Interchangeable, UnitsIn
from epicycle.spec.limits import MOST_WIDTH
from epicycle.spec.table import Table


class Quadratic(Model):
    """A network of N = d_mlp hidden units that square their input.

    Attributes:
        d_mlp: number of hidden units, N.
        scaling: `mean_field` is (1/N) W_U (W_in x / sqrt(2 p))^2 with weights from N(0, 1) (Gromov). `standard` has no factors, and
            weights of standard deviation 0.5 / (2 N)^(1/3) (Doshi et al.).
        weights: `random`, `analytic` or `lookup`. In the analytic weights unit k has a frequency sigma(k) and random phases phi and
            psi. Its weights are A cos(2 pi sigma i/p + phi) for the first operand i, A cos(2 pi sigma j/p + psi) for the second
            operand j, and A cos(2 pi sigma q/p + phi + psi) for the class q. A^3 = 2/N, so the right logit of x + y is 1 on average.
            In the weights of a lookup each of the last units stands for a row of the table. Its weights are A for the two operands
            and A for the label of the row, with A^3 = 1/2. So the right logit leads by 1.
        written: how many units the analytic weights use, the first ones; the others are 0. None uses all.
        init_scale: multiplies every weight before the first step.
    """

    kind = "quadratic"
    aliases = {"N": "d_mlp", "width": "d_mlp", "alpha": "init_scale"}

    d_mlp: int = static(500, ge=1, le=MOST_WIDTH)
    scaling: Literal["mean_field", "standard"] = static("mean_field")
    weights: Literal["random", "analytic", "lookup"] = static("random")
    written: int | None = static(None, ge=1, le=MOST_WIDTH)
    init_scale: float = knob(1.0, gt=0, le=1e6)

    def init(self, key: jax.Array, table: Table) -> Params:
        """Draw fresh parameters: W_in [2 p, N] and W_U [N, p].

        Raises:
            InputError: the rows of the task do not begin with their two operands, or more units are to be written than there are.
        """
        check_two_operands(table, "the quadratic network")
        p = int(table.operands.max()) + 1
        weights = self._random(key, p, table.num_classes) if self.weights == "random" else self._by_hand(key, p, table)
        return {name: value * jnp.asarray(self.init_scale, value.dtype) for name, value in weights.items()}

    def _random(self, key: jax.Array, p: int, num_classes: int) -> Params:
        """Normal weights of the standard deviation that the scaling asks for."""
        in_key, out_key = jax.random.split(key)
        W_in = jax.random.normal(in_key, (2 * p, self.d_mlp), dtype=jnp.float32)
        W_U = jax.random.normal(out_key, (self.d_mlp, num_classes), dtype=jnp.float32)
        deviation = 1.0 if self.scaling == "mean_field" else 0.5 / (2 * self.d_mlp) ** (1 / 3)
        return {"W_in": W_in * jnp.float32(deviation), "W_U": W_U * jnp.float32(deviation)}

    def _by_hand(self, key: jax.Array, p: int, table: Table) -> Params:
        """The weights of an algorithm, divided by the factors of the scaling so that the function is the same."""
        n_written = len(table.labels) if self.weights == "lookup" else self.written or self.d_mlp
        if n_written > self.d_mlp:
            raise InputError(f"model: {n_written:,} units of a quadratic network are to be written, and d_mlp is {self.d_mlp:,}.")
        spare = self.d_mlp - n_written
        if self.weights == "lookup":
            written, before, after = lookup(p, table), spare, 0
        else:
            written, before, after = analytic(key, p, n_written), 0, spare
        weights = {
            "W_in": jnp.pad(written["W_in"], ((0, 0), (before, after))),
            "W_U": jnp.pad(written["W_U"], ((before, after), (0, 0))),
        }
        if self.scaling == "standard":
            return weights
        return {"W_in": weights["W_in"] * jnp.float32((2 * p) ** 0.5), "W_U": weights["W_U"] * jnp.float32(self.d_mlp)}

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
        check_one_answer(positions, "the quadratic network")
        site, (inner, outer) = Sites(patches), self._factors(params)
        embed = site("hook_embed", jax.nn.one_hot(inputs[:, :2], len(params["W_in"]) // 2, dtype=params["W_in"].dtype))
        pre = site("blocks.0.mlp.hook_pre", embed.reshape(len(embed), -1) @ params["W_in"] * inner)
        post = site("blocks.0.mlp.hook_post", jnp.square(pre))
        return site("hook_logits", post @ params["W_U"] * outer), site.close()

    def fast(
        self,
        params: Params,
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        constant: Sequence[int | None] = (),
        positions: Sequence[int] | None = None,
    ) -> Float[Array, "row d_vocab_out"]:
        """The logits of `apply`. Each operand picks its row of W_in, and the factors multiply the weights.

        Raises:
            InputError: several answers are asked for.
        """
        del key, constant
        check_one_answer(positions, "the quadratic network")
        inner, outer = self._factors(params)
        p = len(params["W_in"]) // 2
        first, second = (params["W_in"] * inner)[:p], (params["W_in"] * inner)[p:]
        return jnp.square(first[inputs[:, 0]] + second[inputs[:, 1]]) @ (params["W_U"] * outer)

    def interchangeable(self) -> tuple[Interchangeable, ...]:
        """The hidden units."""
        return (Interchangeable("neurons", (UnitsIn("W_in", 1), UnitsIn("W_U", 0))),)

    def read_out(self, params: Params) -> Float[Array, "d_mlp d_vocab_out"]:
        """The unembedding, with its factor."""
        return params["W_U"] * self._factors(params)[1]

    def shortcuts(self, table: Table, n_rows: int) -> tuple[str, ...]:
        """What `fast` leaves out, as phrases."""
        return ("operands and first layer as one table per operand",)

    def _factors(self, params: Params) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """The factors of the scaling: inside the square, and on the logits."""
        n_in, n_units = params["W_in"].shape
        dtype = params["W_in"].dtype
        mean_field = self.scaling == "mean_field"
        return jnp.asarray(n_in**-0.5 if mean_field else 1, dtype), jnp.asarray(1 / n_units if mean_field else 1, dtype)


def lookup(p: int, table: Table) -> Params:
    """Weights in the standard scaling, with which unit k fires most for the operands of row k and writes the label of this row.

    Args:
        p: the number of values of an operand.
        table: the rows.
    """
    amplitude = jnp.float32(0.5 ** (1 / 3))
    first, second = (jax.nn.one_hot(table.operands[:, i], p, dtype=jnp.float32).T for i in range(2))
    return {
        "W_in": amplitude * jnp.concatenate([first, second]),
        "W_U": amplitude * jax.nn.one_hot(table.labels, table.num_classes, dtype=jnp.float32),
    }


def analytic(
    key: jax.Array,
    p: int,
    n_units: int,
    operation: Literal["x+y", "x-y"] = "x+y",
    num_classes: int | None = None,
    scrambled: bool = False,
) -> Params:
    """Weights that add or subtract modulo p in the standard scaling.

    The units take the frequencies 1 to p // 2 in turn, so at least p / 2 units are needed to have every frequency.

    Args:
        key: of the phases.
        p: the modulus.
        n_units: number of hidden units.
        operation: what they compute. For a difference the wave over the second operand runs backwards.
        num_classes: number of classes; None is p.
        scrambled: whether units write with independent phases, so that nothing is computed.

    Source: Gromov, arXiv 2301.02679; Doshi et al., arXiv 2310.13061, eq. 2.
    """
    frequency = 1 + jnp.arange(n_units) % max(p // 2, 1)
    phi, psi = jax.random.uniform(key, (2, n_units), jnp.float32, -jnp.pi, jnp.pi)
    written = phi + psi
    if scrambled:
        written = jax.random.uniform(jax.random.fold_in(key, 1), (n_units,), jnp.float32, -jnp.pi, jnp.pi)

    def angle(values: Int[Array, " residue"]) -> Float[Array, "residue d_mlp"]:
        # Whole turns are removed in integers: float32 would lose digits of sigma * i / p.
        return ((values[:, None] * frequency) % p).astype(jnp.float32) * jnp.float32(2 * jnp.pi / p)

    amplitude = jnp.float32((2 / n_units) ** (1 / 3))
    residues, sign = jnp.arange(p), 1 if operation == "x+y" else -1
    return {
        "W_in": amplitude * jnp.concatenate([jnp.cos(angle(residues) + phi), jnp.cos(sign * angle(residues) + psi)]),
        "W_U": amplitude * jnp.cos(angle(jnp.arange(num_classes or p)) + written).T,
    }
