"""Named activations: every site of a forward pass is recorded under its TransformerLens hook name and may be patched."""

import fnmatch
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jaxtyping import Array, Float

from epicycle.spec.errors import InputError

if TYPE_CHECKING:
    from epicycle.spec.families import SitePatch


class Sites:
    """Collects activations and applies patches (pattern, function) at the sites a pattern matches."""

    def __init__(self, patches: Sequence["SitePatch"] = ()) -> None:
        self._patches = tuple(patches)
        self._hits = [0] * len(self._patches)
        self.values: dict[str, Float[Array, ...]] = {}

    def __call__(self, name: str, value: Float[Array, "..."]) -> Float[Array, "..."]:
        """Record the activation `name` and return it, changed where a patch matches."""
        for i, (pattern, change) in enumerate(self._patches):
            if fnmatch.fnmatchcase(name, pattern):
                value = change(value)
                self._hits[i] += 1
        self.values[name] = value
        return value

    def close(self) -> dict[str, Float[Array, "..."]]:
        """The recorded activations.

        Raises:
            InputError: a patch matched no site.
        """
        for hits, (pattern, _) in zip(self._hits, self._patches, strict=True):
            if hits == 0:
                raise InputError(f"patch at '{pattern}' matches no site; the sites are: {', '.join(self.values)}.")
        return self.values
