"""Correlations that say so, by NaN, where there is nothing to correlate."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray


def correlation(first: Float[ndarray, " case"], second: Float[ndarray, " case"]) -> float:
    """Pearson's correlation; NaN for fewer than two cases, or where one side is constant."""
    return float("nan") if _says_nothing(first, second) else float(np.corrcoef(first, second)[0, 1])


def rank_correlation(first: Float[ndarray, " case"], second: Float[ndarray, " case"]) -> float:
    """Spearman's rank correlation; NaN for fewer than two cases, or where one side is constant."""
    from scipy import stats  # takes most of a second to load

    return float("nan") if _says_nothing(first, second) else float(stats.spearmanr(first, second).statistic)


def _says_nothing(first: Float[ndarray, " case"], second: Float[ndarray, " case"]) -> bool:
    return len(first) < 2 or any(np.ptp(side) <= 1e-12 * np.abs(side).max() for side in (first, second))
