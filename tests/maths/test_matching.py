"""Units that change places: the logits stay, and matching finds the places again."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.maths.matching import matched, permuted, size_of
from epicycle.spec.families import Model
from epicycle.spec.interchangeable import Interchangeable, UnitsIn
from tests.models.test_forward import CASES, table_of, weights_of

THAT_SAY = [model for model in CASES if model.interchangeable()]


def test_the_networks_of_the_organisms_say_which_units_can_change_places() -> None:
    assert {model.kind for model in THAT_SAY} >= {"mlp", "transformer", "quadratic"}


@pytest.mark.parametrize("model", THAT_SAY, ids=repr)
def test_units_can_change_places(model: Model) -> None:
    """Every group that has two units or more moves tensors and leaves the logits. Weights are random, so no unit is like another."""
    weights, inputs = weights_of(model), jnp.asarray(table_of(model).inputs)
    logits = model.apply(weights, inputs)[0]
    for group in model.interchangeable():
        order = np.roll(np.arange(size_of(weights, group)), 1)
        if len(order) == 1:
            continue
        moved = permuted(weights, group, order)
        assert any(np.any(moved[name] != value) for name, value in weights.items()), group.name
        np.testing.assert_allclose(model.apply(moved, inputs)[0], logits, atol=1e-5 * float(jnp.abs(logits).max()), err_msg=group.name)


@pytest.mark.parametrize("model", THAT_SAY, ids=repr)
def test_matching_puts_a_twin_back(model: Model) -> None:
    weights, rng = weights_of(model), np.random.default_rng(0)
    twin: Any = weights
    for group in model.interchangeable():
        twin = permuted(twin, group, rng.permutation(size_of(weights, group)))
    for name, value in matched(twin, weights, model.interchangeable()).items():
        np.testing.assert_array_equal(value, weights[name], err_msg=name)


def test_matching_takes_the_largest_sum_of_products() -> None:
    """Two units: in order the products sum to 1 x 2 + 3 x 1 = 5, exchanged to 1 x 1 + 3 x 2 = 7."""
    group = Interchangeable("neurons", (UnitsIn("W", 0),))
    moved = matched({"W": np.array([[2.0], [1.0]])}, {"W": np.array([[1.0], [3.0]])}, [group])
    np.testing.assert_array_equal(moved["W"], [[1.0], [2.0]])
