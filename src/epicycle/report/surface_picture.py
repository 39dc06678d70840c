"""The picture of the loss surface around the way of a run: the losses in the plane of the way's two main directions."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from epicycle.report.pictures import Axis, Heat, Panel, Picture, Stop, View, Way
from epicycle.report.style import FORK, INK, event_colour
from epicycle.store.surfaces import Surface

TITLE = "What is the loss around the way of a network, in the plane of the way's two main directions?"
PANELS = {"train_loss": "training loss", "test_loss": "test loss"}
LOWEST = 1e-6  # smaller losses have the same colour


def surface_picture(surface: Surface) -> Picture:
    """The training loss and the test loss in the plane, with the way over them."""
    maps = {series: np.log10(np.maximum(np.array(surface[series]), LOWEST)) for series in PANELS}  # type: ignore[literal-required]
    low, high = (float(end([values.min() if end is min else values.max() for values in maps.values()])) for end in (min, max))
    panels = tuple(_panel(surface, PANELS[series], values, (low, high)) for series, values in maps.items())
    colours = "log10 of the loss in nats"
    return Picture((View("", panels),), _caption(surface), across=2, square=True, colour_title=colours)


def _panel(surface: Surface, title: str, values: Float[ndarray, "row column"], span: tuple[float, float]) -> Panel:
    x, y = np.array(surface["x"]), np.array(surface["y"])
    half = (x[1] - x[0]) / 2
    ends = (float(x[0] - half), float(x[-1] + half))
    rows = (-0.5, len(y) - 0.5)
    heights = {float(np.interp(tick, y, np.arange(len(y)))): f"{tick:g}" for tick in _ticks(float(y[0]), float(y[-1]))}
    across = {tick: f"{tick:g}" for tick in _ticks(*ends)}
    return Panel(
        title,
        Heat(x, values.astype(np.float32), span),
        Axis("first main direction", ends, across),
        Axis("second main direction", rows, heights),
        way=_way(surface, y),
    )


def _way(surface: Surface, y: Float[ndarray, " row"]) -> Way:
    way = np.array(surface["way"])
    rows = (way[:, 1] - y[0]) / (y[1] - y[0])
    steps = surface["steps"]
    named = {"start": (0, INK), **{name: (steps.index(step), event_colour(name)) for name, step in surface["events"].items()}}
    named["end"] = (len(steps) - 1, FORK)
    stops = tuple(Stop(float(way[i, 0]), float(rows[i]), colour, name) for name, (i, colour) in named.items())
    return Way(way[:, 0], rows, stops)


def _ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers between two ends."""
    unit = 10.0 ** np.floor(np.log10((high - low) / 3))
    step = next(unit * factor for factor in (1, 2, 5, 10) if (high - low) / (unit * factor) <= 7)
    return [round(float(tick), 10) for tick in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step]


def _caption(surface: Surface) -> str:
    """What the plane shows of the way, and what it does not show."""
    own, seen = (np.maximum(np.array(losses), LOWEST) for losses in (surface["own_loss"], surface["seen_loss"]))
    half, last = len(own) // 2, -1
    arm = f"arm {surface['arm']}, " if surface["arm"] else ""
    return (
        f"The way of one network ({arm}seed {surface['seed']}) from its start to step {surface['steps'][-1]:,}, over the loss of all "
        f"networks in the plane. The plane shows {surface['share']:.0%} of the way: of the variance over {len(own)} looks that are "
        "evenly spaced on a log axis. The rest of the way leads out of the plane, so the colour under the line is not the loss of the "
        f"network. In the end its training loss is {own[last]:.2g} nats and that of its shadow in the plane {seen[last]:.2g}; at step "
        f"{surface['steps'][half]:,} they are {own[half]:.2g} and {seen[half]:.2g}."
    ).replace("%", " %")
