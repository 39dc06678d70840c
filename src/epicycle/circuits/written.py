"""Circuits that are written by hand: how strong each is, how many rows it is right on, and what part of the right logit it brings.

The networks `gated_bank`, `two_heads` and `frequency_toy` name what each of their circuits adds to the logits. Circuit 0 is the
general one, so `circuit_share` of circuit 0 is Gen's part of the right logit, and the rest is Mem's. No projection is needed, and
nothing is estimated.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from epicycle.maths.cross_entropy import margins
from epicycle.spec.errors import InputError
from epicycle.spec.families import Measure
from epicycle.spec.fields import static

STRENGTH, OUT = "circuits.hook_strength", "circuits.hook_out"


class OfWrittenCircuits(Measure):
    """What the measures of hand-written circuits share.

    Attributes:
        circuit: the number of one circuit; without it, one number for each of them. The name of the series then ends in no number.
        withheld: whether the rows that count are those that a fork has taken out of training, and not the trained ones. The name of
            the series then ends in `_withheld`.
    """

    quantity: ClassVar[str]
    circuit: int | None = static(None, ge=0)
    withheld: bool = static(False)

    @property
    def name(self) -> str:
        """`circuit_strength`, `circuit_share_0`, `circuit_strength_1_withheld`, ..."""
        number = "" if self.circuit is None else f"_{self.circuit}"
        return f"{self.quantity}{number}{'_withheld' if self.withheld else ''}"

    @property
    def needs(self) -> tuple[str, ...]:
        """What circuits add to the logits, the labels, and the rows that count."""
        return ("activations", "labels", self.rows)

    @property
    def rows(self) -> str:
        """The set of rows that count."""
        return "removed" if self.withheld else "train"

    @property
    def dims(self) -> tuple[str, ...]:  # type: ignore[override]
        """An axis for the circuits, or none."""
        return ("circuit",) if self.circuit is None else ()

    def chosen(self, values: Float[Array, " circuit"]) -> Float[Array, "..."]:
        """All numbers, or that of one circuit.

        Raises:
            InputError: there is no such circuit.
        """
        if self.circuit is not None and self.circuit >= len(values):
            raise InputError(f"measure {self.name}: the network has the circuits 0 to {len(values) - 1}.")
        return values if self.circuit is None else values[self.circuit]


class CircuitStrength(OfWrittenCircuits):
    """The strength of each circuit: the product of its gates times its logit per norm, averaged over the rows that count."""

    kind: ClassVar[str] = "circuit_strength"
    quantity: ClassVar[str] = "circuit_strength"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """In units of the logits."""
        return self.chosen(_mean(_written(snapshot, STRENGTH), snapshot[self.rows]))


class CircuitCoverage(OfWrittenCircuits):
    """Share of the rows that count on which each circuit alone would be right."""

    kind: ClassVar[str] = "circuit_coverage"
    quantity: ClassVar[str] = "circuit_coverage"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """From 0 to 1."""
        out = _written(snapshot, OUT)
        right = jnp.stack([margins(out[:, i], snapshot["labels"]) > 0 for i in range(out.shape[1])], axis=1)
        return self.chosen(_mean(right.astype(out.dtype), snapshot[self.rows]))


class CircuitShare(OfWrittenCircuits):
    """Part of the lead of the label over the mean logit that is due to each circuit, on the rows that count. They add up to 1."""

    kind: ClassVar[str] = "circuit_share"
    quantity: ClassVar[str] = "circuit_share"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, "..."]:
        """The part; it says nothing where the whole lead is near 0."""
        out = _written(snapshot, OUT)
        at_label = jnp.take_along_axis(out, snapshot["labels"][:, None, None], axis=2)[:, :, 0]
        leads = _mean(at_label - out.mean(axis=2), snapshot[self.rows])
        return self.chosen(leads / leads.sum())


def _written(snapshot: Mapping[str, Any], site: str) -> Float[Array, "row circuit *d_vocab_out"]:
    activations = snapshot["activations"]
    if site not in activations:
        raise InputError(
            f"measures of hand-written circuits need a site {site}, and this network has {', '.join(activations)}. "
            "Networks of kind gated_bank, two_heads and frequency_toy have it."
        )
    return activations[site]


def _mean(values: Float[Array, "row circuit"], rows: Bool[Array, " row"]) -> Float[Array, " circuit"]:
    return jnp.where(rows[:, None], values, 0).sum(axis=0) / rows.sum().astype(values.dtype)
