"""The numbers in a plain English sentence, in digits or in words: `ten times`, `90 %`, `half`, `a third`, `47 of 48`.

Ordinals (`first`), `no`, and `one` as an article or a pronoun are no numbers. Digits that belong to a name (`S4`) are none either.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isclose

SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
    *("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
CARDINALS = {word: n for n, word in enumerate(SMALL)} | {word: 10 * n for n, word in enumerate(TENS, 2)} | {"dozen": 12}
SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6}
MULTIPLES = {
    **dict.fromkeys(("twice", "double", "doubles", "doubled", "doubling"), 2.0),
    **dict.fromkeys(("thrice", "triple", "triples", "tripled"), 3.0),
    **dict.fromkeys(("half", "halve", "halves", "halved", "halving"), 0.5),
}
ORDINALS = (
    *("third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"),
    *(f"{word}th" for word in SMALL[13:]),
    "twentieth",
)
FRACTIONS = {word: n for n, word in enumerate(ORDINALS, 3)} | {"half": 2, "quarter": 4, "hundredth": 100}
FRACTIONS |= {"halves": 2} | {f"{word}s": n for word, n in FRACTIONS.items() if word != "half"}
# After `one`, these words show that a number is meant.
UNITS = {"%", "percent", "per", "time", "times", "step", "steps", "point", "points", "decade", "decades", *SCALES, *FRACTIONS}
TOKEN = re.compile(r"\d+(?:st|nd|rd|th)\b|(?<![a-z^])\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?|[a-z]+\d*|[%,;:.]", re.IGNORECASE)
LONGEST = 20  # tokens of a number
CLOSE = 0.02  # two numbers that differ by more than this share of themselves are two numbers


@dataclass(frozen=True)
class Spoken:
    """A number in a text.

    Attributes:
        text: the words.
        value: the number. Percent and points are hundredths.
        half_unit: half of the last digit that is written; infinity for fractions.
    """

    text: str
    value: float
    half_unit: float = float("inf")

    def names(self, number: float) -> bool:
        """Whether this is how the number is said: they differ by at most 2 %, and by less than a unit of the last digit."""
        return isclose(self.value, number, rel_tol=CLOSE, abs_tol=1e-12) and abs(self.value - number) <= self.half_unit + 1e-12


def numbers_in(text: str) -> list[Spoken]:
    """The numbers of a text, in their order."""
    tokens = TOKEN.findall(text.replace("_", " "))
    lower = [token.lower() for token in tokens]
    spoken, i = [], 0
    while i < len(tokens):
        reader = _Reader(lower[i : i + LONGEST])
        value = next((number for read in READERS if (number := read(reader)) is not None), None)
        if value is None:
            i += 1
            continue
        spoken.append(Spoken(" ".join(tokens[i : i + reader.used]), *value))
        i += reader.used
    return spoken


def without(spoken: Iterable[Spoken], numbers: Iterable[float]) -> list[Spoken]:
    """Those of the spoken numbers that name none of some numbers."""
    known = list(numbers)
    return [each for each in spoken if not any(each.names(number) for number in known)]


Number = tuple[float, float]  # a value, and half of its last digit


class _Reader:
    """Reads a number from the beginning of a list of tokens.

    Attributes:
        used: how many tokens the number takes.
    """

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.used = tokens, 0

    def fraction(self) -> Number | None:
        """`a third`, `nine tenths`, `47 of 48`, `one in ten`."""
        self.used = 0
        over = 1.0 if self._skip("a", "an") else self._cardinal()
        if over is None:
            return None
        if under := FRACTIONS.get(self._next()):
            self.used += 1
            return over / under, float("inf")
        if self._skip("of", "in", "out"):
            self._skip("of")
            whole = self._cardinal()
            return (over / whole, float("inf")) if whole and whole > 1 else None
        return None

    def multiple(self) -> Number | None:
        """`twice`, `half`, `tenfold`; `half as much again` is one and a half times."""
        self.used, word = 1, self.tokens[0]
        if word == "half" and self.tokens[1:2] == ["as"] and self.tokens[3:4] == ["again"]:
            self.used = 4
            return 1.5, float("inf")
        if word in MULTIPLES:
            return MULTIPLES[word], float("inf")
        times = CARDINALS.get(word.removesuffix("fold")) if word.endswith("fold") else None
        return None if times is None else (float(times), 0.5)

    def number(self) -> Number | None:
        """Digits or number words, with `and a half`, percent and points."""
        self.used = 0
        if self._next() == "one" and not self._one_counts():
            return None
        value = self._cardinal()
        if value is None:
            return None
        half_unit = 0.5 * 10.0 ** -_decimals(self.tokens[0])
        if self._following(3) == ["and", "a", "half"]:
            self.used += 3
            value, half_unit = value + 0.5, 0.05
        if self._skip("%", "percent", "percentage", "point", "points") or self._following(2) == ["per", "cent"]:
            return value / 100, half_unit / 100
        return value, half_unit

    def _one_counts(self) -> bool:
        return self.tokens[1:4] == ["and", "a", "half"] or (len(self.tokens) > 1 and self.tokens[1] in UNITS)

    def _cardinal(self) -> float | None:
        """Digits, or number words such as `two hundred` and `forty eight`."""
        token = self._next()
        if token[:1].isdigit():
            self.used += 1
            return None if token[-1].isalpha() else float(token.replace(",", ""))
        total, value = 0, None
        while (word := self._next()) in CARDINALS or word in SCALES:
            below = (value or 0) % 100
            if word == "hundred":
                value = 100 * (1 if value is None else value)
            elif word in SCALES:
                total, value = total + SCALES[word] * (1 if value is None else value), 0
            elif below and (below < 20 or below % 10 or CARDINALS[word] > 9):
                break  # another number begins
            else:
                value = (value or 0) + CARDINALS[word]
            self.used += 1
        return None if value is None else float(total + value)

    def _next(self) -> str:
        return self.tokens[self.used] if self.used < len(self.tokens) else ""

    def _following(self, n: int) -> list[str]:
        return self.tokens[self.used : self.used + n]

    def _skip(self, *words: str) -> bool:
        """Whether the next token is one of some words; it is then used."""
        taken = self._next() in words
        self.used += taken
        return taken


def _decimals(token: str) -> int:
    """Digits behind the point; many for a number with an exponent, which is written in full."""
    if not token[0].isdigit():
        return 0
    return 10 if "e" in token else len(token.partition(".")[2])


READERS: tuple[Callable[[_Reader], Number | None], ...] = (_Reader.fraction, _Reader.multiple, _Reader.number)
