"""Bases of edits that can hit several places: an edit must hit at least one place, or exactly as many as it says."""

from collections.abc import Iterable

from epicycle.spec.errors import InputError, nearest
from epicycle.spec.families import Edit
from epicycle.spec.fields import budget, data
from epicycle.spec.limits import MOST_NAMES
from epicycle.spec.paths import matches


class CountedEdit(Edit):
    """An edit that can hit several places: tensors or rows.

    Attributes:
        places: the number of places that it must hit; None allows any number but 0.
    """

    places: int | None = budget(None, ge=1, le=10**9)  # a check, which moves no trajectory

    def check_places(self, n_hit: int, noun: str) -> None:
        """Refuse a wrong number of places.

        Args:
            n_hit: the number of places that the edit hits.
            noun: what a place is, for the message: `row`, `tensor`.

        Raises:
            InputError: the edit hits no place, or another number of places than it must.
        """
        if not n_hit:
            raise InputError(f"edit {self.kind}: it changes no {noun}.")
        if self.places is not None and n_hit != self.places:
            raise InputError(f"edit {self.kind}: it hits {n_hit} {noun}s and must hit {self.places}.")


class TensorEdit(CountedEdit):
    """An edit of tensors named by patterns; its places are tensors.

    Attributes:
        tensors: patterns of tensor names: `W_E`, `b_*`.
    """

    tensors: tuple[str, ...] = data(min_length=1, max_length=MOST_NAMES)

    def matching(self, names: Iterable[str]) -> list[str]:
        """The names that a pattern fits, in their order.

        Raises:
            InputError: a pattern fits no name, or the edit hits another number of tensors than it must.
        """
        available = list(names)
        for pattern in self.tensors:
            if not any(matches(name, (pattern,)) for name in available):
                raise InputError(f"edit {self.kind}: no tensor is called '{pattern}'; {nearest(pattern, available)}")
        matching = [name for name in available if matches(name, self.tensors)]
        self.check_places(len(matching), "tensor")
        return matching
