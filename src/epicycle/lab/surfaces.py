"""The surface of the loss around the way of a run: losses in the plane of the way's two main directions.

Pictures of training show this plane (Li et al. 2018, arXiv 1712.09913, section 7). Looks are evenly spaced on a log axis, so that the
first steps count as much as the last ones. Points of the plane are networks that no training has been at: their other coordinates are
those of the middle of the way.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epicycle.edits.along_path import flat, unflat
from epicycle.lab.barriers import measured
from epicycle.lab.further_measures import run_of
from epicycle.lab.replay import replayed
from epicycle.lab.session import Session
from epicycle.maths.explained import main_plane
from epicycle.measures.fit import Loss
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Run
from epicycle.spec.families import Params
from epicycle.store.runs import StoredRun, params_of
from epicycle.store.surfaces import Surface
from epicycle.training.devices import fixed_settings

PER_DECADE = 10  # looks per factor of ten in steps
CELLS = 41  # rows and columns
MARGIN = 0.2  # of the longer side of the way, on each side
HIGHEST = 1e30  # a loss that is not finite is stored as this
LOSSES = {"train_loss": Loss(rows="train"), "test_loss": Loss(rows="test")}


def surface_of_run(run_id: str, session: Session, arm: str = "", events: Mapping[str, int] | None = None) -> Surface:
    """The losses in the plane of a run's way. States that were not kept are reached by replay.

    Args:
        run_id: id of a run that is no fork.
        session: of the run's root.
        arm: the arm that the run belongs to.
        events: name of an event -> the step at which it happened.

    Raises:
        InputError: there is no such run, or it is a fork.
        Interrupted: the session was interrupted.
    """
    stored = StoredRun(session.root, run_id)
    run = run_of(stored)

    def params_at(step: int) -> Params:
        session.go_on()
        return params_of(stored.state(step) if stored.keeps(step) else replayed(run, step, session, {}))

    steps = looks(stored.last_step)
    reached = {name: steps[min(int(np.searchsorted(steps, step)), len(steps) - 1)] for name, step in (events or {}).items()}
    return {**surface(run, steps, params_at), "arm": arm, "events": reached}


def looks(last: int) -> list[int]:
    """The steps from 0 to the last one from which a plane is made."""
    spaced = 10 ** (np.arange(int(np.log10(max(last, 1)) * PER_DECADE) + 1) / PER_DECADE)
    return [0, *sorted({int(step) for step in np.round(spaced)} | {last} if last else [])]


def surface(run: Run, steps: Sequence[int], params_at: Callable[[int], Params]) -> Surface:
    """The losses in the plane of a run's way, without the name of an arm and without events.

    Args:
        run: whose task, network and rows count.
        steps: of the looks.
        params_at: gives the parameters of the run at a step.

    Raises:
        InputError: there are fewer than three looks, or the weights never move.
    """
    first = params_at(steps[0])
    places = np.stack([flat(params_at(step)) for step in steps])
    middle = places.mean(axis=0)
    axes, share = plane_of_way(places - middle)
    way = (places - middle) @ axes
    x, y = _even(way)
    with fixed_settings(run.precision):
        state = measured(run)

        def losses(series: str, points: Float[ndarray, "bead number"]) -> list[float]:
            values = state.values_of_several(LOSSES[series], unflat(points, first))[0]
            return [float(value) for value in np.nan_to_num(values, nan=HIGHEST, posinf=HIGHEST)]

        def row(series: str, up: float) -> list[float]:
            return losses(series, middle + np.column_stack([x, np.full(len(x), up)]) @ axes.T)

        return {
            "run": run.id,
            "seed": run.seed,
            "arm": "",
            "share": share,
            "steps": [*steps],
            "way": [(float(across), float(up)) for across, up in way],
            "own_loss": losses("train_loss", places),
            "seen_loss": losses("train_loss", middle + way @ axes.T),
            "x": x.tolist(),
            "y": y.tolist(),
            "train_loss": [row("train_loss", up) for up in y],
            "test_loss": [row("test_loss", up) for up in y],
            "events": {},
        }


def plane_of_way(centred: Float[ndarray, "step number"]) -> tuple[Float[ndarray, "number coordinate"], float]:
    """The two main directions of places around their middle, and the share of the variance in them.

    The way goes to the right, and its largest distance along the second direction is upwards.

    Raises:
        InputError: there are fewer than three places, or all are the same.
    """
    if len(centred) < 3 or not centred.any():
        raise InputError("surface: a plane needs a run with three looks or more, at which its weights differ; train it for longer.")
    axes, share = main_plane(centred)
    way = centred @ axes
    signs = [way[-1, 0] - way[0, 0], way[np.abs(way[:, 1]).argmax(), 1]]
    return axes * np.where(np.array(signs) < 0, -1.0, 1.0), share


def _even(way: Float[ndarray, "step coordinate"]) -> tuple[Float[ndarray, " x"], Float[ndarray, " y"]]:
    """The coordinates of a square around the way."""
    low, high = way.min(axis=0), way.max(axis=0)
    half = (0.5 + MARGIN) * float((high - low).max())
    x, y = (np.linspace(centre - half, centre + half, CELLS) for centre in (low + high) / 2)
    return x, y
