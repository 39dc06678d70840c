"""Losses: the loss of each row, the weighted mean over a batch that training minimises, and how far each row is from being wrong."""

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
    """Cross-entropy: minus the logarithm of the probability that the network gives to the label, in nats.

    Attributes:
        precision: the arithmetic of the loss. `exact` is right in float32 down to 1e-30 (see `epicycle.maths.cross_entropy`). Each
            other value casts the logits to that number type and takes a plain log-softmax, as the field's code does (float64 in the
            progress-measures and TransformerLens notebooks). A loss too small for the type becomes exactly 0, and its row no longer
            changes the weights (softmax collapse, arXiv 2501.04697).
        label_smoothing: share of the target that is spread evenly over all classes (Szegedy et al., arXiv 1512.00567); None smooths
            nothing.
    """

    kind = "cross_entropy"

    precision: Precision = static("exact")
    label_smoothing: float | None = knob(None, ge=0, lt=1)

    def rows(self, logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Float[Array, " row"]:
        """Negative log-probability of each row's label, in nats, smoothed if `label_smoothing` is set."""
        _refuse_vectors(labels, self.kind)
        plain = cross_entropy(logits, labels) if self.precision == "exact" else _naive(logits, labels, self.precision)
        if self.label_smoothing is None:
            return plain
        # The mean over classes of -log p(class) is -log p(label) plus the label's lead over the mean logit.
        return plain + self.label_smoothing * (right_logit(logits, labels) - logits.mean(axis=-1))

    def recorded(self) -> "CrossEntropy":
        """The exact loss without smoothing, so that runs with different losses can be compared."""
        return CrossEntropy()


class MSE(RowLoss):
    """Squared error between outputs and the one-hot label or the label vector, averaged over outputs as PyTorch's default does.

    This is the loss of the quadratic networks of Gromov (arXiv 2301.02679) and Doshi et al. (arXiv 2310.13061).
    """

    kind = "mse"

    def rows(self, logits: Float[Array, "row d_vocab_out"], labels: Any) -> Float[Array, " row"]:
        """Mean squared error of each row."""
        one_hot = jnp.arange(logits.shape[-1])[None, :] == labels[:, None] if labels.ndim == 1 else labels
        return jnp.square(logits - one_hot.astype(logits.dtype)).mean(axis=-1)


class Hinge(RowLoss):
    """Multi-class hinge loss max(0, margin_wanted - margin), where the margin is the right logit minus the largest wrong one.

    Source: Crammer & Singer, JMLR 2 (2001), section 4.

    Attributes:
        margin_wanted: the margin from which on a row has no loss, in units of the logits.
    """

    kind = "hinge"

    margin_wanted: float = knob(1.0, gt=0, le=1e6)

    def rows(self, logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Float[Array, " row"]:
        """Hinge loss of each row."""
        _refuse_vectors(labels, self.kind)
        return jax.nn.relu(self.margin_wanted - margins(logits, labels))


def tempered(logits: Float[Array, "..."], temperature: Any) -> Float[Array, "..."]:
    """The logits divided by a temperature; None stands for 1."""
    return logits if temperature is None else logits / temperature


def row_losses(loss: RowLoss, logits: Float[Array, "row *answer d_vocab_out"], labels: Any) -> Float[Array, " row"]:
    """Loss of each row. The loss of a row with several answers is their mean; answers labelled -1 are left out."""
    if logits.ndim == 2:
        return loss.rows(logits, labels)
    counts = labels >= 0
    losses = loss.rows(logits.reshape(-1, logits.shape[-1]), jnp.where(counts, labels, 0).reshape(-1)).reshape(labels.shape)
    return jnp.where(counts, losses, 0).sum(axis=1) / counts.sum(axis=1).astype(losses.dtype)


def row_margins(logits: Float[Array, "row *answer d_vocab_out"], labels: Any, tolerance: float | None) -> Float[Array, " row"]:
    """How far each row is from being wrong; a row is right if its margin is above 0.

    The margin is the right logit minus the largest wrong one, in units of the logits. A row with several answers has the smallest of
    their margins. For vector labels the margin is the tolerance minus the root mean square error.

    Args:
        logits: outputs of each row.
        labels: class ids [row] or [row, answer], -1 for an answer that does not count; or vectors [row, d_vocab_out].
        tolerance: of vector labels; None if labels are classes.
    """
    if tolerance is not None:
        return tolerance - jnp.sqrt(jnp.square(logits - labels).mean(axis=-1))
    if logits.ndim == 2:
        return margins(logits, labels)
    answer_margins = margins(logits.reshape(-1, logits.shape[-1]), jnp.maximum(labels, 0).reshape(-1)).reshape(labels.shape)
    return jnp.where(labels >= 0, answer_margins, jnp.inf).min(axis=1)


def weighted_mean(values: Float[Array, " row"], weights: Float[Array, " row"]) -> Float[Array, ""]:
    """Mean over rows by weight. Rows of weight 0 (padding, withheld rows) do not count."""
    return (values * weights).sum() / weights.sum()


def _refuse_vectors(labels: Any, kind: str) -> None:
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise InputError(f"training.loss: {kind} needs class labels, and this task's labels are vectors; use mse.")


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _naive(logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"], precision: str) -> Float[Array, " row"]:
    return _naive_with_slope(logits, labels, precision)[0]


def _naive_with_slope(logits: Any, labels: Any, precision: str) -> tuple[Any, Any]:
    """Plain log-softmax loss and its slope, by the formulas that automatic differentiation gives, in the stated precision."""
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
