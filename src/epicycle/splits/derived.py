"""Splits derived from another split: some rows taken out, put in, exchanged, given other labels or weights, or withheld for a while.

The data edits of forks wrap the parent's split in one of these. A run from the start can be given such a split as well, so that both
kinds of run train on the very same rows.

`DerivedSplit` chooses rows. Each `_Same...` class below it passes one thing through from the inner split. So a split's list of parents
says what it leaves as it is, and its own methods say what it changes.
"""

from abc import ABC
from typing import Any, Self

import numpy as np
from jaxtyping import Int
from numpy import ndarray
from pydantic import model_validator

from epicycle.spec.errors import InputError
from epicycle.spec.families import AnySplit, SplitRule
from epicycle.spec.fields import data
from epicycle.spec.limits import MOST_STEPS
from epicycle.spec.table import Table
from epicycle.splits.listed import Rows, listed_rows

# Streams of random numbers, apart from the one that draws the rows of a split: for new labels, rows to take out, rows to put in.
LABELS, TAKEN, GIVEN = 1, 2, 3


class DerivedSplit(SplitRule, ABC):
    """Another split, changed at some of its rows.

    Attributes:
        of: the inner split, which is changed.
        share: share of the rows that can be chosen: int(share * rows) of them, drawn by `data_seed` alone. The rows of a smaller share
            are among those of a larger share with the same seed.
        rows: the chosen rows themselves, as in the split `listed`.
        first_operands: a first and a last number: the rows that can be chosen and whose first operand lies between them.
    """

    of: AnySplit
    share: float | None = data(None, gt=0, le=1)
    rows: Rows | None = data(None)
    first_operands: tuple[int, int] | None = data(None)

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if [self.share, self.rows, self.first_operands].count(None) != 2:
            raise ValueError(f"split {self.kind}: give one of share, rows and first_operands")
        return self

    def chosen_rows(self, table: Table, candidates: Int[ndarray, " slot"], data_seed: int, stream: int) -> Int[ndarray, " slot"]:
        """The rows to change.

        Args:
            table: the task's table.
            candidates: the rows to choose from.
            data_seed: the run's data seed.
            stream: number of the stream of random numbers.

        Raises:
            InputError: no row is chosen, or a listed row is not a candidate.
        """
        if self.rows is not None:
            listed = listed_rows(self.rows, table)
            if strange := sorted(set(listed.tolist()) - set(candidates.tolist())):
                raise InputError(f"split {self.kind}, rows: row {strange[0]} is not among the {len(candidates)} rows it could be.")
            return listed
        if self.first_operands is not None:
            return self._with_first_operands(*self.first_operands, table, candidates)
        share = self.share or 0.0
        order = np.random.RandomState([data_seed, stream]).permutation(len(candidates))
        chosen = candidates[order[: int(share * len(candidates) + 1e-9)]]
        if not len(chosen):
            raise InputError(f"split {self.kind}: {share} of {len(candidates)} rows is none; raise the share.")
        return chosen

    def _with_first_operands(self, first: int, last: int, table: Table, candidates: Int[ndarray, " slot"]) -> Int[ndarray, " slot"]:
        operands = table.operands[candidates, 0]
        chosen = candidates[(operands >= first) & (operands <= last)]
        if not len(chosen):
            raise InputError(
                f"split {self.kind}: of {len(candidates)} rows none has a first operand from {first} to {last}; choose others."
            )
        return chosen

    def inner_labels(self, table: Table, rows: Int[ndarray, " slot"], data_seed: int) -> Any:
        """The inner split's labels at these rows, and the task's own at rows that the inner split does not have."""
        inner_rows = self.of.train_rows(table, data_seed)
        labels = np.array(table.labels)
        labels[inner_rows] = self.of.train_labels(table, inner_rows, data_seed)
        return labels[rows]

    def inner_weights(self, table: Table, rows: Int[ndarray, " slot"], data_seed: int) -> Any:
        """The inner split's weights at these rows, and 1 at rows that the inner split does not have."""
        inner_rows = self.of.train_rows(table, data_seed)
        weights = np.ones(len(table.labels))
        weights[inner_rows] = self.of.train_weights(table, inner_rows, data_seed)
        return weights[rows]

    def inner_since(self, table: Table, rows: Int[ndarray, " slot"], data_seed: int) -> Any:
        """The inner split's first steps at these rows, and 0 at rows it does not have; None if the inner split withholds no row."""
        inner_rows = self.of.train_rows(table, data_seed)
        inner_steps = self.of.train_since(table, inner_rows, data_seed)
        if inner_steps is None:
            return None
        steps = np.zeros(len(table.labels), np.int64)
        steps[inner_rows] = inner_steps
        return steps[rows]

    def rows_no_longer_trained(self, table: Table, data_seed: int) -> Int[ndarray, " row"]:
        """The rows that the inner split trains on or has removed, and that this split does not train on."""
        removed_before = self.of.removed_rows(table, data_seed)
        before = self.of.train_rows(table, data_seed)
        ever_trained = before if removed_before is None else np.union1d(removed_before, before)
        return np.setdiff1d(ever_trained, self.train_rows(table, data_seed))


