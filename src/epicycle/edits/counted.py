"""How many places an edit hits: at least one, or as many as it says."""

from collections.abc import Iterable

from epicycle.spec.errors import InputError, nearest
from epicycle.spec.families import Edit
from epicycle.spec.fields import budget, data
from epicycle.spec.paths import matches


class Counted(Edit):
    """An edit that can hit several places.

    Attributes:
        places: how many it must hit; None is any number but 0.
    """

    places: int | None = budget(None, ge=1)  # a check, which moves no trajectory

    def count(self, hit: int, what: str) -> None:
        """Compare with what was hit.

        Raises:
            InputError: nothing was hit, or another number than wanted.
        """
        if not hit:
            raise InputError(f"edit {self.kind}: it changes no {what}.")
        if self.places is not None and hit != self.places:
            raise InputError(f"edit {self.kind}: it hits {hit} {what}s and must hit {self.places}.")


class OfTensors(Counted):
    """An edit of tensors named by patterns; its places are tensors.

    Attributes:
        tensors: patterns of names: `W_E`, `b_*`.
    """

    tensors: tuple[str, ...] = data(min_length=1)

    def hit(self, known: Iterable[str]) -> list[str]:
        """The tensors meant.

        Raises:
            InputError: a pattern fits none, or another number than wanted is hit.
        """
        names = list(known)
        for pattern in self.tensors:
            if not any(matches(name, (pattern,)) for name in names):
                raise InputError(f"edit {self.kind}: no tensor is called '{pattern}'; {nearest(pattern, names)}")
        found = [name for name in names if matches(name, self.tensors)]
        self.count(len(found), "tensor")
        return found
