"""Logits split into what the general algorithm computes (Gen) and the rest (Mem).

Every function here takes the logits of all rows in coordinates of the task's group: one column for each element, without the mean
over elements, which changes no probability.

Memory has a shadow on held-out rows. In a group every answer stands once in each row and column of the table of pairs, so the right
answer of a held-out row is never among the answers trained on with the same operand. A network that has memorised favours those, and
gives the right answer less than chance. Gen is fitted together with this shadow, and the shadow is counted as memory. Without this
step Gen seems to be negative until long after memorising.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from epicycle.circuits.algorithm import Algorithm

SHUFFLE_SEED = 0  # of the permutation of right answers that the null uses


class Aligned(NamedTuple):
    """Logits in coordinates of the group, and the rows that they may be compared with.

    Attributes:
        logits: of every row, minus their mean over elements.
        answers: the element that is each row's right answer; 0 where it is none.
        rows: the rows of a set whose right answer is an element.
        total: number of these rows.
    """

    logits: Float[Array, "row element"]
    answers: Int[np.ndarray, " row"]
    rows: Bool[Array, " row"]
    total: Float[Array, ""]


class Sums(NamedTuple):
    """Sums over a set of rows, which are all that a fit of the general algorithm needs: no measure passes over the rows again.

    Attributes:
        by_answer: row e is the sum of the logits of the rows whose right answer is e.
        counts: number of rows with each right answer.
        squares: sum of all squared logits.
    """

    by_answer: Float[Array, "element element"]
    counts: Float[Array, " element"]
    squares: Float[Array, ""]

    @property
    def total(self) -> Float[Array, ""]:
        """Number of rows."""
        return self.counts.sum()


class _Shadow(NamedTuple):
    """The shadow of memory along one operand.

    Attributes:
        operand: the operand of each row, as an id.
        seen: 1 at the answers trained on in any row with this operand, 0 at others, less the mean over elements.
    """

    operand: Int[np.ndarray, " row"]
    seen: Float[Array, "operand element"]


HELD_OUT = ("task", "logits", "labels", "train", "test")  # entries of a snapshot that `held_out` reads


def held_out(snapshot: Mapping[str, Any], algorithm: Algorithm, shuffled: bool = False) -> Sums:
    """Sums of the logits of held-out rows, less the shadow of memory.

    Args:
        snapshot: with the entries of `HELD_OUT`.
        algorithm: of the task.
        shuffled: gives every row the right answer of another one, drawn once: the null.
    """
    part = aligned(snapshot["logits"], snapshot["test"], algorithm, shuffled)
    labels = jnp.where(snapshot["train"], label_elements(snapshot["labels"], algorithm), -1)
    shadows = [_shadow(operand, labels, part) for operand in algorithm.operands.T]
    return _without_shadows(part, shadows, algorithm)


def label_elements(labels: Int[Array, "row ..."], algorithm: Algorithm) -> Int[Array, " row"]:
    """The element that is the label of each row, the first one where a row has several; -1 if the label is no element."""
    first = labels if labels.ndim == 1 else labels[:, 0]
    return jnp.asarray(algorithm.element_of).at[first].get(mode="fill", fill_value=-1)


def label_positions(labels: Int[Array, "row ..."], algorithm: Algorithm) -> Bool[Array, "row element"]:
    """True at the element that is the label of a row; nowhere if the label is no element."""
    return label_elements(labels, algorithm)[:, None] == jnp.arange(len(algorithm.classes))


def _shadow(operand: Int[np.ndarray, " row"], trained_labels: Int[Array, " row"], part: Aligned) -> _Shadow:
    """The shadow along an operand, from the elements that are labels of trained rows (-1 elsewhere)."""
    has_label, n_operands = trained_labels >= 0, int(operand.max()) + 1
    seen = jnp.zeros((n_operands, part.logits.shape[1]), part.logits.dtype)
    seen = seen.at[operand, jnp.maximum(trained_labels, 0)].max(has_label.astype(seen.dtype))
    return _Shadow(operand, seen - seen.mean(axis=1, keepdims=True))


def _without_shadows(part: Aligned, shadows: Sequence[_Shadow], algorithm: Algorithm) -> Sums:
    """Sums of the rows' logits less the shadows, with the coefficients of a least-squares fit of shadows and characters together."""
    own, n = summed(part), part.logits.shape[1]
    of_shadows = [_pair_counts(part.answers, s.operand, part.rows, (n, len(s.seen)), s.seen.dtype) @ s.seen for s in shadows]
    along_logits = jnp.stack([(_sums_by(s.operand, len(s.seen), part) * s.seen).sum() for s in shadows])
    products = jnp.stack([jnp.stack([_product(a, b, part.rows) for b in shadows]) for a in shadows])
    # Characters are orthonormal in every row, so they are eliminated first; what is left is a system for the shadows alone.
    by_component = jnp.stack([strengths(own._replace(by_answer=sums), algorithm) for sums in of_shadows])
    gram = products / own.total - by_component @ by_component.T
    right = along_logits / own.total - by_component @ strengths(own, algorithm)
    ridge = 1e-6 * jnp.eye(len(shadows), dtype=gram.dtype)  # where a shadow is empty, as when nothing is trained on
    sizes = _solved(gram + ridge, right)
    return Sums(
        by_answer=own.by_answer - jnp.tensordot(sizes, jnp.stack(of_shadows), 1),
        counts=own.counts,
        squares=own.squares - 2 * sizes @ along_logits + sizes @ products @ sizes,
    )