class _SameRows(DerivedSplit):
    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """The inner split's rows."""
        return self.of.train_rows(table, data_seed)


class _SameLabels(DerivedSplit):
    def train_labels(self, table: Table, rows: Int[ndarray, " slot"], data_seed: int) -> Any:
        """The inner split's labels; the task's own at rows that the inner split does not have."""
        return self.inner_labels(table, rows, data_seed)


class _SameWeights(DerivedSplit):
    def train_weights(self, table: Table, rows: Int[ndarray, " slot"], data_seed: int) -> Any:
        """The inner split's weights; 1 at rows that the inner split does not have."""
        return self.inner_weights(table, rows, data_seed)


class _SameSince(DerivedSplit):
    def train_since(self, table: Table, rows: Int[ndarray, " slot"], data_seed: int) -> Any:
        """The inner split's first steps; 0 at rows that the inner split does not have."""
        return self.inner_since(table, rows, data_seed)


class _SameRemoved(DerivedSplit):
    def removed_rows(self, table: Table, data_seed: int) -> Any:
        """The rows that the inner split has removed."""
        return self.of.removed_rows(table, data_seed)


class CorruptedSplit(_SameRows, _SameWeights, _SameSince, _SameRemoved):
    """Replaces the labels of a share of the training rows, or of listed rows, by classes drawn uniformly.

    A drawn class may be the right one. Rows and labels are drawn by `data_seed` alone and stay the same throughout a run (Doshi et
    al., arXiv 2310.13061).
    """

    kind = "corrupted"

    share: float | None = data(None, ge=0, le=1)

    def train_labels(self, table: Table, rows: Int[ndarray, " slot"], data_seed: int) -> Any:
        """The inner split's labels, with those of the chosen rows replaced.

        Raises:
            InputError: the task's labels are not one class for each row.
        """
        if table.labels.ndim > 1:
            raise InputError("split: corrupted labels are drawn from the classes, and this task's rows have more than one class each.")
        draw = np.random.RandomState([data_seed, LABELS])
        order, classes = draw.permutation(len(rows)), draw.randint(table.num_classes, size=len(rows))
        if self.share is not None:
            chosen = order[: int(self.share * len(rows) + 1e-9)]
        else:
            chosen = np.flatnonzero(np.isin(rows, self.chosen_rows(table, rows, data_seed, LABELS)))
        labels = self.inner_labels(table, rows, data_seed)
        labels[chosen] = classes[chosen]
        return labels


class RemovedSplit(_SameLabels, _SameWeights, _SameSince):
    """Takes a share of the training rows, or listed rows, out of training; they are then measured as `removed`."""

    kind = "removed"

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """The inner split's rows without the chosen ones, in the same order.

        Raises:
            InputError: no row is left.
        """
        before = self.of.train_rows(table, data_seed)
        left = before[~np.isin(before, self.chosen_rows(table, before, data_seed, TAKEN))]
        if not len(left):
            raise InputError("split removed: no row is left to train on; remove fewer.")
        return left

    def removed_rows(self, table: Table, data_seed: int) -> Any:
        """All rows that were trained on before and are not now."""
        return self.rows_no_longer_trained(table, data_seed)


