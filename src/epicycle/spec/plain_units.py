"""From the number that is judged to the words that people use: `4.5 times sooner`, `10 points higher`, `1,200 steps`.

A statistic is judged on the scale on which its interval is computed, such as the logarithm of a ratio of two times. Nobody speaks in
logarithms. So each statistic names its plain units, in which values, intervals and regions are written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, e, floor, inf, isfinite, log10
from typing import Literal

Piece = tuple[float, float]  # an open interval
IN_HUNDREDTHS = ("%", "point")  # first words of units that count hundredths
AS_PERCENT = 4 / 3  # a ratio closer to 1 than this is written in percent: `10 % later` and not `1.1 times later`


@dataclass(frozen=True)
class PlainUnits:
    """How a judged number is read.

    Attributes:
        unit: what stands behind the plain number, such as `steps`.
        times: what the judged number is multiplied by first. It is above 0.
        base: base of the logarithm that the number, so multiplied, is; None where it is no logarithm.
        compared: whether the plain number is a ratio or a difference of two things; None where it stands for one thing.
        sides: for a comparison, the words for a larger and for a smaller first thing.
        tail: what every value is followed by, such as `for ten times the rate`.
        counts_runs: whether the number is a share of runs, which is written as `47 of 48 runs`.
        counts: whether the number counts something, so that a region around one whole number is called by this number.
        part_of_one: whether the number is a part of 1, such as an accuracy. Differences of such numbers are counted in points.
    """

    unit: str = ""
    times: float = 1.0
    base: float | None = None
    compared: Literal["ratio", "difference"] | None = None
    sides: tuple[str, str] = ("higher", "lower")
    tail: str = ""
    counts_runs: bool = False
    part_of_one: bool = False
    counts: bool = False

    def comparing(self) -> "PlainUnits":
        """The units of the difference between two such numbers. Two logarithms that are subtracted compare by a ratio."""
        if self.base is not None:
            return replace(self, unit="", compared="ratio")
        unit = "points" if self.part_of_one or self.unit.startswith(IN_HUNDREDTHS) else self.unit
        times = 100 * self.times if self.part_of_one else self.times
        sides = self.sides if self.compared is None else ("higher", "lower")
        return PlainUnits(unit, times, compared="difference", sides=sides)

    def region(self, pieces: Sequence[Piece]) -> str:
        """A region in words. A ratio that is judged as it is stays a number, as the statistic's name says what is divided."""
        number = replace(self, compared=None) if self.compared == "ratio" and self.base is None else self
        return " or ".join(number.piece(*piece) for piece in pieces)

    def piece(self, low: float, high: float) -> str:
        """An interval in words, where nothing in it is the best guess."""
        ends = self._plain(low), self._plain(high)
        text = _Writing.of(self, ends, exact=True).piece(*ends)
        return f"{text} {self.tail}".rstrip()

    def interval(self, value: float, low: float, high: float) -> str:
        """A value with its interval in words, such as `4.5 times sooner (4.1 to 5.0)`."""
        value, low, high = self._plain(value), self._plain(low), self._plain(high)
        writing = _Writing.of(self, (value, low, high), exact=False)
        text = writing.interval(value, low, high) if isfinite(value) else writing.piece(low, high)
        return f"{text} {self.tail}".rstrip()

    def numbers(self, bound: float) -> set[float]:
        """The numbers by which people may call a bound: ten times later is also a tenth; 10 points and 10 % are 0.1."""
        plain = self._plain(bound)
        if not isfinite(plain):
            return set()
        also = {abs(bound)} if self.base not in (None, e) else set()
        if self.compared == "ratio":
            in_percent = {abs(plain - 1), abs(1 / plain - 1)} if 0.5 < plain < 2 else set()
            return {plain, 1 / plain, *in_percent, *also}
        return {abs(plain) / (100 if self.unit.startswith(IN_HUNDREDTHS) else 1), *also}

    @property
    def judged_in(self) -> str:
        """In which unit the judged number is, where that is not the plain one."""
        return {None: "", e: "in natural logarithms", 10.0: "in factors of ten (decades)"}.get(self.base, "in logarithms")

    def _plain(self, judged: float) -> float:
        """The number in plain units. A ratio of 0 says nothing, and neither does the logarithm of 0: both are minus infinity."""
        number = judged * self.times
        if self.base is not None:
            number = inf if number > 300 else self.base**number
        return -inf if (self.compared == "ratio" or self.base is not None) and number <= 0 else number


