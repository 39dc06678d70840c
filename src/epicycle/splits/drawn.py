"""Splits by a rule: rows drawn at random, with or without regard to the swap of operands, or taken in table order.

Also the leakage of any split: the share of held-out rows that the training rows give away through the task's symmetries.
"""

import random
from abc import ABC

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from epicycle.spec.errors import InputError
from epicycle.spec.families import SplitRule
from epicycle.spec.fields import data
from epicycle.spec.table import SymmetryLeak, Table

ALIASES = {"train_fraction": "frac_train", "train_frac": "frac_train", "fraction": "frac_train"}


class _FractionSplit(SplitRule, ABC):
    """A share of the rows, chosen by a rule.

    Attributes:
        frac_train: share of the rows trained on: int(frac_train * rows) of them.
    """

    aliases = ALIASES

    frac_train: float = data(0.3, gt=0, le=1)


class Split(_FractionSplit):
    """Rows drawn at random, without regard to symmetries."""

    kind = "random"

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """The first rows of a shuffle that depends on `data_seed` alone, so that smaller fractions of a seed lie in larger ones.

        Raises:
            InputError: the fraction leaves no row to train on.
        """
        order = np.random.RandomState(data_seed).permutation(len(table.labels))
        return order[: _n_train(self.frac_train, table)]


class CountedSplit(SplitRule):
    """So many rows drawn at random, whatever the size of the table.

    Attributes:
        n_train: number of rows trained on.
    """

    kind = "counted"

    n_train: int = data(ge=1)

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """The first rows of the shuffle of the split `random`.

        Raises:
            InputError: the table has fewer rows.
        """
        n = len(table.labels)
        if self.n_train > n:
            raise InputError(f"split.n_train: the task has {n} rows, so {self.n_train} cannot be trained on; lower it.")
        return np.random.RandomState(data_seed).permutation(n)[: self.n_train]


class MirrorClosedSplit(_FractionSplit):
    """Rows drawn at random in pairs (x, y), (y, x), so that no held-out row is the swap of a trained row.

    Pairs stay together whether the swap preserves the label or not.

    Attributes:
        frac_train: share of the rows trained on: at most int(frac_train * rows), see `train_rows`.
    """

    kind = "mirror_closed"

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """Whole orbits of the swap (a pair, or a row that is its own swap) in random order, as long as they fit.

        If one more row is wanted and only pairs are left, one row fewer is trained on.

        Raises:
            InputError: the task has no swap of operands, or the fraction holds no whole orbit.
        """
        swapped = _swapped(table, self.kind)
        firsts = np.flatnonzero(swapped >= np.arange(len(swapped)))
        n_wanted = _n_train(self.frac_train, table)
        rows: list[int] = []
        for row in firsts[np.random.RandomState(data_seed).permutation(len(firsts))]:
            orbit = sorted({int(row), int(swapped[row])})
            if len(rows) + len(orbit) <= n_wanted:
                rows.extend(orbit)
        if not rows:
            raise InputError(
                f"split: frac_train = {self.frac_train:g} is too small to hold a pair of swapped rows, so there are none to train on; "
                "raise it."
            )
        return np.array(rows, dtype=np.int64)


class MirrorForcedSplit(SplitRule):
    """The opposite of `mirror_closed`: the swap of every held-out row is trained on.

    A network that learns the swap's effect on the label, and nothing else, is then right on every row.

    Attributes:
        frac_train: share of the rows trained on. None holds out one row of each pair {(x, y), (y, x)}, drawn at random; no such split
            trains on fewer rows. Rows (x, x) are always trained on.
    """

    kind = "mirror_forced"
    aliases = ALIASES

    frac_train: float | None = data(None, gt=0, le=1)

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """All rows but the held-out ones; of each pair at most one row is held out.

        Raises:
            InputError: the task has no swap of operands, or more rows would have to be held out than there are pairs.
        """
        swapped = _swapped(table, self.kind)
        n, draw = len(swapped), np.random.RandomState(data_seed)
        pairs = np.flatnonzero(swapped > np.arange(n))
        n_held_out = len(pairs) if self.frac_train is None else n - _n_train(self.frac_train, table)
        if n_held_out > len(pairs):
            least = (n - len(pairs)) / n
            raise InputError(
                f"split.frac_train: with {self.frac_train} some held-out row's swap would be held out too; give at least {least:.3f}."
            )
        held_out = pairs[draw.permutation(len(pairs))[:n_held_out]]
        held_out = np.where(draw.randint(2, size=n_held_out) == 1, swapped[held_out], held_out)
        return np.setdiff1d(np.arange(n), held_out)


