"""How well the network fits: losses, accuracies, margins, log-odds, the test loss without over-confidence, losses lost to rounding.

Cost: all measures here share one forward pass on all rows. The calibrated loss adds up to 12 passes over the logits.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from epicycle.maths.cross_entropy import cross_entropy, log_odds, right_logit
from epicycle.spec.families import Measure
from epicycle.spec.fields import static

Rows = Literal[
    "train",
    "test",
    "all",
    "mirror_seen",
    "mirror_unseen",
    "clean",
    "corrupted",
    "removed",
    "never_trained",
    "reweighted",
    "not_reweighted",
]


class Loss(Measure):
    """Mean loss over a set of rows.

    The loss is the training loss in the form that is recorded: cross-entropy is recorded in nats, exact and without smoothing whatever
    precision is trained in, so that runs can be compared.

    Attributes:
        rows: the set of rows; see `Accuracy`.
    """

    kind: ClassVar[str] = "loss"
    rows: Rows = static("test")

    @property
    def name(self) -> str:
        """`train_loss`, `test_loss`, ..."""
        return _series_name(self.rows, "loss")

    @property
    def needs(self) -> tuple[str, ...]:
        """The losses of all rows, and the set of rows."""
        return ("row_loss", self.rows)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The mean over the rows; NaN if there are none."""
        return mean_over(snapshot["row_loss"], snapshot[self.rows])


class Accuracy(Measure):
    """Share of rows, from 0 to 1, whose label has the largest logit. A tie counts as wrong.

    A trained row is compared with the label it is trained on, every other row with the task's own label.

    Attributes:
        rows: the set of rows. `train` are the rows trained on at this step, `test` all others. `mirror_seen` and `mirror_unseen` split
            the test rows by whether the label-preserving swap of the row is trained on. `removed` and `never_trained` split the test
            rows by whether the row was trained on earlier. `clean` and `corrupted` split the trained rows by whether the label trained
            on is the task's own. `reweighted` and `not_reweighted` split them by whether the row's weight in the loss differs from 1.
    """

    kind: ClassVar[str] = "accuracy"
    rows: Rows = static("test")

    @property
    def name(self) -> str:
        """`train_acc`, `test_acc`, `test_acc_mirror_unseen`, ..."""
        return _series_name(self.rows, "acc")

    @property
    def needs(self) -> tuple[str, ...]:
        """The margins of all rows, and the set of rows."""
        return ("row_margin", self.rows)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The share of right rows; NaN if there are no rows in the set, or if the margin of any row is not finite."""
        return _share_right(snapshot["row_margin"], snapshot[self.rows])


class Margin(Measure):
    """Right logit minus the largest wrong one: how far rows are from being wrong, in units of the logits.

    For vector labels it is the tolerance minus the root mean square error.

    Attributes:
        rows: the set of rows; see `Accuracy`.
        reduce: the mean over the rows, or the smallest margin among them.
    """

    kind: ClassVar[str] = "margin"
    rows: Rows = static("test")
    reduce: Literal["mean", "min"] = static("mean")

    @property
    def name(self) -> str:
        """`train_margin`, `train_margin_min`, ..."""
        return _series_name(self.rows, "margin") + ("_min" if self.reduce == "min" else "")

    @property
    def needs(self) -> tuple[str, ...]:
        """The margins of all rows, and the set of rows."""
        return ("row_margin", self.rows)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The mean or smallest margin of the rows; NaN if there are none."""
        margin, rows = snapshot["row_margin"], snapshot[self.rows]
        if self.reduce == "mean":
            return mean_over(margin, rows)
        return jnp.where(rows.any(), jnp.where(rows, margin, jnp.inf).min(), jnp.nan)


class RegionAccuracy(Measure):
    """Share of right rows in a part of the table: the rows with certain tokens at one position of their inputs.

    Attributes:
        tokens: the first and the last token of the region.
        position: the position in the input; 0 is the first operand where inputs are written `x y =`.
        rows: the set of rows; see `Accuracy`.
    """

    kind: ClassVar[str] = "region_accuracy"
    tokens: tuple[int, int] = static()
    position: int = static(0, ge=0)
    rows: Rows = static("test")

    @property
    def name(self) -> str:
        """`test_acc_tokens_0_to_14`; a position other than 0 follows as `_at_1`."""
        first, last = self.tokens
        return f"{_series_name(self.rows, 'acc')}_tokens_{first}_to_{last}{f'_at_{self.position}' if self.position else ''}"

    @property
    def needs(self) -> tuple[str, ...]:
        """The inputs and margins of all rows, and the set of rows."""
        return ("inputs", "row_margin", self.rows)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The share of right rows; NaN if the region has no rows in the set, or if the margin of any row is not finite."""
        tokens, margin = snapshot["inputs"][:, self.position], snapshot["row_margin"]
        region = snapshot[self.rows] & (tokens >= self.tokens[0]) & (tokens <= self.tokens[1])
        return _share_right(margin, region)


class LogOdds(Measure):
    """Median over rows of ln(p / (1 - p)), where p is the probability of the right answer: how certain a network is of a typical row.

    0 is a probability of one half, 2.9 is 0.95, 6.9 is 0.999. The log-odds go on growing where p itself rounds to 1.

    Attributes:
        rows: the set of rows; see `Accuracy`.
    """

    kind: ClassVar[str] = "log_odds"
    rows: Rows = static("train")

    @property
    def name(self) -> str:
        """`train_log_odds`, `test_log_odds`, ..."""
        return _series_name(self.rows, "log_odds")

    @property
    def needs(self) -> tuple[str, ...]:
        """Logits and labels of all rows, and the set of rows."""
        return ("logits", "labels", self.rows)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The median over the rows; NaN if there are none, or if labels are vectors."""
        if _labels_are_vectors(snapshot):
            return jnp.full((), jnp.nan, snapshot["logits"].dtype)
        logits, labels, rows = _by_answer(snapshot, self.rows)
        return jnp.nanmedian(jnp.where(rows, log_odds(logits, labels), jnp.nan))


