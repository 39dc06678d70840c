"""From a claim and the data to a verdict: supported, refuted or undecided, with the reason in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from epicycle.claims.estimates import Estimate
from epicycle.spec.claim import Claim, VerdictName
from epicycle.spec.errors import NoRuns

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class Verdict:
    """The outcome of one claim.

    Attributes:
        needs: what would decide it; empty where it is decided.
    """

    claim: Claim
    verdict: VerdictName
    estimate: Estimate | None
    reason: str
    detectors: dict[str, VerdictName]
    needs: str = ""

    def document(self) -> dict[str, Any]:
        """Plain data for JSON; infinite ends and unknown numbers become null."""
        estimate = self.estimate
        return {
            "id": self.claim.id,
            "sentence": self.claim.sentence(),
            "verdict": self.verdict,
            "estimate": _number(estimate.interval.value) if estimate else None,
            "interval": [_number(estimate.interval.low), _number(estimate.interval.high)] if estimate else None,
            "n": estimate.n if estimate else 0,
            "reason": self.reason,
            "needs": self.needs,
            "accounts": {name: prediction.says for name, prediction in self.claim.accounts.items()},
            "primary": self.claim.primary,
            "censored": list(estimate.censored) if estimate else [],
            "diverged": list(estimate.failed) if estimate else [],
            "detectors": self.detectors,
            "values": {str(seed): value for seed, value in estimate.values.items()} if estimate else {},
            "supported_if": self.claim.supported_if.phrase(),
            "refuted_if": self.claim.refuted_if.phrase(),
        }


def judge(claim: Claim, arms: Mapping[str, xarray.Dataset]) -> Verdict:
    """Judge one claim on the arms' datasets.

    Undecided when a gate does not hold, when there are too few seeds, when the interval lies in neither region, or when registered
    detectors disagree.
    """
    if missing := [arm for arm in claim.arms() if arm not in arms]:
        return Verdict(claim, "undecided", None, f"arm {', '.join(missing)} has no runs", {}, "its runs")
    try:
        return _judged(claim, arms)
    except NoRuns as error:
        return Verdict(claim, "undecided", None, str(error), {}, "such runs")


def _judged(claim: Claim, arms: Mapping[str, xarray.Dataset]) -> Verdict:
    estimates = claim.statistic.estimates(arms)
    by_detector = {estimate.detector: _place(claim, estimate) for estimate in estimates}
    first = estimates[0]

    def undecided(reason: str, needs: str) -> Verdict:
        return Verdict(claim, "undecided", first, reason, by_detector, needs)

    closed = _closed_gate(claim, arms)
    if closed:
        return undecided(closed, "runs in which its gate holds")
    if first.n < claim.min_seeds:
        more = claim.min_seeds - first.n
        return undecided(f"{first.n} runs are fewer than the {claim.min_seeds} it needs", f"{more} more seed{'s' * (more > 1)}")
    if len(set(by_detector.values())) > 1:
        told = ", ".join(f"{name}: {verdict}" for name, verdict in by_detector.items())
        return undecided(f"its detectors disagree ({told})", "detectors that agree, each of them decided")
    needs = _needed(claim, first) if by_detector[first.detector] == "undecided" else ""
    return Verdict(claim, by_detector[first.detector], first, _reason(claim, estimates), by_detector, needs)


def _needed(claim: Claim, estimate: Estimate) -> str:
    """What would bring an interval that lies in neither region into one of them."""
    value, low, high, n = estimate.interval.value, estimate.interval.low, estimate.interval.high, estimate.n
    if not np.isfinite([value, low, high]).all():
        open_ended = len(estimate.censored)
        return f"a longer budget ({open_ended} run{'s are' if open_ended > 1 else ' is'} open)" if open_ended else "more seeds"
    inside = [region for region in (claim.supported_if, claim.refuted_if) if region.holds(value, value)]
    if not inside:
        return "more than seeds, as the estimate lies between its regions"
    above, below = next(piece for piece in inside[0].pieces() if piece[0] < value < piece[1])
    excess = max((value - low) / (value - above), (high - value) / (below - value))
    seeds = int(np.ceil(n * excess**2))  # an interval's width falls as one over the root of the runs
    return f"about {max(seeds, n + 1):,} runs instead of {n}, if they spread alike" if seeds <= 1000 else "more than 1,000 runs"


def _place(claim: Claim, estimate: Estimate) -> VerdictName:
    low, high = estimate.interval.low, estimate.interval.high
    if claim.supported_if.holds(low, high):
        return "supported"
    return "refuted" if claim.refuted_if.holds(low, high) else "undecided"


def _closed_gate(claim: Claim, arms: Mapping[str, xarray.Dataset]) -> str:
    for gate in claim.gates:
        for estimate in gate.statistic.estimates(arms):
            if not gate.region.holds(estimate.interval.low, estimate.interval.high):
                return f"its gate is closed: the {gate.statistic.phrase()} is {shown(estimate)}, not all of it {gate.region.phrase()}"
    return ""


def _reason(claim: Claim, estimates: Sequence[Estimate]) -> str:
    first = estimates[0]
    verdict = _place(claim, first)
    region = {
        "supported": f"lies {claim.supported_if.phrase()}",
        "refuted": f"lies {claim.refuted_if.phrase()}",
        "undecided": f"lies neither {claim.supported_if.phrase()} nor {claim.refuted_if.phrase()}",
    }[verdict]
    parts = [f"{shown(first)} {region}"]
    if first.censored:
        parts.append(f"{len(first.censored)} of {first.among or first.n} runs censored")
    if first.failed:
        parts.append(f"{len(first.failed)} diverged")
    return "; ".join(parts)


def shown(estimate: Estimate) -> str:
    """Estimate and interval in words."""
    value, low, high = estimate.interval.value, estimate.interval.low, estimate.interval.high
    if np.isfinite(value):
        ends = f"{_text(low)} to {_text(high)}, " if np.isfinite(low) or np.isfinite(high) else ""
        return f"{_text(value)} ({ends}n = {estimate.n})"
    told = f"at least {_text(low)}" if np.isfinite(low) else f"at most {_text(high)}" if np.isfinite(high) else "not known"
    return f"{told} (n = {estimate.n})"


def _text(value: float) -> str:
    if np.isinf(value):
        return "unbounded" if value > 0 else "-unbounded"
    return f"{value:.3g}"


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
