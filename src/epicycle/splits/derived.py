"""Splits around another split: some of its rows taken out, put in, exchanged, given other labels or weights, or withheld for a while.

Data edits of forks are these rules put around the parent's split; a run from the start can be given one as well, so that both kinds of
run train on the very same rows.
"""

from typing import Any, Self

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from pydantic import model_validator

from epicycle.spec.errors import InputError
from epicycle.spec.families import AnySplit, SplitRule
from epicycle.spec.fields import data
from epicycle.spec.table import Table
from epicycle.splits.listed import Rows, listed_rows

# Streams of random numbers beside the one that draws the rows of a split.
LABELS, TAKEN, GIVEN = 1, 2, 3


class DerivedSplit(SplitRule):
    """Another split, and which of its rows are meant.

    Attributes:
        of: the other split.
        share: of the rows in question: int(share * rows) of them, drawn by `data_seed` alone; shares of one seed are nested.
        rows: the rows themselves, as in the split `listed`.
    """

    of: AnySplit
    share: float | None = data(None, gt=0, le=1)
    rows: Rows | None = data(None)

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        if (self.share is None) == (self.rows is None):
            raise ValueError(f"split {self.kind}: give either share or rows")
        return self

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """Those of the other split."""
        return self.of.train_rows(table, data_seed)

    def train_labels(self, table: Table, rows: Int[ndarray, " slot"], data_seed: int) -> Any:
        """Those of the other split, the task's own at rows it does not have."""
        return self._kept("train_labels", table, rows, data_seed, table.labels)

    def train_weights(self, table: Table, rows: Int[ndarray, " slot"], data_seed: int) -> Any:
        """Those of the other split, 1 at rows it does not have."""
        return self._kept("train_weights", table, rows, data_seed, np.ones(len(table.labels)))

    def train_since(self, table: Table, rows: Int[ndarray, " slot"], data_seed: int) -> Any:
        """That of the other split, 0 at rows it does not have."""
        if self.of.train_since(table, self.of.train_rows(table, data_seed), data_seed) is None:
            return None
        return self._kept("train_since", table, rows, data_seed, np.zeros(len(table.labels), np.int64))

    def removed_rows(self, table: Table, data_seed: int) -> Any:
        """Those of the other split."""
        return self.of.removed_rows(table, data_seed)

    def _kept(self, what: str, table: Table, rows: Int[ndarray, " slot"], data_seed: int, otherwise: Any) -> Any:
        """What the other split says at its own rows, which it may draw by their places in its list."""
        values, theirs = np.array(otherwise), self.of.train_rows(table, data_seed)
        values[theirs] = getattr(self.of, what)(table, theirs, data_seed)
        return values[rows]

    def _chosen(self, table: Table, among: Int[ndarray, " slot"], data_seed: int, stream: int) -> Int[ndarray, " slot"]:
        """The rows meant, among those in question.

        Raises:
            InputError: there are none, or a listed row is not among them.
        """
        if self.rows is not None:
            listed = listed_rows(self.rows, table)
            if strange := sorted(set(listed.tolist()) - set(among.tolist())):
                raise InputError(f"split {self.kind}, rows: row {strange[0]} is not among the {len(among)} rows it could be.")
            return listed
        share = self.share or 0.0
        order = np.random.RandomState([data_seed, stream]).permutation(len(among))
        chosen = among[order[: int(share * len(among) + 1e-9)]]
        if not len(chosen):
            raise InputError(f"split {self.kind}: {share} of {len(among)} rows is none; raise the share.")
        return chosen


class CorruptedSplit(DerivedSplit):
    """A share of the training labels, or those of listed rows, replaced by classes drawn uniformly (which may be the right ones).

    Which rows and which labels depends on `data_seed` alone, and is the same throughout a run (Doshi et al., arXiv 2310.13061).
    """

    kind = "corrupted"

    share: float | None = data(None, ge=0, le=1)

    def train_labels(self, table: Table, rows: Int[ndarray, " slot"], data_seed: int) -> Any:
        """Some of them replaced.

        Raises:
            InputError: the task's labels are not one class for each row.
        """
        if table.labels.ndim > 1:
            raise InputError("split: corrupted labels are drawn from the classes, and this task's rows have more than one class each.")
        draw = np.random.RandomState([data_seed, LABELS])
        order, other = draw.permutation(len(rows)), draw.randint(table.num_classes, size=len(rows))
        if self.rows is None:
            chosen = order[: int((self.share or 0.0) * len(rows) + 1e-9)]
        else:
            chosen = np.flatnonzero(np.isin(rows, self._chosen(table, rows, data_seed, LABELS)))
        labels = super().train_labels(table, rows, data_seed)
        labels[chosen] = other[chosen]
        return labels


