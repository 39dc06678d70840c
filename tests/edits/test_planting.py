"""Planting: logits become those of what is left of the network plus the strength times those of the planted neurons."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import epicycle as ep
from tests.edits.test_edits import TINY, at_moment, others, parents  # noqa: F401

INPUTS = jnp.asarray(TINY.task.table().inputs)


def logits(params: Any, experiment: ep.Experiment = TINY) -> np.ndarray:
    return np.asarray(experiment.model.fast({name: jnp.asarray(value) for name, value in params.items()}, INPUTS))


def planted(parents: ep.Runs, others: ep.Runs, *edits: ep.Edit) -> Any:  # noqa: F811
    return at_moment(parents, list(edits), others=others)[0][0].state.params


def importance(params: Any) -> np.ndarray:
    tables = [params["W_E"][:7] @ half for half in np.split(params["W_in"], 2)]
    return np.linalg.norm(np.concatenate(tables), axis=0) * np.linalg.norm(params["W_U"], axis=1)


def without(params: Any, neurons: Any) -> Any:
    return {**params, "W_U": np.where(np.isin(np.arange(16), neurons)[:, None], 0, params["W_U"])}


@pytest.mark.parametrize("strength", [0.0, 0.02, 1.0])
def test_the_logits_are_those_of_both_parts(parents: ep.Runs, others: ep.Runs, strength: float) -> None:  # noqa: F811
    """Five neurons of the donor in the place of the five least important ones; everything else stays as it is."""
    own, donor = at_moment(parents, [])[0][0].state.params, others[0].params()
    result = planted(parents, others, ep.Plant("others", strength, neurons=5))
    replaced, chosen = np.argsort(importance(own))[:5], np.argsort(-importance(donor))[:5]
    kept = without(own, replaced)
    of_donor = logits(donor) - logits(without(donor, chosen))
    np.testing.assert_allclose(logits(result), logits(kept) + strength * of_donor, atol=2e-4)
    np.testing.assert_array_equal(result["W_E"], own["W_E"])
    untouched = np.setdiff1d(np.arange(16), replaced)
    np.testing.assert_array_equal(result["W_in"][:, untouched], own["W_in"][:, untouched])


def test_the_whole_donor_can_be_planted(parents: ep.Runs, others: ep.Runs) -> None:  # noqa: F811
    """All of its neurons at strength 1: the network is the donor, though its embedding is another."""
    np.testing.assert_allclose(logits(planted(parents, others, ep.Plant("others"))), logits(others[0].params()), atol=2e-4)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (ep.MLP(d_model=4, d_mlp=16), "too narrow for neurons that tell 7 tokens apart"),
        (ep.MLP(d_model=8, d_mlp=8), "16 neurons that write 7 logits do not fit into 8 neurons"),
        (ep.MLP(d_model=8, d_mlp=16, biases=()), "have biases b_in and this network has none"),
        (ep.MLP(d_model=8, d_mlp=16, combine="sum"), "side by side"),
        (ep.MLP(d_model=8, d_mlp=16, n_layers=2), "one hidden layer"),
    ],
)
def test_networks_that_do_not_fit_are_refused(others: ep.Runs, model: ep.Model, message: str) -> None:  # noqa: F811
    experiment = TINY.model_copy(update={"model": model, "training": TINY.training.model_copy(update={"steps": 1})})
    hosts = ep.train(experiment, seeds=1, data_seeds=0, root=others._session.root.path)
    with pytest.raises(ep.InputError, match=message):
        hosts.fork(0, [ep.Plant("others")], donors={"others": others}, steps=1)


def test_a_donor_can_be_planted_into_one_hot_operands(others: ep.Runs) -> None:  # noqa: F811
    experiment = TINY.model_copy(update={"model": ep.MLP(d_mlp=20, operands="one_hot")})
    hosts = ep.train(experiment, seeds=1, data_seeds=0, root=others._session.root.path)
    forks = hosts.fork(60, [ep.Plant("others")], donors={"others": others}, steps=1)
    own = hosts[0].params()
    weakest = np.argsort(np.linalg.norm(own["W_in"], axis=0) * np.linalg.norm(own["W_U"], axis=1))[:16]
    kept = {**own, "W_U": np.where(np.isin(np.arange(20), weakest)[:, None], 0, own["W_U"])}
    expected = logits(kept, experiment) + logits(others[0].params())
    right = (expected.argmax(axis=1) == TINY.task.table().labels).mean()
    trained = float(forks.data.train_acc.values.ravel()[0]) * 29 + float(forks.data.test_acc.values.ravel()[0]) * 20
    assert trained / 49 == pytest.approx(right)
