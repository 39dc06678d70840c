"""Units that can be taken out of a network: neurons, attention heads, and components of the general algorithm.

All three have one interface. `kept` holds a number for each unit: 1 leaves the unit as it is, 0 puts the baseline in its place, and
numbers between mix the two. Neurons and heads are changed at their named sites in the forward pass, so that nothing else in the same
layer, or before it, changes by a bit. A component of the algorithm (a frequency, or an irreducible representation) is taken out of the
logits, with the strength that it has on held-out rows.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from epicycle.circuits.algorithm import algorithm_of
from epicycle.circuits.splitting import HELD_OUT, held_out, strengths
from epicycle.spec.errors import InputError
from epicycle.spec.families import Task

Unit = Literal["neuron", "head", "component"]
Baseline = Literal["zero", "mean", "resample"]
NEEDS = {
    "neuron": ("activations", "logits", "labels", "patched", "read_out"),
    "head": ("activations", "logits", "labels", "patched"),
    "component": HELD_OUT,
}  # entries of a snapshot that `units_of` and the measures of units read
_SEED = 0  # of the rows that `resample` takes activations from, and of the directions of `rotated`


class Units(NamedTuple):
    """The units of one kind in a network.

    Attributes:
        n: their number.
        whole: the logits of all rows with all units.
        logits: the logits of all rows under `kept`, one number for each unit, or for each row and unit.
        own: by how much each unit's activation is above its baseline, and what it adds to the logits per unit of activation, where the
            logits are linear in all units; None elsewhere.
    """

    n: int
    whole: Float[Array, "row d_vocab_out"]
    logits: Callable[[Float[Array, "*row removable"]], Float[Array, "row d_vocab_out"]]
    own: tuple[Float[Array, "row removable"], Float[Array, "removable d_vocab_out"]] | None = None

    def logits_without(self, unit: Int[Array, ""]) -> Float[Array, "row d_vocab_out"]:
        """The logits with the baseline in the place of one unit."""
        if self.own is None:
            return self.logits((jnp.arange(self.n) != unit).astype(self.whole.dtype))
        above, per_unit = self.own
        return self.whole - above[:, unit, None] * per_unit[unit]


def units_of(snapshot: Mapping[str, Any], unit: Unit, baseline: Baseline = "zero", rotated: bool = False) -> Units:
    """The units of a network.

    Args:
        snapshot: with the entries of `NEEDS`.
        unit: the kind of unit.
        baseline: what is put in the place of a neuron or head: nothing, its mean over all rows, or its activation on another row.
        rotated: takes random orthogonal directions of the last hidden layer in the place of its neurons: the null.

    Raises:
        InputError: the network or its task has no such units, or rows have no single right class.
    """
    if snapshot["logits"].ndim != 2 or snapshot["labels"].ndim != 1:
        raise InputError("measures of single units need a task with one right class for each row.")
    if unit == "component":
        return _components(snapshot)
    return _heads(snapshot, baseline) if unit == "head" else _neurons(snapshot, baseline, rotated)


def unit_names(unit: Unit, params: Mapping[str, Any], task: Task) -> dict[str, list[str]]:
    """Labels along the axis of units: components have names, and heads are counted in each layer (`0.3`)."""
    if unit == "component":
        return {"component": list(algorithm_of(task).names)}
    if unit == "head" and "W_Q" in params:
        layers, heads = params["W_Q"].shape[:2]
        return {"head": [f"{layer}.{head}" for layer in range(layers) for head in range(heads)]}
    return {}


def last_hidden_site(activations: Mapping[str, Any], part: Literal["pre", "post"]) -> str:
    """The name of the last hidden layer before or after its non-linearity.

    Raises:
        InputError: the network has none.
    """
    names = [name for name in activations if name.endswith(f"mlp.hook_{part}")]
    if not names:
        raise InputError(
            f"measures of neurons need a site ...mlp.hook_{part}, and this network has {', '.join(activations)}. "
            "Networks of kind mlp, quadratic and transformer have it."
        )
    return names[-1]


def _neurons(snapshot: Mapping[str, Any], baseline: Baseline, rotated: bool) -> Units:
    """The units of the last hidden layer, or random directions in it."""
    site = last_hidden_site(snapshot["activations"], "post")
    values, patched, per_neuron = snapshot["activations"][site], snapshot["patched"], snapshot["read_out"]
    n, whole = values.shape[-1], snapshot["logits"]
    above = values - _baseline(values, baseline)
    directions = _rotation(n, values.dtype) if rotated else None
    along = above if directions is None else above @ directions

    def removed(kept: Float[Array, "*row removable"]) -> Float[Array, "row *pos d_mlp"]:
        share = 1 - (kept[:, None] if kept.ndim == 2 and values.ndim == 3 else kept)
        return share * along if directions is None else (share * along) @ directions.T

    if per_neuron is None:
        return Units(n, whole, lambda kept: patched([(site, lambda value: value - removed(kept))]))
    at_reading = (along if along.ndim == 2 else along[:, -1], per_neuron if directions is None else directions.T @ per_neuron)
    return Units(n, whole, lambda kept: whole - ((1 - kept) * at_reading[0]) @ at_reading[1], at_reading)


def _heads(snapshot: Mapping[str, Any], baseline: Baseline) -> Units:
    """The attention heads of all layers, one layer after the other. A head is changed at what it reads, before W_O."""
    activations, patched = snapshot["activations"], snapshot["patched"]
    sites = [name for name in activations if name.endswith("attn.hook_z")]
    if not sites:
        raise InputError(
            f"measures of heads need a network with attention, such as a transformer, and this network has {', '.join(activations)}; "
            "take its neurons (unit: neuron)."
        )
    per_layer = activations[sites[0]].shape[2]

    def patch(layer: int, kept: Float[Array, "*row removable"]) -> Any:
        share = 1 - kept[..., layer * per_layer : (layer + 1) * per_layer]
        share = share[:, None, :, None] if share.ndim == 2 else share[:, None]
        instead = _baseline(activations[sites[layer]], baseline)
        return sites[layer], lambda value: value - share * (value - instead)

    n = per_layer * len(sites)
    return Units(n, snapshot["logits"], lambda kept: patched([patch(layer, kept) for layer in range(len(sites))]))


def _components(snapshot: Mapping[str, Any]) -> Units:
    """The components of the general algorithm, as Gen has them on held-out rows."""
    algorithm = algorithm_of(snapshot["task"])
    own, logits = strengths(held_out(snapshot, algorithm), algorithm), snapshot["logits"]
    characters = jnp.asarray(algorithm.characters, logits.dtype)
    has_answer = jnp.asarray(algorithm.answers >= 0)[:, None]
    quotients = algorithm.quotient[np.maximum(algorithm.answers, 0)]

    def without(kept: Float[Array, "*row removable"]) -> Float[Array, "row d_vocab_out"]:
        by_quotient = jnp.broadcast_to(((1 - kept) * own) @ characters, quotients.shape)
        removed = jnp.where(has_answer, jnp.take_along_axis(by_quotient, jnp.asarray(quotients), axis=1), 0)
        return logits.at[:, algorithm.classes].add(-removed)

    return Units(len(algorithm.names), logits, without)


def _baseline(values: Float[Array, "row ..."], baseline: Baseline) -> Float[Array, "row ..."]:
    """What is put in the place of activations."""
    if baseline == "mean":
        return jnp.broadcast_to(values.mean(axis=0, keepdims=True), values.shape)
    return jnp.zeros_like(values) if baseline == "zero" else values[np.random.default_rng(_SEED).permutation(len(values))]


def _rotation(n: int, dtype: Any) -> Float[Array, "removable d_mlp"]:
    """A random orthogonal matrix, always the same one."""
    return jnp.asarray(np.linalg.qr(np.random.default_rng(_SEED).standard_normal((n, n)))[0], dtype)
