"""A verdict in words: the sentence that a claim says, what was found in plain units, and the criterion.

What was found is the estimate with its interval and its number of independent units: `4.5 times sooner (4.1 to 5.0), 48 seeds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np

from epicycle.claims.estimates import Estimate
from epicycle.claims.intervals import Interval
from epicycle.spec.families import Statistic


def finding(statistic: Statistic, estimate: Estimate) -> str:
    """What was found, in plain units, with the number of independent units and the runs that are open or diverged."""
    units, interval = statistic.plain_units(), estimate.interval
    if units.counts_runs:
        reached = sum(value == 1.0 for value in estimate.values.values())
        parts = [f"{reached} of {estimate.n} runs{' ' * bool(estimate.sharing)}{estimate.sharing} ({_share_ends(interval)})"]
        unconfirmed = len(estimate.unconfirmed)
        parts += [f"{unconfirmed} too short to tell"] if unconfirmed else []
    else:
        parts = [units.interval(interval.value, interval.low, interval.high), _units(estimate)]
        n_open = len(estimate.censored)
        parts += [f"{n_open} of {estimate.among or estimate.n} runs open"] if n_open else []
    parts += [f"{len(estimate.failed)} diverged"] if estimate.failed else []
    return ", ".join(parts)


def _share_ends(interval: Interval) -> str:
    return f"{interval.low:.2f} to {interval.high:.2f}"


def _units(estimate: Estimate) -> str:
    """The independent units of an estimate: `48 seeds`; where runs share something, the runs and what they share."""
    if estimate.sharing:
        return f"{estimate.n} runs {estimate.sharing}"
    return f"{estimate.n} seed{'s' * (estimate.n != 1)}"


def shown(estimate: Estimate) -> str:
    """The estimate and its interval as they are judged, such as `9.8 (8.1 to 12, n = 10)`."""
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


class ClaimWords(NamedTuple):
    """The words of a stored verdict.

    Attributes:
        says: the sentence of the claim; of a claim without one, what supports it.
        finding: what was found; empty where nothing could be estimated.
        criterion: what supports the claim and what refutes it.
    """

    says: str
    finding: str
    criterion: str

    @classmethod
    def of(cls, claim: Mapping[str, Any]) -> ClaimWords:
        """The words of one entry of a document of verdicts. One of an earlier version has numbers only, which are then written."""
        criterion = claim.get("criterion") or f"{claim['sentence']} Refuted if {claim['refuted_if']}."
        return cls(claim.get("says") or claim["sentence"], claim.get("finding", _judged(claim)), criterion)


def _judged(claim: Mapping[str, Any]) -> str:
    """The estimate of a stored verdict on the scale on which it was judged."""
    if claim["interval"] is None:
        return ""
    ends = (claim["estimate"], *claim["interval"])
    interval = Interval(*(end if value is None else value for value, end in zip(ends, (nan, -inf, inf), strict=True)))
    censored = f"; {len(claim['censored'])} censored" if claim["censored"] else ""
    return shown(Estimate(interval, claim["n"], sharing=claim.get("sharing", ""))) + censored
