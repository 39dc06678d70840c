"""The MLP: operands embedded or one-hot, concatenated or summed, any number of hidden layers; also random features.

The group-operation networks of Chughtai et al. (arXiv 2302.03025) have separate embeddings, concatenated, and no biases. The small
networks of Prieto et al. (arXiv 2501.04697) have two hidden layers on concatenated one-hot operands. By default every weight is drawn
from N(0, 1/fan_in) and biases start at 0.
"""

from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from epicycle.models.activation_functions import ACTIVATIONS, Activation
from epicycle.models.initialisation import Scheme, Tensor, draw
from epicycle.models.operands import check_one_answer, check_two_operands
from epicycle.models.sites import Sites
from epicycle.spec.families import Activations, Model, Params, SitePatch
from epicycle.spec.fields import knob, static
from epicycle.spec.interchangeable import Interchangeable, UnitsIn
from epicycle.spec.limits import MOST_LAYERS, MOST_WIDTH
from epicycle.spec.table import Table

Bias = Literal["b_in", "b_hidden", "b_U"]


class MLP(Model):
    """Hidden layers, and a linear read-out over the classes (or outputs).

    Attributes:
        n_layers: number of hidden layers.
        d_model: width of an embedding; not used with one-hot operands.
        d_mlp: units of each hidden layer.
        act_fn: non-linearity after each hidden layer.
        operands: `embedded` looks each operand up in a table. `one_hot` gives the first layer a 1 at the operand's token, 0 elsewhere.
        combine: how the operands enter the first layer: `concat` side by side, each with its own part of W_in, or `sum` added up.
        embeddings: one table shared by both operands, or a separate table for each.
        reach: share of the units of each hidden layer that a row reaches; a fixed hash of the row's operands and of the unit chooses
            them, and the others stay at 0 for this row. So two rows share the fewer units the smaller the number is. None, like 1,
            lets every row reach all units.
        reach_by: what of a row the hash sees: the whole `row`, or only its `first` operand, so that the units which rows with one
            first operand reach are the same.
        biases: which biases the network has.
        trained: `read_out` leaves every tensor but the last linear map as it was drawn: random features.
        initialisation: how weights are drawn, see `epicycle.models.initialisation`.
        init_scale: multiplies every weight before the first step.
    """

    kind = "mlp"
    aliases = {"num_layers": "n_layers", "d_embed": "d_model", "d_hidden": "d_mlp", "activation": "act_fn", "alpha": "init_scale"}

    n_layers: int = static(1, ge=1, le=MOST_LAYERS)
    d_model: int = static(128, ge=1, le=MOST_WIDTH)
    d_mlp: int = static(256, ge=1, le=MOST_WIDTH)
    act_fn: Activation = static("relu")
    operands: Literal["embedded", "one_hot"] = static("embedded")
    combine: Literal["concat", "sum"] = static("concat")
    embeddings: Literal["shared", "separate"] = static("shared")
    reach: float | None = knob(None, gt=0, le=1)
    reach_by: Literal["row", "first"] = static("row")
    biases: tuple[Bias, ...] = static(("b_in", "b_hidden"), max_length=10)
    trained: Literal["all", "read_out"] = static("all")
    initialisation: Scheme = static("fan_in")
    init_scale: float = knob(1.0, gt=0, le=1e6)

    def init(self, key: jax.Array, table: Table) -> Params:
        """Draw fresh parameters.

        Returns:
            W_E (not for one-hot operands), W_in, W_hidden (from two layers on), W_U, and the biases.

        Raises:
            InputError: the rows of the task do not begin with their two operands.
        """
        check_two_operands(table, "an mlp")
        return draw(key, self._weights(table) | self._biases(table), self.initialisation, self.d_model, self.init_scale)

    def _weights(self, table: Table) -> dict[str, Tensor]:
        """The weight matrices to draw. Their order decides which random key each of them gets."""
        hidden, embedded = self.d_mlp, self.operands == "embedded"
        weights: dict[str, Tensor] = {}
        if embedded:
            lookup = (table.d_vocab, self.d_model)
            weights["W_E"] = Tensor(lookup if self.embeddings == "shared" else (2, *lookup), self.d_model)
        d_in = self._first_fan_in(table)
        weights |= {"W_in": Tensor((d_in, hidden), d_in), "W_U": Tensor((hidden, table.num_classes), hidden)}
        if self.n_layers > 1:
            weights["W_hidden"] = Tensor((self.n_layers - 1, hidden, hidden), hidden)
        return weights

    def _biases(self, table: Table) -> dict[str, Tensor]:
        """The biases to draw. Their order decides which random key each of them gets."""
        hidden = self.d_mlp
        possible = {
            "b_in": Tensor((hidden,), self._first_fan_in(table), bias=True),
            "b_U": Tensor((table.num_classes,), hidden, bias=True),
        }
        if self.n_layers > 1:
            possible["b_hidden"] = Tensor((self.n_layers - 1, hidden), hidden, bias=True)
        return {name: tensor for name, tensor in possible.items() if name in self.biases}

    def _first_fan_in(self, table: Table) -> int:
        """Number of inputs of the first layer."""
        width = self.d_model if self.operands == "embedded" else int(table.operands.max()) + 1
        return width * (2 if self.combine == "concat" else 1)

    def frozen(self) -> tuple[str, ...]:
        """Every tensor but the read-out, for random features."""
        return ("W_E", "W_in", "b_in", "W_hidden", "b_hidden") if self.trained == "read_out" else ()

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
        check_one_answer(positions, "an mlp")
        site = Sites(patches)
        x = site("hook_embed", self._operand_vectors(params, inputs))
        x = x.reshape(len(x), -1) if self.combine == "concat" else x.sum(axis=1)
        for layer in range(self.n_layers):
            weight, bias = _hidden_layer(params, layer)
            pre = site(f"blocks.{layer}.mlp.hook_pre", x @ weight if bias is None else x @ weight + bias)
            x = site(f"blocks.{layer}.mlp.hook_post", self._reached(ACTIVATIONS[self.act_fn](pre), inputs))
        logits = x @ params["W_U"]
        return site("hook_logits", logits + params["b_U"] if "b_U" in params else logits), site.close()

    def _reached(self, post: Float[Array, "row d_mlp"], inputs: Int[Array, "row pos"]) -> Float[Array, "row d_mlp"]:
        """The activations of the units that each row reaches, and 0 at all others."""
        if self.reach is None:
            return post
        seen = inputs[:, :2] if self.reach_by == "row" else inputs[:, :1]
        return jnp.where(_hashed(seen, self.d_mlp) < self.reach, post, 0)

    def _operand_vectors(self, params: Params, inputs: Int[Array, "row pos"]) -> Float[Array, "row operand d_in"]:
        """The vector of each operand, looked up or one-hot."""
        if self.operands == "embedded":
            return jnp.stack([table[inputs[:, i]] for i, table in enumerate(self._embeddings(params))], axis=1)
        n_values = len(params["W_in"]) // (2 if self.combine == "concat" else 1)
        return jax.nn.one_hot(inputs[:, :2], n_values, dtype=params["W_in"].dtype)

    def _embeddings(self, params: Params) -> Sequence[Float[Array, "token d_model"]]:
        """The embedding table of each operand."""
        return params["W_E"] if self.embeddings == "separate" else [params["W_E"]] * 2

    def fast(
        self,
        params: Params,
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        constant: Sequence[int | None] = (),
        positions: Sequence[int] | None = None,
    ) -> Float[Array, "row d_vocab_out"]:
        """The logits of `apply`.

        The first layer becomes a sum of one table per operand. A table holds each token's embedding times the operand's part of W_in.

        Raises:
            InputError: several answers are asked for.
        """
        del key, constant
        check_one_answer(positions, "an mlp")
        act = ACTIVATIONS[self.act_fn]
        # Whole rows of a table are picked and added up faster than columns. From the first product on features come first.
        terms = [table[inputs[:, i]] for i, table in enumerate(self._first_layer_tables(params))]
        x = self._reached(act(sum(terms[1:], start=terms[0] + params["b_in"] if "b_in" in params else terms[0])), inputs)
        weights = [*(params["W_hidden"] if self.n_layers > 1 else ()), params["W_U"]]
        x = jax.lax.dot_general(weights[0], x, (((0,), (1,)), ((), ())))
        for layer, weight in enumerate(weights[1:]):
            x = act(x + params["b_hidden"][layer][:, None] if "b_hidden" in params else x)
            x = weight.T @ self._reached(x.T, inputs).T
        return (x + params["b_U"][:, None] if "b_U" in params else x).T

    def _first_layer_tables(self, params: Params) -> list[Float[Array, "token d_mlp"]]:
        """For each operand, what each token adds to the first hidden layer."""
        parts = params["W_in"].reshape(2 if self.combine == "concat" else 1, -1, self.d_mlp)
        parts = [parts[i] for i in range(len(parts))] * (1 if self.combine == "concat" else 2)
        if self.operands == "one_hot":
            return parts
        return [table @ part for table, part in zip(self._embeddings(params), parts, strict=True)]

    def read_out(self, params: Params) -> Float[Array, "d_mlp d_vocab_out"]:
        """The unembedding."""
        W_U: Float[Array, "d_mlp d_vocab_out"] = params["W_U"]
        return W_U

    def interchangeable(self) -> tuple[Interchangeable, ...]:
        """The neurons of each hidden layer where every row reaches all of them, and the features of the embedding."""
        names = [("W_in", None, "b_in"), *(("W_hidden", i, "b_hidden") for i in range(self.n_layers - 1)), ("W_U", None, "")]
        layers = [
            Interchangeable(
                f"neurons of layer {layer}",
                (UnitsIn(weight, 1, index), UnitsIn(bias, 0, index), UnitsIn(names[layer + 1][0], 0, names[layer + 1][1])),
            )
            for layer, (weight, index, bias) in enumerate(names[:-1])
        ]
        if self.reach is not None:
            layers = []
        if self.operands == "one_hot":
            return tuple(layers)
        axis, times = (1 if self.embeddings == "shared" else 2), (2 if self.combine == "concat" else 1)
        return (*layers, Interchangeable("features", (UnitsIn("W_E", axis), UnitsIn("W_in", 0, None, times))))

    def shortcuts(self, table: Table, n_rows: int) -> tuple[str, ...]:
        """What `fast` leaves out, as phrases."""
        return ("operands and first layer as one table per operand",)


def _hashed(operands: Int[Array, "row operand"], d_mlp: int) -> Float[Array, "row d_mlp"]:
    """A number from 0 to 1 for each row and unit that depends on the row's operands and the unit, and follows no rule of them."""
    factors = jnp.asarray([0x9E3779B1, 0x85EBCA77][: operands.shape[1]], jnp.uint32)
    of_row = (operands.astype(jnp.uint32) * factors).sum(axis=1, keepdims=True, dtype=jnp.uint32)
    mixed = of_row + jnp.arange(d_mlp).astype(jnp.uint32) * jnp.uint32(0xC2B2AE3D)
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39), (15, 1)):  # the mixer of C. Wellons' hash prospector
        mixed = (mixed ^ (mixed >> shift)) * jnp.uint32(factor)
    return (mixed >> 8).astype(jnp.float32) / 2**24


def _hidden_layer(params: Params, layer: int) -> tuple[Float[Array, "d_in d_mlp"], Float[Array, " d_mlp"] | None]:
    """Weight and bias of a hidden layer; the bias is None where there is none."""
    if layer == 0:
        return params["W_in"], params.get("b_in")
    return params["W_hidden"][layer - 1], params["b_hidden"][layer - 1] if "b_hidden" in params else None
