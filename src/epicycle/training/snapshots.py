"""Snapshots: what measures can see of a member. Each entry is computed once, however many measures read it."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from epicycle.spec.errors import InputError, nearest
from epicycle.spec.experiment import Experiment, bind
from epicycle.spec.families import Measure, Params, SitePatch
from epicycle.training.gradients import update_parts
from epicycle.training.losses import row_losses, row_margins, tempered
from epicycle.training.objective import objective_of
from epicycle.training.schedules import knobs_at
from epicycle.training.state import INIT, Data, State, World, data_at, trained_rows

# The entries of a snapshot, which a measure may declare in `needs`. Those in ROWS are sets of rows, as masks [row].
ROWS = (
    *("train", "test", "all", "mirror_seen", "mirror_unseen"),
    *("clean", "corrupted", "removed", "never_trained", "reweighted", "not_reweighted"),
)
OF_NETWORK = ("task", "params", "inputs", "activations", "logits", "labels", "row_loss", "trained_loss", "row_margin")
OF_END = ("end_params", "end_logits")  # of the network that the run ends with, known only when it is trained again
OF_TRAINING = ("elapsed", "objective", "update_parts")
SHARED = "once"  # a function (key, compute) -> what compute gave the first time at this look: measures share costly work through it
SNAPSHOT = (*OF_NETWORK, *OF_END, *OF_TRAINING, SHARED, "initial_params", "patched", "read_out", "measured_at", *ROWS)
Record = dict[str, Float[Array, "..."]]  # name of a series -> its value at one step


class _DeclaredEntries(Mapping[str, Any]):
    """The entries of a snapshot that one measure declares in `needs`; reading another one fails."""

    def __init__(self, entries: Mapping[str, Callable[[], Any]], measure: Measure) -> None:
        self._entries, self._measure = {}, measure
        for name in (measure.needs,) if isinstance(measure.needs, str) else measure.needs:
            if name not in entries:
                raise InputError(
                    f"measure {measure.name}: it needs '{name}', which a snapshot does not have; {nearest(name, entries)}"
                )
            self._entries[name] = entries[name]

    def __getitem__(self, name: str) -> Any:
        if name not in self._entries:
            raise InputError(
                f"measure {self._measure.name}: it reads '{name}' from the snapshot, and its needs do not name that; add it to needs."
            )
        return self._entries[name]()

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def known_at_the_end(measure: Measure) -> bool:
    """Whether a measure needs the network that the run ends with."""
    return bool({*OF_END}.intersection(measure.needs))


def observe(
    experiment: Experiment, measures: Sequence[Measure], state: State, data: Data, world: World, elapsed: Any = None
) -> Record:
    """The value of every measure at a member's present step, by the name of its series.

    Args:
        experiment: the member's experiment.
        measures: what is measured.
        state: the member.
        data: the rows it trains on.
        world: the task's table.
        elapsed: the steps since the run began, by which costly measures know whether they are taken; None takes all of them.
    """
    entries = snapshot_entries(experiment, state, data, world, elapsed)
    return {measure.name: measure.fn(_DeclaredEntries(entries, measure)) for measure in measures}


def snapshot_entries(
    experiment: Experiment, state: State, data: Data, world: World, elapsed: Any = None
) -> dict[str, Callable[[], Any]]:
    """A function for every name in `SNAPSHOT` that gives its entry, computed at the first call.

    `initial_params` are the parameters that the member's seed draws.
    The entries: `task`, which is no array but the experiment's task; `params`; `inputs`, the token ids of all rows; `logits` of all
    rows, divided by the temperature; `end_params` and `end_logits`, those of the network that the run ended with; `labels`, see
    `_observed_labels`; `row_loss`, the loss that is recorded; `trained_loss`, the loss that is minimised, in its own arithmetic;
    `row_margin`, above 0 where a row is right; `update_parts`, the next update split by what causes it; `patched`, a function of site
    patches -> the logits of all rows under them; `read_out`, what each unit of the last hidden layer adds to these logits per unit of
    activation, None where they are not linear in it; `measured_at`, a function (measure, params) -> the measure's value if the network
    had these parameters; `elapsed`, the steps since the run began, None outside of a run; `objective`, the loss that is minimised as a
    function of the weights (`epicycle.spec.objective`); `once`, a function (key, compute) that calls `compute` for the first measure
    with this key and gives the same to all others; and the sets of rows.
    """
    data = data_at(data, state)
    bound = cache(lambda: bind(experiment, knobs_at(experiment, state.knobs, state.step)))
    inputs = jnp.asarray(world.inputs)
    logits = cache(
        lambda: tempered(
            bound().model.fast(state.params, inputs, constant=world.constant, positions=world.positions), bound().training.temperature
        )
    )
    labels = cache(lambda: _observed_labels(data, world))
    end = cache(lambda: snapshot_entries(experiment, state._replace(params=_end_params(data)), data, world))

    def patched(patches: Sequence[SitePatch]) -> Float[Array, "row *answer d_vocab_out"]:
        own = bound().model.apply(state.params, inputs, patches=patches, positions=world.positions)[0]
        return tempered(own, bound().training.temperature)

    def read_out() -> Float[Array, "d_mlp d_vocab_out"] | None:
        own = bound().model.read_out(state.params)
        return None if own is None else tempered(own, bound().training.temperature)

    def measured_at(measure: Measure, params: Params) -> Float[Array, "..."]:
        entries = snapshot_entries(experiment, state._replace(params=params), data, world, elapsed)
        return measure.fn(_DeclaredEntries(entries, measure))

    return {
        "task": lambda: experiment.task,
        "elapsed": lambda: elapsed,
        "objective": cache(lambda: objective_of(experiment, world, data, state)),
        SHARED: cache(_once),
        "params": lambda: state.params,
        "end_params": lambda: _end_params(data),
        "end_logits": lambda: end()["logits"](),
        "initial_params": cache(lambda: _initial_params(experiment, state)),
        "inputs": lambda: inputs,
        "activations": cache(lambda: bound().model.apply(state.params, inputs, positions=world.positions)[1]),
        "logits": logits,
        "labels": labels,
        "row_loss": cache(lambda: row_losses(bound().training.loss.recorded(), logits(), labels())),
        "trained_loss": cache(lambda: row_losses(bound().training.loss, logits(), labels())),
        "row_margin": cache(lambda: row_margins(logits(), labels(), world.tolerance)),
        "update_parts": cache(lambda: update_parts(experiment, world, data, state)),
        "patched": lambda: patched,
        "read_out": cache(read_out),
        "measured_at": lambda: measured_at,
        **{name: cache(rows) for name, rows in _row_sets(data, world, labels).items()},
    }


def _once() -> Callable[[Hashable, Callable[[], Any]], Any]:
    """A function that computes what belongs to a key at the first call with this key."""
    shared: dict[Hashable, Any] = {}

    def once(key: Hashable, compute: Callable[[], Any]) -> Any:
        if key not in shared:
            shared[key] = compute()
        return shared[key]

    return once


def _end_params(data: Data) -> Params:
    """The weights with which the run ended."""
    if data.end is None:
        raise InputError("the weights at the end of a run are not known while it is trained.")
    return data.end


def _initial_params(experiment: Experiment, state: State) -> Params:
    """The weights that the seed of a member draws: those it began with, unless an edit changed them before the first step."""
    knobs = {path: value.astype(jnp.float32) for path, value in state.knobs.items()}
    key = jax.random.fold_in(jax.random.wrap_key_data(state.key), INIT)
    drawn = bind(experiment, knobs).model.init(key, experiment.task.table())
    return {name: drawn[name].astype(value.dtype) for name, value in state.params.items()}


def _row_sets(data: Data, world: World, labels: Callable[[], Array]) -> dict[str, Callable[[], Any]]:
    """The mask [row] of every set in `ROWS`; `data` are those that count at the present step."""
    trained = cache(lambda: trained_rows(data, len(world.labels)))
    removed = cache(lambda: ~trained() & (jnp.zeros_like(trained()) if data.removed is None else jnp.asarray(data.removed)))
    mirrored = cache(lambda: (world.mirror >= 0) & trained()[world.mirror])
    corrupted = cache(lambda: trained() & (labels() != jnp.asarray(world.labels)).reshape(len(trained()), -1).any(axis=1))
    reweighted = cache(lambda: jnp.zeros_like(trained()).at[data.rows].max((data.weights > 0) & (data.weights != 1)))
    return {
        "train": trained,
        "test": lambda: ~trained(),
        "all": lambda: jnp.ones_like(trained()),
        "mirror_seen": lambda: ~trained() & mirrored(),
        "mirror_unseen": lambda: ~trained() & ~mirrored(),
        "clean": lambda: trained() & ~corrupted(),
        "corrupted": corrupted,
        "removed": removed,
        "never_trained": lambda: ~trained() & ~removed(),
        "reweighted": reweighted,
        "not_reweighted": lambda: trained() & ~reweighted(),
    }


def _observed_labels(data: Data, world: World) -> Array:
    """The label trained on at every trained row, the task's own label at all others."""
    own_labels = jnp.asarray(world.labels)
    return own_labels.at[jnp.where(data.weights > 0, data.rows, len(own_labels))].set(data.labels, mode="drop")


def blank(shapes: Mapping[str, jax.ShapeDtypeStruct]) -> Record:
    """A record of these shapes that is NaN everywhere."""
    return {name: jnp.full(shape.shape, jnp.nan, shape.dtype) for name, shape in shapes.items()}
