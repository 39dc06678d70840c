"""The page of the calibration study: what was planted, how often verdicts were wrong, and how often they were right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from tests.claims.calibration.measuring import Wrong, chances, wrong_studies, wrong_verdicts
from tests.claims.calibration.nulls import all_cases, difference_cases, event_cases, fork_cases, share_cases, sweep_cases
from tests.claims.calibration.planting import LOOKS, Case, Draw

TIMES = 200
SIZES = (12, 24, 48, 96)
EFFECTS = (0.5, 1.0, 1.5, 2.0)  # in standard deviations
STUDIES = ((1, 0), (2, 0), (3, 0), (2, 1), (10, 0), (40, 0))  # claims at the bound, claims that are true

INTRODUCTION = """# Calibration

How often does Epicycle support a claim that is not so? This page is measured. `make calibration` plants runs whose true number is
known, judges claims about them as a study does, and writes the page.

In every row the true number lies exactly at the bound between support and refutation. So each verdict is wrong. Seeds are added until
the claim is decided: it is judged with {looks} seeds. A row counts the samples, out of {times},
that were ever supported or ever refuted. Intervals of 95 % allow 5 % for both together. With {times} samples, a true rate of 5 %
shows as 2 to 8 %.
"""
AFTER_NULLS = """
Why are rates below 5 %? The guarantee is for every number of seeds up to infinity, and {most} seeds use a part of it. A time that is
known only to lie between two evaluations widens an interval further, and so does a censored run. The statistics `variance_share`,
`pooled_laws` and `separation` have no any-time interval: their claims are judged once, on the seeds that were registered first.

The time left after a fork had the widest intervals of all before: 0 to 0.35 % false support. There were two reasons. First, six or
seven seeds gave the interval from the smallest to the largest value, which misses in 1.6 % or 0.8 % of samples on each side. Second,
with 40 evaluations a decade a time is known to within 6 %, and after a late fork 6 % of the whole time is a large part of what is
left. The rows with 150 and with 40 evaluations a decade show the second reason. More seeds mend the first, and more evaluations the
second; no rule for intervals can mend them.

## Studies of several claims

The primary claims of a study share 5 % (Holm). A study is wrong if one of its claims at the bound is ever decided, at any look.
"""
AFTER_STUDIES = """
## Power

The share of samples that support a claim which is true. An effect is the distance of the true number from the bound, in standard
deviations of what the median is taken over: runs, pairs of runs, forks or seeds. Each number of seeds is one look; looks on the way
only add to these chances. With n seeds in each of two arms there are n pairs.
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def nulls(times: int, draw: Draw) -> dict[tuple[str, str], Wrong]:
    """The wrong verdicts of every case, by the kind of the statistic and by what is planted."""
    rows = {(_kind(case), case.name): case for case in all_cases(draw)}
    return {row: wrong_verdicts(case, times, np.random.default_rng(crc32(case.name.encode()))) for row, case in rows.items()}


def _kind(case: Case) -> str:
    return "median" if case.statistic.kind == "reading" else case.statistic.kind


def studies(times: int, draw: Draw) -> dict[tuple[int, int], tuple[Wrong, Wrong]]:
    """The wrong studies, by their numbers of claims: with Holm's correction, and each claim judged by itself."""

    def of_claims(null: int, true: int) -> tuple[Wrong, Wrong]:
        fewer = times if null < 10 else times // 2
        seed = int(draw.integers(2**32))  # the same studies twice
        corrected, alone = (wrong_studies(null, true, fewer, np.random.default_rng(seed), correct) for correct in (True, False))
        return corrected, alone

    return {(null, true): of_claims(null, true) for null, true in STUDIES}


def _by_name(cases: Iterable[Case], name: str) -> Case:
    return next(case for case in cases if case.name == name)


def powers(times: int, draw: Draw) -> list[list[str]]:
    """The rows of the table of power."""
    rows = []
    for case, spread in (
        (_by_name(event_cases(draw), "time of an event"), 0.3),
        (_by_name(event_cases(draw), "the same, 45 % censored"), 0.3),
        (_by_name(difference_cases(draw), "difference, equal spread"), np.sqrt(2)),
        (_by_name(difference_cases(draw), "difference within seeds"), np.sqrt(1.04)),
        (_by_name(fork_cases(draw), "time left after a fork, 150 evaluations a decade"), 0.5),
        (_by_name(fork_cases(draw), "time left after a fork, 40 evaluations a decade"), 0.5),
        (_by_name(sweep_cases(draw), "slope along a sweep"), np.sqrt(1.2)),
    ):
        bounds = [case.truth - effect * float(spread) for effect in EFFECTS]
        for effect, of_sizes in zip(EFFECTS, chances(case, bounds, SIZES, times, draw), strict=True):
            rows.append([case.statistic.kind, case.name, f"{effect:g}", *(f"{chance:.0%}" for chance in of_sizes)])
    case, bounds = _by_name(share_cases(draw), "share of 90%"), [0.8, 0.7, 0.5]
    for bound, of_sizes in zip(bounds, chances(case, bounds, SIZES, times, draw), strict=True):
        rows.append([case.statistic.kind, case.name, f"above {bound:.0%}", *(f"{chance:.0%}" for chance in of_sizes)])
    return rows


@dataclass(frozen=True)
class Calibration:
    """Everything that the page shows.

    Attributes:
        nulls: by the kind of the statistic and by what is planted.
        studies: by the numbers of claims: with Holm's correction, and each claim judged by itself.
        powers: the rows of the table of power.
    """

    nulls: dict[tuple[str, str], Wrong]
    studies: dict[tuple[int, int], tuple[Wrong, Wrong]]
    powers: list[list[str]]

    @classmethod
    def measured(cls, times: int = TIMES) -> Calibration:
        """The calibration from fixed random states, one for each table."""
        draws = [np.random.default_rng(seed) for seed in range(3)]
        return cls(nulls(times, draws[0]), studies(times, draws[1]), powers(times, draws[2]))

    def page(self) -> str:
        """The page in Markdown."""
        of_nulls = (
            [kind, name, f"{wrong.supported / wrong.times:.1%}", f"{wrong.refuted / wrong.times:.1%}", f"{wrong.share:.1%}"]
            for (kind, name), wrong in self.nulls.items()
        )
        of_studies = (
            [str(null), str(true), str(corrected.times), f"{corrected.share:.1%}", f"{alone.share:.1%}"]
            for (null, true), (corrected, alone) in self.studies.items()
        )
        return "".join(
            [
                INTRODUCTION.format(looks=", ".join(map(str, LOOKS)), times=TIMES),
                "\n",
                table(("statistic", "what is planted", "supported", "refuted", "either"), of_nulls),
                AFTER_NULLS.format(most=LOOKS[-1]),
                "\n",
                table(("claims at the bound", "true claims", "studies", "wrong", "wrong without Holm"), of_studies),
                AFTER_STUDIES,
                "\n",
                table(("statistic", "what is planted", "effect", *(f"n = {size}" for size in SIZES)), self.powers),
            ]
        )
