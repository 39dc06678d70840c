"""Two-layer network with a square in the middle, W_U (W_in x)^2 on two concatenated one-hot operands, no biases.

With random weights it groks modular addition under plain gradient descent (Gromov, arXiv 2301.02679); with the weights of that paper's
solution (restated by Doshi et al., arXiv 2310.13061, eq. 2) it is a modular adder from the start, a planted circuit for any measure.
"""

from collections.abc import Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from epicycle.models.sites import Sites
from epicycle.spec.errors import InputError
from epicycle.spec.families import Model
from epicycle.spec.fields import knob, static
from epicycle.spec.table import Table


class Quadratic(Model):
    """N = d_mlp hidden units.

    Attributes:
        scaling: `mean_field` is (1/N) W_U (W_in x / sqrt(2 p))^2 with weights from N(0, 1) (Gromov); `standard` has no factors and
            weights of standard deviation 0.5 / (2 N)^(1/3) (Doshi et al.).
        weights: `random`, or `analytic`: unit k has a frequency sigma(k) and random phases phi, psi, and is
            A cos(2 pi sigma i/p + phi) for the first operand, A cos(2 pi sigma j/p + psi) for the second and
            A cos(2 pi sigma q/p + phi + psi) for the class q, with A^3 = 2/N so that the right logit of x + y is 1 on average.
        init_scale: multiplies every weight before the first step.
    """

    kind = "quadratic"
    aliases = {"N": "d_mlp", "width": "d_mlp", "alpha": "init_scale"}

    d_mlp: int = static(500, ge=1)
    scaling: Literal["mean_field", "standard"] = static("mean_field")
    weights: Literal["random", "analytic"] = static("random")
    init_scale: float = knob(1.0, gt=0)

    def init(self, key: jax.Array, table: Table) -> dict[str, Float[Array, "..."]]:
        """Fresh parameters: W_in [2 p, N] and W_U [N, p]."""
        p, n = int(table.operands.max()) + 1, self.d_mlp
        if table.operands.shape[1] != 2 or (table.inputs[:, :2] != table.operands).any():
            raise InputError("model: the quadratic network reads two operands at the first positions; choose such a task or form.")
        if self.weights == "random":
            in_key, out_key = jax.random.split(key)
            W_in = jax.random.normal(in_key, (2 * p, n), dtype=jnp.float32)
            W_U = jax.random.normal(out_key, (n, table.num_classes), dtype=jnp.float32)
            size = 1.0 if self.scaling == "mean_field" else 0.5 / (2 * n) ** (1 / 3)
            drawn = {"W_in": W_in * jnp.float32(size), "W_U": W_U * jnp.float32(size)}
        else:
            drawn = analytic(key, p, n)
            if self.scaling == "mean_field":
                drawn = {"W_in": drawn["W_in"] * jnp.float32((2 * p) ** 0.5), "W_U": drawn["W_U"] * jnp.float32(n)}
        return {name: value * jnp.asarray(self.init_scale, value.dtype) for name, value in drawn.items()}

    def apply(
        self,
        params: dict[str, Any],
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        patches: Sequence[Any] = (),
        positions: Sequence[int] | None = None,
    ) -> tuple[Float[Array, "row d_vocab_out"], dict[str, Any]]:
        """Logits and all activations."""
        del key
        if positions is not None:
            raise InputError("model: the quadratic network has one answer for each row, and this task asks for several.")
        site, (inner, outer) = Sites(patches), self._factors(params)
        embed = site("hook_embed", jax.nn.one_hot(inputs[:, :2], len(params["W_in"]) // 2, dtype=params["W_in"].dtype))
        pre = site("blocks.0.mlp.hook_pre", embed.reshape(len(embed), -1) @ params["W_in"] * inner)
        return site("hook_logits", site("blocks.0.mlp.hook_post", jnp.square(pre)) @ params["W_U"] * outer), site.close()

    def fast(
        self,
        params: dict[str, Any],
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        constant: Sequence[int | None] = (),
        positions: Sequence[int] | None = None,
    ) -> Float[Array, "row d_vocab_out"]:
        """The logits of `apply`; each operand picks its row of W_in, and the factors act on the weights."""
        del constant
        if positions is not None:
            return self.apply(params, inputs, key=key, positions=positions)[0]
        inner, outer = self._factors(params)
        p = len(params["W_in"]) // 2
        first, second = (params["W_in"] * inner)[:p], (params["W_in"] * inner)[p:]
        return jnp.square(first[inputs[:, 0]] + second[inputs[:, 1]]) @ (params["W_U"] * outer)

    def shortcuts(self, table: Table, n_rows: int) -> tuple[str, ...]:
        """What `fast` leaves out."""
        return ("operands and first layer as one table per operand",)

    def _factors(self, params: dict[str, Any]) -> tuple[Any, Any]:
        n_in, n = params["W_in"].shape
        dtype = params["W_in"].dtype
        mean_field = self.scaling == "mean_field"
        return jnp.asarray(n_in**-0.5 if mean_field else 1, dtype), jnp.asarray(1 / n if mean_field else 1, dtype)


def analytic(key: jax.Array, p: int, n: int) -> dict[str, Float[Array, "..."]]:
    """Weights that add modulo p (in the standard scaling); every frequency 1 to p // 2 in turn, so it takes at least p / 2 units.

    Source: Gromov, arXiv 2301.02679; Doshi et al., arXiv 2310.13061, eq. 2.
    """
    frequency = 1 + jnp.arange(n) % max(p // 2, 1)
    phi, psi = jax.random.uniform(key, (2, n), jnp.float32, -jnp.pi, jnp.pi)
    # The whole turns are taken out in integers: float32 would lose digits of sigma * i / p.
    angle = ((jnp.arange(p)[:, None] * frequency) % p).astype(jnp.float32) * jnp.float32(2 * jnp.pi / p)
    size = jnp.float32((2 / n) ** (1 / 3))
    return {
        "W_in": size * jnp.concatenate([jnp.cos(angle + phi), jnp.cos(angle + psi)]),
        "W_U": size * jnp.cos(angle + phi + psi).T,
    }
