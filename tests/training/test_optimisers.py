"""AdamW against an update written here in float64, for the three couplings of decay; warm-up; knobs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epicycle import AdamW, Scale, Set
from epicycle.spec.errors import InputError
from epicycle.spec.registry import KINDS
from epicycle.training.program import _warmed_up


def numpy_adamw(w: np.ndarray, gradients: list[np.ndarray], spec: AdamW, schedule: float) -> np.ndarray:
    m = v = np.zeros_like(w)
    b1, b2 = spec.betas
    for t, g in enumerate(gradients, start=1):
        g = g + spec.weight_decay * w if spec.decay_coupling == "coupled" else g
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        update = spec.lr * schedule * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + spec.eps)
        if spec.decay_coupling == "decoupled":
            update = update + spec.lr * schedule * spec.weight_decay * w
        if spec.decay_coupling == "independent":
            update = update + schedule * spec.weight_decay * w
        w = w - update
    return w


@pytest.mark.parametrize("coupling", ["decoupled", "independent", "coupled"])
def test_adamw(coupling: str) -> None:
    rng = np.random.default_rng(0)
    spec = AdamW(lr=0.01, weight_decay=0.03, decay_coupling=coupling)
    start, gradients = rng.normal(size=5), [rng.normal(size=5) for _ in range(6)]
    with jax.enable_x64(True):
        transform = spec.transform(jnp.asarray(0.5))
        w = {"W": jnp.asarray(start)}
        state = transform.init(w)
        for g in gradients:
            updates, state = transform.update({"W": jnp.asarray(g)}, state, w)
            w = jax.tree.map(jnp.add, w, updates)
        np.testing.assert_allclose(w["W"], numpy_adamw(start, gradients, spec, 0.5), rtol=1e-9)


def test_every_optimiser_is_tested_here() -> None:
    assert set(KINDS["optimiser"]) == {"adamw"}


def test_warm_up_is_linear_and_absent_at_zero() -> None:
    factors = [float(_warmed_up(jnp.int32(s), 10.0, jnp.float32)) for s in (0, 5, 10, 11)]
    assert factors == [0.0, 0.5, 1.0, 1.0]
    assert float(_warmed_up(jnp.int32(0), 0.0, jnp.float32)) == 1.0


def test_knob_edits() -> None:
    class Held:
        knobs = {"training.optimiser.lr": np.float32(0.1), "training.optimiser.weight_decay": np.float32(1.0)}

        def _replace(self, knobs: dict) -> "Held":
            held = Held()
            held.knobs = knobs
            return held

    scaled, _ = Scale("lr", 10).apply(Held(), None, {})
    assert float(scaled.knobs["training.optimiser.lr"]) == pytest.approx(1.0)
    put, _ = Set("weight_decay", 0.0).apply(Held(), None, {})
    assert float(put.knobs["training.optimiser.weight_decay"]) == 0.0
    with pytest.raises(InputError, match="did you mean 'lr'"):
        Scale("lrr", 2).apply(Held(), None, {})
