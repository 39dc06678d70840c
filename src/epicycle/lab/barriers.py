"""The losses along a path between two networks that were trained on the same rows."""

from collections.abc import Mapping
from typing import Literal, get_args

import jax
import numpy as np
import xarray
from jaxtyping import Float
from numpy import ndarray

from epicycle.edits.along_path import fitted, flat, landscape_of, unflat
from epicycle.lab.fork_measures import MeasuredState
from epicycle.maths.paths import Shape, heights, searched
from epicycle.measures.fit import Accuracy, Loss
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.experiment import Run
from epicycle.spec.families import Measure, Params
from epicycle.training.devices import fixed_settings
from epicycle.training.losses import row_losses, row_margins
from epicycle.training.snapshots import snapshot_entries
from epicycle.training.state import data_of, initialiser, world_of

Way = Shape | Literal["mixture"]
WAYS = (*get_args(Shape), "mixture")
MEASURES: tuple[Measure, ...] = (Loss(rows="train"), Loss(rows="test"), Accuracy(rows="train"), Accuracy(rows="test"))
Values = Mapping[str, Float[ndarray, " bead"]]


def losses_between(run: Run, first: Params, last: Params, path: str, *, match: bool, search: int, looks: int) -> xarray.Dataset:
    """Losses and accuracies along a path between two networks, and how high the training loss rises.

    Args:
        run: whose task, model and rows both networks share.
        first: the tensors at the beginning of the path.
        last: the tensors at its end.
        path: a shape of a path through the weights, see `epicycle.maths.paths.searched`; or `mixture`, which mixes the logits of the
            two networks and leaves their weights alone.
        match: whether the units of the last network first change places to fit the first.
        search: steps of the search for a path.
        looks: points at which the losses are taken, both ends among them.

    Returns:
        `train_loss`, `test_loss`, `train_acc` and `test_acc` over `weight`, the share of the way. The attributes are `above_ends`, the
        highest training loss less that of the higher end; `above_line`, the most by which it lies above the straight line between the
        losses of the ends; `top`, where it is highest; and `left`, which share of the distance a walk has left in the end.

    Raises:
        InputError: there is no such path, the tensors of the two differ, or the model does not say which units can change places.
    """
    if path not in WAYS:
        raise InputError(f"barrier: there is no path '{path}'; {nearest(path, WAYS)}")
    _refuse_other_tensors(first, last)
    weights = np.linspace(0, 1, looks)
    with fixed_settings(run.precision):
        end = fitted(last, first, run.experiment.model) if match else last
        if path == "mixture":
            values, left = _mixed(run, first, end, weights), 0.0
        else:
            values, left = _along(run, first, end, path, weights, search)  # type: ignore[arg-type]  # one of WAYS
    height = heights(weights, values["train_loss"])
    series = {name: ("weight", np.asarray(each, np.float64)) for name, each in values.items()}
    return xarray.Dataset(series, {"weight": weights}, {**height._asdict(), "left": left, "path": path})


def _along(run: Run, first: Params, last: Params, path: Shape, weights: Float[ndarray, " bead"], search: int) -> tuple[Values, float]:
    """The measures along a path through the weights, and the share of the distance that is left at its end."""
    state = measured(run)
    begin, end = flat(first), flat(last)
    landscape = landscape_of(first, lambda tensors: state.values_of_several(MEASURES[0], tensors))
    way = searched(path, begin, end, landscape, search)
    tensors = unflat(way.at(weights), first)
    left = float(np.linalg.norm(way.points[-1] - end) / max(float(np.linalg.norm(begin - end)), 1e-300))
    return {measure.name: state.values_of_several(measure, tensors)[0] for measure in MEASURES}, left


def _mixed(run: Run, first: Params, last: Params, weights: Float[ndarray, " bead"]) -> Values:
    """The measures of logits that are mixed: (1 - weight) times those of the first network, weight times those of the last."""
    state = measured(run)
    world = world_of(run.experiment.task.table())
    entries = [snapshot_entries(run.experiment, state.state._replace(params=params), state.data, world) for params in (first, last)]
    logits, labels = [each["logits"]() for each in entries], entries[0]["labels"]()
    loss, sets = run.experiment.training.loss.recorded(), {name: entries[0][name]() for name in ("train", "test")}

    def at(weight: float) -> dict[str, jax.Array]:
        mixed = (1 - weight) * logits[0] + weight * logits[1]
        return {**sets, "row_loss": row_losses(loss, mixed, labels), "row_margin": row_margins(mixed, labels, world.tolerance)}

    snapshots = [at(float(weight)) for weight in weights]
    return {measure.name: np.array([float(measure.fn(each)) for each in snapshots]) for measure in MEASURES}


def measured(run: Run) -> MeasuredState:
    """The run as measures see it, before its first step; its weights are replaced."""
    table = run.experiment.task.table()
    data = data_of(run, table)
    return MeasuredState(run.experiment, initialiser(run.experiment, table)(run, data), data)


def _refuse_other_tensors(first: Params, last: Params) -> None:
    shapes = [{name: np.shape(value) for name, value in params.items()} for params in (first, last)]
    if differing := [name for name in sorted({*shapes[0], *shapes[1]}) if shapes[0].get(name) != shapes[1].get(name)]:
        in_words = " and ".join(str(each.get(differing[0], "no such tensor")) for each in shapes)
        raise InputError(f"barrier: the two networks need tensors of the same shapes, and of {differing[0]} they have {in_words}.")
