"""Named activations: every site of a forward pass is recorded under its TransformerLens hook name and may be edited."""

import fnmatch
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jaxtyping import Array, Float

from epicycle.spec.errors import InputError

if TYPE_CHECKING:
    from epicycle.spec.families import SiteEdit


class Sites:
    """Collects activations and applies edits (pattern, function) at the sites a pattern matches."""

    def __init__(self, edits: Sequence["SiteEdit"] = ()) -> None:
        self._edits = tuple(edits)
        self._hits = [0] * len(self._edits)
        self.values: dict[str, Float[Array, ...]] = {}

    def __call__(self, name: str, value: Float[Array, "..."]) -> Float[Array, "..."]:
        """Record the activation `name` and return it, edited where an edit says so."""
        for i, (pattern, change) in enumerate(self._edits):
            if fnmatch.fnmatchcase(name, pattern):
                value = change(value)
                self._hits[i] += 1
        self.values[name] = value
        return value

    def close(self) -> dict[str, Float[Array, "..."]]:
        """The recorded activations.

        Raises:
            InputError: an edit matched no site.
        """
        for hits, (pattern, _) in zip(self._hits, self._edits, strict=True):
            if hits == 0:
                raise InputError(f"edit at '{pattern}' matches no site; the sites are: {', '.join(self.values)}.")
        return self.values
