"""The power of a claim: how many of its runs must agree for a verdict, and how likely that is."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from epicycle.claims.intervals import LEVEL, at_confidence, for_two_sources, order_statistic_rank, share_interval
from epicycle.claims.several_claims import step_down
from epicycle.claims.shares import RegionShare, Share
from epicycle.claims.units import Units
from epicycle.spec.claim import Claim, Region
from epicycle.spec.errors import InputError

SHARES = (0.7, 0.8, 0.9, 0.95)
SIZES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)  # numbers of runs among which `Power.enough` looks
GOOD_CHANCE = 0.8


@dataclass(frozen=True)
class Power:
    """How many runs decide a claim. The numbers are exact and assume nothing about the size of an effect.

    A run counts for a region if its value lies in the region. For the claim that a share of runs reach an event, a run counts if it
    reached the event.

    Attributes:
        seeds: number of independent runs that the claim rests on.
        level: the level of error at which the claim is judged.
        supported_by: the numbers of runs with which the claim is supported, if so many count for the region of support.
        refuted_by: the numbers of runs with which the claim is refuted, if so many count for the region of refutation (or, where the
            claim is about a share, if so many reached the event).
        chance: share of all possible seeds whose runs count for the region of support -> probability that the claim is supported by
            so many runs. More looks on the way only raise it.
        enough: the same share -> the least of some round numbers of runs that supports the claim with a chance of 80 %; None where
            256 runs do not.
    """

    seeds: int
    supported_by: tuple[int, ...]
    refuted_by: tuple[int, ...]
    chance: dict[str, float]
    enough: dict[str, int | None]
    level: float = LEVEL


def powers(claims: Sequence[tuple[Claim, Units]]) -> list[Power]:
    """The powers of the claims of a study, each with the units of the runs that it rests on.

    The primary claims share the level of error. Each has the power that it has at the strictest level at which it may be decided: that
    of all claims first, as if no other were decided.

    Raises:
        InputError: no outcome of so many runs could decide one of the claims.
    """
    primary = [i for i, (claim, _) in enumerate(claims) if claim.primary]
    levels = step_down(primary, lambda i, level: _decidable(*claims[i], level))
    for i in [i for i in primary if i not in levels]:
        among = f" with {len(primary)} primary claims, which share the level of error (Holm)" if len(primary) > 1 else ""
        _of_units(*claims[i], LEVEL / (len(primary) - len(levels)), among)
    return [_of_units(claim, units, levels.get(i, LEVEL)) for i, (claim, units) in enumerate(claims)]


def _of_units(claim: Claim, units: Units, level: float, among: str = "") -> Power:
    crossed = len(units.groupings) > 1
    return power(claim, units.n_units, 1 - for_two_sources(1 - level) if crossed else level, among)


def _decidable(claim: Claim, units: Units, level: float) -> bool:
    """Whether an outcome of so many runs could decide a claim at a level."""
    try:
        _of_units(claim, units, level)
    except InputError:
        return False
    return True


def power(claim: Claim, seeds: int, level: float = LEVEL, among: str = "") -> Power:
    """The power of a claim that rests on a number of runs.

    The any-time interval of a median lies on one side of a bound when all values but the outermost do, however far away they lie. So
    the number of runs that must agree is known before training, and its probability is binomial in the share of seeds that agree.
    Statistics without such an interval, and regions with two pieces, get a power without numbers.

    Args:
        claim: the claim.
        seeds: number of independent runs.
        level: the level of error at which the claim is judged.
        among: what shares this level, in words, for the message.

    Raises:
        InputError: no outcome of so many runs could decide the claim.
    """
    with at_confidence(1 - level):
        return _power(claim, seeds, level, among)


def _power(claim: Claim, seeds: int, level: float, among: str) -> Power:
    regions = (claim.supported_if, claim.refuted_if)
    enough = seeds >= claim.min_seeds
    supported_by, refuted_by = (_deciding(claim, region, seeds) if enough else () for region in regions)
    if not supported_by and not refuted_by:
        least = _least(claim, seeds)
        advice = "widen its regions" if least is None else f"it needs at least {least} (--seeds), or wider regions"
        raise InputError(f"claim '{claim.id}': no outcome of {seeds} runs could decide it{among}; {advice}.")
    if not claim.statistic.anytime or any(len(region.pieces()) > 1 for region in regions):
        return Power(seeds, (), (), {}, {}, level)
    chance = {f"{share:g}": round(_chance(supported_by, seeds, share), 3) for share in SHARES}
    by_size = {size: _deciding(claim, claim.supported_if, size) for size in SIZES if size >= claim.min_seeds}
    enough_for = {
        f"{share:g}": next((size for size, numbers in by_size.items() if _chance(numbers, size, share) >= GOOD_CHANCE), None)
        for share in SHARES
    }
    return Power(seeds, supported_by, refuted_by, chance, enough_for, level)


def _chance(numbers: Sequence[int], seeds: int, share: float) -> float:
    """The chance that one of some numbers of runs agree."""
    return sum(_probability(k, seeds, share) for k in numbers)


def _deciding(claim: Claim, region: Region, seeds: int) -> tuple[int, ...]:
    """The numbers of runs counting for a region with which the whole interval lies in the region."""
    if isinstance(claim.statistic, Share | RegionShare):
        intervals = [share_interval(k, seeds) for k in range(seeds + 1)]
        return tuple(k for k, interval in enumerate(intervals) if region.holds(interval.low, interval.high))
    rank = order_statistic_rank(seeds) if claim.statistic.anytime else 1  # a bootstrap of any size may lie in a region
    return () if rank is None else tuple(range(seeds - rank + 1, seeds + 1))


def _least(claim: Claim, seeds: int) -> int | None:
    """The smallest number of runs, below 1,000, that could decide a claim; None where more are needed."""
    regions = (claim.supported_if, claim.refuted_if)
    numbers = range(max(seeds, claim.min_seeds), 1000)
    return next((n for n in numbers if any(_deciding(claim, region, n) for region in regions)), None)


def _probability(successes: int, n: int, share: float) -> float:
    """Binomial probability of a number of successes in n."""
    return float(special.bdtr(successes, n, share) - (special.bdtr(successes - 1, n, share) if successes else 0.0))
