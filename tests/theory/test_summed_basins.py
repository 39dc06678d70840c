"""Two summed basins against closed forms, and what pictures show in planted cases."""

import numpy as np
import pytest

from epicycle.theory.seeded import normal, streams
from epicycle.theory.summed_basins import Ruggedness, SummedBasins

BOWLS = SummedBasins(form="quadratic", wide_width=2.0, narrow_width=0.5, steps=200)


def test_uncoupled_bowls_are_left_at_their_own_rates() -> None:
    """The distance from each minimum falls by 1 - lr depth / width^2 an update."""
    run = BOWLS.simulate(range(3))
    for part, depth, width in (("wide", 1.0, 2.0), ("narrow", 0.1, 0.5)):
        distance = run.series[f"{part}_distance"]
        expected = distance[:, :1] * (1 - BOWLS.lr * depth / width**2) ** run.steps
        np.testing.assert_allclose(distance, expected, rtol=1e-9)
        np.testing.assert_allclose(run.series[f"{part}_loss"], depth * distance**2 / (2 * width**2), rtol=1e-9)


def test_noise_brings_a_bowl_to_its_temperature() -> None:
    """At rest each coordinate has the variance T / (k (1 - lr k / 2)) with the curvature k = depth / width^2."""
    warm = SummedBasins(form="quadratic", wide_width=0.5, wide_dims=40, narrow_dims=1, temperature=0.01, lr=0.1, steps=200)
    final = warm.simulate(range(80)).series["wide_distance"][:, -1]
    k = 4.0
    assert np.mean(final**2) / 40 == pytest.approx(0.01 / (k * (1 - 0.1 * k / 2)), rel=0.1)


def test_the_ruggedness_has_its_variance_and_its_gradient() -> None:
    rngs = streams(range(400))
    ground = Ruggedness.drawn(rngs, (3, 4), 0.5)
    u, v = normal(rngs, 3), normal(rngs, 4)
    assert np.square(ground.height(u, v)).mean() == pytest.approx(1, rel=0.2)
    slopes, move = ground.slopes(u, v), 1e-6
    for coordinate in range(3):
        shift = move * np.eye(3)[coordinate]
        numeric = (ground.height(u + shift, v) - ground.height(u - shift, v)) / (2 * move)
        np.testing.assert_allclose(slopes[0][:, coordinate], numeric, atol=1e-5)
    shift = move * np.eye(4)[2]
    np.testing.assert_allclose(slopes[1][:, 2], (ground.height(u, v + shift) - ground.height(u, v - shift)) / (2 * move), atol=1e-5)


def test_a_strong_coupling_keeps_descent_from_the_minima_and_a_weak_one_does_not() -> None:
    reached = {
        coupling: SummedBasins(coupling=coupling).simulate(range(20)).series["narrow_reached"][:, -1].mean()
        for coupling in (0.001, 1.0)
    }
    assert reached[0.001] == 1
    assert reached[1.0] < 0.3


def test_descent_without_noise_never_raises_the_loss() -> None:
    loss = SummedBasins(coupling=0.1).simulate(range(5)).series["train_loss"]
    assert (np.diff(loss, axis=1) <= 1e-12).all()


def test_a_way_in_two_coordinates_is_seen_whole_and_a_flat_basin_not_at_all() -> None:
    plane = SummedBasins(wide_dims=1, narrow_dims=1, narrow_distance=0.5).simulate([0]).series
    assert plane["pca_plane_share"][0, -1] == pytest.approx(1)
    assert plane["random_plane_share"][0, -1] == pytest.approx(1)
    assert np.isnan(plane["pca_plane_share"][0, :-1]).all()
    flat = SummedBasins(narrow_depth=0).simulate([0]).series
    assert flat["pca_narrow_relief"][0, -1] == flat["random_narrow_relief"][0, -1] == 0


def test_a_random_plane_shows_as_much_of_a_way_as_it_has_dimensions() -> None:
    """Of a straight way through d dimensions a random plane holds 2 / d on average."""
    straight = SummedBasins(wide_dims=20, narrow_dims=20, narrow_depth=0, steps=50).simulate(range(300)).series
    assert straight["random_plane_share"][:, -1].mean() == pytest.approx(2 / 40, rel=0.15)
    assert straight["pca_plane_share"][:, -1] == pytest.approx(1)
