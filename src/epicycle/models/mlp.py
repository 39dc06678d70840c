"""MLP on the operands: embedded or one-hot, summed or concatenated, any number of hidden layers; also random features.

The group-operation networks of Chughtai et al. (arXiv 2302.03025) have separate embeddings, concatenated, and no biases; the small
ones of Prieto et al. (arXiv 2501.04697) two hidden layers on concatenated one-hot operands. By default every weight is drawn from
N(0, 1/fan_in) and biases start at 0.
"""

from collections.abc import Sequence
from typing import Any, Literal

import jax
from jaxtyping import Array, Float, Int

from epicycle.models.activations import ACTIVATIONS, Activation
from epicycle.models.initialisation import Scheme, Tensor, draw
from epicycle.models.sites import Sites
from epicycle.spec.errors import InputError
from epicycle.spec.families import Model
from epicycle.spec.fields import knob, static
from epicycle.spec.table import Table

Bias = Literal["b_in", "b_hidden", "b_U"]


class MLP(Model):
    """`n_layers` hidden layers and a linear read-out over the classes (or outputs).

    Attributes:
        operands: `embedded` looks each operand up in a table, `one_hot` feeds it to the first layer as it is (d_model is not used).
        combine: how operands meet: side by side, each with its own part of W_in, or added up.
        embeddings: one table for all operands, or one each.
        biases: the tensors that are there.
        trained: `read_out` leaves everything but the last linear map as it was drawn: random features.
        initialisation: how weights are drawn, see `epicycle.models.initialisation`.
        init_scale: multiplies every weight before the first step.
    """

    kind = "mlp"
    aliases = {"num_layers": "n_layers", "d_embed": "d_model", "d_hidden": "d_mlp", "activation": "act_fn", "alpha": "init_scale"}

    n_layers: int = static(1, ge=1)
    d_model: int = static(128, ge=1)
    d_mlp: int = static(256, ge=1)
    act_fn: Activation = static("relu")
    operands: Literal["embedded", "one_hot"] = static("embedded")
    combine: Literal["concat", "sum"] = static("concat")
    embeddings: Literal["shared", "separate"] = static("shared")
    biases: tuple[Bias, ...] = static(("b_in", "b_hidden"))
    trained: Literal["all", "read_out"] = static("all")
    initialisation: Scheme = static("fan_in")
    init_scale: float = knob(1.0, gt=0)

    def init(self, key: jax.Array, table: Table) -> dict[str, Float[Array, "..."]]:
        """Fresh parameters: W_E (but for one-hot operands), W_in, W_hidden (from two layers on), W_U, and the biases."""
        n_values, hidden = int(table.operands.max()) + 1, self.d_mlp
        if table.operands.shape[1] != 2 or (table.inputs[:, :2] != table.operands).any():
            raise InputError("model: an mlp reads two operands at the first positions; choose a task form that begins with 'x y'.")
        shared = self.embeddings == "shared"
        weights: dict[str, Tensor] = {}
        if self.operands == "embedded":
            lookup = (table.d_vocab, self.d_model)
            weights["W_E"] = Tensor(lookup if shared else (2, *lookup), self.d_model)
        width = self.d_model if self.operands == "embedded" else n_values
        read = width * (2 if self.combine == "concat" else 1)
        weights |= {"W_in": Tensor((read, hidden), read), "W_U": Tensor((hidden, table.num_classes), hidden)}
        biases = {"b_in": Tensor((hidden,), read, bias=True), "b_U": Tensor((table.num_classes,), hidden, bias=True)}
        if self.n_layers > 1:
            weights["W_hidden"] = Tensor((self.n_layers - 1, hidden, hidden), hidden)
            biases["b_hidden"] = Tensor((self.n_layers - 1, hidden), hidden, bias=True)
        kept = {name: tensor for name, tensor in biases.items() if name in self.biases}
        return draw(key, weights | kept, self.initialisation, self.d_model, self.init_scale)

    def frozen(self) -> tuple[str, ...]:
        """All but the read-out, for random features."""
        return ("W_E", "W_in", "b_in", "W_hidden", "b_hidden") if self.trained == "read_out" else ()

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
        _one_answer(positions)
        site = Sites(patches)
        if self.operands == "embedded":
            tables = params["W_E"] if self.embeddings == "separate" else [params["W_E"]] * 2
            x = jax.numpy.stack([table[inputs[:, i]] for i, table in enumerate(tables)], axis=1)
        else:
            n_values = len(params["W_in"]) // (2 if self.combine == "concat" else 1)
            x = jax.nn.one_hot(inputs[:, :2], n_values, dtype=params["W_in"].dtype)
        x = site("hook_embed", x)
        x = x.reshape(len(x), -1) if self.combine == "concat" else x.sum(axis=1)
        for layer in range(self.n_layers):
            weight, bias = _dense(params, layer)
            pre = x @ weight if bias is None else x @ weight + bias
            x = site(f"blocks.{layer}.mlp.hook_post", ACTIVATIONS[self.act_fn](site(f"blocks.{layer}.mlp.hook_pre", pre)))
        logits = x @ params["W_U"]
        return site("hook_logits", logits + params["b_U"] if "b_U" in params else logits), site.close()

    def fast(
        self,
        params: dict[str, Any],
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        constant: Sequence[int | None] = (),
        positions: Sequence[int] | None = None,
    ) -> Float[Array, "row d_vocab_out"]:
        """The logits of `apply`; the first layer is a sum of one table per operand, each token's embedding times its part of W_in."""
        del key, constant
        _one_answer(positions)
        act = ACTIVATIONS[self.act_fn]
        # Whole rows of a table are picked and added up faster than columns; from the first product on features come first.
        picked = [table[inputs[:, i]] for i, table in enumerate(self._tables(params))]
        x = act(sum(picked[1:], start=picked[0] + params["b_in"] if "b_in" in params else picked[0]))
        weights = [*(params["W_hidden"] if self.n_layers > 1 else ()), params["W_U"]]
        x = jax.lax.dot_general(weights[0], x, (((0,), (1,)), ((), ())))
        for layer, weight in enumerate(weights[1:]):
            x = weight.T @ act(x + params["b_hidden"][layer][:, None] if "b_hidden" in params else x)
        return (x + params["b_U"][:, None] if "b_U" in params else x).T

    def _tables(self, params: dict[str, Any]) -> list[Float[Array, "token d_mlp"]]:
        """What each token of each operand brings to the first layer."""
        parts = params["W_in"].reshape(2 if self.combine == "concat" else 1, -1, self.d_mlp)
        parts = [parts[i] for i in range(len(parts))] * (1 if self.combine == "concat" else 2)
        if self.operands == "one_hot":
            return parts
        embed = params["W_E"] if self.embeddings == "separate" else [params["W_E"]] * 2
        return [table @ part for table, part in zip(embed, parts, strict=True)]

    def shortcuts(self, table: Table, n_rows: int) -> tuple[str, ...]:
        """What `fast` leaves out."""
        return ("operands and first layer as one table per operand",)


def _dense(params: dict[str, Any], layer: int) -> tuple[Float[Array, "d_in d_mlp"], Float[Array, " d_mlp"] | None]:
    if layer == 0:
        return params["W_in"], params.get("b_in")
    return params["W_hidden"][layer - 1], params["b_hidden"][layer - 1] if "b_hidden" in params else None


def _one_answer(positions: Sequence[int] | None) -> None:
    if positions is not None:
        raise InputError("model: an mlp has one answer for each row, and this task asks for several; use a transformer.")
