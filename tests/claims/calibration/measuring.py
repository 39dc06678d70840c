"""How often verdicts are wrong, and how often they are right: the claims of planted cases, judged as seeds are added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special
from tests.claims.calibration.nulls import Reading, runs_with
from tests.claims.calibration.planting import LOOKS, Case, Draw, remembered

from epicycle.claims.several_claims import judge_together
from epicycle.claims.verdict import judge
from epicycle.spec.claim import Claim, Region


@dataclass(frozen=True)
class Wrong:
    """How many of some samples, or studies, gave a wrong verdict at any look.

    Attributes:
        supported: those in which a claim was supported whose number is not above the bound.
        refuted: those in which it was refuted although its number is not below the bound.
        times: the number of samples.
    """

    supported: int
    refuted: int
    times: int

    @property
    def share(self) -> float:
        """The share of samples with a wrong verdict of either kind."""
        return (self.supported + self.refuted) / self.times

    def exceeds(self, level: float = 0.05) -> bool:
        """Whether so many wrong verdicts happen with a chance below 1 in 1,000 if their true share is at most `level`."""
        wrong = self.supported + self.refuted
        return bool(wrong and 1 - special.bdtr(wrong - 1, self.times, level) < 1e-3)


def wrong_verdicts(case: Case, times: int, draw: Draw) -> Wrong:
    """Judge a claim whose number lies exactly at the bound, until it is decided or the last look is over; both verdicts are wrong."""
    claim = _at_bound("null", case)
    counts = {"supported": 0, "refuted": 0, "undecided": 0}
    with remembered(case):
        for _ in range(times):
            verdicts = (judge(claim, arms).verdict for arms in case.samples(draw))
            counts[next((verdict for verdict in verdicts if verdict != "undecided"), "undecided")] += 1
    return Wrong(counts["supported"], counts["refuted"], times)


def _at_bound(name: str, case: Case) -> Claim:
    bound = case.truth
    return Claim(id=name, statistic=case.statistic, supported_if=Region(above=bound), refuted_if=Region(below=bound), min_seeds=8)


def wrong_studies(n_null: int, n_true: int, times: int, draw: Draw, correct: bool = True) -> Wrong:
    """Judge the primary claims of studies together at each look; a study is wrong if one of its null claims is ever decided.

    Args:
        n_null: number of claims whose median lies exactly at the bound.
        n_true: number of claims that are true by two standard deviations.
        times: number of studies.
        draw: random numbers.
        correct: whether the claims share the level of error. If not, each is judged by itself.
    """
    names = [f"n{i}" for i in range(n_null)] + [f"t{i}" for i in range(n_true)]
    claims = [
        Claim(id=name, statistic=Reading(arm="a", series=name), supported_if=Region(above=0), refuted_if=Region(below=0))
        for name in names
    ]
    wrong = 0
    for _ in range(times):
        values = {name: draw.normal(size=LOOKS[-1]) + 2 * (name[0] == "t") for name in names}
        data = runs_with(values[names[0]], [(i, i) for i in range(LOOKS[-1])], **values)
        arms = ({"a": data.isel(run=slice(n))} for n in LOOKS)
        looks = (judge_together(claims, at) if correct else [judge(claim, at) for claim in claims] for at in arms)
        wrong += any(verdict.verdict != "undecided" for verdicts in looks for verdict in verdicts[:n_null])
    return Wrong(wrong, 0, times)


def chances(case: Case, bounds: Sequence[float], sizes: Sequence[int], times: int, draw: Draw) -> list[list[float]]:
    """The share of samples that support a claim, for each bound and for each number of seeds."""
    supported = np.zeros((len(bounds), len(sizes)))
    with remembered(case):
        for _ in range(times):
            for column, arms in enumerate(case.samples(draw, sizes)):
                interval = case.statistic.estimates(arms)[0].interval
                supported[:, column] += [interval.low > bound for bound in bounds]
    return (supported / times).tolist()
