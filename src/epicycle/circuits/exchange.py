"""Would the training loss fall if the network put more weight on the general algorithm and less on memory?"""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from epicycle.circuits.algorithm import algorithm_of
from epicycle.circuits.splitting import aligned, gen_logits, label_positions, strengths
from epicycle.circuits.strength import OfGen
from epicycle.maths.cross_entropy import cross_entropy


class Exchange(OfGen):
    """First-order change of the training loss if one logit of the label's lead were moved from memory to the general algorithm.

    The logits of trained rows are Gen's part, as in `GenLogit`, and the rest. Each is scaled, so that the label's mean lead over the
    mean logit stays what it is. Above 0 the network would fit its rows worse with more Gen, below 0 better. Weight decay is not
    counted.
    """

    kind: ClassVar[str] = "exchange"

    @property
    def name(self) -> str:
        """`exchange` or `exchange_shuffled`."""
        return f"exchange{self._ending}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """In nats per logit. It says nothing while one of the two leads is near 0."""
        algorithm = algorithm_of(snapshot["task"])
        trained = aligned(snapshot["logits"], snapshot["train"], algorithm, self.null == "shuffled")
        gen = gen_logits(strengths(self.held_out(snapshot), algorithm), jnp.asarray(trained.answers), algorithm)
        gen_lead, lead = self.leads(snapshot)
        is_label = label_positions(snapshot["labels"], algorithm)
        rows = trained.rows & is_label.any(axis=1)
        direction = gen / gen_lead - (trained.logits - gen) / (lead - gen_lead)

        def loss(moved: Float[Array, ""]) -> Float[Array, ""]:
            losses = cross_entropy(trained.logits + moved * direction, is_label.argmax(axis=1))
            return jnp.where(rows, losses, 0).sum() / rows.sum().astype(losses.dtype)

        change: Float[Array, ""] = jax.jvp(loss, (jnp.zeros((), lead.dtype),), (jnp.ones((), lead.dtype),))[1]
        return change
