"""The loss that training minimises, as a function of the weights: what instruments of the landscape move the weights on."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from epicycle.spec.families import Params

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


class Objective(NamedTuple):
    """The loss on all rows trained on, each with its weight, without dropout and without noise.

    Attributes:
        trained: the tensors that training moves.
        logits: gives the logits of the rows trained on, one for each slot.
        loss_of: gives the loss of these logits.
        row_loss: gives the loss of the row in one slot.
        n_rows: the number of rows trained on.
        slots: the slots of the rows trained on, in their order; those without a row come last.
        movable: gives a change of the trained tensors without that part which `training.sparse` holds at 0.
        scale: the root of Adam's second moment plus epsilon, by which it divides the gradient; None for other optimisers.
        penalty: gives the energy that weight decay descends: half the decay times the squares of the weights, each times its scale if
            the decay is decoupled from Adam's scaling; None where no such energy is known.
    """

    trained: Params
    logits: Callable[[Params], "Float[Array, 'slot *answer d_vocab_out']"]
    loss_of: Callable[["Float[Array, 'slot *answer d_vocab_out']"], "Float[Array, '']"]
    row_loss: Callable[[Params, "Int[Array, '']"], "Float[Array, '']"]
    n_rows: "Int[Array, '']"
    slots: "Int[Array, ' slot']"
    movable: Callable[[Params], Params]
    scale: Params | None
    penalty: Callable[[Params], "Float[Array, '']"] | None

    def loss(self, params: Params) -> "Float[Array, '']":
        """The loss of a network with these trained tensors."""
        return self.loss_of(self.logits(params))
