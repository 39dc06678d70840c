"""Every detector on drawn curves."""

from typing import Any

import numpy as np

from epicycle.events.detectors import Descent, Onset, Peak, Recovery, Threshold
from epicycle.spec.kinds import KINDS
from epicycle.spec.registry import resolve

STEPS = np.array([0, 1, 2, 5, 10, 20, 50, 100, 105, 110, 120, 200])


def curve(*on: int) -> dict[str, Any]:
    """Test accuracy that is 1 at these steps, and 0 at the others."""
    return {"test_acc": np.isin(STEPS, on).astype(float)}


def test_every_kind_of_event_is_tested_here() -> None:
    assert {resolve("event", kind) for kind in KINDS["event"]} == {Threshold, Onset, Peak, Descent, Recovery}


def test_threshold_is_an_interval_and_must_hold() -> None:
    event = Threshold(of="test_acc", level=0.95)
    assert event.bracket(STEPS, curve(100, 105, 110), 0.0) == (50, 100)
    assert event.bracket(STEPS, curve(20, 50), 0.0) == (10, 20), "on a coarse grid the next evaluation confirms"
    assert event.bracket(STEPS, curve(20, 100, 105), 0.0) is None, "lost again both times"
    assert event.bracket(STEPS, curve(200), 0.0) is None, "crossing at the end of the record is not confirmed"
    assert event.bracket(STEPS, curve(), 0.0) is None
    assert event.bracket(STEPS, curve(*STEPS), 0.0) == (-1, 0)


def test_a_crossing_that_need_not_hold_confirms_itself() -> None:
    steps, values = np.arange(1, 6), np.array([0.0, 1.0, 0.0, 0.0, 1.0])
    at_once, held = (Threshold(of="test_acc", level=0.5, hold=hold) for hold in (0.0, 0.1))
    assert at_once.bracket(steps, {"test_acc": values}, 0.0) == (1, 2)
    assert at_once.bracket(steps, {"test_acc": np.where(steps < 5, 0.0, 1.0)}, 0.0) == (4, 5)
    assert held.bracket(steps, {"test_acc": values}, 0.0) is None


def test_threshold_from_above() -> None:
    event = Threshold(of="test_acc", level=0.5, side="below")
    assert event.bracket(STEPS, curve(*STEPS[STEPS < 100]), 0.0) == (50, 100)
    assert event.bracket(STEPS, curve(*STEPS), 0.0) is None
    assert event.bracket(STEPS, {"test_acc": np.full(len(STEPS), np.nan)}, 0.0) is None, "what was not recorded is not below"


def test_onset_counts_from_the_baseline() -> None:
    series = {"test_acc_mirror_unseen": np.where(STEPS >= 50, 0.25, 0.18)}
    assert Onset().bracket(STEPS, series, 0.10) == (20, 50)
    assert Onset().bracket(STEPS, series, 0.16) is None


def test_peak_needs_a_fall() -> None:
    rising = {"test_calibrated_loss": np.log1p(STEPS)}
    assert Peak().bracket(STEPS, rising, 0.0) is None
    humped = {"test_calibrated_loss": np.where(STEPS <= 100, STEPS, 200.0 - STEPS)}
    assert Peak().bracket(STEPS, humped, 0.0) == (50, 100)


def test_descent() -> None:
    event, steps = Descent(), np.unique(np.round(np.geomspace(1, 10_000, 600)).astype(int))
    memorised = (steps >= 50).astype(float)

    def descent(loss: Any, accuracy: Any = memorised) -> Any:
        return event.bracket(steps, {"train_loss": loss, "train_acc": accuracy}, 0.0)

    plateau = np.where(steps < 3000, 0.01, 0.01 * (3000 / steps) ** 4)
    low, high = descent(plateau)
    assert low <= 3000 <= high * 1.25, "where the plateau ends, up to the window"
    spiky = plateau * np.where(np.arange(len(steps)) % 7 == 0, 30, 1)
    assert abs(np.log(descent(spiky)[0] / low)) < 0.1, "spikes do not move the floor"
    assert descent(1 / steps)[0] == steps[np.searchsorted(steps, 50)], "falling throughout: where memorisation ended"
    assert descent(np.full(len(steps), 0.01)) is None, "no descent"
    assert descent(plateau, 0 * memorised) is None, "never memorised"


def test_recovery_is_counted_after_the_fall() -> None:
    event, accuracy = Recovery(of="test_acc", level=0.99), curve(*STEPS[(STEPS < 5) | (STEPS >= 50)])
    assert event.bracket(STEPS, accuracy, 0.0) == (20, 50)
    assert event.bracket(STEPS, curve(*STEPS), 0.0) is None, "it never fell"
    assert event.bracket(STEPS, curve(*STEPS[STEPS < 5]), 0.0) is None, "it never came back"