class PythonShuffleSplit(_FractionSplit):
    """The split of the progress-measures code: Python's own shuffle of all rows in table order, seeded by `data_seed`.

    With seed 0, p = 113 and 30 % of the rows it is the split of the published weights (Nanda et al., arXiv 2301.05217).
    """

    kind = "python_shuffle"

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """The first rows of the shuffle, so that smaller fractions of a seed lie in larger ones.

        Raises:
            InputError: the fraction leaves no row to train on.
        """
        order = list(range(len(table.labels)))
        random.Random(data_seed).shuffle(order)
        return np.array(order[: _n_train(self.frac_train, table)])


class SequentialSplit(_FractionSplit):
    """The first int(frac_train * rows) rows in table order, whatever the `data_seed`.

    Tables are in lexicographic order of their operands. So most of the first operands of held-out rows are never trained on as first
    operands.
    """

    kind = "sequential"

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """The first rows of the table; nothing is drawn.

        Raises:
            InputError: the fraction leaves no row to train on.
        """
        del data_seed
        return np.arange(_n_train(self.frac_train, table))


class AlternatingSplit(_FractionSplit):
    """int(frac_train * rows) rows at even distances in table order, whatever the `data_seed`.

    At 1/2 these are rows 0, 2, 4, ... In a table of all n * n pairs with odd n, they are the squares of one colour of a chessboard
    (those of the colour of (0, 0)); with even n, they are the pairs whose second operand is even. At 1/k it is every k-th row.
    """

    kind = "alternating"

    frac_train: float = data(0.5, gt=0, le=1)

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """Row floor(i * rows / n) for every i below n, where n = int(frac_train * rows); nothing is drawn.

        Raises:
            InputError: the fraction leaves no row to train on.
        """
        del data_seed
        n = _n_train(self.frac_train, table)
        return np.arange(n) * len(table.labels) // n


def leakage(table: Table, trained: Bool[ndarray, " row"]) -> dict[str, SymmetryLeak]:
    """What the trained rows give away of the held-out rows, by the name of each symmetry of the task.

    Args:
        table: the task's table.
        trained: true at the rows trained on.
    """
    held_out = ~trained
    leaks = {}
    for symmetry in table.symmetries:
        seen = trained[symmetry.image] & (symmetry.image >= 0)
        share = float(seen[held_out].mean()) if held_out.any() else None
        leaks[symmetry.name] = SymmetryLeak(share, symmetry.label)
    return leaks


def _swapped(table: Table, kind: str) -> Int[ndarray, " row"]:
    """For each row, the row with its operands swapped, or the row itself where the table has no such row."""
    image = next((s.image for s in table.symmetries if s.name in ("mirror", "swap")), None)
    if image is None:
        raise InputError(f"split {kind} needs a task whose operands can be swapped; use the random split.")
    return np.where(image < 0, np.arange(len(image)), image)


def _n_train(frac_train: float, table: Table) -> int:
    """int(frac_train * rows), as in the field's codes; the tiny term keeps 0.29 * 100 from becoming 28."""
    n_train = int(frac_train * len(table.labels) + 1e-9)
    if n_train == 0:
        raise InputError(f"split.frac_train: {frac_train} of {len(table.labels)} rows leaves none to train on; raise it.")
    return n_train