class CalibratedLoss(Measure):
    """Mean cross-entropy after the best single rescaling of all logits, in nats: the loss that is not due to over-confidence.

    A network that grows more confident raises its test loss without ranking the classes any worse; this measure does not see that.
    The loss is convex in the inverse temperature. At most twelve Newton steps on the logarithm of the inverse temperature find the
    minimum, between 1e-4 and 1e4 in units of the inverse size of the logits. If every row is right, the loss falls for ever as the
    scale grows; the value is then below 1e-3 nats, but not 0.

    Attributes:
        rows: the set of rows; see `Accuracy`.
    """

    kind: ClassVar[str] = "calibrated_loss"
    rows: Rows = static("test")

    @property
    def name(self) -> str:
        """`test_calibrated_loss`, ..."""
        return _series_name(self.rows, "calibrated_loss")

    @property
    def needs(self) -> tuple[str, ...]:
        """Logits and labels of all rows, and the set of rows."""
        return ("logits", "labels", self.rows)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The smallest mean loss over all inverse temperatures, in nats; NaN if labels are vectors."""
        if _labels_are_vectors(snapshot):
            return jnp.full((), jnp.nan, snapshot["logits"].dtype)
        return calibrated_loss(*_by_answer(snapshot, self.rows))


class ZeroLossShare(Measure):
    """Share of rows, from 0 to 1, whose loss is rounded to exactly 0: by default the share that float32 would round.

    In code that computes the loss so, these rows no longer change the weights (softmax collapse, arXiv 2501.04697).

    Attributes:
        rows: the set of rows; see `Accuracy`.
        precision: whose rounding. `float32`: that of a plain float32 log-softmax, whatever the run itself computes. Its loss is 0 if
            the sum of 1 and the odds of a wrong answer rounds to 1, so if the loss is below 2^-24. The series is
            `train_zero_loss_share`. `own`: that of the loss which the run is trained with, in the run's own arithmetic; the series is
            `train_zero_loss_share_own`. Runs that differ in `training.loss.precision` need `own`.
    """

    kind: ClassVar[str] = "zero_loss_share"
    rows: Rows = static("train")
    precision: Literal["float32", "own"] = static("float32")

    @property
    def name(self) -> str:
        """`train_zero_loss_share`, `train_zero_loss_share_own`, ..."""
        return _series_name(self.rows, "zero_loss_share") + ("_own" if self.precision == "own" else "")

    @property
    def needs(self) -> tuple[str, ...]:
        """Logits and labels of all rows, or the losses that are trained on; and the set of rows."""
        return ("trained_loss", self.rows) if self.precision == "own" else ("logits", "labels", self.rows)

    def fn(self, snapshot: Mapping[str, Any]) -> Float[Array, ""]:
        """The share of the rows; NaN if there are none, if labels are vectors (in float32), or if a loss is NaN (of its own)."""
        if self.precision == "own":
            loss = snapshot["trained_loss"]
            share = mean_over((loss == 0).astype(loss.dtype), snapshot[self.rows])
            return jnp.where(jnp.isnan(loss).any(), jnp.nan, share)
        if _labels_are_vectors(snapshot):
            return jnp.full((), jnp.nan, snapshot["logits"].dtype)
        logits, labels, rows = _by_answer(snapshot, self.rows)
        loss = cross_entropy(logits, labels)  # the compiler computes this once, together with the recorded loss
        return mean_over((loss < 2.0**-24).astype(logits.dtype), rows)


def _labels_are_vectors(snapshot: Mapping[str, Any]) -> bool:
    return not jnp.issubdtype(snapshot["labels"].dtype, jnp.integer)


def _by_answer(snapshot: Mapping[str, Any], rows: str) -> tuple[Any, Any, Any]:
    """Logits, labels and the set of rows with one entry for each answer; a row with several answers has several entries."""
    logits, labels, in_set = snapshot["logits"], snapshot["labels"], snapshot[rows]
    if logits.ndim == 2:
        return logits, labels, in_set
    answers = in_set[:, None] & (labels >= 0)
    return logits.reshape(-1, logits.shape[-1]), jnp.maximum(labels, 0).reshape(-1), answers.reshape(-1)


def _share_right(margin: Float[Array, " row"], rows: Bool[Array, " row"]) -> Float[Array, ""]:
    """The share of the rows with a margin above 0; NaN if there are none, or if the margin of any row of the table is not finite."""
    return jnp.where(jnp.isfinite(margin).all(), mean_over((margin > 0).astype(margin.dtype), rows), jnp.nan)


def mean_over(values: Float[Array, " row"], rows: Bool[Array, " row"]) -> Float[Array, ""]:
    """The mean of the values at the rows where the mask is true; NaN if it is true nowhere."""
    return jnp.where(rows, values, 0).sum() / rows.sum().astype(values.dtype)


def calibrated_loss(
    logits: Float[Array, "row d_vocab_out"], labels: Int[Array, " row"], rows: Bool[Array, " row"]
) -> Float[Array, ""]:
    """The smallest mean cross-entropy that one scale of the logits gives, over the rows where the mask is true, in nats."""
    centred = logits - right_logit(logits, labels)[:, None]
    mean, square = centred.mean(axis=1), jnp.square(centred).mean(axis=1)
    # At scale 0 all classes are alike, so slope and curvature by the scale are a mean and a variance, which cost no exponentials.
    slope, curvature = mean_over(mean, rows), mean_over(square - jnp.square(mean), rows)

    def searched() -> Float[Array, ""]:
        # The search is in units of the logits' own size, so that it does not depend on how confident the network is.
        unit, bound = -jnp.log(mean_over(square, rows)) / 2, jnp.log(jnp.asarray(1e4, logits.dtype))
        first = jnp.clip(jnp.log(-slope / curvature), unit - bound / 2, unit + bound / 2)
        start = _Search(unit - bound, first, unit + bound, jnp.asarray(jnp.inf, logits.dtype), jnp.zeros((), jnp.int32))
        # Classes come first in the search, which sums over them: adding whole rows of memory is faster there.
        return mean_over(cross_entropy(logits * jnp.exp(_newton_search(start, centred.T, rows).u), labels), rows)

    # The loss is convex in the scale: if it does not fall at 0, confidence only hurts and no search is needed.
    blind = jnp.where(jnp.isfinite(slope), jnp.log(jnp.asarray(logits.shape[1], logits.dtype)), jnp.nan)
    return jax.lax.cond((slope < 0) & (curvature > 0), searched, lambda: blind)


class _Search(NamedTuple):
    """A Newton search inside a bracket, for u, the logarithm of a scale.

    The fields: the bracket's ends, u, the fall of the loss (in nats) that its last move promised, and the steps taken.
    """

    low: Float[Array, ""]
    u: Float[Array, ""]
    high: Float[Array, ""]
    gain: Float[Array, ""]
    steps: Int[Array, ""]


def _newton_search(start: _Search, centred: Float[Array, "d_vocab_out row"], rows: Bool[Array, " row"]) -> _Search:
    """The search for the best scale of logits from which the right logit has been subtracted."""
    largest = centred.max(axis=0)

    def newton(search: _Search) -> _Search:
        slope, curvature = _slope_and_curvature(search.u, centred, largest, rows)
        low, high = jnp.where(slope < 0, search.u, search.low), jnp.where(slope < 0, search.high, search.u)
        proposal = search.u - slope / jnp.where(curvature > 0, curvature, 1)
        inside = (proposal > low) & (proposal < high) & (curvature > 0)
        u = jnp.where(inside, proposal, (low + high) / 2)
        gain = jnp.where(inside, jnp.square(slope) / jnp.where(curvature > 0, 2 * curvature, 1), jnp.inf)
        return _Search(low, u, high, gain, search.steps + 1)

    # A Newton move squares the error: after one that promised 1e-3 nats, about 1e-6 are left to gain.
    return jax.lax.while_loop(lambda search: (search.steps < 12) & (search.gain > 1e-3), newton, start)


def _slope_and_curvature(u: Any, centred: Any, largest: Any, rows: Any) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """First and second derivative by u of the mean loss at the scale exp(u)."""
    scale = jnp.exp(u)
    weight = jnp.exp(scale * (centred - largest))
    total = weight.sum(axis=0)
    first = (weight * centred).sum(axis=0) / total
    spread = (weight * jnp.square(centred)).sum(axis=0) / total - jnp.square(first)
    slope, curvature = scale * mean_over(first, rows), jnp.square(scale) * mean_over(spread, rows)
    return slope, curvature + slope


def _series_name(rows: str, quantity: str) -> str:
    return f"test_{quantity}_{rows}" if rows.startswith("mirror") else f"{rows}_{quantity}"
