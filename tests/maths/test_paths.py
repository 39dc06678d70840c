"""Searches for paths on landscapes whose pass is known, and heights along a path in closed form."""

from typing import Any

import numpy as np
import pytest

from epicycle.maths.paths import BEADS, Path, heights, searched
from epicycle.spec.errors import InputError

WEST, EAST = np.array([-1.0, 0.0]), np.array([1.0, 0.0])
T = np.linspace(0, 1, 201)


def landscape(pass_height: float, bend: float) -> Any:
    """Two valleys at x = -1 and x = 1, joined by a channel along y = 1 - x^2 whose pass is `pass_height`; walls as steep as `bend`."""

    def at(points: Any) -> tuple[Any, Any]:
        x, y = points.T
        well, off = x**2 - 1, y - (1 - x**2)
        values = pass_height * well**2 + bend * off**2
        slopes = np.stack([4 * pass_height * well * x + 4 * bend * off * x, 2 * bend * off], axis=1)
        return values, slopes

    return at


def height(shape: Any, on: Any, steps: int = 300) -> float:
    path = searched(shape, WEST, EAST, on, steps)
    np.testing.assert_allclose(path.at(np.array([0.0, 1.0])), [WEST, EAST], atol=1e-12)
    return heights(T, on(path.at(T))[0]).above_ends


def test_the_slopes_of_the_landscape_are_right() -> None:
    on, points = landscape(1.0, 5.0), np.array([[0.3, -0.2], [-0.7, 0.9]])
    for axis in range(2):
        step = 1e-6 * np.eye(2)[axis]
        np.testing.assert_allclose((on(points + step)[0] - on(points - step)[0]) / 2e-6, on(points)[1][:, axis], rtol=1e-6)


def test_a_straight_line_climbs_what_lies_in_its_way() -> None:
    """At x = y = 0 the walls are `bend` high, and the pass lies beside."""
    assert height("straight", landscape(1.0, 5.0)) == pytest.approx(6.0)
    assert height("straight", landscape(0.0, 5.0)) == pytest.approx(5.0)


@pytest.mark.parametrize("shape", ["bezier", "band"])
@pytest.mark.parametrize("pass_height", [0.0, 1.0])
def test_a_search_finds_the_pass(shape: Any, pass_height: float) -> None:
    """The channel is itself a Bezier curve. No path from west to east is lower than the pass, where x = 0."""
    assert pass_height - 1e-9 <= height(shape, landscape(pass_height, 5.0)) <= pass_height + 0.02


def test_the_control_point_of_the_channel() -> None:
    """(1-t)^2 (-1, 0) + 2t(1-t) (0, 2) + t^2 (1, 0) = (2t - 1, 1 - (2t - 1)^2)."""
    path = searched("bezier", WEST, EAST, landscape(0.0, 5.0), 500)
    np.testing.assert_allclose(path.points[1], [0, 2], atol=0.02)


def test_a_band_is_spread_evenly() -> None:
    path = searched("band", WEST, EAST, landscape(1.0, 5.0), 200)
    gaps = np.linalg.norm(np.diff(path.points, axis=0), axis=1)
    assert len(gaps) == BEADS + 1
    assert gaps.max() <= 1.1 * gaps.min()
    lengths = np.linalg.norm(np.diff(path.at(np.linspace(0, 1, 1000)), axis=0), axis=1)
    assert lengths.max() <= 1.1 * lengths.min()


def sloping(points: Any) -> tuple[Any, Any]:
    """A channel that falls all the way east; the straight line from its beginning runs into its wall."""
    values, slopes = landscape(0.0, 5.0)(points)
    return values - points[:, 0], slopes - np.array([1.0, 0.0])


def test_a_walk_follows_a_falling_channel_and_never_rises() -> None:
    assert heights(T, sloping(Path(np.stack([WEST, EAST])).at(T))[0]).above_ends > 3
    path = searched("walk", WEST, EAST, sloping, 200)
    np.testing.assert_array_equal(path.points[-1], EAST)
    assert heights(T, sloping(path.at(T))[0]).above_ends < 1e-3


def test_a_walk_stays_in_a_valley_with_a_pass() -> None:
    """On a line every way on rises, so the walk goes down to the floor, x = -1, and stays there."""
    on = landscape(1.0, 0.0)
    start = np.array([-np.sqrt(1 + np.sqrt(0.1)), 0.0])  # 0.1 high
    path = searched("walk", start, EAST, on, 200)
    assert on(path.points)[0].max() <= 0.1 + 1e-9
    assert path.points[-1][0] == pytest.approx(-1, abs=0.01)


def test_heights_in_closed_form() -> None:
    """1 + 4 w (1 - w) between 1 and 1, tilted by -w."""
    arch = 4 * T * (1 - T)
    assert heights(T, 1 + arch) == pytest.approx((1.0, 1.0, 0.5))
    tilted = heights(T, 1 + arch - T)  # highest at w = 3/8, where it is 1 + 15/16 - 3/8
    assert tilted == pytest.approx((0.5625, 1.0, 0.375), abs=1e-3)
    assert heights(T, 3 - T) == pytest.approx((0.0, 0.0, 0.0))


def test_equal_ends_need_no_search() -> None:
    path = searched("bezier", EAST, EAST, landscape(1.0, 1.0), 5)
    np.testing.assert_array_equal(path.at(T), np.repeat(EAST[None], len(T), axis=0))


def test_a_search_that_leaves_all_numbers_is_refused() -> None:
    with pytest.raises(InputError, match="left all finite weights"):
        searched("band", WEST, EAST, lambda points: (np.full(len(points), np.nan), np.full(points.shape, np.nan)), 3)