class RemovedSplit(DerivedSplit):
    """Without a share of its rows, or without those listed; they are then measured as `removed`."""

    kind = "removed"

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """Those that are left, in their order.

        Raises:
            InputError: none are left.
        """
        before = self.of.train_rows(table, data_seed)
        left = before[~np.isin(before, self._chosen(table, before, data_seed, TAKEN))]
        if not len(left):
            raise InputError("split removed: no row is left to train on; remove fewer.")
        return left

    def removed_rows(self, table: Table, data_seed: int) -> Any:
        """All that were trained on before and are not now."""
        return _gone(self, table, data_seed)


class AddedSplit(DerivedSplit):
    """With a share of the rows held out, or with those listed, beside its own."""

    kind = "added"

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """Its own rows, then the added ones."""
        before = self.of.train_rows(table, data_seed)
        held_out = np.setdiff1d(np.arange(len(table.labels)), before)
        return np.concatenate([before, self._chosen(table, held_out, data_seed, GIVEN)])


class ReplacedSplit(DerivedSplit):
    """A share of its rows, or those listed, exchanged for as many held-out ones; the rows taken out are those `removed` takes."""

    kind = "replaced"

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """Those that are left, then the new ones.

        Raises:
            InputError: there are not so many held-out rows.
        """
        before = self.of.train_rows(table, data_seed)
        taken = self._chosen(table, before, data_seed, TAKEN)
        held_out = np.setdiff1d(np.arange(len(table.labels)), before)
        if len(taken) > len(held_out):
            raise InputError(f"split replaced: {len(taken)} rows are taken out and only {len(held_out)} are held out; replace fewer.")
        given = held_out[np.random.RandomState([data_seed, GIVEN]).permutation(len(held_out))[: len(taken)]]
        return np.concatenate([before[~np.isin(before, taken)], given])

    def removed_rows(self, table: Table, data_seed: int) -> Any:
        """All that were trained on before and are not now."""
        return _gone(self, table, data_seed)


class ReweightedSplit(DerivedSplit):
    """A share of its rows, or those listed, with another weight in the loss.

    Attributes:
        weight: multiplies the weight they have; the loss is the mean over rows by weight.
    """

    kind = "reweighted"

    weight: float = data(gt=0)

    def train_weights(self, table: Table, rows: Int[ndarray, " slot"], data_seed: int) -> Any:
        """Those of the other split, some multiplied."""
        weights = super().train_weights(table, rows, data_seed)
        weights[np.isin(rows, self._chosen(table, rows, data_seed, TAKEN))] *= self.weight
        return weights


class WithheldSplit(DerivedSplit):
    """A share of its rows, or those listed, trained on from a step on only; until then they are measured as `removed`.

    Attributes:
        until: the step, counted from the start of the run (of the first ancestor, in a fork).
    """

    kind = "withheld"

    until: int = data(ge=1)

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """Those of the other split.

        Raises:
            InputError: all of them are withheld.
        """
        rows = self.of.train_rows(table, data_seed)
        if len(self._chosen(table, rows, data_seed, TAKEN)) == len(rows):
            raise InputError("split withheld: all rows are withheld, so there is nothing to train on; withhold fewer.")
        return rows

    def train_since(self, table: Table, rows: Int[ndarray, " slot"], data_seed: int) -> Any:
        """`until` at the rows meant, what the other split says elsewhere."""
        before = super().train_since(table, rows, data_seed)
        since = np.zeros(len(rows), np.int64) if before is None else before
        meant = np.isin(rows, self._chosen(table, rows, data_seed, TAKEN))
        return np.where(meant, np.maximum(since, self.until), since)

    def removed_rows(self, table: Table, data_seed: int) -> Any:
        """The rows meant, and those of the other split."""
        meant = self._chosen(table, self.of.train_rows(table, data_seed), data_seed, TAKEN)
        before = self.of.removed_rows(table, data_seed)
        return meant if before is None else np.union1d(before, meant)


def _gone(split: DerivedSplit, table: Table, data_seed: int) -> Int[ndarray, " row"]:
    before = split.of.removed_rows(table, data_seed)
    once = split.of.train_rows(table, data_seed)
    known = once if before is None else np.union1d(before, once)
    return np.setdiff1d(known, split.train_rows(table, data_seed))
