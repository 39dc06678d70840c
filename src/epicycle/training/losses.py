"""What is minimised: row losses, averaged over the rows of a batch by their weights."""

from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from epicycle.maths.cross_entropy import cross_entropy, margins, right_logit
from epicycle.spec.errors import InputError
from epicycle.spec.families import RowLoss
from epicycle.spec.fields import knob, static

Precision = Literal["exact", "float16", "bfloat16", "float32", "float64"]


class CrossEntropy(RowLoss):
    """Cross-entropy, nats.

    Attributes:
        precision: `exact` keeps float32 right down to 1e-30 (see `epicycle.maths.cross_entropy`). The others cast the logits and take a plain
            log-softmax there, as the field's code does (float64 in the progress-measures and TransformerLens notebooks); what is too
            small for them becomes exactly 0 (softmax collapse, arXiv 2501.04697).
        label_smoothing: share of the target spread evenly over all classes (Szegedy et al., arXiv 1512.00567); None is none.
    """

    kind = "cross_entropy"

    precision: Precision = static("exact")
    label_smoothing: float | None = knob(None, ge=0, lt=1)

    def rows(self, logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Float[Array, " row"]:
        """Negative log-probability of the label, smoothed where asked for."""
        _need_classes(labels, self.kind)
        right = cross_entropy(logits, labels) if self.precision == "exact" else _naive(logits, labels, self.precision)
        if self.label_smoothing is None:
            return right
        # The mean over classes of -log p(class) is -log p(label) plus the label's lead over the mean logit.
        return right + self.label_smoothing * (right_logit(logits, labels) - logits.mean(axis=-1))

    def recorded(self) -> "CrossEntropy":
        """Exact and not smoothed, so that runs can be compared."""
        return CrossEntropy()


class MSE(RowLoss):
    """Squared error against the one-hot label or the label vector, averaged over outputs (as PyTorch's default does).

    The loss of the quadratic networks of Gromov (arXiv 2301.02679) and Doshi et al. (arXiv 2310.13061).
    """

    kind = "mse"

    def rows(self, logits: Float[Array, "row d_vocab_out"], labels: Any) -> Float[Array, " row"]:
        """Mean squared error of each row."""
        one_hot = jnp.arange(logits.shape[-1])[None, :] == labels[:, None] if labels.ndim == 1 else labels
        return jnp.square(logits - one_hot.astype(logits.dtype)).mean(axis=-1)


class Hinge(RowLoss):
    """Multi-class hinge loss max(0, margin_wanted - margin), the margin being the right logit minus the largest wrong one.

    Crammer & Singer, JMLR 2 (2001), section 4.
    """

    kind = "hinge"

    margin_wanted: float = knob(1.0, gt=0)

    def rows(self, logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Float[Array, " row"]:
        """Hinge loss of each row."""
        _need_classes(labels, self.kind)
        return jax.nn.relu(self.margin_wanted - margins(logits, labels))


def tempered(logits: Float[Array, "..."], temperature: Any) -> Float[Array, "..."]:
    """Logits over the temperature; None is 1."""
    return logits if temperature is None else logits / temperature


def row_losses(loss: RowLoss, logits: Float[Array, "row *answer d_vocab_out"], labels: Any) -> Float[Array, " row"]:
    """Loss of each row; a row with several answers has their mean, those marked -1 left out."""
    if logits.ndim == 2:
        return loss.rows(logits, labels)
    asked = labels >= 0
    rows = loss.rows(logits.reshape(-1, logits.shape[-1]), jnp.where(asked, labels, 0).reshape(-1)).reshape(labels.shape)
    return jnp.where(asked, rows, 0).sum(axis=1) / asked.sum(axis=1).astype(rows.dtype)


def row_margins(logits: Float[Array, "row *answer d_vocab_out"], labels: Any, tolerance: float | None) -> Float[Array, " row"]:
    """How far each row is from being wrong: above 0 it is right.

    Right logit minus the largest wrong one, the least over the answers of a row; for vectors, tolerance minus root mean square error.
    """
    if tolerance is not None:
        return tolerance - jnp.sqrt(jnp.square(logits - labels).mean(axis=-1))
    if logits.ndim == 2:
        return margins(logits, labels)
    every = margins(logits.reshape(-1, logits.shape[-1]), jnp.maximum(labels, 0).reshape(-1)).reshape(labels.shape)
    return jnp.where(labels >= 0, every, jnp.inf).min(axis=1)


def weighted_mean(values: Float[Array, " row"], weights: Float[Array, " row"]) -> Float[Array, ""]:
    """Mean over rows by weight; rows of weight 0 (padding, withheld rows) count for nothing."""
    return (values * weights).sum() / weights.sum()


def _need_classes(labels: Any, kind: str) -> None:
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise InputError(f"training.loss: {kind} needs class labels and this task has vectors; use mse.")


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _naive(logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"], precision: str) -> Float[Array, " row"]:
    return _naive_with_slope(logits, labels, precision)[0]


def _naive_with_slope(logits: Any, labels: Any, precision: str) -> tuple[Any, Any]:
    """Loss and its slope by the formulas that automatic differentiation of log-softmax gives, in the precision asked for."""
    with jax.enable_x64(precision == "float64" or logits.dtype == jnp.float64):
        cast = jax.lax.convert_element_type(logits, precision)
        log_p = jax.nn.log_softmax(cast, axis=-1)
        label = jax.lax.broadcasted_iota(labels.dtype, logits.shape, 1) == labels[:, None]
        loss = -jnp.where(label, log_p, jnp.zeros_like(log_p)).sum(axis=-1)
        slope = jnp.exp(log_p) - label.astype(log_p.dtype)
        return jax.lax.convert_element_type(loss, logits.dtype), jax.lax.convert_element_type(slope, logits.dtype)


def _naive_backward(precision: str, slope: Any, received: Any) -> tuple[Any, None]:
    del precision
    return slope * received[:, None], None


_naive.defvjp(_naive_with_slope, _naive_backward)
