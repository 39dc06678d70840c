"""Taking units out: nothing else changes by a bit, and planted units are needed by exactly the rows that were planted."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epicycle import MLP, InputError, Modular, Quadratic, Transformer
from epicycle.circuits.algorithm import algorithm_of
from epicycle.circuits.coverage import ActiveOverlap, Coverage, EffectiveNumber
from epicycle.circuits.removable import Baseline, Unit, units_of
from epicycle.models.sites import Sites
from epicycle.spec.families import Activations, Model
from epicycle.tasks.random_tables import RandomTable

TASK = Modular(p=7, operation="x-y")
MODELS: tuple[Model, ...] = (
    MLP(d_model=6, d_mlp=10),
    MLP(n_layers=2, d_model=6, d_mlp=10, biases=("b_in", "b_hidden", "b_U")),
    Quadratic(d_mlp=9),
    Transformer(d_model=12, n_heads=3, d_mlp=10, d_vocab_out="classes"),
    Transformer(n_layers=2, d_model=12, n_heads=3, d_mlp=10, norm="pre", final_norm=True, d_vocab_out="classes"),
)


def snapshot_of(model: Model, task: Any = TASK, share: float = 0.5) -> tuple[dict[str, Any], list[Activations]]:
    """The snapshot of a fresh network, and a list that gets the activations of every patched pass."""
    table, passes = task.table(), []
    params = model.init(jax.random.key(0), table)
    logits, activations = model.apply(params, jnp.asarray(table.inputs))

    def patched(patches: Any) -> Any:
        values, sites = model.apply(params, jnp.asarray(table.inputs), patches=patches)
        passes.append(sites)
        return values

    train = np.random.default_rng(1).permutation(len(logits)) < share * len(logits)
    entries = {"task": task, "params": params, "activations": activations, "logits": logits, "labels": jnp.asarray(table.labels)}
    rows = {"train": jnp.asarray(train), "test": jnp.asarray(~train), "all": jnp.ones(len(logits), bool)}
    return {**entries, **rows, "patched": patched, "read_out": model.read_out(params)}, passes


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize("baseline", ["zero", "mean", "resample"])
def test_taking_one_unit_out_changes_nothing_else_in_its_layer_or_before_it(model: Model, baseline: Baseline) -> None:
    snapshot, passes = snapshot_of(model)
    units: dict[Unit, str] = {"neuron": "mlp.hook_post"} | ({"head": "attn.hook_z"} if isinstance(model, Transformer) else {})
    for unit, ending in units.items():
        names = list(snapshot["activations"])
        site = [name for name in names if name.endswith(ending)][-1]
        network = units_of({**snapshot, "read_out": None}, unit, baseline)
        taken = network.n - 2
        passes.clear()
        network.logits_without(jnp.asarray(taken))
        after, axis = passes[-1], 2 if unit == "head" else -1
        for name in names[: names.index(site)]:
            assert np.array_equal(after[name], snapshot["activations"][name]), name
        before, changed = np.asarray(snapshot["activations"][site]), np.asarray(after[site])
        index = taken % before.shape[axis]
        assert np.array_equal(np.delete(changed, index, axis), np.delete(before, index, axis))
        instead = {"zero": 0.0, "mean": before.mean(axis=0, keepdims=True).take(index, axis)}
        if baseline == "resample":
            assert np.sort(changed.take(index, axis), axis=0) == pytest.approx(np.sort(before.take(index, axis), axis=0), abs=1e-5)
        else:
            assert changed.take(index, axis) == pytest.approx(
                np.broadcast_to(instead[baseline], changed.take(index, axis).shape), abs=1e-5
            )


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_linear_read_out_gives_what_the_forward_pass_gives(model: Model) -> None:
    snapshot, _ = snapshot_of(model)
    assert (snapshot["read_out"] is None) == (model is MODELS[-1])
    slow = units_of({**snapshot, "read_out": None}, "neuron", "mean")
    quick = units_of(snapshot, "neuron", "mean")
    kept = jnp.asarray(np.random.default_rng(0).random((len(snapshot["logits"]), quick.n)), jnp.float32)
    for share in (kept, kept[0]):
        assert np.asarray(quick.logits(share)) == pytest.approx(np.asarray(slow.logits(share)), abs=1e-4)
    for unit in range(quick.n):
        one = jnp.asarray(unit)
        assert np.asarray(quick.logits_without(one)) == pytest.approx(np.asarray(slow.logits_without(one)), abs=1e-4)


def test_all_directions_of_a_layer_together_are_the_layer() -> None:
    """Random directions are orthonormal: without all of them the layer is as without all of its neurons."""
    snapshot, _ = snapshot_of(MODELS[0])
    for entries in (snapshot, {**snapshot, "read_out": None}):
        neurons, directions = (units_of(entries, "neuron", rotated=rotated) for rotated in (False, True))
        for share in (0.0, 0.3, 1.0):
            kept = jnp.full(neurons.n, share)
            assert np.asarray(directions.logits(kept)) == pytest.approx(np.asarray(neurons.logits(kept)), abs=1e-4)
        assert not np.allclose(directions.logits_without(jnp.asarray(0)), neurons.logits_without(jnp.asarray(0)), atol=1e-3)


def planted(owner: Any, task: Any = TASK) -> dict[str, Any]:
    """A snapshot in which neuron `owner` of each row alone gives the right logit; -1 gives it to no neuron."""
    labels = np.asarray(task.table().labels)
    n, classes, units = len(labels), int(labels.max()) + 1, int(np.max(owner)) + 1
    # One neuron for each pair (owner, class), read by that class alone; the sum over its classes is what a row has of an owner.
    values = np.zeros((n, units, classes), np.float32)
    rows = np.flatnonzero(owner >= 0)
    values[rows, owner[rows], labels[rows]] = 1.0
    flat, read_out = values.reshape(n, -1), np.tile(np.eye(classes, dtype=np.float32), (units, 1))
    network = {"activations": {"blocks.0.mlp.hook_post": jnp.asarray(flat)}, "logits": jnp.asarray(flat @ read_out)}
    entries = {"task": task, "labels": jnp.asarray(labels), "read_out": jnp.asarray(read_out), "patched": None}
    return {
        **network,
        **entries,
        "train": jnp.asarray(np.arange(n) % 2 == 0),
        "all": jnp.ones(n, bool),
        "test": jnp.asarray(np.arange(n) % 2 == 1),
    }


def test_coverage_of_planted_neurons() -> None:
    """Each right answer has a neuron of its own, so every neuron is needed by the rows with its answer, and no row needs two."""
    labels = np.asarray(TASK.table().labels)
    snapshot = planted(np.zeros(49, int))
    covered = np.asarray(Coverage(rows="all").fn(snapshot))
    assert covered == pytest.approx(np.full(7, 1 / 7))
    assert float(EffectiveNumber(rows="all").fn(snapshot)) == pytest.approx(7.0)
    on_trained = np.asarray(Coverage().fn(snapshot))
    assert on_trained == pytest.approx(np.bincount(labels[::2]) / 25)
    one_only = planted(np.where(labels == 3, 0, -1))
    assert np.asarray(Coverage(rows="all").fn(one_only)) == pytest.approx(np.where(np.arange(7) == 3, 1 / 7, 0))
    assert float(EffectiveNumber(rows="all").fn(one_only)) == pytest.approx(1.0)


def test_how_far_rows_share_units() -> None:
    """Four rows: three units are active on all, on two and on one. Of the 21 pairs of an active unit and another row 14 share it."""
    post = jnp.asarray([[1.0, 2, 3], [1, 2, 0], [1, 0, 0], [1, 0, 0]])
    overlap = ActiveOverlap().fn({"activations": {"blocks.0.mlp.hook_post": post}})
    assert float(overlap) == pytest.approx((4 * 3 + 2 * 1 + 0) / (7 * 3))
    reaching = [MLP(d_model=6, d_mlp=100, reach=reach) for reach in (1.0, 0.5, 0.1)]
    fresh = [float(ActiveOverlap().fn(snapshot_of(model, Modular(p=31))[0])) for model in reaching]
    assert fresh[0] > 0.45
    assert fresh[1:] == pytest.approx([fresh[0] / 2, fresh[0] / 10], rel=0.1)


def test_two_neurons_that_do_the_same_are_not_needed() -> None:
    snapshot = planted(np.zeros(49, int))
    values = jnp.tile(snapshot["activations"]["blocks.0.mlp.hook_post"], (1, 2))
    twice = {**snapshot, "activations": {"blocks.0.mlp.hook_post": values}, "logits": 2 * snapshot["logits"]}
    twice["read_out"] = jnp.tile(snapshot["read_out"], (2, 1))
    assert np.asarray(Coverage(rows="all").fn(twice)).max() == 0.0
    assert np.isnan(float(EffectiveNumber(rows="all").fn(twice)))


def test_a_component_is_taken_out_of_the_logits() -> None:
    """Ideal logits of a single frequency are right on all rows, and all rows need this frequency and no other."""
    algorithm = algorithm_of(TASK)
    logits = jnp.asarray(3 * algorithm.characters[1][algorithm.quotient[algorithm.answers]], jnp.float32)
    snapshot = {**planted(np.zeros(49, int)), "logits": logits}
    assert np.asarray(Coverage(unit="component", rows="all").fn(snapshot)) == pytest.approx([0, 1, 0])
    units = units_of(snapshot, "component")
    assert np.asarray(units.logits(jnp.asarray([1.0, 0.5, 1.0]))) == pytest.approx(np.asarray(logits) / 2, abs=1e-4)
    per_row = jnp.ones((49, 3)).at[:, 1].set(jnp.arange(49) % 2)
    assert np.asarray(units.logits(per_row)) == pytest.approx(np.asarray(logits) * (np.arange(49) % 2)[:, None], abs=1e-4)


def test_a_head_of_which_all_depends() -> None:
    """A transformer whose other heads write nothing is wrong without the one that does, wherever it was right."""
    snapshot, _ = snapshot_of(MODELS[3])
    model, params = MODELS[3], snapshot["params"]
    params["W_O"] = 30 * params["W_O"].at[:, 1:].set(0)
    inputs = jnp.asarray(TASK.table().inputs)
    logits, activations = model.apply(params, inputs)
    one = {**snapshot, "logits": logits, "activations": activations, "labels": logits.argmax(axis=1)}
    covered = np.asarray(Coverage(unit="head", rows="all").fn(one))
    assert covered[0] > 0.2
    assert covered[1:].tolist() == [0, 0]
    assert Coverage(unit="head").coords(params, TASK) == {"head": ["0.0", "0.1", "0.2"]}


def test_what_does_not_fit_is_refused() -> None:
    snapshot, _ = snapshot_of(MODELS[0])
    with pytest.raises(InputError, match="need a network with attention"):
        Coverage(unit="head").fn(snapshot)
    site = Sites()
    site("hook_logits", snapshot["logits"])
    with pytest.raises(InputError, match="Networks of kind mlp, quadratic and transformer have it"):
        Coverage().fn({**snapshot, "activations": site.values})
    with pytest.raises(InputError, match="answers are computed in a group"):
        Coverage(unit="component").fn({**snapshot, "task": RandomTable(n=7)})
    with pytest.raises(InputError, match="leave baseline at zero"):
        Coverage.parse({"kind": "coverage", "unit": "component", "baseline": "mean"})
    with pytest.raises(InputError, match="one right class for each row"):
        Coverage().fn({**snapshot, "labels": jnp.zeros((49, 2), int)})
