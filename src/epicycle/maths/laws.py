"""Laws of a number above 0 along another number: least-squares fits of its logarithm, and how they compare by Akaike's criterion.

All laws are fitted to ln y, so noise is a factor of y and the criteria of two laws can be compared. `scipy.optimize` is loaded when a
law needs it.
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

Law = Literal["constant", "exponential", "power", "arrhenius", "logistic"]
# Numbers that each law has: y = a; a exp(b x); a x^b; a exp(b / x); a / (1 + exp(-(x - b) / c)).
N_NUMBERS: dict[Law, int] = {"constant": 1, "exponential": 2, "power": 2, "arrhenius": 2, "logistic": 3}
ABOVE_ZERO: tuple[Law, ...] = ("power", "arrhenius")  # laws that need x above 0
RESOLUTION = 1e-6  # least standard deviation of ln y around a law, so that an exact fit has a criterion


def fewest_points(law: Law) -> int:
    """The fewest points at which the law's criterion is finite."""
    return N_NUMBERS[law] + 3


def squares(law: Law, x: Float[ndarray, " point"], y: Float[ndarray, " point"]) -> float:
    """The least sum of squared differences between ln y and the logarithm of the law.

    Args:
        law: its name.
        x: the number along which y changes; above 0 for `power` and `arrhenius`.
        y: numbers above 0.
    """
    logs = np.log(y)
    if law == "constant":
        return float(np.square(logs - logs.mean()).sum())
    if law == "logistic":
        return _logistic_squares(x, logs)
    return _straight_squares({"exponential": x, "power": np.log(x), "arrhenius": 1 / x}[law], logs)


def criterion(law: Law, x: Float[ndarray, " point"], y: Float[ndarray, " point"]) -> float:
    """Akaike's criterion of a law, corrected for few points (Hurvich & Tsai, Biometrika 76, 1989). The smaller, the better.

    With n points, squared differences S and k fitted numbers (those of the law and the size of the noise) it is
    n ln(S / n) + 2 k + 2 k (k + 1) / (n - k - 1).
    """
    n, k = len(x), N_NUMBERS[law] + 1
    noise = max(squares(law, x, y) / n, RESOLUTION**2)
    return float(n * np.log(noise) + 2 * k + 2 * k * (k + 1) / (n - k - 1))


def _straight_squares(x: Float[ndarray, " point"], y: Float[ndarray, " point"]) -> float:
    u, v = x - x.mean(), y - y.mean()
    spread = float(u @ u)
    return float(np.square(v - u * (u @ v) / spread if spread > 0 else v).sum())


def _logistic_squares(x: Float[ndarray, " point"], logs: Float[ndarray, " point"]) -> float:
    """The best of several starts: rising and falling curves whose middle lies below, within and above the points."""
    from scipy import optimize

    width = float(np.ptp(x)) or 1.0
    z = (x - x.mean()) / width

    def curve(numbers: Float[ndarray, " number"]) -> Float[ndarray, " point"]:
        return np.asarray(numbers[0] - np.logaddexp(0, -numbers[2] * (z - numbers[1])) - logs)

    best = np.inf
    for steepness in (-5.0, 5.0):
        for middle in (-1.0, 0.0, 1.0):
            height = float((logs + np.logaddexp(0, -steepness * (z - middle))).mean())
            fit = optimize.least_squares(curve, [height, middle, steepness], max_nfev=200)
            best = min(best, 2 * float(fit.cost))
    return best


class Line(NamedTuple):
    """Two straight lines that meet.

    Attributes:
        at: the x at which they meet.
        slopes: of the first and of the second line.
        rise: how much the first line rises over its stretch.
    """

    at: float
    slopes: tuple[float, float]
    rise: float


LEAST_STRETCH = 3  # points in each of the two lines


def broken_line(x: Float[ndarray, " point"], y: Float[ndarray, " point"]) -> Line:
    """The two straight lines that meet and are nearest to some points.

    Each point weighs as much as the stretch of x that it stands for, so how densely the points lie does not move the fit. The point
    where the lines meet is first looked for among the points, and then between the neighbours of the best one.

    Args:
        x: rising numbers, at least 2 * LEAST_STRETCH.
        y: a number for each.
    """
    from scipy import optimize

    width = float(x[-1] - x[0])
    t = (x - x[0]) / width
    roots = np.sqrt(np.gradient(t))

    def fit(at: float) -> tuple[float, Float[ndarray, " number"]]:
        design = np.stack([np.ones_like(t), t, np.maximum(t - at, 0)], axis=1) * roots[:, None]
        numbers = np.linalg.lstsq(design, y * roots, rcond=None)[0]
        return float(np.square(design @ numbers - y * roots).sum()), numbers

    inner = range(LEAST_STRETCH - 1, len(t) - LEAST_STRETCH + 1)
    best = min(inner, key=lambda i: fit(float(t[i]))[0])
    bounds = float(t[max(best - 1, inner[0])]), float(t[min(best + 1, inner[-1])])
    at = float(t[best])
    if bounds[1] > bounds[0]:
        nearer = float(optimize.minimize_scalar(lambda at: fit(at)[0], bounds=bounds, method="bounded").x)
        at = min(at, nearer, key=lambda at: fit(at)[0])
    _, first, change = fit(at)[1]
    return Line(float(x[0] + at * width), (float(first / width), float((first + change) / width)), float(first * at))


class Parabola(NamedTuple):
    """How ln y bends along ln x.

    Attributes:
        exponent: slope of the straight line nearest to the points: the exponent of the power law.
        bend: how much larger the exponent is at the largest x than at the smallest, by the nearest parabola. 0 is a power law.
        r2: share of the variance of ln y that the straight line explains.
    """

    exponent: float
    bend: float
    r2: float


def log_log(x: Float[ndarray, " point"], y: Float[ndarray, " point"]) -> Parabola:
    """The straight line and the parabola nearest to ln y along ln x.

    Args:
        x: numbers above 0, at least three of them distinct.
        y: numbers above 0, not all the same.
    """
    u, v = np.log(x) - np.log(x).mean(), np.log(y)
    exponent = float(np.polyfit(u, v, 1)[0])
    r2 = 1 - _straight_squares(u, v) / float(np.square(v - v.mean()).sum())
    return Parabola(exponent, 2 * float(np.polyfit(u, v, 2)[0]) * float(np.ptp(u)), float(r2))
