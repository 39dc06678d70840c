"""Sites: named activations of a forward pass. Each is recorded under its TransformerLens hook name and can be patched.

A patch is a pair (pattern, function). The function replaces the activation at every site whose name matches the pattern, for example
`("blocks.*.hook_mlp_out", lambda value: 0 * value)`. Patterns follow the rules of file names in a shell (`*`, `?`, `[...]`).
"""

import fnmatch
from collections.abc import Sequence

from jaxtyping import Array, Float

from epicycle.spec.errors import InputError
from epicycle.spec.families import Activations, SitePatch


class Sites:
    """Collects the activations of one forward pass and applies patches to them.

    Attributes:
        values: the activations recorded so far, by name, after patching.
    """

    def __init__(self, patches: Sequence[SitePatch] = ()) -> None:
        self._patches = tuple(patches)
        self._n_matches = [0] * len(self._patches)
        self.values: Activations = {}

    def __call__(self, name: str, value: Float[Array, "..."]) -> Float[Array, "..."]:
        """Record the activation at a site.

        Args:
            name: the TransformerLens hook name of the site.
            value: the activation.

        Returns:
            The activation after every patch whose pattern matches the name, in the order of the patches. The forward pass must go
            on with this value.
        """
        for i, (pattern, change) in enumerate(self._patches):
            if fnmatch.fnmatchcase(name, pattern):
                value = change(value)
                self._n_matches[i] += 1
        self.values[name] = value
        return value

    def close(self) -> Activations:
        """The recorded activations, by name; to be called at the end of the forward pass.

        Raises:
            InputError: the pattern of a patch matches no site.
        """
        for n_matches, (pattern, _) in zip(self._n_matches, self._patches, strict=True):
            if n_matches == 0:
                raise InputError(f"patch: '{pattern}' matches no site; the sites are: {', '.join(self.values)}.")
        return self.values
