"""Curvature against matrices that are written out: planted quadratics, a linear network, and the full Hessian of a small MLP."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import epicycle as ep
from epicycle.measures.curvature import (
    CurvatureAlongUpdate,
    CurvatureTrace,
    OffDiagonalShare,
    TopCurvature,
    curvature_product,
    top_eigenvalue,
)
from epicycle.models.mlp import MLP
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment, Run, Training
from epicycle.spec.observation import Observation, few_looks
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.checks import refuse_unfit
from epicycle.training.optimisers import SGD, AdamW
from epicycle.training.snapshots import observe
from epicycle.training.state import data_of, initialiser, world_of
from tests.measures.landscapes import in_training, planted

SMALL = Experiment(
    task=Modular(p=5), split=Split(frac_train=0.6), model=MLP(d_model=4, d_mlp=6), training=Training(optimiser=AdamW(lr=1e-2))
)


def quadratic(matrix: Any) -> dict[str, Any]:
    matrix = jnp.asarray(matrix, jnp.float32)
    return planted(lambda w: w @ matrix @ w / 2 + w.sum(), np.ones(len(matrix)))


def random_matrix(n: int) -> Any:
    draw = np.random.default_rng(0).normal(size=(n, n))
    return (draw + draw.T) / 2


@pytest.mark.parametrize("matrix", ["hessian", "gauss_newton"])
def test_a_quadratic_with_a_diagonal_matrix_is_exact(matrix: Any) -> None:
    """Random signs make no error on a diagonal matrix, and Lanczos ends when it has met all three eigenvalues."""
    snapshot = quadratic(np.diag([1.0] * 20 + [5.0] * 3 + [-2.0] * 4))
    assert float(TopCurvature(matrix=matrix).fn(snapshot)) == pytest.approx(5.0, rel=1e-4)
    assert float(TopCurvature(matrix=matrix, end="bottom").fn(snapshot)) == pytest.approx(-2.0, rel=1e-4)
    assert float(CurvatureTrace(matrix=matrix).fn(snapshot)) == pytest.approx(27.0, rel=1e-4)
    assert float(OffDiagonalShare(matrix=matrix).fn(snapshot)) == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("matrix", [np.zeros((30, 30)), np.eye(30), np.diag([0.0] * 29 + [3.0]), -np.eye(30)])
def test_the_iterations_end_where_nothing_is_left(matrix: Any) -> None:
    top = top_eigenvalue(lambda v: jnp.asarray(matrix, jnp.float32) @ v, jnp.zeros(30), 20)
    assert float(top) == pytest.approx(np.linalg.eigvalsh(matrix)[-1], abs=1e-4)


def test_a_full_matrix_within_the_error_of_the_estimates() -> None:
    matrix = random_matrix(60)
    snapshot = quadratic(matrix)
    assert float(TopCurvature(matvecs=30).fn(snapshot)) == pytest.approx(np.linalg.eigvalsh(matrix)[-1], rel=1e-3)
    probes = 4000
    off = np.square(matrix).sum() - np.square(np.diag(matrix)).sum()
    assert float(CurvatureTrace(probes=probes).fn(snapshot)) == pytest.approx(np.trace(matrix), abs=4 * np.sqrt(2 * off / probes))
    share = off / np.square(matrix).sum()
    assert float(OffDiagonalShare(probes=probes).fn(snapshot)) == pytest.approx(share, abs=0.01)
    few = float(OffDiagonalShare(probes=8).fn(snapshot))
    assert few == pytest.approx(share, abs=0.05), "with squares of single estimates it would be an eighth too small"


def test_a_linear_network() -> None:
    """The loss |X W - Y|^2 / 2n has the Hessian X'X / n for every output, wherever the weights are."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(50, 6)), rng.normal(size=(50, 3))
    inputs, targets = jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)
    snapshot = planted(
        lambda outputs: jnp.square(outputs - targets).sum() / 100,
        np.zeros(18),
        trained={"W": jnp.asarray(rng.normal(size=(6, 3)), jnp.float32)},
        logits=lambda params: inputs @ params["W"],
    )
    values = np.linalg.eigvalsh(x.T @ x / 50)
    for matrix in ("hessian", "gauss_newton"):
        assert float(TopCurvature(matrix=matrix).fn(snapshot)) == pytest.approx(values[-1], rel=1e-3)
        assert float(CurvatureTrace(matrix=matrix, probes=2000).fn(snapshot)) == pytest.approx(3 * values.sum(), rel=0.02)


@pytest.fixture(scope="module")
def network() -> dict[str, Any]:
    return in_training(SMALL, 25)


@pytest.fixture(scope="module")
def full(network: dict[str, Any]) -> Any:
    """The Hessian of a small network, from a loss written with JAX's own log-softmax."""
    objective = network["objective"]
    weights, unravel = ravel_pytree(objective.trained)
    rows = np.flatnonzero(network["train"])
    table = SMALL.task.table()

    def loss(vector: Any) -> Any:
        logits = SMALL.model.apply(unravel(vector), jnp.asarray(table.inputs)[rows])[0]
        return -jax.nn.log_softmax(logits)[jnp.arange(len(rows)), jnp.asarray(table.labels)[rows]].mean()

    return np.asarray(jax.jit(jax.hessian(loss))(weights))


