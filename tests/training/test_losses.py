"""Losses against their formulas in float64 NumPy; the plain log-softmax precisions, rows with several answers, and vector labels."""

from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from epicycle import MSE, CrossEntropy, Hinge, InputError
from epicycle.spec.families import RowLoss
from epicycle.spec.kinds import KINDS
from epicycle.training.losses import Precision, row_losses, row_margins

RNG = np.random.default_rng(0)
LOGITS = (3 * RNG.normal(size=(40, 11))).astype(np.float32)
LABELS = RNG.integers(0, 11, 40).astype(np.int32)
RIGHT = LOGITS[np.arange(40), LABELS].astype(np.float64)
NLL = scipy.special.logsumexp(LOGITS.astype(np.float64), axis=1) - RIGHT
ONE_HOT = np.eye(11)[LABELS]
TESTED: dict[str, list[tuple[RowLoss, Any]]] = {
    "cross_entropy": [
        (CrossEntropy(), NLL),
        (
            CrossEntropy(label_smoothing=0.1),
            0.9 * NLL + 0.1 * -scipy.special.log_softmax(LOGITS.astype(np.float64), axis=1).mean(axis=1),
        ),
    ],
    "mse": [(MSE(), ((LOGITS - ONE_HOT) ** 2).mean(axis=1))],
    "hinge": [(Hinge(margin_wanted=2.0), np.maximum(0, 2 - (RIGHT - np.where(ONE_HOT == 1, -np.inf, LOGITS).max(axis=1))))],
}


def test_every_loss_is_tested_here() -> None:
    assert set(TESTED) == set(KINDS["loss"])


@pytest.mark.parametrize("loss", [kind for kinds in TESTED.values() for kind in kinds], ids=repr)
def test_losses(loss: tuple[RowLoss, Any]) -> None:
    made, expected = loss
    np.testing.assert_allclose(made.rows(jnp.asarray(LOGITS), jnp.asarray(LABELS)), expected, rtol=2e-5, atol=2e-5)
    slope = jax.grad(lambda logits: made.rows(logits, jnp.asarray(LABELS)).sum())(jnp.asarray(LOGITS))
    assert np.isfinite(slope).all()
    assert slope.any()


@pytest.mark.parametrize("precision", get_args(Precision))
def test_precisions(precision: str) -> None:
    """All agree on ordinary logits. If the right logit leads by 25, only exact and float64 still give a loss and a gradient."""
    loss = CrossEntropy(precision=precision)
    close = {"float16": 1e-2, "bfloat16": 5e-2}.get(precision, 1e-5)
    np.testing.assert_allclose(loss.rows(jnp.asarray(LOGITS), jnp.asarray(LABELS)), NLL, rtol=close, atol=close)
    confident = jnp.asarray(LOGITS * 0.1).at[np.arange(40), LABELS].add(25)
    value, slope = jax.jit(jax.value_and_grad(lambda logits: loss.rows(logits, jnp.asarray(LABELS)).mean()))(confident)
    assert slope.dtype == value.dtype == jnp.float32
    assert (value > 0) == (precision in ("exact", "float64"))
    assert bool(slope[np.arange(40), LABELS].any()) == (precision in ("exact", "float64"))
    assert loss.recorded() == CrossEntropy()


def test_several_answers() -> None:
    logits, labels = jnp.asarray(LOGITS.reshape(20, 2, 11)), LABELS.reshape(20, 2).copy()
    labels[3, 1] = -1
    expected = NLL.reshape(20, 2).mean(axis=1)
    expected[3] = NLL.reshape(20, 2)[3, 0]
    np.testing.assert_allclose(row_losses(CrossEntropy(), logits, jnp.asarray(labels)), expected, rtol=1e-5)
    margin = row_margins(logits, jnp.asarray(labels), None)
    right = LOGITS.reshape(20, 2, 11).argmax(axis=2) == LABELS.reshape(20, 2)
    right[3, 1] = True
    np.testing.assert_array_equal(margin > 0, right.all(axis=1))


def test_vectors() -> None:
    targets = LOGITS + np.linspace(0, 1, 40, dtype=np.float32)[:, None]
    np.testing.assert_allclose(MSE().rows(jnp.asarray(LOGITS), jnp.asarray(targets)), np.linspace(0, 1, 40) ** 2, atol=1e-5)
    assert (row_margins(jnp.asarray(LOGITS), jnp.asarray(targets), 0.5) > 0).sum() == 20
    with pytest.raises(InputError, match="use mse"):
        CrossEntropy().rows(jnp.asarray(LOGITS), jnp.asarray(targets))
