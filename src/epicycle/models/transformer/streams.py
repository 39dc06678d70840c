"""The activations of all rows at one position, stored once per distinct value: the shortcut behind the fast form.

An activation that depends only on the token at its position has as many distinct values as there are tokens, however many rows there
are. Linear maps then act on the distinct values, and each row picks its value where a row's own activation is needed.

Features come first and rows last. Sums over features, heads or positions then run over whole rows, and every matrix product has the
layout in which CPUs multiply fastest.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


class Stream(NamedTuple):
    """The activations of all rows at one position.

    Attributes:
        values: one column for each distinct activation.
        column: the column of each row. None where every row has a column of its own, or where all rows share a single column.
    """

    values: Float[Array, "feature column"]
    column: Int[Array, " row"] | None = None

    @property
    def shared(self) -> bool:
        """Whether all rows have the same activation."""
        return self.column is None and self.values.shape[1] == 1

    def rows(self) -> Float[Array, "feature row"]:
        """One column for each row; a shared column stays single and broadcasts."""
        return self.values if self.column is None else self.values[:, self.column]

    def by_row(self) -> Float[Array, "row feature"]:
        """The transpose of `rows()`, several times faster: whole rows are picked, and their gradients added up, instead of columns."""
        return self.values.T if self.column is None else self.values.T[self.column]

    def map(self, change: Callable[[Float[Array, "feature column"]], Float[Array, "d_out column"]]) -> "Stream":
        """A stream whose distinct activations went through `change`, which must treat each column by itself."""
        return Stream(change(self.values), self.column)


def embedded(table: Float[Array, "token pos d_model"], inputs: Int[Array, "row pos"], constant: Sequence[int | None]) -> list[Stream]:
    """The stream of every position before the first block.

    Args:
        table: the vector of each token at each position.
        inputs: token ids.
        constant: for each position the token that every row has there, None where it varies; empty if unknown.

    Returns:
        For each position a stream with one column per token, or with a single column where the token never varies.
    """
    tokens = constant or (None,) * inputs.shape[1]
    return [
        Stream(table[:, i].T, inputs[:, i]) if token is None else Stream(table[token, i][:, None]) for i, token in enumerate(tokens)
    ]


def attended(
    queries: Stream, keys: Sequence[Stream], values: Sequence[Stream], n_heads: int, rate: Float[Array, ""] | float | None = None
) -> Stream:
    """What the heads read at one query position, heads side by side along the features.

    Args:
        queries: the queries of that position.
        keys: the keys of every position that it sees.
        values: the values of the same positions.
        n_heads: number of heads.
        rate: the weights are rate * softmax + (1 - rate) * 1; None is plain softmax.
    """
    if len(keys) == 1:  # the weight of the only position is 1, whatever the rate
        return values[0]
    d_head = queries.values.shape[0] // n_heads
    scores = [_scores(queries, key, n_heads) * d_head**-0.5 for key in keys]
    n_rows = max(score.shape[-1] for score in scores)
    pattern = jax.nn.softmax(jnp.stack([jnp.broadcast_to(score, (n_heads, n_rows)) for score in scores]), axis=0)
    if rate is not None:
        pattern = rate * pattern + (1 - jnp.asarray(rate, pattern.dtype))
    mixed = sum(
        weight.T[:, :, None] * value.by_row().reshape(-1, n_heads, value.values.shape[0] // n_heads)
        for weight, value in zip(pattern, values, strict=True)
    )
    return Stream(jnp.asarray(mixed).reshape(n_rows, -1).T)


def _scores(queries: Stream, key: Stream, n_heads: int) -> Float[Array, "head row"]:
    """Scores of all rows with one key position, computed once per distinct pair where rows repeat them."""
    if queries.shared or (queries.column is key.column and queries.column is not None):
        return Stream(_dots(queries.values, key.values, n_heads), key.column).rows()
    return _dots(queries.rows(), key.rows(), n_heads)


def _dots(a: Float[Array, "feature column"], b: Float[Array, "feature column"], n_heads: int) -> Float[Array, "head column"]:
    """Dot products of two activations, head by head."""
    product = a * b
    return product.reshape(n_heads, -1, product.shape[-1]).sum(axis=1)
