"""A user's mistake, told in one paragraph: what is wrong, where, and what to do."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input. The command line prints the message alone and exits with 2."""


class NoRuns(InputError):
    """No run is left to say something of: a matter of what runs did, not of how they were asked for.

    Attributes:
        without: the runs in which what was asked for has not come.
    """

    def __init__(self, told: str, without: Iterable[str] = ()) -> None:
        super().__init__(told)
        self.without = list(without)


def nearest(name: str, allowed: Iterable[str]) -> str:
    """A clause that offers the nearest right spelling of `name`, or lists what is allowed."""
    names = sorted(allowed)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"allowed here: {', '.join(names)}." if names else "nothing is allowed here."
