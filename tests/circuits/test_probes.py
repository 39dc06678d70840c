"""Probes on planted hidden layers: one that holds the band, one that holds waves of the answer, one that sees the operands only."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.circuits.algorithm import algorithm_of
from epicycle.circuits.probes import Probe
from epicycle.tasks.modular import Modular

TASK = Modular(p=31, operation="x*y")
X, Y = TASK.table().operands.T.astype(int)


def snapshot(*units: Any) -> dict[str, Any]:
    """A snapshot whose hidden layer has these units beside twenty of noise, and whose unembedding has the frequencies 3 and 5."""
    noise = np.random.default_rng(0).standard_normal((961, 20))
    values = jnp.asarray(np.concatenate([np.stack(units, axis=1), noise], axis=1), jnp.float32)
    algorithm = algorithm_of(TASK)
    waves = algorithm.basis[:, np.isin(algorithm.owner, (2, 4))]
    unembedding = np.zeros((values.shape[1], 31))
    unembedding[: waves.shape[1], algorithm.classes] = waves.T
    return {"task": TASK, "params": {"W_U": jnp.asarray(unembedding, jnp.float32)}, "activations": {"mlp.hook_post": values}}


def waves_of_answer() -> list[Any]:
    algorithm = algorithm_of(TASK)
    waves = algorithm.basis[:, np.isin(algorithm.owner, (2, 4))]
    return [np.where(algorithm.answers >= 0, wave[algorithm.answers], 0) for wave in waves.T]


def explained(units: list[Any], **fields: Any) -> float:
    return float(Probe.parse(fields).fn(snapshot(*units)))


def one_hot() -> list[Any]:
    return [(operand == token).astype(float) for operand in (X, Y) for token in range(31)]


def test_each_target_is_found_where_it_is_and_nowhere_else() -> None:
    band, product = [X * Y // 31, X, Y, X * X, Y * Y], [X * Y, X, Y]
    layers = {"band": [*band, *one_hot()], "product": [*product, *one_hot()], "key_components": waves_of_answer()}
    for target in ("band", "product", "key_components"):
        assert explained(layers[target], target=target, ridge=1e-6) > 0.95, target
    assert explained(layers["band"], target="key_components") < 0.1
    assert explained(layers["key_components"], target="band") < 0.1
    assert explained(one_hot(), target="band") < 0.1, "what each operand adds does not count"


@pytest.mark.parametrize("null", ["shuffled", "relabelled"])
@pytest.mark.parametrize("target", ["band", "product", "key_components"])
def test_controls_are_not_found(target: str, null: str) -> None:
    units = [X * Y // 31, X * Y, *one_hot(), *waves_of_answer()]
    assert explained(units, target=target, null=null) < 0.1
