"""Logits split into what the general algorithm computes (Gen) and the rest (Mem).

Every function here takes the logits of all rows in coordinates of the task's group: one column for each element, without the mean
over elements, which changes no probability.
"""

from typing import NamedTuple

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


def aligned(
    logits: Float[Array, "row *answer d_vocab_out"], rows: Bool[Array, " row"], algorithm: Algorithm, shuffled: bool
) -> Aligned:
    """The logits of a set of rows in coordinates of the group.

    Args:
        logits: of all rows; where a row has several answers, the first one is taken.
        rows: the set.
        shuffled: gives every row the right answer of another one, drawn once: the null.
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
