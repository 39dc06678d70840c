"""Embedding MLP: both operands are embedded by one table, concatenated, and passed through ReLU layers.

The group-operation networks of Chughtai et al. (arXiv 2302.03025) are the relatives of this model; theirs have separate embeddings
and no biases. Every weight is drawn from N(0, 1/fan_in), biases start at 0.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from epicycle.models.sites import Sites
from epicycle.spec.families import Model
from epicycle.spec.fields import static
from epicycle.spec.table import Table


class MLP(Model):
    """Shared embedding, concatenation, `n_layers` hidden ReLU layers, linear read-out over the classes."""

    kind = "mlp"
    aliases = {"num_layers": "n_layers", "d_embed": "d_model", "d_hidden": "d_mlp"}

    n_layers: int = static(1, ge=1)
    d_model: int = static(128, ge=1)
    d_mlp: int = static(256, ge=1)

    def init(self, key: jax.Array, table: Table) -> dict[str, Float[Array, "..."]]:
        """Fresh parameters: W_E, W_in, b_in, W_hidden and b_hidden (from two layers on), W_U."""
        operands, d, hidden = table.operands.shape[1], self.d_model, self.d_mlp
        shapes: dict[str, tuple[int, ...]] = {
            "W_E": (table.d_vocab, d),
            "W_in": (operands * d, hidden),
            "W_U": (hidden, table.num_classes),
        }
        fan_in = {"W_E": d, "W_in": operands * d, "W_U": hidden, "W_hidden": hidden}
        zeros = {"b_in": jnp.zeros(hidden, jnp.float32)}
        if self.n_layers > 1:
            shapes["W_hidden"] = (self.n_layers - 1, hidden, hidden)
            zeros["b_hidden"] = jnp.zeros((self.n_layers - 1, hidden), jnp.float32)
        keys = jax.random.split(key, len(shapes))
        drawn = {
            name: jax.random.normal(k, shape, dtype=jnp.float32) * jnp.float32(fan_in[name] ** -0.5)
            for k, (name, shape) in zip(keys, shapes.items(), strict=True)
        }
        return drawn | zeros

    def apply(
        self, params: dict[str, Any], inputs: Int[Array, "row pos"], *, key: jax.Array | None = None, edits: Sequence[Any] = ()
    ) -> tuple[Float[Array, "row d_vocab_out"], dict[str, Any]]:
        """Logits and all activations. The operands are the first positions of `inputs`."""
        del key
        site = Sites(edits)
        operands = params["W_in"].shape[0] // self.d_model
        embed = site("hook_embed", params["W_E"][inputs[:, :operands]])
        x = embed.reshape(embed.shape[0], -1)
        for layer in range(self.n_layers):
            weight, bias = _dense(params, layer)
            x = site(f"blocks.{layer}.mlp.hook_post", jax.nn.relu(site(f"blocks.{layer}.mlp.hook_pre", x @ weight + bias)))
        return site("hook_logits", x @ params["W_U"]), site.close()

    def fast(
        self,
        params: dict[str, Any],
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        constant: Sequence[int | None] = (),
    ) -> Float[Array, "row d_vocab_out"]:
        """The logits of `apply`; the first layer is a sum of one table per operand, each token's embedding times its part of W_in."""
        del key, constant
        embed = params["W_E"]
        parts = params["W_in"].reshape(-1, self.d_model, self.d_mlp)
        # Whole rows of a table are picked and added up faster than columns; from the first product on features come first.
        x = jax.nn.relu(sum(((embed @ part)[inputs[:, i]] for i, part in enumerate(parts)), start=params["b_in"]))
        weights = [*(params["W_hidden"] if self.n_layers > 1 else ()), params["W_U"]]
        x = jax.lax.dot_general(weights[0], x, (((0,), (1,)), ((), ())))
        for bias, weight in zip(params["b_hidden"] if self.n_layers > 1 else (), weights[1:], strict=True):
            x = weight.T @ jax.nn.relu(x + bias[:, None])
        return x.T

    def shortcuts(self, table: Table, n_rows: int) -> tuple[str, ...]:
        """What `fast` leaves out."""
        return ("embedding and first layer as one table per operand",)


def _dense(params: dict[str, Any], layer: int) -> tuple[Float[Array, "d_in d_mlp"], Float[Array, " d_mlp"]]:
    if layer == 0:
        return params["W_in"], params["b_in"]
    return params["W_hidden"][layer - 1], params["b_hidden"][layer - 1]
