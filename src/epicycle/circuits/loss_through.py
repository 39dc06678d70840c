"""Which of the two algorithms has changed a loss: Gen, or memory and the rest?"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from epicycle.circuits.algorithm import algorithm_of
from epicycle.circuits.splitting import aligned, gen_logits, label_positions, strengths
from epicycle.circuits.strength import OfGen
from epicycle.maths.cross_entropy import cross_entropy
from epicycle.spec.fields import static


class LossThrough(OfGen):
    """The loss, as it changes through one of the two algorithms while the other is held as it is.

    Its value is the loss of the whole network. Its derivative is that of the loss by the logits of one part only. So use it for
    changes: as `of` of `update_effect`, the effects through Gen and through Mem add up to the effect on the loss. Summed along the
    path, they say which algorithm brought the loss down (R146 of the programme).

    Attributes:
        circuit: `gen` is Gen, as in `GenLogit`, fitted to held-out rows; `mem` is all other parts of the logits.
        rows: on which rows the loss is taken. Rows whose label is no element of the group are left out.
    """

    kind: ClassVar[str] = "loss_through"
    circuit: Literal["gen", "mem"] = static("gen")
    rows: Literal["train", "test"] = static("train")

    @property
    def name(self) -> str:
        """`train_loss_through_gen`, `test_loss_through_mem`, `train_loss_through_gen_shuffled`, ..."""
        return f"{self.rows}_loss_through_{self.circuit}{self._ending}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """In nats; NaN if there are no such rows."""
        algorithm = algorithm_of(snapshot["task"])
        part = aligned(snapshot["logits"], snapshot[self.rows], algorithm, self.null == "shuffled")
        gen = gen_logits(strengths(self.held_out(snapshot), algorithm), jnp.asarray(part.answers), algorithm)
        own = gen if self.circuit == "gen" else part.logits - gen
        moving = jax.lax.stop_gradient(part.logits - own) + own
        is_label = label_positions(snapshot["labels"], algorithm)
        rows = part.rows & is_label.any(axis=1)
        losses = jnp.where(rows, cross_entropy(moving, is_label.argmax(axis=1)), 0)
        return losses.sum() / rows.sum().astype(losses.dtype)
