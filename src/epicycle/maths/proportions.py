"""Shares of counts, with intervals that hold for few counts too."""

from scipy.stats import beta


def clopper_pearson(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share (Clopper & Pearson 1934): it covers at least as often as it says, for few hits and for none.

    Args:
        hits: how often it happened.
        trials: how often it could have happened, independently.
        confidence: how often the interval covers the true share.
    """
    outside = (1 - confidence) / 2
    low = float(beta.ppf(outside, hits, trials - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - outside, hits + 1, trials - hits)) if hits < trials else 1.0
    return low, high
