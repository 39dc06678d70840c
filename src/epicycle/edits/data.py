"""Edits of the data: each puts a split rule around the parent's (`tasks.around`), so that a fork trains on the rows of a spec.

A pass over the rows begins anew. Rows drawn by share depend on the data seed alone.
"""

from typing import Any, ClassVar

import numpy as np

from epicycle.edits.counted import Counted
from epicycle.spec.experiment import Experiment
from epicycle.spec.families import EditContext
from epicycle.spec.fields import data


class _DataEdit(Counted):
    """Some rows are trained on otherwise; its places are the rows of the table at which anything differs then.

    Attributes:
        share: of the rows in question.
        rows: the rows themselves, by number or as pairs of operands.
    """

    rule: ClassVar[str]

    share: float | None = data(None, gt=0, le=1)
    rows: tuple[int, ...] | tuple[tuple[int, int], ...] | None = data(None)

    def changed(self, experiment: Experiment, moment: int, before: int) -> Experiment:
        """With the rule put around the split."""
        rule = {"kind": self.rule, "of": experiment.split.model_dump(mode="json"), "share": self.share, "rows": self.rows}
        return experiment.swept("split", rule | self._more(before + moment))

    def _more(self, start: int) -> dict[str, Any]:
        """Further fields of the rule."""
        del start
        return {}

    def apply(self, state: Any, data: Any, context: EditContext) -> tuple[Any, Any]:
        """As they are: the data are those of the new split."""
        told = [_by_row(each) for each in (context.before, data)]
        self.count(sum(told[0].get(row) != told[1].get(row) for row in {*told[0], *told[1]}), "row")
        return state, data


class Remove(_DataEdit):
    """Take a share of the training rows out, or those listed."""

    kind, rule = "remove", "removed"
    leading = ("share",)


class Add(_DataEdit):
    """Put a share of the held-out rows in, or those listed."""

    kind, rule = "add", "added"
    leading = ("share",)


class Replace(_DataEdit):
    """Exchange a share of the training rows, or those listed, for as many held-out ones; both count as places."""

    kind, rule = "replace", "replaced"
    leading = ("share",)


class Relabel(_DataEdit):
    """Draw new labels for a share of the training rows, or for those listed; a label that is drawn as it was is no place."""

    kind, rule = "relabel", "corrupted"
    leading = ("share",)


class Reweight(_DataEdit):
    """Multiply the weight in the loss of a share of the training rows, or of those listed."""

    kind, rule = "reweight", "reweighted"
    leading = ("share", "weight")

    weight: float = data(gt=0)

    def _more(self, start: int) -> dict[str, Any]:
        del start
        return {"weight": self.weight}


class Withhold(_DataEdit):
    """Leave a share of the training rows out, or those listed, for so many updates."""

    kind, rule = "withhold", "withheld"
    leading = ("share", "steps")

    steps: int = data(ge=1)

    def _more(self, start: int) -> dict[str, Any]:
        return {"until": start + self.steps}


def _by_row(data: Any) -> dict[int, Any]:
    """Row -> label, weight and first step, for every row with weight."""
    since = np.zeros(len(data.rows)) if data.since is None else data.since
    told = zip(data.rows.tolist(), np.asarray(data.labels).tolist(), data.weights.tolist(), since.tolist(), strict=True)
    return {row: rest for row, *rest in told if rest[1] > 0}
