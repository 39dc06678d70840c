"""How well the network fits: losses, accuracies, margins, confidence-free test loss, and how much of the loss float32 would lose.

Cost: one forward pass on all rows, shared by all of them; the calibrated loss adds up to 12 passes over the logits.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from epicycle.maths.cross_entropy import cross_entropy, right_logit
from epicycle.spec.families import Measure
from epicycle.spec.fields import static

Rows = Literal["train", "test", "all", "mirror_seen", "mirror_unseen", "clean", "corrupted", "removed", "never_trained"]


class Loss(Measure):
    """Mean loss: cross-entropy in nats, exact whatever precision is trained in; the training loss itself where it is another one."""

    kind: ClassVar[str] = "loss"
    rows: Rows = static("test")

    @property
    def name(self) -> str:
        """`train_loss`, `test_loss`, ..."""
        return _series(self.rows, "loss")

    @property
    def needs(self) -> tuple[str, ...]:
        """Losses of all rows and which rows count."""
        return ("row_loss", self.rows)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """Mean over the rows; NaN where there are none."""
        return mean_over(snapshot["row_loss"], snapshot[self.rows])


class Accuracy(Measure):
    """Share of rows whose label has the largest logit; a tie is not right.

    `mirror_seen` and `mirror_unseen` split the test rows by whether the label-preserving swap of the row is trained on, `removed` and
    `never_trained` by whether the row itself was trained on once; `clean` and `corrupted` split the trained ones by whether the label
    trained on is the task's own. A trained row is held against what it was told.
    """

    kind: ClassVar[str] = "accuracy"
    rows: Rows = static("test")

    @property
    def name(self) -> str:
        """`train_acc`, `test_acc`, `test_acc_mirror_unseen`, ..."""
        return _series(self.rows, "acc")

    @property
    def needs(self) -> tuple[str, ...]:
        """Margins of all rows and which rows count."""
        return ("row_margin", self.rows)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """Share of the rows; NaN where there are none or a margin of any row is not finite."""
        margin = snapshot["row_margin"]
        right = mean_over((margin > 0).astype(margin.dtype), snapshot[self.rows])
        return jnp.where(jnp.isfinite(margin).all(), right, jnp.nan)


class Margin(Measure):
    """Right logit minus the largest wrong one."""

    kind: ClassVar[str] = "margin"
    rows: Rows = static("test")
    reduce: Literal["mean", "min"] = static("mean")

    @property
    def name(self) -> str:
        """`train_margin`, `train_margin_min`, ..."""
        return _series(self.rows, "margin") + ("_min" if self.reduce == "min" else "")

    @property
    def needs(self) -> tuple[str, ...]:
        """Margins of all rows and which rows count."""
        return ("row_margin", self.rows)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """Mean or smallest margin of the rows; NaN where there are none."""
        margin, rows = snapshot["row_margin"], snapshot[self.rows]
        if self.reduce == "mean":
            return mean_over(margin, rows)
        return jnp.where(rows.any(), jnp.where(rows, margin, jnp.inf).min(), jnp.nan)


class CalibratedLoss(Measure):
    """Mean cross-entropy after the best single rescaling of the logits: what is left when over-confidence is taken away.

    The loss is convex in the inverse temperature; at most twelve Newton steps on its logarithm find it, inside a bracket of 1e-4 to
    1e4 in units of the inverse size of the logits. Where every marked row is right, no scale is best and the loss is small, not 0.
    """

    kind: ClassVar[str] = "calibrated_loss"
    rows: Rows = static("test")

    @property
    def name(self) -> str:
        """`test_calibrated_loss`, ..."""
        return _series(self.rows, "calibrated_loss")

    @property
    def needs(self) -> tuple[str, ...]:
        """Logits, labels and which rows count."""
        return ("logits", "labels", self.rows)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The smallest mean loss over inverse temperatures, nats; NaN where labels are vectors."""
        if _vectors(snapshot):
            return jnp.full((), jnp.nan, snapshot["logits"].dtype)
        logits, labels, rows = _by_answer(snapshot, self.rows)
        scale = jnp.exp(log_inverse_temperature(logits, labels, rows))
        return mean_over(cross_entropy(logits * scale, labels), rows)


