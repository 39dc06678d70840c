"""The keys of a state dict as wrappers and users change them: tensors that are no part of the network, and prefixes of wrappers."""

from collections.abc import Iterable, Sequence

import numpy as np

from epicycle.interop.layout_conversion import Arrays, list_names
from epicycle.interop.weight_layouts import LAYOUTS, are_equal
from epicycle.spec.errors import InputError, nearest, shortened
from epicycle.spec.paths import matches

# Modules that wrap another one, anywhere in a network, and put their name before the names of its tensors.
WRAPPERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
# What the embedding is called in each layout. A network's names begin where the name of its embedding does.
EMBEDDINGS = sorted({key for layout in LAYOUTS.values() for key in layout.tensors["W_E"].keys(1)}, key=len, reverse=True)


def network_arrays(arrays: Arrays, leave_out: Sequence[str]) -> Arrays:
    """The network's tensors, under the names that they have in the network itself.

    Args:
        arrays: key -> array.
        leave_out: names, or patterns such as `ema.*`, of tensors that are no part of the network.

    Raises:
        InputError: there are several networks, a pattern fits no name, or it fits weights of the network that are not zero.
    """
    patterns = [leave_out] if isinstance(leave_out, str) else leave_out
    if not isinstance(patterns, list | tuple | set) or not all(isinstance(pattern, str) for pattern in patterns):
        raise InputError(f"leave_out is a list of names of tensors, and not {shortened(repr(leave_out))}.")
    names = _bare_names([key for key in arrays if not matches(key, patterns)], arrays)
    for pattern in patterns:
        if not any(matches(key, [pattern]) or matches(name, [pattern]) for key, name in names.items()):
            raise InputError(f"leave_out: no tensor is called '{shortened(pattern)}'; {nearest(pattern, names.values())}")
    left_out = {key for key, name in names.items() if matches(key, patterns) or matches(name, patterns)}
    network = {name: arrays[key] for key, name in names.items() if key not in left_out}
    if len(network) + len(left_out) < len(names):
        raise InputError("two tensors have the same name without the names of wrappers (_orig_mod and the like); leave one out.")
    _refuse_weights({names[key]: arrays[key] for key in left_out}, network)
    return network


def _bare_names(kept: Sequence[str], keys: Iterable[str]) -> dict[str, str]:
    """Every key with the name that it has in the network: without wrappers, and without what stands before the network.

    Raises:
        InputError: the keys that are kept hold several networks.
    """
    unwrapped = {key: ".".join(part for part in key.split(".") if part not in WRAPPERS) for key in keys}
    prefixes = sorted({prefix for key in kept if (prefix := _prefix_of_embedding(unwrapped[key])) is not None})
    if len(prefixes) > 1:
        under = list_names([prefix or "no prefix" for prefix in prefixes])
        raise InputError(f"there are {len(prefixes)} networks: under {under}; leave out all but one: leave_out=['{prefixes[-1]}*'].")
    prefix = prefixes[0] if prefixes else ""
    return {key: name.removeprefix(prefix) for key, name in unwrapped.items()}


def _prefix_of_embedding(name: str) -> str | None:
    """What stands before the name of an embedding (`module.`, `model.`); None if it is no embedding."""
    return next((name.removesuffix(end) for end in EMBEDDINGS if f".{name}".endswith(f".{end}")), None)


def _refuse_weights(left_out: Arrays, network: Arrays) -> None:
    """Refuse to leave out what is called like a weight or a bias of the network, unless it is zero or equals another tensor."""
    names = {*left_out, *network}
    known = {key for layout in LAYOUTS.values() for key in layout.tensor_keys(names)}
    weights = [
        name
        for name, value in left_out.items()
        if (name in known or _is_bias_of_a_block(name))
        and np.any(value)
        and not any(are_equal(value, kept) for kept in network.values())
    ]
    if weights:
        raise InputError(
            f"leave_out: {list_names(weights)} would be left out, but they are weights by their names, and not zero. Without them "
            "the network would compute something else."
        )


def _is_bias_of_a_block(name: str) -> bool:
    last = name.rpartition(".")[2]
    return name.startswith("blocks.") and (last == "bias" or last.startswith("b_"))
