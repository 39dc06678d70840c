"""Random tables: an operation on n elements whose labels are drawn at random.

They are controls without a rule to find. A held-out label follows from trained labels in two cases only: in a commutative table it is
that of its mirror, and in a Latin square it is none of the labels that its row and column have already.

A Latin square is drawn by the moves of Jacobson and Matthews (Generating uniformly distributed random Latin squares, J. Combin.
Designs 4, 1996, 405-437). A symmetric Latin square is drawn by the hill climbing of Dinitz and Stinson (A hill-climbing algorithm for
the construction of one-factorizations and Room squares, SIAM J. Alg. Disc. Meth. 8, 1987, 430-438).
"""

import random
from collections.abc import Callable
from functools import cache

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from pydantic import model_validator

from epicycle.spec.answer_group import AnswerGroup
from epicycle.spec.experiment import MAX_SEED
from epicycle.spec.families import Task
from epicycle.spec.fields import static
from epicycle.spec.table import Symmetry, Table
from epicycle.tasks.forms import Form, table_in_form

MAX_LATIN = 200  # elements; the number of moves grows with the third power of n

Cell = tuple[int, int, int]  # row, column, symbol


class RandomTable(Task):
    """An operation with random labels, for all ordered pairs of n elements in lexicographic order.

    Attributes:
        n: number of elements; labels are below n.
        commutative: whether (x, y) and (y, x) share one draw, so that the swap preserves the label.
        latin: whether every element is once in each row and column of the n x n square of labels, so that one operand says nothing of
            the label. `latin_square` and `symmetric_latin_square` say how the square is drawn. If not, labels are independent and
            uniform.
        table_seed: the seed of the draw, apart from the runs' seeds.
        form: how a row is written, see `epicycle.tasks.forms`.
    """

    kind = "random_table"

    n: int = static(ge=2, le=1000)
    commutative: bool = static(False)
    latin: bool = static(False)
    table_seed: int = static(0, ge=0, le=MAX_SEED)
    form: Form = static("x y =")

    @model_validator(mode="after")
    def _can_be_drawn(self) -> "RandomTable":
        if self.latin and self.n > MAX_LATIN:
            raise ValueError(f"a Latin square of {self.n} elements takes too long to draw; at most {MAX_LATIN} are allowed")
        if self.latin and self.commutative and self.n % 2 == 0:
            raise ValueError(f"a commutative Latin square is drawn for an odd number of elements only; choose n = {self.n + 1}")
        return self

    def product(self) -> Int[ndarray, "token token"]:
        """The labels as a square: row x, column y holds the label of (x, y)."""
        if self.latin:
            return (symmetric_latin_square if self.commutative else latin_square)(self.n, self.table_seed)
        # RandomState gives the same numbers in every version of NumPy and, as the dtype is named, on every platform.
        labels = np.random.RandomState(self.table_seed).randint(self.n, size=(self.n, self.n), dtype=np.int64)
        return np.triu(labels) + np.triu(labels, 1).T if self.commutative else labels

    def answer_group(self) -> AnswerGroup | None:
        """Of a Latin square: its labels as residues, a null for measures of circuits. Answers exclude each other as in a group.

        No group computes these answers, so whatever Gen a measure sees is what chance gives.
        """
        if not self.latin:
            return None
        labels, residues = self.table().labels, np.arange(self.n)
        product = np.add.outer(residues, residues) % self.n
        return AnswerGroup(product, residues, labels if labels.ndim == 1 else labels[:, 0], is_cyclic=True)

    def table(self) -> Table:
        """All n * n rows."""
        n = self.n
        x, y = np.divmod(np.arange(n * n), n)
        symmetries = (Symmetry("mirror", y * n + x, "preserved"),) if self.commutative else ()
        return table_in_form(np.stack([x, y], axis=1), self.product()[x, y], n, symmetries, self.form)


