"""Spikes: short and high rises of a series above what it was before, and how they are spaced and shaped."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

Series = Float[ndarray, " point"]
Tops = Int[ndarray, " spike"]


def spike_tops(series: Series, factor: float, window: int) -> Tops:
    """The highest point of each spike.

    A spike begins where the series is more than `factor` times its median over the `window` points before. The spike lasts while the
    series stays above this height, at most `window` points. The next one is looked for half a window after its end.

    Args:
        series: numbers above 0, at equal distances.
        factor: how many times higher than before.
        window: points.
    """
    tops, i = [], window
    while i < len(series):
        height = factor * np.median(series[i - window : i])
        if not series[i] > height:
            i += 1
            continue
        below = np.flatnonzero(series[i : i + window] <= height)
        end = i + (int(below[0]) if len(below) else window)
        tops.append(i + int(np.argmax(series[i:end])))
        i = end + window // 2
    return np.array(tops, int)


def irregularity(tops: Tops) -> float:
    """The coefficient of variation of the distances between successive spikes: 0 like a clock, 1 at random. NaN below three spikes."""
    distances = np.diff(tops)
    return float(np.std(distances, ddof=1) / np.mean(distances)) if len(distances) > 1 else np.nan


def likeness(series: Series, tops: Tops, before: int, after: int) -> float:
    """How much of the variance of ln(series) around the tops is the same in all spikes, from 0 to 1. NaN below three whole spikes.

    Args:
        series: numbers above 0.
        tops: points of spikes.
        before: points before a top that count.
        after: points after a top that count.
    """
    whole = [top for top in tops if top >= before and top + after < len(series)]
    if len(whole) < 3:
        return np.nan
    windows = np.log(np.stack([series[top - before : top + after + 1] for top in whole]))
    windows = windows - windows.mean(axis=1, keepdims=True)
    return float(1 - np.square(windows - windows.mean(axis=0)).sum() / np.square(windows).sum())


def coincidence(tops: Tops, others: Tops, near: int) -> float:
    """The share of spikes that have a spike of another series within `near` points. NaN without spikes."""
    return float(_close(tops, others, near).mean()) if len(tops) else np.nan


def coincidence_by_chance(tops: Tops, others: Tops, near: int, n_points: int) -> float:
    """The share of coincidences that one in a hundred circular shifts of the other series exceeds. NaN without spikes."""
    if not len(tops):
        return np.nan
    shifted: list[Any] = [_close(tops, (others + shift) % n_points, near).mean() for shift in range(near + 1, n_points - near)]
    return float(np.percentile(shifted, 99))


def gain(series: Series, tops: Tops, before: int, after: int) -> float:
    """How much more a series gains across a spike than in as long a time just before it; the median over spikes. NaN without any.

    Args:
        series: any numbers.
        tops: points of spikes.
        before: points before a top at which the spike has not begun.
        after: points after a top at which the spike is over.
    """
    length = before + after
    whole = np.array([top for top in tops if top - before - length >= 0 and top + after < len(series)], int)
    if not len(whole):
        return np.nan
    across = series[whole + after] - series[whole - before]
    return float(np.median(across - (series[whole - before] - series[whole - before - length])))


def _close(tops: Tops, others: Tops, near: int) -> Bool[ndarray, " spike"]:
    """Whether each spike has another within some points."""
    return (np.abs(tops[:, None] - others[None]) <= near).any(axis=1)
