"""What looking at a study before its last seeds were added means for its claims.

An any-time interval holds at every number of seeds at once, so a claim with such intervals is judged on all seeds that are there. Any
other claim is judged on the seeds that were registered before its first verdict: seeds that somebody adds after a look do not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from epicycle.claims.needs import Need, Needs
from epicycle.claims.verdict import Verdict
from epicycle.lab.registration import Registration
from epicycle.spec.arms import ForkArm
from epicycle.spec.claim import Claim
from epicycle.spec.study import Study

if TYPE_CHECKING:
    import xarray

Arms = Mapping[str, "xarray.Dataset"]


def arms_before_a_look(study: Study, arms: Arms, registration: Registration) -> dict[str, Arms]:
    """For each claim without any-time intervals, the arms with the runs on which the claim is judged.

    A pilot, whose verdicts are not weighed, is judged on all of its runs.
    """
    if study.pilot:
        return {}
    claims = [claim for claim in study.asked_claims() if not claim.anytime]
    return {claim.id: _of_seeds(study, arms, registration.seeds_before_a_look(claim)) for claim in claims}


def _of_seeds(study: Study, arms: Arms, seeds: Mapping[str, set[int]]) -> Arms:
    """The arms with the runs of some seeds of their root arms only; without the arms that have no such run."""
    kept = {name: np.isin(data["seed"].values, list(seeds[_root(study, name)])) for name, data in arms.items()}
    return {name: data if kept[name].all() else data.isel(run=kept[name]) for name, data in arms.items() if kept[name].any()}


def _root(study: Study, name: str) -> str:
    arm = study.arms[name]
    return _root(study, arm.fork) if isinstance(arm, ForkArm) else name


def with_needs_after_looks(study: Study, verdicts: Sequence[Verdict], registration: Registration) -> list[Verdict]:
    """The verdicts, where seeds that are added now would change nothing with a need that says so."""
    return [_settled(study, verdict, registration) for verdict in verdicts]


def _settled(study: Study, verdict: Verdict, registration: Registration) -> Verdict:
    if verdict.need is None or verdict.need.what is not Need.SEEDS or study.pilot:
        return verdict
    if not verdict.claim.anytime:
        text = f"{verdict.need.text}, from the start in another folder (--root): its interval does not allow seeds after a look"
        return replace(verdict, need=Needs(Need.NOTHING, text))
    if not _gained(study, verdict.claim, registration):
        text = f"nothing that more seeds bring: the last ones left it with the same number of {_noun(verdict)}"
        return replace(verdict, need=Needs(Need.NOTHING, text))
    return verdict


def _gained(study: Study, claim: Claim, registration: Registration) -> bool:
    """Whether a claim got runs from the seeds that were added last to the arms it reads; True where none were added."""
    roots = study.roots_of(claim.arms())
    by_seeds = {sum(look.seeds[root] for root in roots): seen.n for look, seen in registration.looks_at(claim)}
    *_, before, last = -2, -1, *(by_seeds[seeds] for seeds in sorted(by_seeds))
    return before < last


def _noun(verdict: Verdict) -> str:
    return verdict.estimate.noun if verdict.estimate else "runs"
