"""Alterations of a planted network that computes x - y with absolute values: what each of them must do to it."""

import jax
import numpy as np
import pytest

from epicycle.circuits.altered import Altered
from epicycle.measures.fit import Accuracy
from epicycle.models.mlp import MLP
from epicycle.spec.errors import InputError
from epicycle.tasks.modular import Modular
from tests.circuits.networks import network_snapshot

P, TASK = 7, Modular(p=7, operation="x-y")
MODEL = MLP(d_model=P, d_mlp=2 * P, embeddings="separate", biases=())


def planted(order: np.ndarray) -> dict[str, np.ndarray]:
    """A pair of ReLU neurons for each class c gives |x - (y + c)|, with x and y + c as numbers: 0 at the right class alone.

    Args:
        order: the row of each token in the second table of embeddings, which is one-hot like the first.
    """
    numbers, classes = np.arange(P), np.arange(P)
    first = np.repeat(numbers[:, None], P, axis=1)
    second = -((numbers[:, None] + classes) % P)
    side = np.concatenate([first, second])
    return {
        "W_E": np.stack([np.eye(P), np.eye(P)[order]]),
        "W_in": np.concatenate(
            [
                np.concatenate([side[:P], -side[:P]], axis=1),
                np.concatenate([side[P:][np.argsort(order)], -side[P:][np.argsort(order)]], axis=1),
            ]
        ),
        "W_U": -np.concatenate([np.eye(P), np.eye(P)]),
    }


def after(alteration: str, order: np.ndarray, quantity: str = "acc") -> float:
    snapshot = network_snapshot(MODEL, planted(order), TASK)
    return float(Altered.parse({"alteration": alteration, "quantity": quantity, "rows": "all"}).fn(snapshot))


def test_what_each_alteration_does_to_a_network_of_absolute_values() -> None:
    same, shuffled = np.arange(P), np.random.default_rng(0).permutation(P)
    assert float(Accuracy(rows="all").fn(network_snapshot(MODEL, planted(same), TASK))) == 1.0
    for order in (same, shuffled):
        assert after("flip_both", order) == 1.0  # |-z| = |z|
        assert after("absolute", order) == 1.0  # |z| in place of ReLU doubles every logit
        assert after("flip_first", order) == after("flip_second", order) < 0.4
    assert after("swap", same) == 1.0  # the tables are the same
    assert after("swap", shuffled) < 0.5
    assert after("absolute", same, "loss") < float(np.log(P))


def test_a_network_with_one_table_is_refused() -> None:
    model = MLP(d_model=4, d_mlp=8)
    snapshot = network_snapshot(model, model.init(jax.random.key(0), TASK.table()), TASK)
    with pytest.raises(InputError, match="embeddings: separate"):
        Altered(alteration="swap").fn(snapshot)
