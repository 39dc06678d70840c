"""Moving weight from memory to Gen: harmless where the two say the same, harmful where Gen is broad, good where memory is noisy."""

import numpy as np
import pytest

from epicycle.circuits.exchange import Exchange
from epicycle.circuits.strength import GenLogit, MemLogit
from epicycle.tasks.modular import Modular
from tests.circuits.test_gen_and_mem import circuit, snapshot
from tests.circuits.test_gen_and_mem import memoriser as with_guesses

TASK = Modular(p=11, operation="x-y")
SHARP = {str(k): 1.0 for k in range(1, 6)}  # all frequencies alike: only the right answer is raised


def memoriser(height: float) -> np.ndarray:
    """Memory of the trained rows that answers nothing elsewhere."""
    is_trained = np.asarray(snapshot(TASK, np.zeros((121, 11)))["train"])
    return with_guesses(TASK, height) * is_trained[:, None]


def test_two_circuits_that_say_the_same_can_be_exchanged() -> None:
    logits = circuit(TASK, SHARP) + memoriser(2.0)
    assert float(Exchange().fn(snapshot(TASK, logits))) == pytest.approx(0, abs=1e-3)


def test_a_broad_gen_costs_and_a_noisy_memory_too() -> None:
    broad = 4 * circuit(TASK, {"1": 1.0}) + memoriser(5.0)
    assert float(Exchange().fn(snapshot(TASK, broad))) > 0.01
    noise = np.random.default_rng(0).normal(size=broad.shape) * (memoriser(1.0).any(axis=1))[:, None]
    noisy = circuit(TASK, SHARP) + memoriser(2.0) + 2 * noise
    assert float(Exchange().fn(snapshot(TASK, noisy))) < -0.01


def test_it_is_the_derivative_of_the_loss_at_a_fixed_lead() -> None:
    """Against logits that are really mixed anew, at a step of a thousandth of a logit."""
    gen, mem = 4 * circuit(TASK, {"1": 1.0, "3": 0.5}), memoriser(5.0)
    given = snapshot(TASK, gen + mem)
    own = given["logits"] - given["logits"].mean(axis=1, keepdims=True)
    leads = float(GenLogit().fn(given)), float(MemLogit().fn(given))
    rows, labels = np.flatnonzero(given["train"]), np.asarray(given["labels"])

    def loss(moved: float) -> float:
        # The memoriser's mean over classes depends on nothing, and Gen's is 0.
        mixed = gen * (1 + moved / leads[0]) + (np.asarray(own) - gen) * (1 - moved / leads[1])
        at_rows = mixed[rows]
        return float(np.mean(np.log(np.exp(at_rows).sum(axis=1)) - at_rows[np.arange(len(rows)), labels[rows]]))

    assert leads[0] == pytest.approx(float(np.abs(gen).max()), rel=0.05), "the planted Gen is found"
    assert float(Exchange().fn(given)) == pytest.approx((loss(1e-3) - loss(-1e-3)) / 2e-3, rel=0.05)


def test_moving_all_the_time_lowers_the_loss_only_where_it_is_said() -> None:
    """The null gives each row the answer of another row: no Gen, so nothing is said; the value is far from the true one."""
    given = snapshot(TASK, 4 * circuit(TASK, {"1": 1.0}) + memoriser(5.0))
    assert Exchange(null="shuffled").name == "exchange_shuffled"
    assert float(Exchange(null="shuffled").fn(given)) != pytest.approx(float(Exchange().fn(given)), rel=0.2)
