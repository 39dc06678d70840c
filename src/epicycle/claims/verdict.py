"""From a claim and the arms' datasets to a verdict: supported, refuted or undecided, with the reason in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from epicycle.claims import needs
from epicycle.claims.estimates import Estimate
from epicycle.claims.intervals import CONFIDENCE, LEVEL, at_confidence
from epicycle.claims.needs import Need, Needs
from epicycle.claims.wording import finding, shown
from epicycle.spec.claim import Claim, Gate, VerdictName
from epicycle.spec.errors import NoRuns
from epicycle.spec.plain_data import Plain

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class Verdict:
    """The outcome of one claim.

    Attributes:
        claim: the claim.
        verdict: `supported`, `refuted` or `undecided`.
        estimate: the estimate under the first detector; None where nothing could be estimated.
        reason: why, in words.
        detectors: the verdict under each detector.
        need: what would decide the claim; None where it is decided.
        level: the level of error at which the claim is decided: 0.05, or its share among the primary claims; None if undecided.
    """

    claim: Claim
    verdict: VerdictName
    estimate: Estimate | None
    reason: str
    detectors: dict[str, VerdictName]
    need: Needs | None = None
    level: float | None = None

    @property
    def needs(self) -> str:
        """What would decide the claim, in words; empty where it is decided."""
        return self.need.text if self.need else ""

    def document(self) -> Plain:
        """Plain data for JSON; infinite ends and unknown numbers become null."""
        estimate = self.estimate
        return {
            "id": self.claim.id,
            "says": self.claim.says,
            "sentence": self.claim.sentence(),
            "criterion": self.claim.criterion(),
            "finding": finding(self.claim.statistic, estimate) if estimate else "",
            "verdict": self.verdict,
            "estimate": _finite(estimate.interval.value) if estimate else None,
            "interval": [_finite(estimate.interval.low), _finite(estimate.interval.high)] if estimate else None,
            "n": estimate.n if estimate else 0,
            "sharing": estimate.sharing if estimate else "",
            "reason": self.reason,
            "needs": self.needs,
            "would_decide": str(self.need.what) if self.need else None,
            "accounts": {name: prediction.says for name, prediction in self.claim.accounts.items()},
            "primary": self.claim.primary,
            "level": self.level,
            "censored": list(estimate.censored) if estimate else [],
            "diverged": list(estimate.failed) if estimate else [],
            "detectors": self.detectors,
            "values": {str(seed): value for seed, value in estimate.values.items()} if estimate else {},
            "supported_if": self.claim.supported_if.phrase(),
            "refuted_if": self.claim.refuted_if.phrase(),
        }


def judge(claim: Claim, arms: Mapping[str, xarray.Dataset]) -> Verdict:
    """Judge one claim on the arms' datasets, by itself. The claims of a study are judged by `judge_together`.

    A claim is undecided when a gate does not hold, when there are too few seeds, when the interval lies in neither region, or when the
    registered detectors disagree.

    Raises:
        InputError: the claim's statistic does not fit the arms, such as a swept value that the claim leaves open.
    """
    if missing := [arm for arm in claim.arms() if arm not in arms]:
        return Verdict(claim, "undecided", None, f"arm {', '.join(missing)} has no runs", {}, Needs(Need.NOTHING, "its runs"))
    try:
        return _judged(claim, arms)
    except NoRuns as error:
        return Verdict(claim, "undecided", None, str(error), {}, Needs(Need.NOTHING, "such runs"))


def _judged(claim: Claim, arms: Mapping[str, xarray.Dataset]) -> Verdict:
    estimates = claim.statistic.estimates(arms)
    by_detector = {estimate.detector: _by_region(claim, estimate) for estimate in estimates}
    first = estimates[0]

    def undecided(reason: str, need: Needs) -> Verdict:
        return Verdict(claim, "undecided", first, reason, by_detector, need)

    closed = _closed_gate(claim, arms)
    if closed:
        return undecided(*closed)
    if first.independent < claim.min_seeds:
        return undecided(_too_few(claim, first), needs.too_few(claim.min_seeds, first))
    if len(set(by_detector.values())) > 1:
        verdicts = ", ".join(f"{name}: {verdict}" for name, verdict in by_detector.items())
        return undecided(f"its detectors disagree ({verdicts})", _agreement(claim, estimates))
    verdict = by_detector[first.detector]
    if verdict == "undecided":
        return undecided(_reason(claim, first), needs.to_fit((claim.supported_if, claim.refuted_if), first))
    alone = "" if claim.primary else "; exploratory, so at 95 % and not corrected for other claims"
    return Verdict(claim, verdict, first, _reason(claim, first) + alone, by_detector, level=LEVEL)


def _too_few(claim: Claim, estimate: Estimate) -> str:
    """Why an estimate rests on too few runs."""
    if estimate.independent == estimate.n:
        runs = "1 run is" if estimate.n == 1 else f"{estimate.n} runs are"
        return f"{runs} fewer than the {claim.min_seeds} it needs"
    return f"{estimate.n} runs {estimate.sharing} count as {estimate.independent}, fewer than the {claim.min_seeds} it needs"


def _agreement(claim: Claim, estimates: Sequence[Estimate]) -> Needs:
    """What a claim needs whose detectors disagree: where the decided ones agree, what the undecided ones need."""
    by_region = [(_by_region(claim, estimate), estimate) for estimate in estimates]
    decided = {verdict for verdict, _ in by_region} - {"undecided"}
    if len(decided) > 1:
        return Needs(Need.NOTHING, "detectors that agree, each of them decided")
    region = claim.supported_if if decided == {"supported"} else claim.refuted_if
    return needs.together([needs.to_fit((region,), estimate) for verdict, estimate in by_region if verdict == "undecided"])


def _by_region(claim: Claim, estimate: Estimate) -> VerdictName:
    """The verdict by the region in which the whole interval lies."""
    low, high = estimate.interval.low, estimate.interval.high
    if claim.supported_if.holds(low, high):
        return "supported"
    return "refuted" if claim.refuted_if.holds(low, high) else "undecided"


def _closed_gate(claim: Claim, arms: Mapping[str, xarray.Dataset]) -> tuple[str, Needs] | None:
    """The first gate that does not hold, in words, and what would open it; None where all hold."""
    for gate in claim.gates:
        with at_confidence(CONFIDENCE):  # a gate decides nothing, so it needs no correction for several claims
            estimates = gate.statistic.estimates(arms)
        for estimate in estimates:
            if not gate.region.holds(estimate.interval.low, estimate.interval.high):
                return _closed(gate, estimate), _opening(gate, estimate)
    return None


def _closed(gate: Gate, estimate: Estimate) -> str:
    """Why a gate does not hold."""
    statistic, region = gate.statistic, gate.statistic.plain_units().region(gate.region.pieces())
    return f"its gate is closed: the {statistic.phrase()} is {finding(statistic, estimate)}; not all of it is {region}"


def _opening(gate: Gate, estimate: Estimate) -> Needs:
    """What would open a closed gate: more seeds or budget where its estimate may yet lie in its region, else nothing."""
    need = needs.to_fit((gate.region,), estimate)
    words = "runs in which its gate holds"
    return Needs(need.what, words if need.what is Need.NOTHING else f"{words}: {need.text}", need.units)


def _reason(claim: Claim, estimate: Estimate) -> str:
    """Where the interval lies on the scale on which it is judged, and how many runs are censored or diverged."""
    region = {
        "supported": f"lies {claim.supported_if.phrase()}",
        "refuted": f"lies {claim.refuted_if.phrase()}",
        "undecided": f"lies neither {claim.supported_if.phrase()} nor {claim.refuted_if.phrase()}",
    }[_by_region(claim, estimate)]
    parts = [f"{shown(estimate)} {region}"]
    if judged_in := claim.statistic.plain_units().judged_in:
        parts.append(f"these numbers are {judged_in}")
    if estimate.censored:
        parts.append(f"{len(estimate.censored)} of {estimate.among or estimate.n} runs censored")
    if estimate.unconfirmed:
        parts.append(f"{len(estimate.unconfirmed)} of them end while the event holds, too early to confirm it")
    if estimate.failed:
        parts.append(f"{len(estimate.failed)} diverged")
    return "; ".join(parts)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
