"""Snapshots of planted losses: functions of one vector of weights with known curvature, and small networks in training."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from epicycle.spec.experiment import Experiment, Run
from epicycle.spec.objective import Objective
from epicycle.training.program import step
from epicycle.training.snapshots import snapshot_entries
from epicycle.training.state import data_of, initialiser, world_of


def once_each() -> Callable[[Any, Callable[[], Any]], Any]:
    """As a snapshot has it: what is computed under one key is computed once."""
    shared: dict[Any, Any] = {}

    def once(key: Any, compute: Callable[[], Any]) -> Any:
        if key not in shared:
            shared[key] = compute()
        return shared[key]

    return once


def planted(loss: Callable[[Any], Any], at: Any, **fields: Any) -> dict[str, Any]:
    """A snapshot whose training loss is a function of the vector `w`."""
    at = jnp.asarray(at, jnp.float32)
    objective = Objective(
        trained={"w": at},
        logits=lambda params: params["w"],
        loss_of=loss,
        row_loss=lambda params, slot: loss(params["w"]),
        n_rows=jnp.int32(1000),
        slots=jnp.arange(4),
        movable=lambda change: change,
        scale=None,
        penalty=lambda params: jnp.zeros(()),
    )
    return {"elapsed": None, "objective": objective._replace(**fields), "once": once_each()}


def in_training(experiment: Experiment, steps: int) -> dict[str, Any]:
    """The snapshot of a run after some steps, with every entry computed."""
    table, run = experiment.task.table(), Run(experiment=experiment)
    data, world = jax.device_put(data_of(run, table)), world_of(table)
    state = initialiser(experiment, table)(run, data)
    train_on = jax.jit(lambda state: step(experiment, world, data, state))
    for _ in range(steps):
        state = train_on(state)
    entries = snapshot_entries(experiment, jax.tree.map(jnp.asarray, state), data, world)
    names = ("objective", "update_parts", "once", "elapsed", "params", "row_loss", "train")
    return {name: entries[name]() for name in names}
