"""Barriers between trained networks: against the records of forks, between permuted twins, and where none can be."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import epicycle as ep
from epicycle.edits.along_path import LOOKS
from epicycle.lab.barriers import losses_between
from epicycle.maths.matching import permuted, size_of
from epicycle.maths.paths import heights

MLP = ep.MLP(d_model=8, d_mlp=24)
TINY = ep.Experiment(
    task=ep.Modular(p=7, operation="x-y"),
    split=ep.Split(frac_train=0.7),
    model=MLP,
    training=ep.Training(steps=120, optimiser=ep.AdamW(lr=1e-2)),
)
LOSSES = ep.Observation.parse(
    {"dense_until": 2, "per_decade": 4, "checkpoints": [20], "measures": [{"kind": "loss", "rows": r} for r in ("train", "test")]}
)
SIX = {"match": False, "search": 1, "looks": 6}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> ep.Runs:
    return ep.train(TINY, seeds=2, data_seeds=0, root=tmp_path_factory.mktemp("barriers"), observation=LOSSES)


def first_losses(forks: ep.Runs) -> Any:
    return forks.data.train_loss.isel(step=0).values


def test_losses_along_a_line_are_those_that_forks_record(runs: ep.Runs) -> None:
    line = ep.barrier(runs[0], runs[1], steps=(20, None), looks=3)
    half = runs[:1].fork(20, ep.Interpolate(("*",), runs[1].id, 0.5), steps=1)
    np.testing.assert_allclose(line.train_loss[1], first_losses(half)[0], rtol=1e-5)
    along = runs[:1].fork(20, ep.AlongPath(("*",), runs[1].id, "straight", 0.5), steps=1)
    np.testing.assert_allclose(first_losses(along), first_losses(half), rtol=1e-6)


@pytest.mark.parametrize("path", ["straight", "bezier", "band", "walk"])
def test_a_fork_at_the_top_begins_with_the_highest_loss(path: Any, runs: ep.Runs) -> None:
    along = ep.barrier(runs[0], runs[1], steps=(20, None), path=path, search=15, looks=LOOKS)
    top = runs[:1].fork(20, ep.AlongPath(("*",), runs[1].id, path, "top", search=15), steps=1)
    np.testing.assert_allclose(first_losses(top)[0], along.train_loss.max(), rtol=1e-3)


def test_a_run_may_be_its_own_donor_in_an_arm_that_is_swept(runs: ep.Runs) -> None:
    fork = runs.fork(20, ep.AlongPath(("*",), "self", "straight", 1.0), steps=1, donors={"self": runs})
    np.testing.assert_allclose(first_losses(fork), runs.data.train_loss.isel(step=-1), rtol=1e-5)


def test_searches_get_below_the_straight_line(runs: ep.Runs) -> None:
    straight, curve, band = (ep.barrier(*runs, path=path).above_ends for path in ("straight", "bezier", "band"))
    assert straight > 0.1
    assert max(curve, band) < 0.5 * straight


def test_a_walk_never_rises(runs: ep.Runs) -> None:
    walk = ep.barrier(runs[0], runs[0], steps=(20, None), path="walk")
    assert walk.above_ends <= 1e-3
    assert 0 <= walk.left < 0.5


@pytest.mark.parametrize("model", [MLP, ep.Transformer(d_model=8, n_heads=4, d_mlp=16)], ids=["mlp", "transformer"])
def test_a_permuted_twin_has_a_barrier_until_it_is_matched(model: ep.Model, root: Path) -> None:
    run = ep.train(TINY.model_copy(update={"model": model}), seeds=1, root=root, observation=LOSSES)[0]
    params, rng = run.params(), np.random.default_rng(3)
    twin: Any = params
    for group in model.interchangeable():
        twin = permuted(twin, group, rng.permutation(size_of(params, group)))
    plain, fitted = (losses_between(run.spec, params, twin, "straight", **SIX | {"match": match}) for match in (False, True))
    np.testing.assert_allclose(plain.train_loss[[0, -1]], fitted.train_loss[[0, -1]], rtol=1e-4)
    assert plain.above_ends > 0.1
    assert abs(fitted.above_ends) < 1e-6
    assert abs(fitted.above_line) < 1e-6


def test_a_mixture_has_no_hump(runs: ep.Runs) -> None:
    """Cross-entropy is convex in the logits, so the loss of a mixture lies on or below the line between the ends."""
    mixture = ep.barrier(*runs, path="mixture")
    assert mixture.above_ends == 0.0
    assert mixture.above_line < 1e-6
    assert mixture.train_loss[10] < 0.999 * (mixture.train_loss[0] + mixture.train_loss[-1]) / 2


def test_the_union_of_two_hidden_layers_is_their_mixture(runs: ep.Runs) -> None:
    """A network twice as wide holds both in blocks; a shared read-out weighs the hidden units of the one and of the other."""
    a, b = (run.params() for run in runs)
    d, wide = 8, ep.MLP(d_model=16, d_mlp=48)
    task = TINY.task.table()
    W_in = np.zeros((32, 48), np.float32)
    for operand in range(2):
        for block, each in enumerate((a, b)):
            rows = slice(2 * d * operand + d * block, 2 * d * operand + d * (block + 1))
            W_in[rows, 24 * block : 24 * (block + 1)] = each["W_in"][d * operand : d * (operand + 1)]
    mixture = ep.barrier(*runs, path="mixture", looks=5)
    for i, weight in enumerate(mixture.weight.values):
        read_out = np.concatenate([(1 - weight) * a["W_U"], weight * b["W_U"]])
        both = {"W_E": np.concatenate([a["W_E"], b["W_E"]], axis=1), "W_in": W_in, "W_U": read_out}
        union = {**both, "b_in": np.concatenate([a["b_in"], b["b_in"]])}
        logits = wide.apply({name: jnp.asarray(v, jnp.float32) for name, v in union.items()}, jnp.asarray(task.inputs))[0]
        right = np.asarray(logits).argmax(axis=1) == task.labels
        trained = TINY.split.train_rows(task, 0)
        np.testing.assert_allclose(mixture.train_acc[i], right[trained].mean(), atol=1e-6)
        losses = np.log(np.exp(logits).sum(axis=1)) - np.take_along_axis(np.asarray(logits), task.labels[:, None], axis=1)[:, 0]
        np.testing.assert_allclose(mixture.train_loss[i], losses[trained].mean(), rtol=1e-3, atol=1e-5)


def test_heights_are_those_of_the_losses(runs: ep.Runs) -> None:
    line = ep.barrier(*runs)
    assert heights(line.weight.values, line.train_loss.values) == pytest.approx((line.above_ends, line.above_line, line.top))


def test_what_cannot_be_joined_is_refused(runs: ep.Runs, root: Path) -> None:
    elsewhere = ep.train(TINY.swept("training.steps", 5), seeds=1, data_seeds=3, root=root, observation=LOSSES)
    wider = ep.train(TINY.swept("model.d_mlp", 8).swept("training.steps", 5), seeds=1, data_seeds=0, root=root, observation=LOSSES)
    for other, message in ((elsewhere, "trained on different rows"), (wider, "differ in their model")):
        with pytest.raises(ep.InputError, match=message):
            ep.barrier(runs[0], other[0])
    for wrong, message in (
        ({"path": "bezzier"}, "did you mean 'bezier'"),
        ({"looks": 1}, "at least 2"),
        ({"steps": (999, None)}, "ends at step 120"),
    ):
        with pytest.raises(ep.InputError, match=message):
            ep.barrier(*runs, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ep.InputError, match="give two runs"):
        ep.barrier(runs, runs[0])  # type: ignore[arg-type]
    with pytest.raises(ep.InputError, match="all tensors at once"):
        runs[:1].fork(20, ep.AlongPath(("W_in",), runs[1].id, match=True))
    params = runs[0].params()
    with pytest.raises(ep.InputError, match=r"of W_U they have .* and no such tensor"):
        losses_between(runs[0].spec, params, {name: v for name, v in params.items() if name != "W_U"}, "straight", **SIX)


def test_a_network_that_names_no_units_cannot_be_matched(root: Path) -> None:
    bank = TINY.model_copy(update={"model": ep.KeyValue(d_mlp=8), "training": TINY.training.model_copy(update={"steps": 5})})
    pair = ep.train(bank, seeds=2, data_seeds=0, root=root, observation=LOSSES)
    with pytest.raises(ep.InputError, match="does not say which of its units can change places; set match to false"):
        ep.barrier(pair[0], pair[1], match=True)
