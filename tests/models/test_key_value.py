"""Memories of pairs: what hand-built ones store, in closed form, and that trained ones store more rows with more slots."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import epicycle as ep
from epicycle.models.key_value import LEAK, VALUE, KeyValue
from epicycle.tasks.random_tables import RandomTable

TABLE = RandomTable(n=13, table_seed=2).table()
N = len(TABLE.labels)
MEMORIES: tuple[Literal["mlp", "attention", "convolution"], ...] = ("mlp", "attention", "convolution")


def right(model: KeyValue) -> Any:
    """Which rows a fresh memory answers right; a tie is wrong."""
    logits = np.asarray(model.fast(model.init(jax.random.key(0), TABLE), jnp.asarray(TABLE.inputs)))
    rows = np.arange(N)
    others = np.where(np.arange(TABLE.num_classes) == TABLE.labels[:, None], -np.inf, logits).max(axis=1)
    return logits[rows, TABLE.labels] > others


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("width", [1, 40, N, N + 20])
def test_a_slot_stores_a_row(memory: Literal["mlp", "attention", "convolution"], width: int) -> None:
    """As many random rows as there are slots are right, to the last one, and of the rest none or what a shared operand gives."""
    stored = right(KeyValue(memory=memory, d_mlp=width, weights="hand_built"))
    assert stored[:width].all()
    if memory == "attention":  # a row that is not stored attends to slots that share an operand with it
        assert stored[width:].sum() <= max(0.2 * N, 0 if width >= N else 13)
    else:
        assert not stored[width:].any(), "no key fits, so all logits are 0"


@pytest.mark.parametrize("memory", MEMORIES)
def test_a_stored_row_gets_the_logit_of_its_value(memory: Literal["mlp", "attention", "convolution"]) -> None:
    model = KeyValue(memory=memory, d_mlp=N, weights="hand_built")
    logits = np.asarray(model.fast(model.init(jax.random.key(0), TABLE), jnp.asarray(TABLE.inputs)))
    of_label = logits[np.arange(N), TABLE.labels]
    if memory == "attention":
        assert (of_label > VALUE * (1 - LEAK)).all()
        assert of_label.max() <= VALUE * (1 + 1e-5)
    else:
        np.testing.assert_array_equal(of_label, VALUE)
        np.testing.assert_array_equal(logits.sum(axis=1), VALUE, err_msg="no other class gets any")


def test_a_trained_memory_needs_slots() -> None:
    """A hundred random answers: one slot holds few of them, 64 hold all."""
    accuracies = []
    for width in (1, 64):
        experiment = ep.Experiment(
            task=RandomTable(n=13, table_seed=2),
            split=ep.Split(frac_train=0.6),
            model=KeyValue(d_mlp=width),
            training=ep.Training(optimiser=ep.AdamW(lr=2e-2, weight_decay=0.0), steps=300),
        )
        accuracies.append(float(ep.train(experiment, seeds=1).data.train_acc.values.ravel()[-1]))
    assert accuracies[0] < 0.5
    assert accuracies[1] == 1.0
