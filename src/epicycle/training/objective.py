"""What is minimised: row losses, averaged over the rows of a batch by their weights."""

from jaxtyping import Array, Float, Int

from epicycle.arithmetic import cross_entropy
from epicycle.spec.families import RowLoss


class CrossEntropy(RowLoss):
    """Exact cross-entropy in the precision of the logits (see `epicycle.arithmetic`)."""

    kind = "cross_entropy"

    def rows(self, logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"]) -> Float[Array, " row"]:
        """Negative log-probability of the label, nats."""
        return cross_entropy(logits, labels)


def weighted_mean(values: Float[Array, " row"], weights: Float[Array, " row"]) -> Float[Array, ""]:
    """Mean over rows by weight; rows of weight 0 (padding, withheld rows) count for nothing."""
    return (values * weights).sum() / weights.sum()