@dataclass(frozen=True)
class _Writing:
    """How the numbers of one interval are written, so that they look alike.

    Attributes:
        percent: whether a ratio is written in percent.
        decimals: digits behind the point; None where each number is written as exactly as it has to be.
    """

    units: PlainUnits
    percent: bool
    decimals: int | None = None

    @classmethod
    def of(cls, units: PlainUnits, plain: Sequence[float], exact: bool) -> "_Writing":
        finite = [number for number in plain if isfinite(number)]
        percent = units.compared == "ratio" and all(1 / AS_PERCENT < number < AS_PERCENT for number in finite)
        writing = cls(units, percent)
        if exact:
            return writing
        distances = [writing._distance(number) for number in finite]
        decimals = _decimals(distances)
        if percent or units.unit.startswith(IN_HUNDREDTHS):  # nobody needs hundredths of a percent, or tenths of a percent of a time
            decimals = min(decimals, 0 if percent and max(distances, default=0.0) > 2 else 1)
        return replace(writing, decimals=decimals)

    def interval(self, value: float, low: float, high: float) -> str:
        if not isfinite(low) and not isfinite(high):
            return f"{self._end(value)} (nothing bounds it)"
        if self._side(low) * self._side(high) < 0:  # the ends lie on both sides of `the same`, so each end names its side
            written = self._amount if self.units.compared == "ratio" else self._number
            more, less = self.units.sides
            return f"{self._end(value)} ({written(low)} {less} to {written(high)} {more})"
        near, far = (high, low) if self._side(low) < 0 or self._side(high) < 0 else (low, high)
        return f"{self._end(value)} ({self._number(near)} to {self._number(far)})"

    def piece(self, low: float, high: float) -> str:
        if not isfinite(low) and not isfinite(high):
            return "not known"
        if self.units.compared is None:
            return self._plain_piece(low, high)
        more, less = self.units.sides
        if isfinite(low) and isfinite(high):
            return self._closed_piece(low, high)
        bound, outer, inner = (low, more, less) if isfinite(low) else (high, less, more)
        side = self._side(bound) * (1 if isfinite(low) else -1)
        if side == 0:
            return outer
        return f"more than {self._end(bound)}" if side > 0 else f"less than {self._amount(bound)} {inner}, or {outer}"

    def _plain_piece(self, low: float, high: float) -> str:
        if isfinite(low) and isfinite(high):
            if self.units.counts and floor(low) + 1 == ceil(high) - 1:
                return self._amount(floor(low) + 1)
            return f"between {self._number(low)} and {self._amount(high)}"
        return f"above {self._amount(low)}" if isfinite(low) else f"below {self._amount(high)}"

    def _closed_piece(self, low: float, high: float) -> str:
        if self._side(low) * self._side(high) < 0:
            return f"between {self._end(low)} and {self._end(high)}"
        near, far = (high, low) if self._side(low) < 0 else (low, high)
        return f"{self._number(near)} to {self._end(far)}" if self._side(near) else f"less than {self._end(far)}"

    def _side(self, plain: float) -> int:
        """1 on the side of more, -1 on the side of less; 0 for neither, and for a number that stands for one thing."""
        if self.units.compared is None:
            return 0
        neutral = 1.0 if self.units.compared == "ratio" else 0.0
        return (plain > neutral) - (plain < neutral)

    def _end(self, plain: float) -> str:
        """A number with its unit and its side."""
        side = self._side(plain)
        if self.units.compared is None:
            return self._amount(plain)
        if side == 0:
            return "the same"
        return f"{self._amount(plain)} {self.units.sides[0 if side > 0 else 1]}"

    def _amount(self, plain: float) -> str:
        unit = ("%" if self.percent else "times") if self.units.compared == "ratio" else self.units.unit
        return f"{self._number(plain)} {unit}".rstrip()

    def _number(self, plain: float) -> str:
        if not isfinite(plain):
            return "unbounded"
        distance = self._distance(plain)
        if self.decimals is None:
            return _exact(distance, rounded=self.units.base is not None or self.units.times % 1 > 0)
        return f"{distance:,.{self.decimals}f}" if self.decimals <= 4 else f"{distance:.2g}"

    def _distance(self, plain: float) -> float:
        """How far a comparison is from `the same`; the number itself where it stands for one thing."""
        if self.units.compared == "ratio":
            return 100 * abs(plain - 1) if self.percent else max(plain, 1 / plain)
        return plain if self.units.compared is None else abs(plain)


def _decimals(numbers: Sequence[float]) -> int:
    """Digits behind the point that give the first of some numbers two digits, and numbers up to 1 two decimals at least.

    A first number that is small beside the largest has no more decimals than show the largest with three digits.
    """
    sizes = [abs(number) for number in numbers if number]
    if not sizes:
        return 0
    first, largest = (1 - floor(log10(size)) for size in (sizes[0], max(sizes)))
    return max(2 if max(sizes) <= 1 else 0, min(first, largest + 1))


def _exact(number: float, rounded: bool) -> str:
    """A number as it was registered. A computed one is rounded to two digits if that moves it by at most 1 %, else to three."""
    if rounded and number:
        two, three = (round(number, digits - floor(log10(abs(number)))) for digits in (1, 2))
        number = two if abs(two - number) <= 0.01 * abs(number) else three
    return f"{number:,.10g}"
