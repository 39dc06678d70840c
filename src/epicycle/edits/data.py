"""Edits of the training data: which rows are trained on, with which labels and weights.

Each edit wraps the parent's split in a derived split (`epicycle.splits.derived`). So the fork trains on the rows of its spec, and a
run from the start can be given the same split. A fork with another split begins a new pass over its rows. Rows chosen by share depend
on the data seed alone.
"""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from epicycle.edits.bases import CountedEdit
from epicycle.spec.experiment import Experiment
from epicycle.spec.families import EditContext
from epicycle.spec.fields import data
from epicycle.spec.limits import MOST_STEPS


class _DataEdit(CountedEdit):
    """Change how some rows are trained on.

    Its places are the rows of the table whose label, weight or first step differs after the edit, and the rows that are trained on
    only before it or only after it.

    Attributes:
        share: share of the rows that the edit can choose from.
        rows: the rows themselves, by number or as pairs of operands.
    """

    split_kind: ClassVar[str]  # the derived split that wraps the parent's

    share: float | None = data(None, gt=0, le=1)
    rows: tuple[int, ...] | tuple[tuple[int, int], ...] | None = data(None)

    @abstractmethod
    def changed(self, experiment: Experiment, moment: int, before: int) -> Experiment:
        """The experiment with its split wrapped."""

    def with_wrapped_split(self, experiment: Experiment, **fields: Any) -> Experiment:
        """The experiment with a derived split around its own; `fields` are those that only this kind of derived split has."""
        inner = experiment.split.model_dump(mode="json")
        return experiment.swept("split", {"kind": self.split_kind, "of": inner, "share": self.share, "rows": self.rows, **fields})

    def apply(self, state: Any, data: Any, context: EditContext) -> tuple[Any, Any]:
        """The state and data unchanged, as the data are those of the wrapped split already; only the places are checked.

        Raises:
            InputError: no row differs, or another number of rows than must.
        """
        before, after = _by_row(context.before), _by_row(data)
        self.check_places(sum(before.get(row) != after.get(row) for row in {*before, *after}), "row")
        return state, data


class _RowsEdit(_DataEdit):
    """A data edit that says nothing but which rows."""

    leading = ("share",)

    def changed(self, experiment: Experiment, moment: int, before: int) -> Experiment:
        """The experiment with its split wrapped."""
        del moment, before
        return self.with_wrapped_split(experiment)


class Remove(_RowsEdit):
    """Take a share of the training rows, or those listed, out of training."""

    kind, split_kind = "remove", "removed"


class Add(_RowsEdit):
    """Train on a share of the held-out rows, or on those listed, as well."""

    kind, split_kind = "add", "added"


class Replace(_RowsEdit):
    """Exchange a share of the training rows, or those listed, for as many held-out rows; the rows of both sides count as places."""

    kind, split_kind = "replace", "replaced"


class Relabel(_RowsEdit):
    """Draw new labels for a share of the training rows, or for those listed.

    A row whose drawn label is its old one is not a place.
    """

    kind, split_kind = "relabel", "corrupted"


class Reweight(_DataEdit):
    """Multiply the weight in the loss of a share of the training rows, or of those listed.

    Attributes:
        weight: the factor.
    """

    kind, split_kind = "reweight", "reweighted"
    leading = ("share", "weight")

    weight: float = data(gt=0, le=1e6)

    def changed(self, experiment: Experiment, moment: int, before: int) -> Experiment:
        """The experiment with its split wrapped."""
        del moment, before
        return self.with_wrapped_split(experiment, weight=self.weight)


class Withhold(_DataEdit):
    """Leave a share of the training rows, or those listed, out of training for a number of updates.

    Attributes:
        steps: the number of updates after the moment.
    """

    kind, split_kind = "withhold", "withheld"
    leading = ("share", "steps")

    steps: int = data(ge=1, le=MOST_STEPS)

    def changed(self, experiment: Experiment, moment: int, before: int) -> Experiment:
        """The experiment with its split wrapped; the split counts steps from the start of the first ancestor."""
        return self.with_wrapped_split(experiment, until=before + moment + self.steps)


def _by_row(data: Any) -> dict[int, Any]:
    """Label, weight and first step of every row that has weight."""
    since = np.zeros(len(data.rows)) if data.since is None else data.since
    columns = (data.rows.tolist(), np.asarray(data.labels).tolist(), data.weights.tolist(), since.tolist())
    return {row: (label, weight, first) for row, label, weight, first in zip(*columns, strict=True) if weight > 0}