class ZeroLossShare(Measure):
    """Share of rows whose loss a naive float32 log-softmax would round to exactly 0, so that they would stop teaching."""

    kind: ClassVar[str] = "zero_loss_share"
    rows: Rows = static("train")

    @property
    def name(self) -> str:
        """`train_zero_loss_share`, ..."""
        return _series(self.rows, "zero_loss_share")

    @property
    def needs(self) -> tuple[str, ...]:
        """Logits, labels and which rows count."""
        return ("logits", "labels", self.rows)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """Share of the rows; NaN where there are none, or labels are vectors."""
        if _vectors(snapshot):
            return jnp.full((), jnp.nan, snapshot["logits"].dtype)
        logits, labels, rows = _by_answer(snapshot, self.rows)
        naive = right_logit(jax.nn.log_softmax(logits.astype(jnp.float32).T, axis=0).T, labels)
        return mean_over((naive == 0).astype(logits.dtype), rows)


def _vectors(snapshot: Mapping[str, Any]) -> bool:
    return not jnp.issubdtype(snapshot["labels"].dtype, jnp.integer)


def _by_answer(snapshot: Mapping[str, Any], rows: str) -> tuple[Any, Any, Any]:
    """Logits, labels and marks of single answers; a row with several counts with each of them."""
    logits, labels, marked = snapshot["logits"], snapshot["labels"], snapshot[rows]
    if logits.ndim == 2:
        return logits, labels, marked
    asked = marked[:, None] & (labels >= 0)
    return logits.reshape(-1, logits.shape[-1]), jnp.maximum(labels, 0).reshape(-1), asked.reshape(-1)


def mean_over(values: Float[Array, " row"], rows: Bool[Array, " row"]) -> Float[Array, ""]:
    """Mean of the values at the marked rows; NaN where none is marked."""
    return jnp.where(rows, values, 0).sum() / rows.sum().astype(values.dtype)


def log_inverse_temperature(
    logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"], rows: Bool[Array, " row"]
) -> Float[Array, ""]:
    """Logarithm of the scale of the logits that minimises their mean cross-entropy over the marked rows."""
    centred = (logits - right_logit(logits, labels)[:, None]).T
    # In units of their own size, so that the search does not depend on how confident the network is.
    size = jnp.sqrt(mean_over(jnp.square(centred).mean(axis=0), rows))
    size = jnp.where(size > 0, size, 1)  # where all logits are equal, every scale is as good
    centred = centred / size
    largest = centred.max(axis=0)

    def slope_and_curvature(u: Float[Array, ""]) -> tuple[Float[Array, ""], Float[Array, ""]]:
        scale = jnp.exp(u)
        weight = jnp.exp(scale * (centred - largest))
        total = weight.sum(axis=0)
        first = (weight * centred).sum(axis=0) / total
        spread = (weight * jnp.square(centred)).sum(axis=0) / total - jnp.square(first)
        slope, curvature = scale * mean_over(first, rows), jnp.square(scale) * mean_over(spread, rows)
        return slope, curvature + slope

    def newton(search: _Search) -> _Search:
        slope, curvature = slope_and_curvature(search.u)
        low, high = jnp.where(slope < 0, search.u, search.low), jnp.where(slope < 0, search.high, search.u)
        proposal = search.u - slope / jnp.where(curvature > 0, curvature, 1)
        inside = (proposal > low) & (proposal < high) & (curvature > 0)
        u = jnp.where(inside, proposal, (low + high) / 2)
        return _Search(low, u, high, jnp.abs(u - search.u), search.steps + 1)

    bound = jnp.log(jnp.asarray(1e4, logits.dtype))
    # Convex in the scale: where the loss does not fall as the scale leaves 0, confidence only hurts and no search is needed.
    helps = mean_over(centred.mean(axis=0), rows) < 0
    start = _Search(-bound, jnp.where(helps, 0, -bound), bound, jnp.where(helps, bound, 0), jnp.zeros((), jnp.int32))
    # The loss is flat at its minimum: a last step of 1e-3 leaves an error of its square.
    found = jax.lax.while_loop(lambda search: (search.steps < 12) & (search.moved > 1e-3), newton, start)
    return found.u - jnp.log(size)


class _Search(NamedTuple):
    """A bracketed Newton search: its ends, its point, its last move and the steps it took."""

    low: Float[Array, ""]
    u: Float[Array, ""]
    high: Float[Array, ""]
    moved: Float[Array, ""]
    steps: Int[Array, ""]


def _series(rows: str, what: str) -> str:
    return f"test_{what}_{rows}" if rows.startswith("mirror") else f"{rows}_{what}"
