"""Spikes that were planted are found where they are."""

import numpy as np
import pytest

from epicycle.maths.spikes import coincidence, coincidence_by_chance, gain, irregularity, likeness, spike_tops

AT = np.array([100, 200, 300, 400, 500])
TIME = np.arange(600)


def spiked(at: np.ndarray = AT, height: float = 100.0) -> np.ndarray:
    """1, and after each of some points a sharp jump that decays within some 20 points."""
    since = TIME[:, None] - at[None]
    return 1 + (height * np.exp(-np.maximum(since, 0) / 5) * (since >= 0)).sum(axis=1)


def test_spikes_are_found() -> None:
    assert spike_tops(spiked(), 5, 40).tolist() == AT.tolist()
    assert not len(spike_tops(spiked(height=3), 5, 40))
    assert not len(spike_tops(np.exp(TIME / 100), 5, 40)), "a slow rise is no spike"
    assert spike_tops(np.where(TIME < 300, 1.0, 50.0), 5, 40).tolist() == [300], "a step is one spike"


def test_distances_and_shapes() -> None:
    assert irregularity(AT) == 0
    draws = np.cumsum(np.random.default_rng(0).exponential(100, size=2000))
    assert irregularity(draws.astype(int)) == pytest.approx(1, abs=0.05)
    assert np.isnan(irregularity(AT[:2]))
    assert likeness(spiked(), AT, 10, 40) == pytest.approx(1, abs=0.01)
    noise = np.exp(np.random.default_rng(0).normal(size=600))
    assert likeness(noise, AT, 10, 40) < 0.4
    assert np.isnan(likeness(noise, AT[:2], 10, 40))


def test_coincidence() -> None:
    assert coincidence(AT, AT + 3, 3) == 1
    assert coincidence(AT, AT[:2] - 2, 3) == pytest.approx(0.4)
    uneven = np.array([40, 170, 230, 410, 550])
    assert coincidence_by_chance(uneven, uneven, 3, 600) < 0.5
    assert np.isnan(coincidence(AT[:0], AT, 3))
    assert np.isnan(coincidence_by_chance(AT[:0], AT, 3, 600))


def test_what_a_series_gains_across_spikes() -> None:
    steps = np.searchsorted(AT, TIME, side="right") * 0.1
    assert gain(steps, AT, 10, 40) == pytest.approx(0.1)
    assert gain(TIME * 0.1, AT, 10, 40) == pytest.approx(0)
    assert np.isnan(gain(steps, AT[:0], 10, 40))
