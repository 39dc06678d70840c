"""Errors for users: each message is one paragraph that says what is wrong, where, and what to do."""

import difflib
from collections.abc import Iterable

MOST_NAMES = 60  # that one message lists
LONGEST = 200  # characters of a user's text that a message repeats


class InputError(ValueError):
    """Bad input. The command line prints the message alone and exits with 2."""


class NoRuns(InputError):
    """The request is valid, but no run qualifies.

    Attributes:
        without: labels of the runs in which the event that was asked for has not come.
    """

    def __init__(self, message: str, without: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.without = list(without)


class NotInThisState(InputError):
    """An edit cannot be made in this state of a run, and in another state it may be."""


class UnknownCode(InputError):
    """A stored document names a class outside Epicycle that the running program has not used, so nothing of it is imported."""

    def __init__(self, family: str, kind: str) -> None:
        super().__init__(
            f"{family} '{shortened(kind)}' is code outside Epicycle. What stored results name is never imported. If you know it, "
            "name its file in the command: epicycle run my_study.py, epicycle report my_study.py, epicycle fork RUN --use my_study.py"
        )


def shortened(text: str, longest: int = LONGEST) -> str:
    """A text on one line, cut where it is long, because a message is one paragraph."""
    line = " ".join(text[: 4 * longest].split())
    return line if len(line) <= longest and len(text) <= 4 * longest else f"{line[:longest]} ... ({len(text):,} characters)"


def nearest(name: str, allowed: Iterable[str]) -> str:
    """A clause for a message: the nearest right spelling of `name`, or a list of what is allowed."""
    names = sorted(allowed)
    name = name[:LONGEST]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else listed(names)


def respelt(name: str, allowed: Iterable[str]) -> str | None:
    """The allowed name that `name` is a slip of the pen for; None if it may be the name of something else.

    Slips are another case or another separator, one letter too few, two neighbours exchanged, one letter twice, and in a name of five
    letters or more one letter too many or one wrong letter. A number is never a slip.
    """
    letters = _plain_letters(name[:LONGEST])
    known = {right: _plain_letters(right) for right in sorted(allowed)}
    same = [right for right, plain in known.items() if plain == letters]
    close = same or [right for right, plain in known.items() if _is_slip(letters, plain)]
    return close[0] if len(close) == 1 else None


def _plain_letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _is_slip(name: str, known: str) -> bool:
    if [letter for letter in name if letter.isdigit()] != [letter for letter in known if letter.isdigit()]:
        return False
    if len(name) != len(known):
        shorter, longer = sorted((name, known), key=len)
        superfluous = [i for i in range(len(longer)) if longer[:i] + longer[i + 1 :] == shorter]
        twice = len(superfluous) > 1  # either of two equal neighbours can go
        return bool(superfluous) and (twice or len(known) >= 5 or longer == known)
    differing = [i for i, (one, other) in enumerate(zip(name, known, strict=True)) if one != other]
    exchanged = len(differing) == 2 and differing[1] - differing[0] == 1 and sorted(name) == sorted(known)
    return exchanged or (len(differing) == 1 and len(known) >= 5)


def listed(allowed: Iterable[str]) -> str:
    """A clause for a message: what is allowed. A long list is cut."""
    names = sorted(allowed)
    rest = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"allowed here: {', '.join(names[:MOST_NAMES])}{rest}." if names else "nothing is allowed here."
