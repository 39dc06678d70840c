"""Cross-entropy that float32 can express: exact down to 1e-30 where log_softmax gives 0 below about 1e-7.

Written as softplus(logsumexp over wrong classes of (wrong - right) logits), so the small number is formed directly and never as
a difference of large ones. Plain reverse-mode differentiation of this form keeps the gradient exact as well. The naive form's
failure ("softmax collapse") is described in arXiv 2501.04697.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def cross_entropy(logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Float[Array, " row"]:
    """Negative log-probability of the label, in nats, for each row."""
    return jax.nn.softplus(wrong_minus_right(logits, labels))


def wrong_minus_right(logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Float[Array, " row"]:
    """Log-sum-exp of the wrong logits minus the right logit: the log-odds of being wrong."""
    wrong = jnp.where(is_label(logits, labels), -jnp.inf, logits - right_logit(logits, labels)[:, None])
    return jax.scipy.special.logsumexp(wrong.T, axis=0)


def margins(logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Float[Array, " row"]:
    """Right logit minus the largest wrong one, for each row."""
    return right_logit(logits, labels) - jnp.where(is_label(logits, labels), -jnp.inf, logits).T.max(axis=0)


def right_logit(logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Float[Array, " row"]:
    """The logit of each row's label."""
    return jnp.where(is_label(logits, labels), logits, 0).T.sum(axis=0)


def is_label(logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Array:
    """True at each row's label."""
    return (jnp.arange(logits.shape[1])[:, None] == labels).T
