"""Patching: a network on some rows, with some of its activations taken from other rows. For notebooks.

What an activation is responsible for shows in what changes when the activation comes from another row. `patched` changes it for
everything that follows. `path_patched` changes it for one later site alone: the way between the two.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from epicycle.spec.errors import InputError, nearest
from epicycle.spec.families import Activations, Model, Params, SitePatch

# What attention and MLPs add to the residual stream: `path_patched` holds it, so that a change takes no other way.
_WRITES = ("attn.hook_z", "mlp.hook_post", "hook_attn_out", "hook_mlp_out")


def patched(
    model: Model, params: Params, inputs: Int[Array, "row pos"], donors: Int[Array, "row pos"], site: str, head: int | None = None
) -> tuple[Float[Array, "row d_vocab_out"], Activations]:
    """The network on `inputs`, with the activation at one site taken from `donors`.

    Args:
        model: a network whose activations have names. Wrapped networks have their logits only.
        params: its parameters, such as `runs[0].params(step=1000)`.
        inputs: token ids.
        donors: as many rows of token ids.
        site: the name of the site, such as `blocks.0.attn.hook_z`.
        head: one attention head; None takes the whole activation.

    Returns:
        Logits and activations.

    Raises:
        InputError: the network has no such site or head, or the rows differ in number.
    """
    return model.apply(params, inputs, patches=[_from_donors(model, params, (inputs, donors), site, head)])


def path_patched(
    model: Model,
    params: Params,
    inputs: Int[Array, "row pos"],
    donors: Int[Array, "row pos"],
    sender: str,
    receiver: str,
    head: int | None = None,
) -> tuple[Float[Array, "row d_vocab_out"], Activations]:
    """The network on `inputs`, where one site reads another one as it is on `donors` (Wang et al., arXiv 2211.00593, section 3.1).

    The receiver changes by what comes straight from the sender through the residual stream: what other heads and MLPs add to the
    stream is held as it is on `inputs`. Everything after the receiver then follows from the changed receiver.

    Args:
        model: as in `patched`.
        params: its parameters.
        inputs: token ids.
        donors: as many rows of token ids.
        sender: the name of the site that is changed, such as `blocks.0.attn.hook_z`.
        receiver: the name of a later site that reads the change, such as `blocks.1.attn.hook_q` or `blocks.0.mlp.hook_pre`.
        head: one attention head of the sender; None takes the whole activation.

    Returns:
        Logits and activations.

    Raises:
        InputError: the network has no such site or head, the receiver is not after the sender, or the rows differ in number.
    """
    from_donors = _from_donors(model, params, (inputs, donors), sender, head)
    _, clean = model.apply(params, inputs)
    names = list(clean)
    if receiver not in names:
        raise InputError(f"receiver: there is no site '{receiver}'; {nearest(receiver, names)}")
    if names.index(receiver) <= names.index(sender):
        raise InputError(f"receiver: '{receiver}' is not after '{sender}'; the sites in order are {', '.join(names)}.")
    between = names[names.index(sender) + 1 : names.index(receiver)]
    ways = [name for name in between if name.endswith(_WRITES) and not name.startswith(_own_sites(sender))]
    _, changed = model.apply(params, inputs, patches=[*_held(clean, ways), from_donors])
    return model.apply(params, inputs, patches=_held(changed, [receiver]))


def _held(activations: Activations, names: Sequence[str]) -> list[SitePatch]:
    """Patches that put these activations at their sites."""

    def put(name: str) -> SitePatch:
        return name, lambda _: activations[name]

    return [put(name) for name in names]


def _own_sites(sender: str) -> tuple[str, ...]:
    """The beginnings of the names of the sites through which a layer of attention or an MLP writes what the sender changes."""
    layer = sender.rpartition(".")[0]
    block, _, kind = layer.rpartition(".")
    return (f"{layer}.", f"{block}.hook_{kind}_out") if kind in ("attn", "mlp") else ()


def _from_donors(
    model: Model, params: Params, rows: tuple[Int[Array, "row pos"], Int[Array, "row pos"]], site: str, head: int | None
) -> SitePatch:
    """A patch that puts the donors' activation at a site."""
    inputs, donors = rows
    if np.shape(inputs) != np.shape(donors):
        raise InputError(f"donors: they have shape {np.shape(donors)} and the inputs {np.shape(inputs)}; give one donor for each row.")
    _, activations = model.apply(params, donors)
    if site not in activations:
        raise InputError(f"site: there is no site '{site}'; {nearest(site, activations)}")
    own = activations[site]
    if head is None:
        return site, lambda _: own
    if not site.endswith(("hook_q", "hook_k", "hook_v", "hook_z")) or not 0 <= head < own.shape[2]:
        raise InputError(f"head: '{site}' has no head {head}; take hook_q, hook_k, hook_v or hook_z of a layer, and heads from 0 on.")
    return site, lambda value: jnp.where((jnp.arange(own.shape[2]) == head)[:, None], own, value)
