"""Do a sampler and gradient descent find the same functions? Comparisons of the answers of two sets of networks."""

import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray

from epicycle.maths.correlations import rank_correlation

FEWEST_FUNCTIONS = 5  # of which a rank correlation is computed


def function_counts(answers: UInt8[ndarray, "network row"]) -> Int[ndarray, " case"]:
    """How many networks compute each function of a few yes-or-no rows."""
    codes = answers.astype(np.int64) @ (1 << np.arange(answers.shape[1]))
    return np.bincount(codes, minlength=1 << answers.shape[1])


def function_ranks(first: UInt8[ndarray, "network row"], second: UInt8[ndarray, "network row"], fewest: int) -> tuple[float, int]:
    """Spearman's correlation of the logarithms of how often two sets of networks compute each function, and of how many functions.

    Args:
        first: answers of the one set on a few rows.
        second: answers of the other set on the same rows.
        fewest: only functions that each set computes at least so often count.
    """
    counts = np.stack([function_counts(answers) for answers in (first, second)])
    both = counts[:, (counts >= fewest).all(axis=0)]
    n = both.shape[1]
    return (rank_correlation(both[0], both[1]) if n >= FEWEST_FUNCTIONS else np.nan), n


def harder(difficulty: Float[ndarray, " row"], outlier: ndarray) -> float:
    """The probability that a random outlier is harder than a random other row; ties count half."""
    first, second = difficulty[outlier][:, None], difficulty[~outlier][None]
    return float((first > second).mean() + (first == second).mean() / 2)


def complexity(answers: UInt8[ndarray, " row"]) -> float:
    """Lempel-Ziv complexity of a truth table in bits: the number of its words, read forwards and backwards.

    Dingle, Camargo & Louis 2018, equation 4; Lempel & Ziv 1976 for the words.
    """
    text = "".join(map(str, answers.tolist()))
    if len(set(text)) == 1:
        return float(np.log2(len(text)))
    return float(np.log2(len(text)) * (_words(text) + _words(text[::-1])) / 2)


def _words(text: str) -> int:
    """The number of words, each the shortest that has not been read before."""
    count, start = 0, 0
    while start < len(text):
        length = 1
        while start + length <= len(text) and text[start : start + length] in text[: start + length - 1]:
            length += 1
        count, start = count + 1, start + length
    return count
