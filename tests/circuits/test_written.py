"""Measures of hand-written circuits on activations whose shares are known."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import epicycle as ep
from epicycle.circuits.written import OUT, STRENGTH

LABELS = np.array([0, 1, 2, 0])
TRAIN = np.array([True, True, False, True])


def snapshot() -> dict[str, Any]:
    """Three circuits: right on all rows with strength 2, right on the first row and wrong elsewhere with strength 1, and silent."""
    right, wrong = np.eye(3)[LABELS], np.eye(3)[(LABELS + 1) % 3]
    first = np.arange(4)[:, None] == 0
    out = np.stack([2 * right, np.where(first, right, wrong), 0 * right], axis=1)
    strength = np.broadcast_to(np.array([2.0, 1.0, 0.0]), (4, 3))
    return {
        "activations": {OUT: jnp.asarray(out), STRENGTH: jnp.asarray(strength)},
        "labels": jnp.asarray(LABELS),
        "train": jnp.asarray(TRAIN),
        "removed": jnp.asarray(~TRAIN),
    }


def test_strength_coverage_and_share() -> None:
    np.testing.assert_allclose(ep.CircuitStrength().fn(snapshot()), [2, 1, 0])
    np.testing.assert_allclose(ep.CircuitCoverage().fn(snapshot()), [1, 1 / 3, 0], rtol=1e-6)
    lead, wrong_lead = 2 * 2 / 3, (2 / 3 - 1 / 3 - 1 / 3) / 3  # of the label over the mean of three logits
    shares = np.array([lead, wrong_lead, 0]) / (lead + wrong_lead)
    np.testing.assert_allclose(ep.CircuitShare().fn(snapshot()), shares, atol=1e-6)


def test_one_circuit_has_a_series_of_its_own() -> None:
    measure = ep.CircuitStrength(circuit=1)
    assert (measure.name, measure.dims, float(measure.fn(snapshot()))) == ("circuit_strength_1", (), 1.0)
    assert (ep.CircuitShare().name, ep.CircuitShare().dims) == ("circuit_share", ("circuit",))
    with pytest.raises(ep.InputError, match="circuits 0 to 2"):
        ep.CircuitShare(circuit=3).fn(snapshot())


def test_rows_that_a_fork_withholds() -> None:
    measure = ep.CircuitCoverage(withheld=True)
    assert (measure.name, measure.needs[-1]) == ("circuit_coverage_withheld", "removed")
    np.testing.assert_allclose(measure.fn(snapshot()), [1, 0, 0])
    assert ep.CircuitStrength(circuit=1, withheld=True).name == "circuit_strength_1_withheld"


def test_other_networks_are_refused() -> None:
    with pytest.raises(ep.InputError, match="gated_bank, two_heads and frequency_toy"):
        ep.CircuitShare().fn(snapshot() | {"activations": {"hook_logits": jnp.zeros((4, 3))}})
