"""A memory of pairs: keys that detect the operands of a row, and values that write its answer.

That a network can memorise so, in a feed-forward layer, in attention or in a convolution, is the argument of Pope's thread for why
memorising is easy (R038 of the programme). With hand-built weights each unit stores one row, so n units store n rows exactly. With
random weights the same network is trained, and it can be asked how many units and steps n random answers take.

The feed-forward form as key and value is that of Geva et al. (arXiv 2012.14913), and attention over stored slots that of Sukhbaatar et
al. (arXiv 1907.01470).
"""

from collections.abc import Sequence
from math import log
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from epicycle.models.initialisation import Tensor, draw
from epicycle.models.operands import check_one_answer, check_two_operands
from epicycle.models.sites import Sites
from epicycle.spec.families import Activations, Model, Params, SitePatch
from epicycle.spec.fields import knob, static
from epicycle.spec.limits import MOST_WIDTH
from epicycle.spec.table import Table

VALUE = 10.0  # the logit that a stored row gives its answer
LEAK = 0.01  # the most attention that a stored row leaves for all other slots


class KeyValue(Model):
    """A memory of `d_mlp` slots on two one-hot operands: post = match(W_in x + b_in), logits = W_U post.

    Attributes:
        memory: how keys are matched. `mlp`: rectified units. `attention`: a softmax over the slots. `convolution`: rectified filters
            of width two that slide over the operands, with an empty place before and behind them, and are summed over places.
        d_mlp: number of slots.
        weights: `random`, or `hand_built`: slot i stores row i of the task's table, as long as there are slots. Rows beyond get no
            answer. Rectified keys are 1 at both operands of their row with a bias of -1. Keys of attention are so large that a stored
            row finds its slot with a weight of 0.99.
        init_scale: multiplies every weight before the first step.
    """

    kind = "key_value"
    aliases = {"width": "d_mlp", "slots": "d_mlp", "alpha": "init_scale"}

    memory: Literal["mlp", "attention", "convolution"] = static("mlp")
    d_mlp: int = static(256, ge=1, le=MOST_WIDTH)
    weights: Literal["random", "hand_built"] = static("random")
    init_scale: float = knob(1.0, gt=0, le=1e6)

    def init(self, key: jax.Array, table: Table) -> Params:
        """Fresh parameters: W_in [2 n, d_mlp], b_in [d_mlp] and W_U [d_mlp, classes], for operands below n.

        Raises:
            InputError: the rows of the task do not begin with their two operands.
        """
        check_two_operands(table, "a key-value memory")
        n_values = int(table.operands.max()) + 1
        if self.weights == "hand_built":
            return {name: value * jnp.asarray(self.init_scale, value.dtype) for name, value in self._stored(table, n_values).items()}
        tensors = {
            "W_in": Tensor((2 * n_values, self.d_mlp), 2 * n_values),
            "W_U": Tensor((self.d_mlp, table.num_classes), self.d_mlp),
            "b_in": Tensor((self.d_mlp,), 2 * n_values, bias=True),
        }
        return draw(key, tensors, "fan_in", n_values, self.init_scale)

    def _stored(self, table: Table, n_values: int) -> Params:
        """The weights that store the first rows of the table."""
        n_stored = min(self.d_mlp, len(table.labels))
        slots, (x, y) = np.arange(n_stored), table.operands[:n_stored].T
        W_in, W_U = np.zeros((2 * n_values, self.d_mlp), np.float32), np.zeros((self.d_mlp, table.num_classes), np.float32)
        attends = self.memory == "attention"
        W_in[x, slots] = W_in[n_values + y, slots] = log(self.d_mlp / LEAK) if attends else 1
        W_U[slots, table.labels[:n_stored]] = VALUE
        b_in = np.full(self.d_mlp, 0 if attends else -1, np.float32)
        return {"W_in": jnp.asarray(W_in), "b_in": jnp.asarray(b_in), "W_U": jnp.asarray(W_U)}

    def apply(
        self,
        params: Params,
        inputs: Int[Array, "row pos"],
        *,
        key: jax.Array | None = None,
        patches: Sequence[SitePatch] = (),
        positions: Sequence[int] | None = None,
    ) -> tuple[Float[Array, "row d_vocab_out"], Activations]:
        """Logits and all activations. Of a convolution `hook_pre` has an axis for the three places, which `hook_post` sums.

        Raises:
            InputError: several answers are asked for, or a patch matches no site.
        """
        del key
        check_one_answer(positions, "a key-value memory")
        site = Sites(patches)
        n_values = len(params["W_in"]) // 2
        embed = site("hook_embed", jax.nn.one_hot(inputs[:, :2], n_values, dtype=params["W_in"].dtype))
        windows = embed.reshape(len(embed), -1)
        if self.memory == "convolution":
            padded = jnp.pad(embed, ((0, 0), (1, 1), (0, 0)))
            windows = jnp.concatenate([padded[:, :-1], padded[:, 1:]], axis=-1)
        pre = site("blocks.0.mlp.hook_pre", windows @ params["W_in"] + params["b_in"])
        post = site("blocks.0.mlp.hook_post", self._matched(pre))
        return site("hook_logits", post @ params["W_U"]), site.close()

    def _matched(self, pre: Float[Array, "row *pos d_mlp"]) -> Float[Array, "row d_mlp"]:
        """How well each slot's key fits."""
        if self.memory == "attention":
            return jax.nn.softmax(pre, axis=-1)
        return jax.nn.relu(pre).sum(axis=1) if self.memory == "convolution" else jax.nn.relu(pre)

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
        check_one_answer(positions, "a key-value memory")
        first, second = params["W_in"].reshape(2, -1, self.d_mlp)
        x, y = inputs[:, 0], inputs[:, 1]
        pre = first[x] + second[y] + params["b_in"]
        if self.memory == "convolution":
            pre = jnp.stack([second[x] + params["b_in"], pre, first[y] + params["b_in"]], axis=1)
        return self._matched(pre) @ params["W_U"]

    def read_out(self, params: Params) -> Float[Array, "d_mlp d_vocab_out"]:
        """The values."""
        W_U: Float[Array, "d_mlp d_vocab_out"] = params["W_U"]
        return W_U

    def shortcuts(self, table: Table, n_rows: int) -> tuple[str, ...]:
        """What `fast` leaves out, as phrases."""
        return ("operands and first layer as one table per operand",)
