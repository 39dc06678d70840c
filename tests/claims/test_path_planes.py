"""What a plane shows of planted paths: those that lie in it, those that do not, and a random walk."""

from typing import Any

import numpy as np
import pytest
from tests.claims.planted_arms import STEPS, planted

from epicycle.claims.path_planes import PlaneView
from epicycle.maths.explained import explained_share

SIZE, RUNS = 400, 8
TURN = 2 * np.pi * np.arange(len(STEPS)) / len(STEPS)


def directions(run: int, count: int) -> Any:
    return np.linalg.qr(np.random.default_rng(run).standard_normal((SIZE, count)))[0].T


def value(path: Any, series: Any = None, **fields: Any) -> float:
    data = planted([100] * RUNS, [1000.0] * RUNS)
    data["path"] = (("run", "step", "sketch"), np.stack([path(run) for run in range(RUNS)]))
    if series is not None:
        data["gain"] = (("run", "step"), np.stack([series(run) for run in range(RUNS)]))
        fields["explains"] = "gain"
    [estimate] = PlaneView(series="path", arm="a", **fields).estimates({"a": data})
    return float(estimate.interval.value)


def circle(run: int) -> Any:
    """A path in one plane."""
    first, second = directions(run, 2)
    return np.cos(TURN)[:, None] * first + np.sin(TURN)[:, None] * second


def loops(run: int) -> Any:
    """Equal circles in four planes, at four speeds: eight directions with the same variance."""
    axes = directions(run, 8)
    waves = [wave(k * TURN) for k in (1, 2, 3, 4) for wave in (np.cos, np.sin)]
    return np.stack(waves, axis=1) @ axes


def test_a_path_in_a_plane_is_seen_whole_and_one_in_eight_directions_to_a_quarter() -> None:
    assert value(circle) == pytest.approx(1)
    assert value(loops) == pytest.approx(2 / 8, abs=0.01)
    assert value(loops, plane="random") == pytest.approx(2 / SIZE, abs=0.01)


def test_coordinates_explain_what_is_linear_in_them() -> None:
    assert value(circle, lambda run: 3 - np.cos(TURN + run)) == pytest.approx(1)
    assert value(circle, lambda run: np.cos(2 * TURN)) == pytest.approx(0, abs=0.01)
    half = value(circle, lambda run: np.cos(TURN) + np.cos(2 * TURN))
    assert half == pytest.approx(0.5, abs=0.01)


def test_of_a_random_walk_the_main_plane_shows_most() -> None:
    """In many dimensions the first direction has 6 / pi^2 of the variance, and the k-th one 1 / k^2 of that (Antognini and
    Sohl-Dickstein 2018), where the looks are evenly spaced."""

    def walk(run: int) -> Any:
        return np.cumsum(np.random.default_rng(run).standard_normal((len(STEPS), SIZE)), axis=0)

    assert value(walk) == pytest.approx(6 / np.pi**2 * (1 + 1 / 4), abs=0.03)


def test_what_cannot_be_known_is_open() -> None:
    assert np.isnan(explained_share(np.zeros((5, 2)), np.ones(5)))
    data = planted([100] * RUNS, [1000.0] * RUNS)
    data["path"] = (("run", "step", "sketch"), np.zeros((RUNS, len(STEPS), 3)))
    [bounds] = PlaneView(series="path", arm="a").per_run(data)
    assert set(bounds.lows.values()) == {-np.inf}
