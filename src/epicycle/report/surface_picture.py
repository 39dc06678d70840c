"""The picture of the loss surface around the way of a run: the losses in the plane of the way's two main directions."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epicycle.report.pictures import Axis, Heat, Panel, Picture, Stop, View, Way
from epicycle.report.style import FORK, INK, event_colour
from epicycle.store.surfaces import Surface

TITLE = "What is the loss around the way of a network, in the plane of the way's two main directions?"
PANELS = {"train_loss": "training loss", "test_loss": "test loss"}
AXES = ("first main direction", "second main direction")
LOWEST = 1e-4  # smaller losses have the same colour


def surface_picture(surface: Surface) -> Picture:
    """The training loss and the test loss in the plane, with the way over them."""
    maps = {series: np.log10(np.maximum(np.array(surface[series]), LOWEST)) for series in PANELS}  # type: ignore[literal-required]
    low, high = (float(end([values.min() if end is min else values.max() for values in maps.values()])) for end in (min, max))
    panels = tuple(_panel(surface, PANELS[series], values, (low, high)) for series, values in maps.items())
    colours = "log10 of the loss in nats"
    return Picture((View("", panels),), _caption(surface), across=2, square=True, colour_title=colours)


def _panel(surface: Surface, title: str, values: Float[ndarray, "row column"], span: tuple[float, float]) -> Panel:
    """A panel whose axes count columns and rows, and whose ticks are coordinates."""
    cells, places = (surface["x"], surface["y"]), np.array(surface["way"])
    way = np.column_stack([_number(cells[i], places[:, i]) for i in range(2)])
    span_of_cells = (-0.5, len(values) - 0.5)
    x, y = (Axis(title, span_of_cells, _ticks(of_axis)) for title, of_axis in zip(AXES, cells, strict=True))
    heat = Heat(np.arange(len(values), dtype=float), values.astype(np.float32), span)
    return Panel(title, heat, x, y, way=Way(way[:, 0], way[:, 1], _stops(surface, way)))


def _number(cells: Sequence[float], coordinates: Float[ndarray, " point"]) -> Float[ndarray, " point"]:
    """Coordinates as numbers of cells, which are evenly spaced."""
    return (coordinates - cells[0]) / (cells[1] - cells[0])


def _stops(surface: Surface, way: Float[ndarray, "point coordinate"]) -> tuple[Stop, ...]:
    steps = surface["steps"]
    named = {"start": (0, INK), **{name: (steps.index(step), event_colour(name)) for name, step in surface["events"].items()}}
    named["end"] = (len(steps) - 1, FORK)
    return tuple(Stop(float(way[i, 0]), float(way[i, 1]), colour, name) for name, (i, colour) in named.items())


def _ticks(cells: Sequence[float]) -> dict[float, str]:
    """Three to seven round coordinates, by the number of their cell."""
    low, high = cells[0], cells[-1]
    unit = 10.0 ** np.floor(np.log10((high - low) / 3))
    step = next(unit * factor for factor in (1, 2, 5, 10) if (high - low) / (unit * factor) <= 7)
    round_ones = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    return {float(number): f"{tick:.10g}" for number, tick in zip(_number(cells, round_ones), round_ones, strict=True)}


def _caption(surface: Surface) -> str:
    """What the plane shows of the way, and what it does not show."""
    half = len(surface["steps"]) // 2
    (own, last_own), (seen, last_seen) = (
        [losses[look] for look in (half, -1)] for losses in (surface["own_loss"], surface["seen_loss"])
    )
    arm, n_looks = f"arm {surface['arm']}, " if surface["arm"] else "", len(surface["steps"])
    return (
        f"The way of one network ({arm}seed {surface['seed']}) from its start to step {surface['steps'][-1]:,}, over the loss of all "
        f"networks in the plane. The plane shows {surface['share']:.0%} of the way: of the variance over {n_looks} looks that are "
        "evenly spaced on a log axis. The rest of the way leads out of the plane, so the colour under the line is not the loss of the "
        f"network. In the end the training loss of the network is {last_own:.2g} nats, and that of its shadow in the plane is "
        f"{last_seen:.2g}; at step {surface['steps'][half]:,} they are {own:.2g} and {seen:.2g}. Losses below {LOWEST:g} have "
        "one colour."
    ).replace("%", " %")
