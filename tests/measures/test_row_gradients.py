"""Gradients of single rows: planted rows that agree or stand at right angles, and a network row by row."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from epicycle.measures.row_gradients import FisherOffDiagonal, GradientRank
from epicycle.models.mlp import MLP
from epicycle.spec.experiment import Experiment, Training
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.optimisers import AdamW
from tests.measures.landscapes import in_training, planted


def rows_with(gradients: Any) -> dict[str, Any]:
    """A snapshot of rows whose losses are linear in the weights."""
    matrix = jnp.asarray(gradients, jnp.float32)
    return planted(
        lambda w: w.sum(),
        np.zeros(matrix.shape[1]),
        row_loss=lambda params, slot: matrix[slot] @ params["w"],
        n_rows=jnp.int32(len(matrix)),
        slots=jnp.arange(len(matrix)),
    )


@pytest.mark.parametrize("by", ["participation", "entropy", "power"])
def test_rows_at_right_angles_and_rows_that_agree(by: Any) -> None:
    assert float(GradientRank(by=by).fn(rows_with(3 * np.eye(8, 20)))) == pytest.approx(8, rel=1e-4)
    assert float(GradientRank(by=by).fn(rows_with(np.ones((8, 20))))) == pytest.approx(1, rel=1e-2)


def test_a_row_with_a_large_loss_counts_as_one_if_gradients_are_scaled() -> None:
    gradients = np.eye(4)
    gradients[0] *= 100
    assert float(GradientRank().fn(rows_with(gradients))) == pytest.approx(1, rel=1e-2)
    assert float(GradientRank(unit=True).fn(rows_with(gradients))) == pytest.approx(4, rel=1e-4)
    assert float(GradientRank(of_rows=3, unit=True).fn(rows_with(gradients))) == pytest.approx(3, rel=1e-4)


def test_the_fisher_matrix() -> None:
    assert float(FisherOffDiagonal().fn(rows_with(np.eye(6)))) == pytest.approx(0, abs=1e-6)
    assert float(FisherOffDiagonal().fn(rows_with(np.ones((3, 10))))) == pytest.approx(0.9, rel=1e-4)
    gradients = np.random.default_rng(0).normal(size=(30, 12))
    fisher = gradients.T @ gradients / 30
    share = 1 - np.square(np.diag(fisher)).sum() / np.square(fisher).sum()
    assert float(FisherOffDiagonal().fn(rows_with(gradients))) == pytest.approx(share, rel=1e-3)


def test_the_rows_of_a_network() -> None:
    """Padding counts as no row; the gradients are those of the losses that training recorded, one at a time."""
    experiment = Experiment(
        task=Modular(p=5), split=Split(frac_train=0.6), model=MLP(d_model=4, d_mlp=6), training=Training(optimiser=AdamW(lr=1e-2))
    )
    snapshot = in_training(experiment, 10)
    table, rows = experiment.task.table(), np.flatnonzero(snapshot["train"])
    weights, unravel = ravel_pytree(snapshot["params"])

    def loss(vector: Any, row: int) -> Any:
        logits = experiment.model.apply(unravel(vector), jnp.asarray(table.inputs[[row]]))[0]
        return -jax.nn.log_softmax(logits)[0, table.labels[row]]

    gradients = np.stack([jax.grad(loss)(weights, row) for row in rows])
    products = gradients @ gradients.T
    expected = np.trace(products) ** 2 / np.square(products).sum()
    assert float(GradientRank().fn(snapshot)) == pytest.approx(expected, rel=1e-3)
    fisher = gradients.T @ gradients
    share = 1 - np.square(np.diag(fisher)).sum() / np.square(fisher).sum()
    assert float(FisherOffDiagonal().fn(snapshot)) == pytest.approx(share, rel=1e-3)