def test_the_hessian_of_a_network(network: dict[str, Any], full: Any) -> None:
    assert float(TopCurvature(matvecs=30).fn(network)) == pytest.approx(np.linalg.eigvalsh(full)[-1], rel=1e-3)
    off = np.square(full).sum() - np.square(np.diag(full)).sum()
    assert float(CurvatureTrace(probes=2000).fn(network)) == pytest.approx(
        float(np.trace(full)), abs=4 * float(np.sqrt(2 * off / 2000))
    )
    assert float(OffDiagonalShare(probes=2000).fn(network)) == pytest.approx(off / np.square(full).sum(), abs=0.01)
    update = ravel_pytree(network["update_parts"]["all"])[0]
    along = float(update @ full @ update / (update @ update))
    assert float(CurvatureAlongUpdate().fn(network)) == pytest.approx(along, rel=1e-3)
    scale = np.sqrt(np.asarray(ravel_pytree(network["objective"].scale)[0]))
    top = np.linalg.eigvalsh(full / scale / scale[:, None])[-1]
    assert float(TopCurvature(preconditioned=True, matvecs=30).fn(network)) == pytest.approx(top, rel=1e-3)


def test_the_gauss_newton_matrix_has_no_curvature_of_the_network(network: dict[str, Any]) -> None:
    objective = network["objective"]
    weights, unravel = ravel_pytree(objective.trained)
    jacobian = jax.jacobian(lambda v: objective.logits(unravel(v)))(weights).reshape(-1, len(weights))
    logits = objective.logits(objective.trained)
    of_logits = jax.hessian(objective.loss_of)(logits).reshape(logits.size, logits.size)
    expected = np.asarray(jacobian.T @ of_logits @ jacobian)
    vector = jnp.asarray(np.random.default_rng(0).normal(size=len(weights)), jnp.float32)
    np.testing.assert_allclose(curvature_product(objective, "gauss_newton")(vector), expected @ vector, atol=1e-4)
    assert float(TopCurvature(matrix="gauss_newton").fn(network)) == pytest.approx(np.linalg.eigvalsh(expected)[-1], rel=1e-3)


def test_weights_that_are_held_at_zero_are_no_directions() -> None:
    snapshot = quadratic(np.diag([9.0, 1.0, 2.0]))
    held = snapshot["objective"]._replace(movable=lambda change: {"w": change["w"].at[0].set(0.0)})
    assert float(TopCurvature().fn(snapshot | {"objective": held})) == pytest.approx(2.0, rel=1e-4)
    assert float(CurvatureTrace().fn(snapshot | {"objective": held})) == pytest.approx(3.0, rel=1e-4)


def test_only_adam_has_a_scale() -> None:
    """It is refused before anything is trained or written."""
    run = Run(experiment=SMALL.model_copy(update={"training": Training(optimiser=SGD())}))
    with pytest.raises(InputError, match="only adamw divides gradients by a scale of their own; leave preconditioned out"):
        refuse_unfit(run, [TopCurvature(preconditioned=True)])


def test_members_side_by_side() -> None:
    """As on a GPU: members that are due and members that are not, in one program."""
    table, run = SMALL.task.table(), Run(experiment=SMALL)
    data, world = jax.device_put(data_of(run, table)), world_of(table)
    state = jax.tree.map(jnp.asarray, initialiser(SMALL, table)(run, data))
    measures = [TopCurvature(), CurvatureTrace()]
    look = lambda elapsed: observe(SMALL, measures, state, data, world, elapsed)  # noqa: E731
    steps = jnp.asarray([39, 40, 0, 41], jnp.int32)
    together, alone = jax.jit(jax.vmap(look))(steps), jax.jit(look)(jnp.int32(40))
    for name, values in together.items():
        np.testing.assert_allclose(values, np.where([False, True, True, False], alone[name], np.nan), rtol=1e-4)


def test_it_is_taken_at_a_few_looks_of_runs_and_of_forks(tmp_path: Path) -> None:
    runs = ep.train(
        SMALL.swept("training.steps", 70),
        seeds=2,
        observation=Observation(measures=(*Observation().measures, TopCurvature(), CurvatureTrace())),
        root=tmp_path,
    )
    steps = runs.data["step"].values
    assert np.isfinite(runs.data["train_loss"]).all()
    for name in ("hessian_top", "hessian_trace"):
        taken = np.isfinite(runs.data[name].values)
        assert (taken == np.isin(steps, few_looks(5, 70))).all(), name
    fork = runs.fork(30, [ep.Scale("lr", 2)])
    taken = np.isfinite(fork.data["hessian_top"].values).all(axis=0)
    assert fork.data["step"].values[taken].tolist() == (30 + few_looks(5, 40)).tolist(), "a fork's looks are counted from its moment"


def test_looks_that_are_no_looks_are_refused() -> None:
    Observation(measures=(TopCurvature(per_decade=4),), per_decade=20)
    with pytest.raises(InputError, match="let per_decade of the measure divide 12"):
        Observation.parse({"measures": [{"kind": "top_curvature", "per_decade": 5}], "per_decade": 12})
    with pytest.raises(InputError, match="leave dense_until at 40"):
        Observation.parse({"measures": [{"kind": "top_curvature", "per_decade": 5}], "dense_until": 100})
