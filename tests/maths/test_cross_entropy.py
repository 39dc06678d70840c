"""The exact cross-entropy and its gradient agree with float64, for losses from 10 down to 1e-30."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.maths.cross_entropy import cross_entropy, margins


def reference(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loss and its gradient with respect to the logits, in float64, written from the definition with exp and log1p."""
    rows = np.arange(len(labels))
    odds = np.exp(logits - logits[rows, labels][:, None])
    odds[rows, labels] = 0.0
    total = odds.sum(axis=1)
    gradient = odds / (1 + total)[:, None]
    gradient[rows, labels] = -total / (1 + total)
    return np.log1p(total), gradient


@pytest.mark.parametrize("loss", [10.0, 3.0, 0.5, 1e-2, 1e-5, 1e-8, 1e-12, 1e-20, 1e-30])
def test_loss_and_gradient_agree_with_float64(loss: float) -> None:
    rng = np.random.default_rng(0)
    rows, classes = 64, 48
    logits = rng.normal(size=(rows, classes)).astype(np.float32)
    labels = rng.integers(0, classes, rows)
    wrong = np.where(np.arange(classes) == labels[:, None], -np.inf, logits)
    logsumexp = np.log(np.exp(wrong).sum(axis=1))
    logits[np.arange(rows), labels] = logsumexp - np.log(np.expm1(loss))
    expected, expected_gradient = reference(logits.astype(np.float64), labels)
    assert expected.max() < 1.01 * loss
    assert expected.min() > 0.99 * loss
    losses = cross_entropy(jnp.asarray(logits), jnp.asarray(labels))
    gradient = jax.grad(lambda z: cross_entropy(z, jnp.asarray(labels)).sum())(jnp.asarray(logits))
    assert losses.dtype == jnp.float32
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-5)


def test_naive_float32_gives_zero() -> None:
    logits = jnp.array([[40.0, 0.0, 0.0]], jnp.float32)
    assert jax.nn.log_softmax(logits)[0, 0] == 0
    np.testing.assert_allclose(cross_entropy(logits, jnp.array([0])), 2 * np.exp(-40.0), rtol=1e-5)


def test_margins() -> None:
    logits = jnp.array([[3.0, 1.0, -2.0], [0.0, 5.0, 4.0]], jnp.float32)
    np.testing.assert_array_equal(margins(logits, jnp.array([0, 2])), [2.0, -1.0])
