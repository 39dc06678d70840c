"""Snapshots: what measures may see of a member, computed once however many measures ask for it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from epicycle.spec.experiment import Experiment, bind
from epicycle.spec.families import Measure
from epicycle.training.losses import row_losses, row_margins, tempered
from epicycle.training.schedules import knobs_at
from epicycle.training.state import Data, State, World, data_at, trained_rows

# Every entry a measure may declare in `needs`.
ROWS = ("train", "test", "all", "mirror_seen", "mirror_unseen", "clean", "corrupted", "removed", "never_trained")
SNAPSHOT = ("params", "logits", "labels", "row_loss", "row_margin", *ROWS)


class _Declared(Mapping[str, Any]):
    """The entries of a snapshot that one measure declared; reading another is a programming error."""

    def __init__(self, entries: Mapping[str, Callable[[], Any]], measure: Measure) -> None:
        unknown = set(measure.needs) - set(entries)
        if unknown:
            raise KeyError(f"measure '{measure.name}' needs {sorted(unknown)}; a snapshot has {sorted(entries)}")
        self._entries = {name: entries[name] for name in measure.needs}

    def __getitem__(self, name: str) -> Any:
        return self._entries[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def observe(
    experiment: Experiment, measures: Sequence[Measure], state: State, data: Data, world: World
) -> dict[str, Float[Array, "..."]]:
    """The value of every measure at the member's present step, by name."""
    entries = _entries(experiment, state, data, world)
    return {measure.name: measure.fn(_Declared(entries, measure)) for measure in measures}


def _entries(experiment: Experiment, state: State, data: Data, world: World) -> dict[str, Callable[[], Any]]:
    data = data_at(data, state)
    trained = cache(lambda: trained_rows(data, len(world.labels)))
    removed = cache(lambda: ~trained() & (jnp.zeros_like(trained()) if data.removed is None else jnp.asarray(data.removed)))
    mirrored = cache(lambda: (world.mirror >= 0) & trained()[world.mirror])
    bound = cache(lambda: bind(experiment, knobs_at(experiment, state.knobs, state.step)))
    inputs = jnp.asarray(world.inputs)
    logits = cache(
        lambda: tempered(
            bound().model.fast(state.params, inputs, constant=world.constant, positions=world.positions), bound().training.temperature
        )
    )
    labels = cache(lambda: _trained_labels(data, world))
    corrupted = cache(lambda: trained() & (labels() != jnp.asarray(world.labels)).reshape(len(trained()), -1).any(axis=1))
    return {
        "params": lambda: state.params,
        "logits": logits,
        "labels": labels,
        "row_loss": cache(lambda: row_losses(bound().training.loss.recorded(), logits(), labels())),
        "row_margin": cache(lambda: row_margins(logits(), labels(), world.tolerance)),
        "train": trained,
        "test": lambda: ~trained(),
        "all": lambda: jnp.ones_like(trained()),
        "mirror_seen": lambda: ~trained() & mirrored(),
        "mirror_unseen": lambda: ~trained() & ~mirrored(),
        "clean": lambda: trained() & ~corrupted(),
        "corrupted": corrupted,
        "removed": removed,
        "never_trained": lambda: ~trained() & ~removed(),
    }


def _trained_labels(data: Data, world: World) -> Array:
    """The task's labels, but at rows trained on the labels trained on."""
    own = jnp.asarray(world.labels)
    return own.at[jnp.where(data.weights > 0, data.rows, len(own))].set(data.labels, mode="drop")


def blank(records: dict[str, Any]) -> dict[str, Float[Array, "..."]]:
    """NaN in the shape of a record."""
    return jax.tree.map(lambda value: jnp.full(value.shape, jnp.nan, value.dtype), records)
