"""From a claim and the arms' datasets to a verdict: supported, refuted or undecided, with the reason in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from epicycle.claims.estimates import Estimate
from epicycle.claims.intervals import CONFIDENCE, LEVEL, at_confidence
from epicycle.spec.claim import Claim, Region, VerdictName
from epicycle.spec.errors import NoRuns
from epicycle.spec.plain_data import Plain

if TYPE_CHECKING:
    import xarray


OF_ITS_OWN = ", or a seed and a split of its own for each run"


@dataclass(frozen=True)
class Verdict:
    """The outcome of one claim.

    Attributes:
        claim: the claim.
        verdict: `supported`, `refuted` or `undecided`.
        estimate: the estimate under the first detector; None where nothing could be estimated.
        reason: why, in words.
        detectors: the verdict under each detector.
        needs: what would decide the claim, in words; empty where it is decided.
        level: the level of error at which the claim is decided: 0.05, or its share among the primary claims; None if undecided.
    """

    claim: Claim
    verdict: VerdictName
    estimate: Estimate | None
    reason: str
    detectors: dict[str, VerdictName]
    needs: str = ""
    level: float | None = None

    def document(self) -> Plain:
        """Plain data for JSON; infinite ends and unknown numbers become null."""
        estimate = self.estimate
        return {
            "id": self.claim.id,
            "sentence": self.claim.sentence(),
            "verdict": self.verdict,
            "estimate": _finite(estimate.interval.value) if estimate else None,
            "interval": [_finite(estimate.interval.low), _finite(estimate.interval.high)] if estimate else None,
            "n": estimate.n if estimate else 0,
            "sharing": estimate.sharing if estimate else "",
            "reason": self.reason,
            "needs": self.needs,
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
        return Verdict(claim, "undecided", None, f"arm {', '.join(missing)} has no runs", {}, "its runs")
    try:
        return _judged(claim, arms)
    except NoRuns as error:
        return Verdict(claim, "undecided", None, str(error), {}, "such runs")


def _judged(claim: Claim, arms: Mapping[str, xarray.Dataset]) -> Verdict:
    estimates = claim.statistic.estimates(arms)
    by_detector = {estimate.detector: _by_region(claim, estimate) for estimate in estimates}
    first = estimates[0]

    def undecided(reason: str, needs: str) -> Verdict:
        return Verdict(claim, "undecided", first, reason, by_detector, needs)

    closed = _closed_gate(claim, arms)
    if closed:
        return undecided(closed, "runs in which its gate holds")
    if first.independent < claim.min_seeds:
        return undecided(*_too_few(claim, first))
    if len(set(by_detector.values())) > 1:
        verdicts = ", ".join(f"{name}: {verdict}" for name, verdict in by_detector.items())
        return undecided(f"its detectors disagree ({verdicts})", "detectors that agree, each of them decided")
    verdict = by_detector[first.detector]
    if verdict == "undecided":
        return undecided(_reason(claim, first), _needed(claim, first))
    alone = "" if claim.primary else "; exploratory, so at 95 % and not corrected for other claims"
    return Verdict(claim, verdict, first, _reason(claim, first) + alone, by_detector, level=LEVEL)


def _too_few(claim: Claim, estimate: Estimate) -> tuple[str, str]:
    """Why an estimate rests on too few runs, and what it needs."""
    more = claim.min_seeds - estimate.independent
    if estimate.independent == estimate.n:
        runs = "1 run is" if estimate.n == 1 else f"{estimate.n} runs are"
        return f"{runs} fewer than the {claim.min_seeds} it needs", f"{more} more seed{'s' * (more > 1)}"
    counted = f"{estimate.n} runs {estimate.sharing} count as {estimate.independent}, fewer than the {claim.min_seeds} it needs"
    return counted, f"{more} more {estimate.noun}{OF_ITS_OWN}"


def _by_region(claim: Claim, estimate: Estimate) -> VerdictName:
    """The verdict by the region in which the whole interval lies."""
    low, high = estimate.interval.low, estimate.interval.high
    if claim.supported_if.holds(low, high):
        return "supported"
    return "refuted" if claim.refuted_if.holds(low, high) else "undecided"


def _closed_gate(claim: Claim, arms: Mapping[str, xarray.Dataset]) -> str:
    """The first gate that does not hold, in words; empty where all hold."""
    for gate in claim.gates:
        with at_confidence(CONFIDENCE):  # a gate decides nothing, so it needs no correction for several claims
            estimates = gate.statistic.estimates(arms)
        for estimate in estimates:
            if not gate.region.holds(estimate.interval.low, estimate.interval.high):
                return f"its gate is closed: the {gate.statistic.phrase()} is {shown(estimate)}, not all of it {gate.region.phrase()}"
    return ""


def _needed(claim: Claim, estimate: Estimate) -> str:
    """What would bring an interval that lies in neither region into one of them."""
    interval = estimate.interval
    if not np.isfinite([interval.value, interval.low, interval.high]).all():
        n_open = len(estimate.censored)
        if estimate.independent < estimate.n and not n_open:
            return f"more {estimate.noun}{OF_ITS_OWN}"
        return f"a longer budget ({n_open} run{'s are' if n_open > 1 else ' is'} open)" if n_open else "more seeds"
    inside = [region for region in (claim.supported_if, claim.refuted_if) if region.holds(interval.value, interval.value)]
    if not inside:
        return "more than seeds, as the estimate lies between its regions"
    return _needed_runs(inside[0], estimate)


def _needed_runs(region: Region, estimate: Estimate) -> str:
    """About how many runs would narrow the interval to a region in which the estimate lies.

    The width of an interval is taken to fall as one over the root of the number of runs.
    """
    value, low, high, n = estimate.interval.value, estimate.interval.low, estimate.interval.high, estimate.independent
    above, below = next(piece for piece in region.pieces() if piece[0] < value < piece[1])
    excess = max((value - low) / (value - above), (high - value) / (below - value))
    runs = int(np.ceil(n * excess**2))
    units = estimate.noun
    return f"about {max(runs, n + 1):,} {units} instead of {n}, if they spread alike" if runs <= 1000 else f"more than 1,000 {units}"


def _reason(claim: Claim, estimate: Estimate) -> str:
    """Where the interval lies, and how many runs are censored or diverged."""
    region = {
        "supported": f"lies {claim.supported_if.phrase()}",
        "refuted": f"lies {claim.refuted_if.phrase()}",
        "undecided": f"lies neither {claim.supported_if.phrase()} nor {claim.refuted_if.phrase()}",
    }[_by_region(claim, estimate)]
    parts = [f"{shown(estimate)} {region}"]
    if estimate.censored:
        parts.append(f"{len(estimate.censored)} of {estimate.among or estimate.n} runs censored")
    if estimate.unconfirmed:
        parts.append(f"{len(estimate.unconfirmed)} of them end while the event holds, too early to confirm it")
    if estimate.failed:
        parts.append(f"{len(estimate.failed)} diverged")
    return "; ".join(parts)


def shown(estimate: Estimate) -> str:
    """The estimate and its interval in words, such as `9.8 (8.1 to 12, n = 10)`."""
    value, low, high = estimate.interval.value, estimate.interval.low, estimate.interval.high
    if np.isfinite(value):
        ends = f"{_text(low)} to {_text(high)}, " if np.isfinite(low) or np.isfinite(high) else ""
        return f"{_text(value)} ({ends}{estimate.counted()})"
    if np.isfinite([low, high]).all():
        bound = f"between {_text(low)} and {_text(high)}"
    else:
        bound = f"at least {_text(low)}" if np.isfinite(low) else f"at most {_text(high)}" if np.isfinite(high) else "not known"
    return f"{bound} ({estimate.counted()})"


def _text(value: float) -> str:
    if np.isinf(value):
        return "unbounded" if value > 0 else "-unbounded"
    return f"{value:.3g}"


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
