"""Every detector on drawn curves."""

from typing import Any

import numpy as np

from epicycle.events.detectors import BelowIgnorance, Descent, Onset, Peak, Recovery, Threshold
from epicycle.spec.kinds import KINDS
from epicycle.spec.registry import resolve

STEPS = np.array([0, 1, 2, 5, 10, 20, 50, 100, 105, 110, 120, 200])


def curve(*on: int) -> dict[str, Any]:
    """Test accuracy that is 1 at these steps, and 0 at the others."""
    return {"test_acc": np.isin(STEPS, on).astype(float)}


def test_every_kind_of_event_is_tested_here() -> None:
    assert {resolve("event", kind) for kind in KINDS["event"]} == {Threshold, Onset, BelowIgnorance, Peak, Descent, Recovery}


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
    resting = np.maximum(plateau, 2e-4) * (1 + 0.01 * np.sin(np.arange(len(steps))))
    assert abs(np.log(descent(resting)[0] / low)) < 0.1, "a loss that has come to rest at the end has fallen all the same"
    assert descent(np.maximum(1 / steps, 2e-4))[0] == descent(1 / steps)[0]
    assert descent(np.full(len(steps), 0.01)) is None, "no descent"
    assert descent(plateau, 0 * memorised) is None, "never memorised"


def test_recovery_is_counted_after_the_fall() -> None:
    event, accuracy = Recovery(of="test_acc", level=0.99), curve(*STEPS[(STEPS < 5) | (STEPS >= 50)])
    assert event.bracket(STEPS, accuracy, 0.0) == (20, 50)
    assert event.bracket(STEPS, curve(*STEPS), 0.0) is None, "it never fell"
    assert event.bracket(STEPS, curve(*STEPS[STEPS < 5]), 0.0) is None, "it never came back"


def test_an_event_that_the_record_ends_too_early_to_confirm_is_open() -> None:
    event = Threshold(of="test_acc", level=0.95)
    for on, open_bracket in (
        ((200,), (120, 200)),  # at the last evaluation only
        ((20, 110, 120, 200), None),  # 200 lies past 1.1 * 110: confirmed
        ((20, 120, 200), None),
        ((20,), None),
        ((), None),
    ):
        series = curve(*on)
        assert event.unconfirmed(STEPS, series, 0.0) == open_bracket
        assert open_bracket is None or event.bracket(STEPS, series, 0.0) is None
    short = STEPS[STEPS <= 105]
    assert event.unconfirmed(short, {"test_acc": (short >= 100).astype(float)}, 0.0) == (50, 100)
    assert event.unconfirmed(short[:1], {"test_acc": np.ones(1)}, 0.0) == (-1, 0)
    assert event.model_copy(update={"hold": 0.0}).unconfirmed(STEPS, curve(200), 0.0) is None, "it confirms itself"
    assert Recovery(of="test_acc", level=0.5).unconfirmed(STEPS, curve(200), 0.0) == (120, 200)
    assert Onset(of="test_acc").unconfirmed(STEPS, curve(200), 0.5) == (120, 200)
    assert Peak(of="test_acc").unconfirmed(STEPS, curve(200), 0.0) is None, "what need not hold is never open"


def test_a_loss_is_below_ignorance_when_no_operand_alone_could_make_it_so() -> None:
    """59 classes: noise just below ln 59 is no event; the step is the first from which the loss stays a tenth of a nat below."""
    ignorance = np.log(59)
    loss = ignorance - np.array([0.0, 0.001, 0.0, 0.09, 0.0, 0.2, 0.05, 0.11, 0.3, 0.6, 0.9, 2.0])
    event = BelowIgnorance(of="loss")
    assert event.bracket(STEPS, {"loss": loss}, 1 / 59) == (50, 100), "at 20 it does not hold"
    assert event.bracket(STEPS, {"loss": loss}, 1 / 50) == (100, 105), "a better guess without the operands lies lower"
    assert BelowIgnorance(of="loss", margin=0.5).bracket(STEPS, {"loss": loss}, 1 / 59) == (105, 110)
    assert event.bracket(STEPS, {"loss": np.full(12, ignorance)}, 1 / 59) is None


def test_no_predictor_that_misses_an_operand_is_below_ignorance() -> None:
    """Random tables: the loss of the best predictor that sees one operand is at least that of the baseline."""
    draw = np.random.default_rng(0)
    for _ in range(50):
        labels = draw.integers(5, size=(6, 7)) * draw.integers(2, size=(6, 7))
        share = np.array([[(row == label).mean() for label in range(5)] for row in labels])
        entropy = -np.where(share > 0, share * np.log(np.where(share > 0, share, 1)), 0).sum(axis=1).mean()
        assert entropy >= -np.log(share.max(axis=1).mean()) - 1e-12
