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
    answers: Int[Array, " row"]
    rows: Bool[Array, " row"]
    total: Float[Array, ""]


def held_out(snapshot: Mapping[str, Any], algorithm: Algorithm, shuffled: bool = False) -> Aligned:
    """The logits of held-out rows, less the shadow of memory.

    Args:
        snapshot: with the entries of `HELD_OUT`.
        shuffled: gives every row the right answer of another one, drawn once: the null.
    """
    part = aligned(snapshot["logits"], snapshot["test"], algorithm, shuffled)
    is_trained_answer = label_positions(snapshot["labels"], algorithm) & snapshot["train"][:, None]
    shadows = [_answers_with(operand, is_trained_answer, part) for operand in algorithm.operands.T]
    return part._replace(logits=part.logits - _shadow_of_memory(part, shadows, algorithm))


HELD_OUT = ("task", "logits", "labels", "train", "test")  # entries of a snapshot that `held_out` reads


def label_positions(labels: Int[Array, "row ..."], algorithm: Algorithm) -> Bool[Array, "row element"]:
    """True at the element that is the label of a row; nowhere if the label is no element."""
    first = labels if labels.ndim == 1 else labels[:, 0]
    return first[:, None] == jnp.asarray(algorithm.classes)


def _answers_with(
    operand: Int[np.ndarray, " row"], is_trained_answer: Bool[Array, "row element"], part: Aligned
) -> Float[Array, "row element"]:
    """1 at the answers trained on in any row with the same operand, 0 at others, without the mean over elements."""
    is_operand = jnp.asarray(operand[:, None] == np.arange(operand.max() + 1), part.logits.dtype)
    counts = is_operand.T @ is_trained_answer.astype(is_operand.dtype)
    seen = (counts > 0).astype(counts.dtype)
    return (seen - seen.mean(axis=1, keepdims=True))[operand]


def _shadow_of_memory(
    part: Aligned, shadows: Sequence[Float[Array, "row element"]], algorithm: Algorithm
) -> Float[Array, "row element"]:
    """The shadow of each operand, with the coefficients of a least-squares fit of shadows and characters to the rows' logits."""
    by_component = jnp.stack([strengths(part._replace(logits=shadow), algorithm) for shadow in shadows])

    def product(left: Float[Array, "row element"], right: Float[Array, "row element"]) -> Float[Array, ""]:
        return jnp.where(part.rows, (left * right).sum(axis=1), 0).sum() / part.total

    # Characters are orthonormal in every row, so they are eliminated first; what is left is a system for the shadows alone.
    own = strengths(part, algorithm)
    gram = jnp.stack([jnp.stack([product(a, b) for b in shadows]) for a in shadows]) - by_component @ by_component.T
    right = jnp.stack([product(shadow, part.logits) for shadow in shadows]) - by_component @ own
    ridge = 1e-6 * jnp.eye(len(shadows), dtype=gram.dtype)  # where a shadow is empty, as when nothing is trained on
    coefficients = _solved(gram + ridge, right)
    return sum((size * shadow for size, shadow in zip(coefficients, shadows, strict=True)), start=jnp.zeros_like(part.logits))


def _solved(gram: Float[Array, "shadow shadow"], right: Float[Array, " shadow"]) -> Float[Array, " shadow"]:
    """The solution of a positive definite system of two or three equations, by elimination.

    XLA calls a library for `jnp.linalg.solve`, and computes for every measure anew whatever depends on what a library gave.
    """
    rows = [jnp.append(row, value) for row, value in zip(gram, right, strict=True)]
    for i in range(len(rows)):
        rows[i] = rows[i] / rows[i][i]
        rows = [row if j == i else row - row[i] * rows[i] for j, row in enumerate(rows)]
    return jnp.stack(rows)[:, -1]


def aligned(
    logits: Float[Array, "row *answer d_vocab_out"], rows: Bool[Array, " row"], algorithm: Algorithm, shuffled: bool
) -> Aligned:
    """The logits of a set of rows in coordinates of the group.

    Args:
        logits: of all rows; where a row has several answers, the first one is taken.
        rows: the set.
        shuffled: as in `held_out`.
    """
    first = logits if logits.ndim == 2 else logits[:, 0]
    values = first[:, algorithm.classes]
    has_answer = algorithm.answers >= 0
    answers = np.where(has_answer, algorithm.answers, 0)
    if shuffled:
        answers[has_answer] = np.random.default_rng(SHUFFLE_SEED).permutation(answers[has_answer])
    kept = rows & jnp.asarray(has_answer)
    return Aligned(values - values.mean(axis=1, keepdims=True), jnp.asarray(answers), kept, kept.sum().astype(values.dtype))


def sums_by_answer(part: Aligned, n_elements: int) -> Float[Array, "element element"]:
    """The sum of the logits of the rows with each right answer: row e holds those with answer e."""
    is_answer = (part.answers[:, None] == jnp.arange(n_elements)) & part.rows[:, None]
    return is_answer.astype(part.logits.dtype).T @ part.logits


def strengths(part: Aligned, algorithm: Algorithm) -> Float[Array, " component"]:
    """The least-squares coefficient of every component's ideal logits, which have norm 1 in every row. NaN if there are no rows."""
    sums = sums_by_answer(part, len(algorithm.classes))
    by_quotient = jnp.zeros_like(sums[0]).at[algorithm.quotient.reshape(-1)].add(sums.reshape(-1))
    return jnp.asarray(algorithm.characters, sums.dtype) @ by_quotient / part.total


def gen_logits(
    coefficients: Float[Array, " component"], answers: Int[Array, " row"], algorithm: Algorithm
) -> Float[Array, "row element"]:
    """The ideal logits of all components at their strengths, for rows with these right answers."""
    by_quotient = coefficients @ jnp.asarray(algorithm.characters, coefficients.dtype)
    return by_quotient[jnp.asarray(algorithm.quotient)][answers]


def is_right(logits: Float[Array, "row element"], answers: Int[Array, " row"]) -> Bool[Array, " row"]:
    """Whether the right answer has the largest logit; a tie counts as wrong.

    The right logit is compared with the others only. Compared with itself it could lose by a rounding, where both are computed apart.
    """
    is_answer = answers[:, None] == jnp.arange(logits.shape[1])
    return jnp.where(is_answer, logits, -jnp.inf).max(axis=1) > jnp.where(is_answer, -jnp.inf, logits).max(axis=1)


def answer_power(part: Aligned, n_elements: int) -> Float[Array, ""]:
    """Mean square of that part of a row's logits which is a function of its right answer, estimated without bias.

    Products of two different rows with the same answer are averaged, so that noise which differs from row to row adds nothing. NaN if
    no two rows have the same answer.
    """
    sums = sums_by_answer(part, n_elements)
    squares = jnp.where(part.rows, jnp.square(part.logits).sum(axis=1), 0).sum()
    counts = ((part.answers[:, None] == jnp.arange(n_elements)) & part.rows[:, None]).sum(axis=0).astype(sums.dtype)
    return (jnp.square(sums).sum() - squares) / (counts * (counts - 1)).sum()


def mean_square(part: Aligned) -> Float[Array, ""]:
    """Mean over rows of the squared norm of the logits; NaN if there are no rows."""
    return jnp.where(part.rows, jnp.square(part.logits).sum(axis=1), 0).sum() / part.total