@cache
def latin_square(n: int, seed: int) -> Int[ndarray, "token token"]:
    """A random Latin square of n >= 2 elements, read-only.

    A Markov chain starts at the addition table, and the n^2-th Latin square that it visits is taken, after some n^3 moves. In the long
    run the squares visited are uniformly distributed; how soon is not proved. Between squares, the chain visits tables in which one
    cell holds a symbol -1 times; the lines through that cell (its row, column and symbol) then hold two candidates each, and `spare`
    is the second of each. Squares are counted and not moves, because the first square after a fixed number of moves is more often
    one with long ways to it (at n = 5, 14 % of them have no 2 x 2 subsquare, while 10.7 % of all squares have none).
    """
    draw = random.Random(seed).random  # the one stream of Python's generators that is promised never to change
    elements = range(n)
    symbol = [[(r + c) % n for c in elements] for r in elements]  # by row and column
    column = [[(s - r) % n for s in elements] for r in elements]  # by row and symbol
    row = [[(s - c) % n for s in elements] for c in elements]  # by column and symbol
    negative: Cell | None = None
    spare: Cell = (0, 0, 0)
    n_squares = 0
    while n_squares < n * n:
        if negative:
            r, c, s = negative
            r1, r0 = _shuffled(row[c][s], spare[0], draw)
            c1, c0 = _shuffled(column[r][s], spare[1], draw)
            s1, s0 = _shuffled(symbol[r][c], spare[2], draw)
        else:
            r, c = int(draw() * n), int(draw() * n)
            s = (symbol[r][c] + 1 + int(draw() * (n - 1))) % n
            r1, c1, s1 = row[c][s], column[r][s], symbol[r][c]
            r0, c0, s0 = r, c, s
        negative = None if symbol[r1][c1] == s1 else (r1, c1, s1)
        n_squares += negative is None
        spare = (row[c1][s1], column[r1][s1], symbol[r1][c1])
        symbol[r][c], symbol[r][c1], symbol[r1][c], symbol[r1][c1] = s0, s1, s1, s
        column[r][s], column[r][s1], column[r1][s], column[r1][s1] = c0, c1, c1, c
        row[c][s], row[c][s1], row[c1][s], row[c1][s1] = r0, r1, r1, r
    return _read_only(symbol)


def _shuffled(first: int, second: int, draw: Callable[[], float]) -> tuple[int, int]:
    return (first, second) if draw() < 0.5 else (second, first)


@cache
def symmetric_latin_square(n: int, seed: int) -> Int[ndarray, "token token"]:
    """A random symmetric Latin square of an odd number n of elements, read-only.

    Such a square is a colouring of the edges of the complete graph on n + 1 points, in which no point has two edges of one colour.
    Cell (x, y) is the colour of the edge between x and y, and cell (x, x) is the colour of the edge between x and the point n. Edges
    are coloured one by one; an edge that is in the way loses its colour. The procedure treats all points and colours alike, so
    squares that differ only by relabelling them are equally likely; the distribution over all squares is not exactly uniform.
    """
    draw = random.Random(seed).random
    points = range(n + 1)
    colour = [[-1] * (n + 1) for _ in points]  # of the edge between two points; -1 is none
    partner = [[-1] * (n + 1) for _ in range(n)]  # by colour and point: the other end of the point's edge of that colour
    n_uncoloured = n * (n + 1) // 2

    def paint(f: int, x: int, y: int) -> None:
        colour[x][y] = colour[y][x] = f
        partner[f][x], partner[f][y] = y, x

    def strip(f: int, x: int, y: int) -> None:
        colour[x][y] = colour[y][x] = partner[f][x] = partner[f][y] = -1

    while n_uncoloured:
        x, f = int(draw() * (n + 1)), int(draw() * n)
        if partner[f][x] >= 0:
            continue
        n_uncoloured -= 1
        if draw() < 0.5:  # give the colour f to an uncoloured edge at x
            free = [y for y in points if colour[x][y] < 0 and y != x]
            y = free[int(draw() * len(free))]
            z = partner[f][y]
            if z >= 0:
                strip(f, z, y)
                n_uncoloured += 1
        else:  # join x by the colour f to another point that lacks it
            free = [y for y in points if partner[f][y] < 0 and y != x]
            y = free[int(draw() * len(free))]
            if colour[x][y] >= 0:
                strip(colour[x][y], x, y)
                n_uncoloured += 1
        paint(f, x, y)
    return _read_only([[colour[x][n if x == y else y] for y in range(n)] for x in range(n)])


def _read_only(square: list[list[int]]) -> Int[ndarray, "token token"]:
    """An array that nobody can change, as the cache hands out the same one again and again."""
    array = np.array(square)
    array.setflags(write=False)
    return array
