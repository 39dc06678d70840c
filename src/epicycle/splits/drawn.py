"""Splits by a rule: which rows are trained on, and what the held-out rows give away under the task's symmetries."""

import random
from typing import Any

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from epicycle.spec.errors import InputError
from epicycle.spec.families import SplitRule
from epicycle.spec.fields import data
from epicycle.spec.table import Table


class Split(SplitRule):
    """Rows drawn at random, irrespective of symmetries: int(frac_train * rows) of them."""

    kind = "random"
    aliases = {"train_fraction": "frac_train", "train_frac": "frac_train", "fraction": "frac_train"}

    frac_train: float = data(0.3, gt=0, le=1)

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """The first rows of a shuffle that depends on `data_seed` alone, so fractions of one seed are nested."""
        order = np.random.RandomState(data_seed).permutation(len(table.labels))
        return order[: _count(self.frac_train, table)]


class MirrorClosedSplit(SplitRule):
    """Rows drawn at random in pairs (x, y), (y, x), both on one side, so that no held-out row is the mirror of a trained one.

    The swap is closed whether it preserves the label or not.
    """

    kind = "mirror_closed"
    aliases = Split.aliases

    frac_train: float = data(0.3, gt=0, le=1)

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """Whole orbits of the swap in random order, as long as they fit; one row of an odd rest stays untrained.

        Raises:
            InputError: the task has no swap of operands.
        """
        partner = _partners(table, self.kind)
        first = np.flatnonzero(partner >= np.arange(len(partner)))
        wanted = _count(self.frac_train, table)
        rows: list[int] = []
        for row in first[np.random.RandomState(data_seed).permutation(len(first))]:
            orbit = sorted({int(row), int(partner[row])})
            if len(rows) + len(orbit) <= wanted:
                rows.extend(orbit)
        if not rows:
            raise InputError(f"split: frac_train = {self.frac_train:g} holds no whole orbit of the swap, none to train on; raise it.")
        return np.array(rows, dtype=np.int64)


class MirrorForcedSplit(SplitRule):
    """The opposite: every held-out row's swap is trained on, so that a network that learns the symmetry alone is right everywhere.

    Attributes:
        frac_train: None holds out one row of each pair {(x, y), (y, x)}, drawn at random: the split called one of each pair, which
            trains on the fewest rows there can be. Rows (x, x) are always trained on.
    """

    kind = "mirror_forced"
    aliases = Split.aliases

    frac_train: float | None = data(None, gt=0, le=1)

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """All rows but one each of as many pairs as are held out.

        Raises:
            InputError: the task has no swap of operands, or more rows would have to be held out than there are pairs.
        """
        partner = _partners(table, self.kind)
        n, draw = len(partner), np.random.RandomState(data_seed)
        pairs = np.flatnonzero(partner > np.arange(n))
        held_out = len(pairs) if self.frac_train is None else n - _count(self.frac_train, table)
        if held_out > len(pairs):
            least = (n - len(pairs)) / n
            raise InputError(
                f"split.frac_train: with {self.frac_train} some held-out row's swap would be held out too; give at least {least:.3f}."
            )
        chosen = pairs[draw.permutation(len(pairs))[:held_out]]
        chosen = np.where(draw.randint(2, size=held_out) == 1, partner[chosen], chosen)
        return np.setdiff1d(np.arange(n), chosen)


class PythonShuffleSplit(SplitRule):
    """The split of the progress-measures code: Python's own shuffle of all rows in lexicographic order, seeded by `data_seed`.

    With seed 0, p = 113 and 30 % it is the split of the published weights (Nanda et al., arXiv 2301.05217).
    """

    kind = "python_shuffle"
    aliases = Split.aliases

    frac_train: float = data(0.3, gt=0, le=1)

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """The first rows of the shuffle, so fractions of one seed are nested."""
        order = list(range(len(table.labels)))
        random.Random(data_seed).shuffle(order)
        return np.array(order[: _count(self.frac_train, table)])


class SequentialSplit(SplitRule):
    """The first int(frac_train * rows) rows in table order, whatever the `data_seed`.

    Tables are in lexicographic order, so most elements held out as the first operand are never trained on in its place.
    """

    kind = "sequential"
    aliases = Split.aliases

    frac_train: float = data(0.3, gt=0, le=1)

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """A prefix of the table; nothing is drawn."""
        del data_seed
        return np.arange(_count(self.frac_train, table))


class AlternatingSplit(SplitRule):
    """int(frac_train * rows) rows at even distances in table order, whatever the `data_seed`.

    At 1/2 these are rows 0, 2, 4, ...: the colour of (0, 0) on the chessboard of all pairs where their side is odd, and every other
    second operand where it is even. At 1/k it is every k-th row.
    """

    kind = "alternating"
    aliases = Split.aliases

    frac_train: float = data(0.5, gt=0, le=1)

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """Row floor(i * rows / count) for every i below the count; nothing is drawn."""
        del data_seed
        count = _count(self.frac_train, table)
        return np.arange(count) * len(table.labels) // count


def leakage(table: Table, trained: Bool[ndarray, " row"]) -> dict[str, Any]:
    """For each symmetry, the share of held-out rows whose image is trained on, and what the symmetry does to the label."""
    held_out = ~trained
    report = {}
    for symmetry in table.symmetries:
        seen = trained[symmetry.image] & (symmetry.image >= 0)
        share = float(seen[held_out].mean()) if held_out.any() else None
        report[symmetry.name] = {"share_of_test_rows_seen": share, "label": symmetry.label}
    return report


def _partners(table: Table, kind: str) -> Int[ndarray, " row"]:
    """The row with its operands swapped, itself where there is none."""
    swap = next((s.image for s in table.symmetries if s.name in ("mirror", "swap")), None)
    if swap is None:
        raise InputError(f"split {kind} needs a task whose operands can be swapped; use the random split.")
    return np.where(swap < 0, np.arange(len(swap)), swap)


def _count(frac_train: float, table: Table) -> int:
    """int(frac * rows) as in the field's codes; the tiny term keeps 0.29 * 100 from becoming 28."""
    count = int(frac_train * len(table.labels) + 1e-9)
    if count == 0:
        raise InputError(f"split.frac_train: {frac_train} of {len(table.labels)} rows leaves none to train on; raise it.")
    return count
