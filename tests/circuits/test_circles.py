"""Circles of tokens: exact for planted waves, no order for random weights, and refused without frequencies."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.circuits.algorithm import algorithm_of
from epicycle.circuits.circles import TokenCircles
from epicycle.spec.errors import InputError
from epicycle.tasks.groups import Composition
from epicycle.tasks.modular import Modular

P = 31
ANGLES = 2 * np.pi * np.outer(np.arange(1, P // 2 + 1), np.arange(P)) / P


def circles(weights: Any, task: Modular | Composition | None = None) -> Any:
    task = task or Modular(p=P)
    return np.asarray(TokenCircles(where="embedding").fn({"task": task, "params": {"W_E": jnp.asarray(weights, jnp.float32)}}), float)


def fit(coordinates: Any, k: int) -> float:
    """Correlation of the coordinates of one frequency with the ideal circle."""
    ideal = np.stack([np.cos(ANGLES[k - 1]), np.sin(ANGLES[k - 1])])
    return float((coordinates[k - 1] * ideal).sum() / np.linalg.norm(coordinates[k - 1]) / np.linalg.norm(ideal))


def test_planted_waves_lie_on_circles() -> None:
    plane = np.linalg.qr(np.random.default_rng(0).standard_normal((64, 2)))[0]
    weights = np.stack([np.cos(ANGLES[4]), np.sin(ANGLES[4])], axis=1) @ plane.T
    coordinates = circles(weights)
    assert coordinates.shape == (P // 2, 2, P)
    radius = np.linalg.norm(coordinates[4], axis=0)
    assert radius == pytest.approx(((P - 1) / 2 - 1) * np.sqrt(2 / (P - 1)), rel=2e-3), "all of the power, less each token's own part"
    assert fit(coordinates, 5) == pytest.approx(1.0, abs=1e-3)


def test_a_frequency_that_the_weights_avoid_is_a_small_circle_upside_down() -> None:
    rng = np.random.default_rng(3)
    wave = np.stack([np.cos(ANGLES[0]), np.sin(ANGLES[0])])
    weights = rng.standard_normal((P, 64))
    weights -= wave.T @ (wave @ weights) * 2 / P
    coordinates = circles(weights)
    assert fit(coordinates, 1) < -0.95
    whole = circles(wave.T @ np.linalg.qr(rng.standard_normal((64, 2)))[0].T * np.linalg.norm(weights) / np.sqrt(P))
    assert fit(whole, 1) > 0.99
    assert np.linalg.norm(coordinates[0]) < np.linalg.norm(whole[0]) / 10, "small beside that of a frequency with all of the power"
    assert abs(np.mean([fit(coordinates, k) for k in range(2, 16)])) < 0.1


@pytest.mark.parametrize("d_model", [16, 64, 512])
def test_random_weights_have_no_circles(d_model: int) -> None:
    """With a token's own weights left in, 512 dimensions would give a fit of 0.97."""
    rng = np.random.default_rng(1)
    fits = [fit(circles(rng.standard_normal((P, d_model))), k) for _ in range(20) for k in (1, 5, 12)]
    assert abs(np.mean(fits)) < 0.1


def test_an_even_modulus_has_a_frequency_with_a_cosine_alone() -> None:
    task = Modular(p=10)
    coordinates = circles(np.random.default_rng(2).standard_normal((10, 8)), task)
    assert not coordinates[-1, 1].any()
    assert coordinates[-1, 0].any()


def test_labels() -> None:
    coords = TokenCircles().coords({}, Modular(p=7, operation="x*y"))
    assert coords["component"] == ["1", "2", "3"]
    assert coords["element"] == [str(token) for token in algorithm_of(Modular(p=7, operation="x*y")).classes]


def test_a_group_without_frequencies_is_refused() -> None:
    with pytest.raises(InputError, match=r"circles need a task with frequencies.*component_power"):
        circles(np.ones((24, 4)), Composition(group="S4"))
