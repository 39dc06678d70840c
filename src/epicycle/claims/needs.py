"""What would decide a claim that is undecided: more seeds, a longer budget, or nothing that more runs of the same kind could bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from epicycle.claims.estimates import Estimate
from epicycle.claims.intervals import LEVEL
from epicycle.spec.claim import Region

OF_ITS_OWN = ", or a seed and a split of its own for each run"
MOST_SEEDS = 1000  # an estimate of more is not worth a number


class Need(StrEnum):
    """What would decide a claim.

    `seeds`: more independent runs. `budget`: a longer budget for the runs that are open. `nothing`: neither of the two, as where the
    estimate lies between the regions, a gate is closed or the detectors disagree.
    """

    SEEDS = "seeds"
    BUDGET = "budget"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Needs:
    """What an undecided claim needs.

    Attributes:
        what: the kind of need. Seeds should be added for `Need.SEEDS` only.
        text: the need in words, such as `about 40 runs instead of 12, if they spread alike`.
        units: about how many independent units would decide the claim, all together; None where that cannot be estimated.
    """

    what: Need
    text: str
    units: int | None = None


def too_few(min_seeds: int, estimate: Estimate) -> Needs:
    """The need of a claim with fewer independent runs than it asks for."""
    more = min_seeds - estimate.independent
    if estimate.independent == estimate.n:
        return Needs(Need.SEEDS, f"{more} more seed{'s' * (more > 1)}", min_seeds)
    return Needs(Need.SEEDS, f"{more} more {estimate.noun}{OF_ITS_OWN}", min_seeds)


def to_fit(regions: Sequence[Region], estimate: Estimate) -> Needs:
    """What would bring the whole interval of an estimate into one of some regions, in none of which it lies."""
    interval, n_open = estimate.interval, len(estimate.censored)
    if not np.isfinite(interval.value) and n_open and not _is_share_inside(regions, estimate):
        return Needs(Need.BUDGET, f"a longer budget ({n_open} run{'s are' if n_open > 1 else ' is'} open)")
    inside = [region for region in regions if region.holds(interval.value, interval.value)]
    if np.isfinite(interval.value) and not inside and _far_from(regions, estimate):
        return Needs(Need.NOTHING, "more than seeds, as the estimate lies between its regions")
    if inside and np.isfinite([interval.value, interval.low, interval.high]).all():
        return _narrower(inside[0], estimate)
    shared = estimate.independent < estimate.n
    return Needs(Need.SEEDS, f"more {estimate.noun}{OF_ITS_OWN}" if shared else "more seeds")


def _is_share_inside(regions: Sequence[Region], estimate: Estimate) -> bool:
    """Whether an estimate is a share that lies in one of some regions, whatever became of the runs that end too early to tell.

    More runs narrow the interval of such a share to the two shares that are possible.
    """
    if not estimate.unconfirmed:
        return False
    surely = sum(value == 1 for value in estimate.values.values())
    least, most = surely / estimate.n, (surely + len(estimate.unconfirmed)) / estimate.n
    return any(region.holds(least, most) for region in regions)


def together(needs: Sequence[Needs]) -> Needs:
    """The need of a claim with several detectors that are undecided: the one that is hardest to meet."""
    order = list(Need)
    return max(needs, key=lambda each: (order.index(each.what), each.units or 0))


def _log_price(n: float) -> float:
    """What the square of an any-time interval's width is proportional to, beside one over n."""
    return float(-np.log(LEVEL) + np.log(2 * n / np.pi) / 2)


def _far_from(regions: Sequence[Region], estimate: Estimate) -> bool:
    """Whether an estimate that lies in no region would have to move by more than half its interval to reach one.

    Half of an any-time interval is about 1.5 standard errors, so with more seeds the estimate would hardly move so far.
    """
    value, low, high = estimate.interval.value, estimate.interval.low, estimate.interval.high
    near, far = (value + low) / 2, (value + high) / 2
    return not any(above < far and near < below for region in regions for above, below in region.pieces())


def _narrower(region: Region, estimate: Estimate) -> Needs:
    """About how many runs would narrow the interval to a region in which the estimate lies.

    The width of an any-time interval of n runs falls as the root of (ln 20 + ln(2 n / pi) / 2) / n, if the runs spread alike.
    """
    value, low, high, n = estimate.interval.value, estimate.interval.low, estimate.interval.high, estimate.independent
    above, below = next(piece for piece in region.pieces() if piece[0] < value < piece[1])
    excess = max((value - low) / (value - above), (high - value) / (below - value))
    units = n * excess**2
    for _ in range(5):  # the logarithm hardly changes, so this converges at once
        units = n * excess**2 * _log_price(units) / _log_price(n)
    units = max(int(np.ceil(units)), n + 1)
    if units > MOST_SEEDS:
        return Needs(Need.SEEDS, f"more than {MOST_SEEDS:,} {estimate.noun}", units)
    return Needs(Need.SEEDS, f"about {units:,} {estimate.noun} instead of {n}, if they spread alike", units)