class AddedSplit(_SameLabels, _SameWeights, _SameSince, _SameRemoved):
    """Trains on a share of the held-out rows, or on listed held-out rows, as well."""

    kind = "added"

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """The inner split's rows, then the added ones."""
        before = self.of.train_rows(table, data_seed)
        held_out = np.setdiff1d(np.arange(len(table.labels)), before)
        return np.concatenate([before, self.chosen_rows(table, held_out, data_seed, GIVEN)])


class ReplacedSplit(_SameLabels, _SameWeights, _SameSince):
    """Exchanges a share of the training rows, or listed rows, for as many held-out ones.

    The rows taken out are the same as those that `removed` takes out for this share and seed.
    """

    kind = "replaced"

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """The inner split's rows without those taken out, then the new ones.

        Raises:
            InputError: more rows are taken out than are held out.
        """
        before = self.of.train_rows(table, data_seed)
        taken = self.chosen_rows(table, before, data_seed, TAKEN)
        held_out = np.setdiff1d(np.arange(len(table.labels)), before)
        if len(taken) > len(held_out):
            raise InputError(f"split replaced: {len(taken)} rows are taken out and only {len(held_out)} are held out; replace fewer.")
        new = held_out[np.random.RandomState([data_seed, GIVEN]).permutation(len(held_out))[: len(taken)]]
        return np.concatenate([before[~np.isin(before, taken)], new])

    def removed_rows(self, table: Table, data_seed: int) -> Any:
        """All rows that were trained on before and are not now."""
        return self.rows_no_longer_trained(table, data_seed)


class ReweightedSplit(_SameRows, _SameLabels, _SameSince, _SameRemoved):
    """Gives a share of the training rows, or listed rows, another weight in the loss.

    Attributes:
        weight: factor on the weight that the rows have; the loss is the weighted mean over rows.
    """

    kind = "reweighted"

    weight: float = data(gt=0, le=1e6)

    def train_weights(self, table: Table, rows: Int[ndarray, " slot"], data_seed: int) -> Any:
        """The inner split's weights, with those of the chosen rows multiplied."""
        weights = self.inner_weights(table, rows, data_seed)
        weights[np.isin(rows, self.chosen_rows(table, rows, data_seed, TAKEN))] *= self.weight
        return weights


class WithheldSplit(_SameLabels, _SameWeights):
    """Trains on a share of the training rows, or on listed rows, from a later step on; until then they are measured as `removed`.

    Attributes:
        until: that step, counted from the start of the run (in a fork, from the start of its first ancestor).
    """

    kind = "withheld"

    until: int = data(ge=1, le=10 * MOST_STEPS)

    def train_rows(self, table: Table, data_seed: int) -> Int[ndarray, " slot"]:
        """The inner split's rows, as withheld rows are trained on later.

        Raises:
            InputError: all of them are withheld.
        """
        rows = self.of.train_rows(table, data_seed)
        if len(self.chosen_rows(table, rows, data_seed, TAKEN)) == len(rows):
            raise InputError("split withheld: all rows are withheld, so there is nothing to train on; withhold fewer.")
        return rows

    def train_since(self, table: Table, rows: Int[ndarray, " slot"], data_seed: int) -> Any:
        """`until` or the inner split's first step at the withheld rows, whichever is later; the inner split's elsewhere."""
        inner_steps = self.inner_since(table, rows, data_seed)
        steps = np.zeros(len(rows), np.int64) if inner_steps is None else inner_steps
        withheld = np.isin(rows, self.chosen_rows(table, rows, data_seed, TAKEN))
        return np.where(withheld, np.maximum(steps, self.until), steps)

    def removed_rows(self, table: Table, data_seed: int) -> Any:
        """The withheld rows, and those that the inner split has removed."""
        withheld = self.chosen_rows(table, self.of.train_rows(table, data_seed), data_seed, TAKEN)
        removed_before = self.of.removed_rows(table, data_seed)
        return withheld if removed_before is None else np.union1d(removed_before, withheld)