def _product(left: _Shadow, right: _Shadow, rows: Bool[Array, " row"]) -> Float[Array, ""]:
    """The inner product of two shadows over a set of rows."""
    pairs = _pair_counts(left.operand, right.operand, rows, (len(left.seen), len(right.seen)), left.seen.dtype)
    return (pairs * (left.seen @ right.seen.T)).sum()


def _pair_counts(
    left: Any, right: Any, rows: Bool[Array, " row"], shape: tuple[int, int], dtype: Any
) -> Float[Array, "unit other_unit"]:
    """Number of rows of a set with each pair of two ids."""
    return jnp.zeros(shape, dtype).at[left, right].add(rows.astype(dtype))


def _sums_by(ids: Int[np.ndarray, " row"], n_ids: int, part: Aligned) -> Float[Array, "unit element"]:
    """The sum of the logits of a set's rows with each id."""
    is_id = jnp.asarray(np.arange(n_ids)[:, None] == ids, part.logits.dtype)
    return is_id @ jnp.where(part.rows[:, None], part.logits, 0)


def _solved(gram: Float[Array, "operand operand"], right: Float[Array, " operand"]) -> Float[Array, " operand"]:
    """The solution of a positive definite system of very few equations, by elimination.

    XLA calls a library for `jnp.linalg.solve`, which is slower for so few.
    """
    rows = [jnp.append(row, value) for row, value in zip(gram, right, strict=True)]
    for i in range(len(rows)):
        pivot = rows[i] / rows[i][i]
        rows = [pivot if j == i else row - row[i] * pivot for j, row in enumerate(rows)]
    return jnp.stack(rows)[:, -1]


def aligned(
    logits: Float[Array, "row *answer d_vocab_out"], rows: Bool[Array, " row"], algorithm: Algorithm, shuffled: bool = False
) -> Aligned:
    """The logits of a set of rows in coordinates of the group.

    Args:
        logits: of all rows; where a row has several answers, the first one is taken.
        rows: the set.
        shuffled: as in `held_out`.
    """
    first = logits if logits.ndim == 2 else logits[:, 0]
    classes = algorithm.classes
    values = first[:, : len(classes)] if (classes == np.arange(len(classes))).all() else first[:, classes]  # a slice costs nothing
    has_answer = algorithm.answers >= 0
    answers = np.where(has_answer, algorithm.answers, 0)
    if shuffled:
        answers[has_answer] = np.random.default_rng(SHUFFLE_SEED).permutation(answers[has_answer])
    kept = rows & jnp.asarray(has_answer)
    return Aligned(values - values.mean(axis=1, keepdims=True), answers, kept, kept.sum().astype(values.dtype))


def summed(part: Aligned) -> Sums:
    """The sums over the rows of a set."""
    n = part.logits.shape[1]
    counts = jnp.zeros(n, part.logits.dtype).at[part.answers].add(part.rows.astype(part.logits.dtype))
    squares = jnp.where(part.rows[:, None], jnp.square(part.logits), 0).sum()
    return Sums(_sums_by(part.answers, n, part), counts, squares)


def strengths(sums: Sums, algorithm: Algorithm) -> Float[Array, " component"]:
    """The least-squares coefficient of every component's ideal logits, which have norm 1 in every row. NaN if there are no rows."""
    class_of = np.argsort(algorithm.quotient, axis=1)  # at row e, column q the class c with e c^-1 = q
    by_quotient = jnp.take_along_axis(sums.by_answer, jnp.asarray(class_of), axis=1).sum(axis=0)
    return jnp.asarray(algorithm.characters, by_quotient.dtype) @ by_quotient / sums.total


def gen_logits(
    coefficients: Float[Array, " component"], answers: Int[Array, " row"], algorithm: Algorithm
) -> Float[Array, "row element"]:
    """The ideal logits of all components at their strengths, for rows with these right answers."""
    by_quotient = coefficients @ jnp.asarray(algorithm.characters, coefficients.dtype)
    return by_quotient[jnp.asarray(algorithm.quotient)][answers]


def answer_power(sums: Sums) -> Float[Array, ""]:
    """Mean square of that part of a row's logits which is a function of its right answer, estimated without bias.

    Products of two different rows with the same answer are averaged, so that noise which differs from row to row adds nothing. NaN if
    no two rows have the same answer.
    """
    return (jnp.square(sums.by_answer).sum() - sums.squares) / (sums.counts * (sums.counts - 1)).sum()


def mean_square(sums: Sums) -> Float[Array, ""]:
    """Mean over rows of the squared norm of the logits; NaN if there are no rows."""
    return sums.squares / sums.total
