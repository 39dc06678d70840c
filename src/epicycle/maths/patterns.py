"""Accuracies of a learner that acquires patterns along logistic curves, and the fit of three patterns to recorded accuracies.

The model is that of Davies, Langosco and Krueger (arXiv 2303.06173, section 3). They fitted it to no run; the fit is ours.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

GENERALISE, PREFERRED = (1.0, 0.0, 1.0), 2  # of the three kinds: fast and general, fast and poor, slow and general
LEAST_RATE, MOST_RATE = 0.3, 300.0  # of a pattern, in units of 1 / its time
NEAR_ZERO = 1e-3  # heights are kept this far from 0 and 1
GAIN = 0.005  # by which a first pattern must bring the fit nearer


def logistic_shares(
    steps: Float[ndarray, " step"], heights: Sequence[float], rates: Sequence[float], times: Float[ndarray, "*batch pattern"]
) -> Float[ndarray, "*batch step pattern"]:
    """The probability that each pattern explains a question: height / (1 + exp(-rate (step - time)))."""
    exponents = np.asarray(rates) * (np.asarray(steps)[:, None] - times[..., None, :])
    return np.asarray(np.asarray(heights) * (0.5 + 0.5 * np.tanh(exponents / 2)))


def accuracies(
    shares: Float[ndarray, "*batch pattern"], generalise: Sequence[float], preferred: int | None
) -> tuple[Float[ndarray, "*batch"], Float[ndarray, "*batch"]]:
    """Accuracy on trained and on held-out questions.

    Args:
        shares: probability that each pattern explains a question.
        generalise: probability that a held-out question which the pattern explains is right.
        preferred: the pattern that decides wherever it explains a question; None for no such pattern.
    """
    test = np.zeros(shares.shape[:-1])
    for explains in itertools.product((False, True), repeat=shares.shape[-1]):
        if not any(explains):
            continue
        deciding = [preferred] if preferred is not None and explains[preferred] else np.flatnonzero(explains).tolist()
        probability = np.prod(np.where(explains, shares, 1 - shares), axis=-1)
        test += probability * float(np.mean([generalise[i] for i in deciding]))
    return 1 - np.prod(1 - shares, axis=-1), test


class PatternFit(NamedTuple):
    """Three patterns that are nearest to recorded accuracies.

    Attributes:
        heights: share of questions that each pattern explains in the end; that of the second is 1.
        rates: how steeply each is learned, per step.
        times: the step at which each is half learned.
        error: root mean square difference between the fitted and the recorded accuracies, over trained and held-out questions.
    """

    heights: tuple[float, float, float]
    rates: tuple[float, float, float]
    times: tuple[float, float, float]
    error: float


def fit_three_patterns(steps: Float[ndarray, " step"], train: Float[ndarray, " step"], test: Float[ndarray, " step"]) -> PatternFit:
    """Fit three patterns by least squares, every evaluation with the same weight.

    The free numbers are three times, three rates and the heights of the first and the third pattern. A first pattern that is late
    would do the same as the third. So the fit is made without a first pattern, and with one; the second fit counts only where it is
    nearer by more than `GAIN`.

    Args:
        steps: rising, at least ten; those at 0 say nothing and are left out.
        train: accuracy on trained questions.
        test: accuracy on held-out questions.
    """
    late = steps > 0
    curves = _Curves(steps[late].astype(float), train[late], test[late])
    without = _nearest(curves, with_first=False)
    if without.error <= GAIN:
        return without
    fit = _nearest(curves, with_first=True)
    return fit if fit.error < without.error - GAIN else without


class _Curves(NamedTuple):
    steps: Float[ndarray, " step"]
    train: Float[ndarray, " step"]
    test: Float[ndarray, " step"]


def _nearest(curves: _Curves, with_first: bool) -> PatternFit:
    """The best fit of several starts."""
    from scipy import optimize

    recorded = np.stack([curves.train, curves.test])
    free = np.array([0, 1, 2, 3, 4, 5, 6, 7] if with_first else [1, 2, 4, 5, 7])
    low, high = _bounds(float(curves.steps[0]), float(curves.steps[-1]))

    def whole(numbers: Float[ndarray, " number"]) -> Float[ndarray, " number"]:
        filled = np.zeros(8)
        filled[free] = numbers
        return filled

    def missed(numbers: Float[ndarray, " number"]) -> Float[ndarray, " point"]:
        heights, rates, times = _unpacked(whole(numbers))
        fitted = accuracies(logistic_shares(curves.steps, heights, rates, np.array(times)), GENERALISE, PREFERRED)
        return (np.stack(fitted) - recorded).ravel()

    bounds = (low[free], high[free])
    fits = (optimize.least_squares(missed, np.clip(start[free], *bounds), bounds=bounds, max_nfev=200) for start in _starts(curves))
    best = min(fits, key=lambda fit: float(fit.cost))
    return PatternFit(*_unpacked(whole(best.x)), error=float(np.sqrt(2 * best.cost / recorded.size)))


Three = tuple[float, float, float]


def _unpacked(numbers: Float[ndarray, " number"]) -> tuple[Three, Three, Three]:
    """Heights, rates and times of the fitted numbers: ln times, ln (rate x time), and the two free heights."""
    first, second, third = np.exp(numbers[:3]).tolist()
    rates = (np.exp(numbers[3:6]) / np.array([first, second, third])).tolist()
    return (float(numbers[6]), 1.0, float(numbers[7])), (rates[0], rates[1], rates[2]), (first, second, third)


def _bounds(first: float, last: float) -> tuple[Float[ndarray, " number"], Float[ndarray, " number"]]:
    low, high = [np.log(first / 2)] * 3, [np.log(3 * last)] * 3
    low, high = [*low, *[np.log(LEAST_RATE)] * 3], [*high, *[np.log(MOST_RATE)] * 3]
    return np.array([*low, NEAR_ZERO, NEAR_ZERO]), np.array([*high, 1 - NEAR_ZERO, 1 - NEAR_ZERO])


def _starts(curves: _Curves) -> list[Float[ndarray, " number"]]:
    """Where the search begins: memory where training accuracy passes a half, the first pattern before it, the third after it."""
    steps, train, test = curves
    middle = float(steps[int(np.argmax(train >= 0.5))])
    late = float(steps[int(np.argmax(test >= (test.min() + test.max()) / 2))])
    early_height = float(np.clip(test[steps <= middle].max(), 0.02, 0.9))
    return [
        np.array([np.log(middle * early), np.log(middle), np.log(max(late, middle * gap)), *[np.log(4.0)] * 3, early_height, 0.9])
        for early, gap in ((0.3, 1.5), (0.7, 5.0), (0.5, 20.0))
    ]
