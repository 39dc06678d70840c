"""The claims of a study, judged together: its primary claims share one level of error.

A 95 % interval is wrong one time in twenty, so of many claims some are supported by chance. With Holm's step-down correction (Holm
1979, "A simple sequentially rejective multiple test procedure"), the chance is at most 5 % that any primary claim is decided wrongly.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from epicycle.claims.intervals import LEVEL, at_confidence
from epicycle.claims.needs import Need, Needs
from epicycle.claims.verdict import Verdict, judge
from epicycle.spec.claim import Claim

if TYPE_CHECKING:
    import xarray

Name = TypeVar("Name", bound=Hashable)


def judge_together(
    claims: Sequence[Claim], arms: Mapping[str, xarray.Dataset], arms_of: Mapping[str, Mapping[str, xarray.Dataset]] | None = None
) -> list[Verdict]:
    """The verdicts on the claims of a study.

    The level of 0.05 is shared among the m primary claims. The claim that is decided at the smallest level must be decided at
    0.05 / m, the next one at 0.05 / (m - 1), and so on. A claim that is decided at 95 % alone, but not at its share, is undecided.
    Exploratory claims are judged at 95 % each. The interval that is shown is the 95 % one. Claims that were added when runs existed
    count too.

    Args:
        claims: the claims, in the order of the verdicts.
        arms: the dataset of each arm.
        arms_of: claim id -> the datasets on which this claim is judged instead, which may hold fewer runs.

    Raises:
        InputError: a claim's statistic does not fit the arms.
    """
    data = [(arms_of or {}).get(claim.id, arms) for claim in claims]
    alone = [judge(claim, of_claim) for claim, of_claim in zip(claims, data, strict=True)]
    primary = [i for i, claim in enumerate(claims) if claim.primary]
    if len(primary) < 2:
        return alone

    def decided(i: int, level: float) -> bool:
        with at_confidence(1 - level):
            return alone[i].verdict != "undecided" and judge(claims[i], data[i]).verdict == alone[i].verdict

    levels, m = step_down(primary, decided), len(primary)
    return [_corrected(verdict, levels.get(i), m) if i in primary else verdict for i, verdict in enumerate(alone)]


def step_down(names: Sequence[Name], decided: Callable[[Name, float], bool]) -> dict[Name, float]:
    """Holm's procedure: the level at which each of some claims is decided; the claims that are not decided are left out.

    Args:
        names: the claims that share the level.
        decided: whether a claim is decided at a level.
    """
    levels: dict[Name, float] = {}
    while left := [name for name in names if name not in levels]:
        level = LEVEL / len(left)
        passed = [name for name in left if decided(name, level)]
        if not passed:
            break
        levels |= dict.fromkeys(passed, level)
    return levels


def _corrected(verdict: Verdict, level: float | None, m: int) -> Verdict:
    """The verdict on one of m primary claims, given the level at which it is decided together with the others."""
    if level is not None:
        reason = f"{verdict.reason}; decided at {100 * (1 - level):.3g} %, as Holm's correction for {m} primary claims asks"
        return replace(verdict, level=level, reason=reason)
    if verdict.verdict == "undecided":
        return replace(verdict, level=None)
    reason = f"{verdict.reason}; decided at 95 % alone, but not at the level that Holm's correction for {m} primary claims asks"
    return replace(verdict, verdict="undecided", level=None, reason=reason, need=Needs(Need.SEEDS, "more seeds"))
