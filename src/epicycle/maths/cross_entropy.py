"""Cross-entropy for float32: exact for losses down to 1e-30, where log_softmax already gives 0 below about 1e-7.

The loss is softplus of the log-sum-exp over the wrong classes of (wrong - right) logits. This forms the small number directly, never
as a difference of large ones. Plain reverse-mode differentiation keeps the gradient exact too. With log_softmax the loss becomes
exactly 0 and training stalls ("softmax collapse", Prieto et al., arXiv 2501.04697).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


@jax.custom_jvp
def cross_entropy(logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Float[Array, " row"]:
    """Negative log-probability of the label, in nats, for each row."""
    return _loss_and_slopes(logits, labels)[0]


@cross_entropy.defjvp
def _derivative(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    """The loss, and its derivative along a change of the logits. What JAX derives by itself takes more passes over the logits."""
    loss, slopes = _loss_and_slopes(*primals)
    return loss, (slopes * tangents[0]).sum(axis=1)


def _loss_and_slopes(
    logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]
) -> tuple[Float[Array, " row"], Float[Array, "row d_vocab_out"]]:
    """The loss of each row, and its derivative by each logit: p - 1 for the label, p for a wrong class of probability p."""
    leads = _leads_over_label(logits, labels)
    largest = jax.lax.stop_gradient(leads.max(axis=1))
    shares = jnp.exp(leads - largest[:, None])
    total = shares.sum(axis=1)
    log_odds = largest + jnp.log(total)  # of a wrong answer, in nats
    p_wrong = jax.nn.sigmoid(log_odds)
    slopes = jnp.where(_is_label(logits, labels), -p_wrong[:, None], shares * (p_wrong / total)[:, None])
    return jax.nn.softplus(log_odds), slopes


def margins(logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Float[Array, " row"]:
    """Right logit minus the largest wrong logit, for each row; positive where the row is classified correctly."""
    return -_leads_over_label(logits, labels).max(axis=1)


def log_odds(logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Float[Array, " row"]:
    """ln(p / (1 - p)) of each row's label, where p is its probability; exact however close p is to 1."""
    return -jax.nn.logsumexp(_leads_over_label(logits, labels), axis=1)


def right_logit(logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Float[Array, " row"]:
    """The logit of each row's label."""
    return jnp.where(_is_label(logits, labels), logits, 0).sum(axis=1)


def _leads_over_label(logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Float[Array, "row d_vocab_out"]:
    """How far each wrong logit is above the label's; minus infinity at the label."""
    return jnp.where(_is_label(logits, labels), -jnp.inf, logits - right_logit(logits, labels)[:, None])


def _is_label(logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Bool[Array, "row d_vocab_out"]:
    """True where the class is the row's label."""
    return jnp.arange(logits.shape[1])[None, :] == labels[:, None]
