"""An edit that keeps only the weights that are large in another run, and holds all others at 0: a lottery ticket."""

from typing import Any

import numpy as np

from epicycle.edits.bases import DonorEdit
from epicycle.spec.experiment import Experiment
from epicycle.spec.families import EditContext, Params
from epicycle.spec.fields import data
from epicycle.spec.limits import MOST_SEED


class Prune(DonorEdit):
    """Keep the weights that are largest in a donor, and hold all others at 0 from now on (`training.sparse`).

    With the run's own later state as the donor, a fork at step 0 is a lottery ticket: the donor's mask on the first weights (Frankle
    and Carbin, arXiv 1803.03635). Weights that are exactly 0 already are held too.

    Attributes:
        keep: the share of the weights of each tensor that stays.
        random: the null: a random mask of the same size, drawn from the run's seed, whatever the donor's weights.
        draw: number of the draw; another number gives another mask.
    """

    kind = "prune"
    leading = ("tensors", "donor", "keep")

    keep: float = data(gt=0, lt=1)
    random: bool = data(False)
    draw: int = data(0, ge=0, le=MOST_SEED)

    def changed(self, experiment: Experiment, moment: int, before: int) -> Experiment:
        """The experiment with the patterns added to `training.sparse`."""
        del moment, before
        return experiment.swept("training.sparse", list(dict.fromkeys([*experiment.training.sparse, *self.tensors])))

    def new_values(self, tensors: Params, context: EditContext) -> Params:
        """Copies of the tensors with all but the kept weights 0.

        Raises:
            InputError: the donor has no such tensor, or one of another shape.
        """
        sizes = self.donor_tensors(tensors, context)
        if self.random:
            sizes = context.normal({name: value.shape for name, value in tensors.items()}, self.draw)
        return {name: self._pruned(value, np.abs(sizes[name])) for name, value in tensors.items()}

    def _pruned(self, value: Any, size: Any) -> Any:
        order = np.argsort(-size, axis=None, kind="stable")
        pruned = value.copy()
        pruned.ravel()[order[max(round(self.keep * value.size), 1) :]] = 0
        return pruned
