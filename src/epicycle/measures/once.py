"""What several measures read of one snapshot, computed once."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar, cast

Value = TypeVar("Value")


def once(snapshot: Mapping[str, Any], compute: Callable[..., Value], *args: Hashable) -> Value:
    """What several measures compute from one snapshot, computed for the first of them only.

    XLA finds most of such repetitions by itself, but not where they depend on the training data alone: it moves these out of the loop
    over evaluations one by one, and then takes them for different numbers.

    Args:
        snapshot: what a measure was given. A plain mapping, as in tests, remembers nothing.
        compute: a function of the snapshot and the further arguments.
        args: the further arguments.
    """
    computed: dict[Any, Any] | None = getattr(snapshot, "computed", None)
    if computed is None:
        return compute(snapshot, *args)
    key = (compute, *args)
    if key not in computed:
        computed[key] = compute(snapshot, *args)
    return cast("Value", computed[key])
