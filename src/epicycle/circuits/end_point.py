"""Gen by the end: how much of a network is already the network that it will be, for tasks whose algorithm nobody has written down.

The logits of the network that a run ends with stand in for the general algorithm. They are known when the run is trained again
(`epicycle measure`). A run that ends without generalising has no general algorithm at its end: look at its test accuracy first.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from epicycle.spec.families import Measure
from epicycle.spec.fields import static

_SEED = 0  # of the permutation of rows that the null uses


class OfEnd(Measure):
    """What the measures share that compare logits with those at the end of the run.

    Both are taken without their mean over classes. The end's logits are fitted to the network's on held-out rows by one factor.

    Attributes:
        null: `shuffled` compares each row with another row of the end, drawn once. The name of the series then ends in `_shuffled`.
    """

    null: Literal["none", "shuffled"] = static("none")

    @property
    def needs(self) -> tuple[str, ...]:
        """The logits of all rows now and at the end, their labels, and the rows trained on and held out."""
        return ("logits", "end_logits", "labels", "train", "test")

    @property
    def _ending(self) -> str:
        return "" if self.null == "none" else f"_{self.null}"

    def logits(self, snapshot: Mapping[str, Any]) -> tuple[Float[Array, "row d_vocab_out"], Float[Array, "row d_vocab_out"]]:
        """The logits of all rows, now and at the end, less their mean over classes; the first answer where a row has several."""
        now, end = (_centred(snapshot[name]) for name in ("logits", "end_logits"))
        return now, end if self.null == "none" else end[np.random.default_rng(_SEED).permutation(len(end))]


class EndShare(OfEnd):
    """Share of the variance of held-out logits that the logits at the end of the run explain, from 0 to 1; 1 at the end."""

    kind: ClassVar[str] = "end_share"

    @property
    def name(self) -> str:
        """`end_share` or `end_share_shuffled`."""
        return f"end_share{self._ending}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The square of the cosine; NaN if no rows are held out, or all their logits are equal."""
        now, end = self.logits(snapshot)
        rows = snapshot["test"]
        return jnp.square(_product(now, end, rows)) / (_product(now, now, rows) * _product(end, end, rows))


class EndPart(OfEnd):
    """Part of the lead of the label trained on over the mean logit, on trained rows, that is due to the network at the end.

    It is `gen_part` with the end in the place of the general algorithm: 0 for memory alone, 1 at the end.
    """

    kind: ClassVar[str] = "end_part"

    @property
    def name(self) -> str:
        """`end_part` or `end_part_shuffled`."""
        return f"end_part{self._ending}"

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The part; it says nothing before the network has learnt anything, when both leads are near 0."""
        now, end = self.logits(snapshot)
        rows, labels = snapshot["train"], snapshot["labels"]
        first = labels if labels.ndim == 1 else labels[:, 0]
        factor = _product(now, end, snapshot["test"]) / _product(end, end, snapshot["test"])
        leads = [jnp.where(rows, jnp.take_along_axis(logits, first[:, None], axis=1)[:, 0], 0).sum() for logits in (end, now)]
        return factor * leads[0] / leads[1]


def _centred(logits: Float[Array, "row *answer d_vocab_out"]) -> Float[Array, "row d_vocab_out"]:
    first = logits if logits.ndim == 2 else logits[:, 0]
    return first - first.mean(axis=1, keepdims=True)


def _product(
    left: Float[Array, "row d_vocab_out"], right: Float[Array, "row d_vocab_out"], rows: Bool[Array, " row"]
) -> Float[Array, ""]:
    """The sum over a set of rows of the products of logits."""
    return jnp.where(rows, (left * right).sum(axis=1), 0).sum()
