"""Snapshots of planted networks: their weights are given, and nothing is trained."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from epicycle.spec.families import Measure, Model, Task


def network_snapshot(model: Model, params: Mapping[str, Any], task: Task, labels: Any = None) -> dict[str, Any]:
    """What measures see of a network with these weights; every other row is trained on.

    Args:
        model: the network.
        params: its weights.
        task: the task.
        labels: of all rows; None is the task's own.
    """
    table = task.table()
    inputs, own = jnp.asarray(table.inputs), jnp.asarray(table.labels)
    labels = own if labels is None else jnp.asarray(labels)
    weights = {name: jnp.asarray(value, jnp.float32) for name, value in params.items()}
    logits, activations = model.apply(weights, inputs)
    train = jnp.arange(len(logits)) % 2 == 0
    right = jnp.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    others = jnp.where(jnp.arange(logits.shape[1]) == labels[:, None], -jnp.inf, logits).max(axis=1)

    def measured_at(measure: Measure, changed: Mapping[str, Any]) -> Any:
        return measure.fn(network_snapshot(model, changed, task, labels))

    return {
        "task": task,
        "params": weights,
        "activations": activations,
        "logits": logits,
        "labels": labels,
        "row_margin": right - others,
        "row_loss": -right,
        "train": train,
        "test": ~train,
        "all": jnp.ones(len(logits), bool),
        "corrupted": labels != own,
        "patched": lambda patches: model.apply(weights, inputs, patches=patches)[0],
        "measured_at": measured_at,
    }


def with_labels_replaced(task: Task, share: float) -> np.ndarray:
    """The task's labels, with those of a share of the rows replaced by other classes."""
    table, rng = task.table(), np.random.default_rng(3)
    wrong = rng.permutation(len(table.labels)) < share * len(table.labels)
    return np.where(wrong, (table.labels + rng.integers(1, table.num_classes, len(wrong))) % table.num_classes, table.labels)
