"""Displacement and sketches of weights: exact where there is room, right on average where there is not."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import epicycle as ep
from epicycle.measures.path_sketch import Displacement, WeightSketch


def weights(rng: Any, size: float = 1.0) -> dict[str, Any]:
    return {"W_E": jnp.asarray(size * rng.standard_normal((40, 50))), "b": jnp.asarray(size * rng.standard_normal(30))}


def sketched(params: dict[str, Any], **fields: Any) -> Any:
    return np.asarray(WeightSketch(**fields).fn({"params": params}))


def test_displacement_is_a_distance() -> None:
    first = {"a": jnp.zeros(4), "b": jnp.full((3, 3), 2.0)}
    then = {"a": jnp.full(4, 2.0), "b": jnp.full((3, 3), 3.0)}
    assert float(Displacement().fn({"params": then, "initial_params": first})) == pytest.approx(5.0)
    assert float(Displacement(relative=True).fn({"params": then, "initial_params": first})) == pytest.approx(5.0 / 6.0)
    assert float(Displacement().fn({"params": first, "initial_params": first})) == 0.0


def test_a_sketch_with_room_for_every_weight_is_exact() -> None:
    rng = np.random.default_rng(0)
    a, b = weights(rng), weights(rng)
    flat = [np.concatenate([np.ravel(p[name]) for name in sorted(p)]) for p in (a, b)]
    sketches = [sketched(p, size=3000) for p in (a, b)]
    assert sketches[0].shape == (3000,)
    assert sketches[0] @ sketches[1] == pytest.approx(flat[0] @ flat[1], rel=1e-4)
    assert np.linalg.norm(sketches[0] - sketches[1]) == pytest.approx(np.linalg.norm(flat[0] - flat[1]), rel=1e-5)


def test_a_small_sketch_keeps_lengths_and_angles() -> None:
    """The errors of 200 pairs have the mean and the spread that the theory gives: 0, and 1 / sqrt(size) of the product of lengths."""
    rng, errors = np.random.default_rng(1), []
    for _ in range(200):
        a, b = weights(rng), weights(rng)
        b = {name: 0.5 * a[name] + b[name] for name in a}
        flat = [np.concatenate([np.ravel(p[name]) for name in sorted(p)]) for p in (a, b)]
        left, right = (sketched(p, size=128) for p in (a, b))
        errors.append((left @ right - flat[0] @ flat[1]) / np.linalg.norm(flat[0]) / np.linalg.norm(flat[1]))
    assert abs(np.mean(errors)) < 3 * 0.1 / np.sqrt(200)
    assert np.std(errors) == pytest.approx(np.sqrt((1 + 0.447**2) / 128), rel=0.2)


def test_a_sketch_is_linear() -> None:
    rng = np.random.default_rng(2)
    a, b = weights(rng), weights(rng)
    both = {name: 2 * a[name] - b[name] for name in a}
    assert sketched(both, size=64) == pytest.approx(2 * sketched(a, size=64) - sketched(b, size=64), abs=1e-4)
    parts = {"update_parts": {"loss": a, "decay": b}}
    assert np.asarray(WeightSketch(of="loss", size=64).fn(parts)) == pytest.approx(sketched(a, size=64))
    assert [WeightSketch(of=of).name for of in ("weights", "loss", "all")] == [
        "weight_sketch",
        "update_sketch_by_loss",
        "update_sketch_by_all",
    ]


def test_a_run_begins_where_its_seed_puts_it(tiny: ep.Experiment) -> None:
    """The first weights that the measure draws again are those of the run; one step moves the sketch by the recorded update."""
    measures = (Displacement(), WeightSketch(size=4096), WeightSketch(of="all", size=4096))
    observation = ep.Observation(measures=(*ep.Observation().measures, *measures))
    data = ep.train(tiny.swept("training.steps", 30), seeds=2, observation=observation).data
    assert data.displacement.sel(step=0).values == pytest.approx(0.0, abs=1e-5)
    sketch = data.weight_sketch.values
    moved = np.linalg.norm(sketch - sketch[:, :1], axis=-1)
    assert data.displacement.values == pytest.approx(moved, rel=1e-3, abs=1e-5)
    assert moved[:, -1].min() > 0.1
    assert np.diff(sketch, axis=1) == pytest.approx(data.update_sketch_by_all.values[:, :-1], abs=1e-5)
