"""Attribution and salience on planted networks: a unit for each answer, one unit for all of them, units that are all alike."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from epicycle import MLP, InputError, Modular, Transformer
from epicycle.circuits.algorithm import algorithm_of
from epicycle.circuits.attribution import attributions
from epicycle.circuits.removable import units_of
from epicycle.circuits.saliency import Breadth, BroadUnits, DeletionDamage, Participation, Salience, SalienceSkewness
from epicycle.maths.sparsity import l_skewness, skewness
from tests.circuits.test_removable import TASK, snapshot_of

LABELS = np.asarray(TASK.table().labels)
CLASSES = 7


def planted(values: Any, read_out: Any) -> dict[str, Any]:
    """A snapshot of a network whose last hidden layer and read-out are these."""
    values, read_out = jnp.asarray(values, jnp.float32), jnp.asarray(read_out, jnp.float32)
    train = np.arange(len(LABELS)) % 2 == 0
    network = {"activations": {"blocks.0.mlp.hook_post": values}, "read_out": read_out, "logits": values @ read_out, "patched": None}
    rows = {"train": jnp.asarray(train), "test": jnp.asarray(~train), "all": jnp.ones(len(LABELS), bool)}
    return {**network, **rows, "task": TASK, "labels": jnp.asarray(LABELS)}


# A neuron for each answer; one neuron that says which answer it is, among many that do nothing; and neurons that are all alike.
SPECIALISTS = planted(np.eye(CLASSES)[LABELS], np.eye(CLASSES))


def one_for_all(n: int = 20) -> dict[str, Any]:
    """One neuron of n carries everything: all rows have the same right answer."""
    values = np.zeros((len(LABELS), n))
    values[:, 4] = 1.0
    read_out = np.zeros((n, CLASSES))
    read_out[4, 2] = 1.0
    return {**planted(values, read_out), "labels": jnp.full(len(LABELS), 2)}


def all_alike(n: int = 20) -> dict[str, Any]:
    values, read_out = np.ones((len(LABELS), n)), np.zeros((n, CLASSES))
    read_out[:, 2] = 1.0
    return {**planted(values, read_out), "labels": jnp.full(len(LABELS), 2)}


@pytest.mark.parametrize("method", ["integrated_gradients", "shapley", "ablation"])
@pytest.mark.parametrize("baseline", ["zero", "mean", "resample"])
def test_the_methods_agree_where_logits_are_linear(method: Any, baseline: Any) -> None:
    """The general form of every method against activation less baseline times what the unit adds to the lead."""
    snapshot, _ = snapshot_of(MLP(d_model=6, d_mlp=10))
    units, labels = units_of(snapshot, "neuron", baseline), snapshot["labels"]
    general, _ = attributions(units._replace(own=None), labels, method, "lead", 3)
    values = np.asarray(snapshot["activations"]["blocks.0.mlp.hook_post"])
    instead = {"zero": 0 * values, "mean": values.mean(axis=0), "resample": values - np.asarray(units.own[0] if units.own else 0)}
    W_U = np.asarray(snapshot["params"]["W_U"])
    expected = (values - instead[baseline]) * (W_U[:, np.asarray(labels)].T - W_U.mean(axis=1))
    assert np.asarray(general) == pytest.approx(expected, abs=1e-5)
    assert np.asarray(attributions(units, labels, method, "lead", 3)[0]) == pytest.approx(expected, abs=1e-5)


def test_sampled_shapley_values_are_right_within_their_error_and_add_up() -> None:
    """Log-probability is not linear. All 24 orders of four units give the exact values."""
    from itertools import permutations

    snapshot, _ = snapshot_of(MLP(d_model=6, d_mlp=4))
    params = {**snapshot["params"], "W_U": 8 * snapshot["params"]["W_U"]}
    logits = snapshot["activations"]["blocks.0.mlp.hook_post"] @ params["W_U"]
    units, labels = units_of({**snapshot, "logits": logits, "read_out": params["W_U"]}, "neuron"), snapshot["labels"]

    def gained(kept: Any) -> np.ndarray:
        values = np.asarray(units.logits(jnp.asarray(kept, jnp.float32)), float)
        return values[np.arange(49), np.asarray(labels)] - np.log(np.exp(values).sum(axis=1))

    exact = np.zeros((49, 4))
    for order in permutations(range(4)):
        kept = np.zeros(4)
        for unit in order:
            before, kept[unit] = gained(kept), 1
            exact[:, unit] += (gained(kept) - before) / 24
    sampled, error = (np.asarray(part) for part in attributions(units, labels, "shapley", "log_prob", 400))
    assert np.abs(sampled - exact).max() < 0.2 * np.abs(exact).max()
    assert (np.abs(sampled - exact) <= 5 * error + 1e-4).all()
    assert ((sampled - exact) / np.where(error > 1e-3, error, np.inf)).std() == pytest.approx(1.0, abs=0.7)
    whole = gained(np.ones(4)) - gained(np.zeros(4))
    assert sampled.sum(axis=1) == pytest.approx(whole, abs=1e-3)
    gradients, _ = attributions(units, labels, "integrated_gradients", "log_prob", 2)
    assert np.asarray(gradients).sum(axis=1) == pytest.approx(whole, abs=0.02 * np.abs(whole).max())
    ablated, _ = attributions(units, labels, "ablation", "log_prob", 2)
    without = gained(np.array([1, 0, 1, 1]))
    assert np.asarray(ablated)[:, 1] == pytest.approx(gained(np.ones(4)) - without, abs=1e-3)


def test_heads_of_a_transformer_share_out_its_gain() -> None:
    snapshot, _ = snapshot_of(Transformer(d_model=12, n_heads=3, d_mlp=10, d_vocab_out="classes"))
    units, labels = units_of(snapshot, "head"), np.asarray(snapshot["labels"])
    lead = [np.asarray(logits) for logits in (units.whole, units.logits(jnp.zeros(3)))]
    whole, nothing = (logits[np.arange(49), labels] - logits.mean(axis=1) for logits in lead)
    for method, near in (("shapley", 1e-5), ("integrated_gradients", 0.02 * np.abs(whole - nothing).max())):
        values, _ = attributions(units, snapshot["labels"], method, "lead", 4)  # type: ignore[arg-type]
        assert np.asarray(values).sum(axis=1) == pytest.approx(whole - nothing, abs=float(near))
    assert np.asarray(Salience(unit="head").fn(snapshot)).shape == (3,)


def test_a_specialist_matters_for_its_answer_only() -> None:
    lead = 1 - 1 / CLASSES
    assert np.asarray(Breadth(rows="all").fn(SPECIALISTS)) == pytest.approx(np.full(CLASSES, 1 / CLASSES))
    assert float(Participation().fn(SPECIALISTS)) == pytest.approx(1.0)
    assert float(BroadUnits().fn(SPECIALISTS)) == 0.0
    assert float(BroadUnits(quantity="breadth", rows="all").fn(SPECIALISTS)) == pytest.approx(1 / CLASSES)
    assert float(BroadUnits(quantity="effective_number", rows="all").fn(SPECIALISTS)) == pytest.approx(CLASSES)
    assert np.asarray(Salience().fn(SPECIALISTS)).max() == 0.0  # the median row has another answer
    rows = {**SPECIALISTS, "all": jnp.asarray(LABELS == 3)}
    assert np.asarray(Salience(rows="all").fn(rows)) == pytest.approx(np.where(np.arange(CLASSES) == 3, lead, 0))


def test_one_unit_for_all_answers() -> None:
    snapshot, n = one_for_all(), 20
    assert np.asarray(Salience().fn(snapshot)) == pytest.approx(np.where(np.arange(n) == 4, 1 - 1 / CLASSES, 0))
    assert np.asarray(Breadth().fn(snapshot)) == pytest.approx((np.arange(n) == 4).astype(float))
    assert float(BroadUnits().fn(snapshot)) == 1.0
    assert float(BroadUnits(quantity="effective_number").fn(snapshot)) == pytest.approx(1.0)
    assert float(BroadUnits(quantity="breadth").fn(snapshot)) == pytest.approx(0.5)  # a tenth of the units are two
    assert float(Participation().fn(snapshot)) == pytest.approx(1.0)
    assert float(SalienceSkewness().fn(snapshot)) == pytest.approx((n - 2) / (n - 1) ** 0.5, rel=1e-4)
    assert float(SalienceSkewness(shape="l").fn(snapshot)) == pytest.approx(1.0, abs=1e-4)
    assert float(SalienceSkewness(shape="gini").fn(snapshot)) == pytest.approx(1 - 1 / n, abs=1e-4)
    directions = SalienceSkewness(shape="gini", null="random_directions")
    assert float(directions.fn(snapshot)) < 0.7
    assert np.asarray(Salience(null="random_directions").fn(snapshot)).sum() == pytest.approx(1 - 1 / CLASSES, abs=1e-4)


def test_deletion_damages_a_network_that_depends_on_one_unit() -> None:
    many_draws = DeletionDamage(draws=200)
    assert float(many_draws.fn(one_for_all())) == pytest.approx(0.5, abs=0.05)
    assert float(many_draws.fn(all_alike())) == 0.0
    assert np.isnan(float(DeletionDamage().fn({**all_alike(), "train": jnp.zeros(49, bool)})))
    assert float(Participation().fn(all_alike())) == pytest.approx(20.0, rel=1e-4)
    assert float(SalienceSkewness(shape="gini").fn(all_alike())) == pytest.approx(0.0, abs=1e-4)


def test_deletion_of_components() -> None:
    """A network whose logits are one frequency and noise depends on this frequency alone."""
    task = Modular(p=11)
    algorithm, labels = algorithm_of(task), np.asarray(task.table().labels)
    logits = 3 * algorithm.characters[1][algorithm.quotient[algorithm.answers]]
    rows = np.random.default_rng(1).permutation(121) < 60
    snapshot = {"task": task, "labels": jnp.asarray(labels), "logits": jnp.asarray(logits, jnp.float32)}
    snapshot |= {"train": jnp.asarray(rows), "test": jnp.asarray(~rows), "all": jnp.ones(121, bool)}
    sizes = np.asarray(Salience(unit="component").fn(snapshot))
    noise = jnp.asarray(np.random.default_rng(2).standard_normal(logits.shape) * 0.02, jnp.float32)
    assert sizes == pytest.approx([0, 3 * algorithm.characters[1, 0], 0, 0, 0], abs=1e-3)
    assert float(
        DeletionDamage(unit="component", draws=200, rows="all").fn({**snapshot, "logits": snapshot["logits"] + noise})
    ) == pytest.approx(0.45, abs=0.04)
    assert float(SalienceSkewness(unit="component", shape="gini").fn(snapshot)) == pytest.approx(0.8, abs=1e-3)


def test_shapes_of_known_distributions() -> None:
    rng = np.random.default_rng(0)
    assert float(skewness(rng.exponential(size=200_000))) == pytest.approx(2.0, abs=0.1)
    assert float(l_skewness(rng.exponential(size=200_000))) == pytest.approx(1 / 3, abs=0.01)
    assert float(l_skewness(rng.random(200_000))) == pytest.approx(0.0, abs=0.01)
    both = rng.exponential(size=(3, 50))
    assert l_skewness(both) == pytest.approx([float(l_skewness(row)) for row in both])
    assert skewness(both.T, axis=0) == pytest.approx(skewness(both))


def test_names_and_what_does_not_fit() -> None:
    assert Salience(method="shapley", of="log_prob", standard_error=True).name == "neuron_salience_error_shapley_log_prob"
    assert DeletionDamage(unit="component", rows="test").name == "component_deletion_damage_test"
    assert SalienceSkewness(shape="l", baseline="mean").name == "neuron_salience_l_skewness_mean"
    with pytest.raises(InputError, match="random_directions is for neurons"):
        Salience.parse({"kind": "salience", "unit": "head", "null": "random_directions"})
