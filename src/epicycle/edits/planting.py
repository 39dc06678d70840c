"""An edit that plants a part of another network at a known strength, so that instruments can be asked whether they find it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field

from epicycle.edits.bases import DonorEdit
from epicycle.spec.errors import InputError
from epicycle.spec.families import EditContext, Params
from epicycle.spec.fields import data
from epicycle.spec.limits import MOST_NAMES, MOST_WIDTH

OF_OTHER_NETWORKS = {"W_hidden", "W_out", "W_Q"}
TOLERANCE = 1e-3  # of what a planted neuron reads, as a share of its norm


class Plant(DonorEdit):
    """Put neurons of another network in the place of the least important ones, at a given strength.

    Both networks are of one kind and have one hidden layer on two operands side by side. Planted neurons read what they read in the
    donor, token by token. What they write is what they write there, times the strength. So the logits become those of the network
    without the neurons that are replaced, plus the strength times what the planted neurons add in the donor. With strength 0 they are
    present and write nothing: the control. A neuron's importance is the norm of what it reads times the norm of what it writes.

    Attributes:
        tensors: the tensors that the edit looks at; all are needed.
        strength: multiplies what planted neurons write.
        neurons: how many of the donor's neurons are planted, the most important ones; None plants all.
    """

    kind = "plant"
    leading = ("donor", "strength")

    tensors: tuple[str, ...] = Field(("*",), min_length=1, max_length=MOST_NAMES, json_schema_extra={"role": "data"})
    strength: float = data(1.0, ge=0, le=1e6)
    neurons: int | None = data(None, ge=1, le=MOST_WIDTH)

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """The tensors with the planted neurons, in float64.

        Raises:
            InputError: a network has not one hidden layer on two operands side by side, the planted neurons do not fit, or the
                embedding is too narrow for what they read.
        """
        donor = context.donors[self.donor, self.step]
        n_values = int(context.experiment.task.table().operands.max()) + 1
        read, planted = (self._read(params, n_values) for params in (tensors, donor))
        order = np.argsort(-_importance(planted, donor["W_U"]), kind="stable")[: self.neurons]
        places = np.argsort(_importance(read, tensors["W_U"]), kind="stable")[: len(order)]
        self._check_fit(tensors, donor, len(order))
        values = {name: value.astype(np.float64) for name, value in tensors.items()}
        values["W_in"][:, places] = self._weights_that_read(planted[:, order], tensors, n_values)
        values["W_U"][places] = self.strength * donor["W_U"][order]
        if "b_in" in values:
            values["b_in"][places] = donor["b_in"][order] if "b_in" in donor else 0
        return values

    def _read(self, params: Mapping[str, Any], n_values: int) -> Float[ndarray, "token neuron"]:
        """What each neuron reads: of the first operand's tokens, and below them of the second's."""
        if not {"W_in", "W_U"} <= set(params) or OF_OTHER_NETWORKS & set(params):
            raise InputError("edit plant: it needs networks with one hidden layer, W_in and W_U: an mlp or a quadratic network.")
        tables = _tables(params, n_values)
        if len(params["W_in"]) != 2 * tables[0].shape[1]:
            raise InputError("edit plant: the operands must enter side by side; choose an mlp with combine: concat.")
        halves = np.split(params["W_in"].astype(np.float64), 2)
        return np.concatenate([table @ half for table, half in zip(tables, halves, strict=True)])

    def _check_fit(self, own: Params, donor: Mapping[str, Any], n_planted: int) -> None:
        """Refuse neurons that have no place, or a bias that the network has not."""
        n_own, n_classes = own["W_U"].shape
        if n_planted > n_own or donor["W_U"].shape[1] != n_classes:
            raise InputError(
                f"edit plant: {n_planted} neurons that write {donor['W_U'].shape[1]} logits do not fit into {n_own} neurons with "
                f"{n_classes} logits; plant fewer with the field neurons, or take a donor with as many classes."
            )
        if "b_in" in donor and "b_in" not in own:
            raise InputError("edit plant: the donor's neurons have biases b_in and this network has none; give it biases.")

    def _weights_that_read(self, read: Float[ndarray, "token neuron"], own: Params, n_values: int) -> Float[ndarray, "d_in neuron"]:
        """The columns of W_in with which neurons of this network read this."""
        columns = []
        for table, half in zip(_tables(own, n_values), np.split(read, 2), strict=True):
            weights = np.linalg.lstsq(table, half, rcond=None)[0]
            if np.linalg.norm(table @ weights - half) > TOLERANCE * np.linalg.norm(half):
                raise InputError(
                    f"edit plant: the embedding of {table.shape[1]} numbers is too narrow for neurons that tell {n_values} tokens "
                    "apart; choose a wider d_model, or operands: one_hot."
                )
            columns.append(weights)
        return np.concatenate(columns)


def _tables(params: Mapping[str, Any], n_values: int) -> list[Float[ndarray, "token d_in"]]:
    """The vector of each token, for the first and the second operand."""
    if "W_E" not in params:
        return [np.eye(n_values)] * 2
    W_E = params["W_E"].astype(np.float64)
    return [W_E[:n_values]] * 2 if W_E.ndim == 2 else [table[:n_values] for table in W_E]


def _importance(read: Float[ndarray, "token neuron"], W_U: Float[ndarray, "neuron d_vocab_out"]) -> Float[ndarray, " neuron"]:
    """The norm of what each neuron reads times the norm of what it writes."""
    importance: Float[ndarray, " neuron"] = np.linalg.norm(read, axis=0) * np.linalg.norm(W_U.astype(np.float64), axis=1)
    return importance
