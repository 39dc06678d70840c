"""Models made of two functions: parameter names, other leaves, fields, identity, and networks of other libraries."""

import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file
from tests.docs.test_extend import blocks, own_modules  # noqa: F401

import epicycle as ep
from epicycle.models.wrapped import split_tree
from epicycle.spec.experiment import Run

TABLE = ep.Modular(p=5, operation="x-y").table()
INPUTS = jnp.asarray(TABLE.inputs)


@jax.tree_util.register_pytree_with_keys_class
class Module:
    """A module as in module libraries: arrays and functions are leaves, sizes belong to the structure."""

    def __init__(self, weight: Any, act: Any, size: int) -> None:
        self.weight, self.act, self.size = weight, act, size

    def tree_flatten_with_keys(self) -> Any:
        key = jax.tree_util.GetAttrKey
        return ((key("weight"), self.weight), (key("act"), self.act)), self.size

    @classmethod
    def tree_unflatten(cls, size: int, leaves: Any) -> "Module":
        return cls(*leaves, size)


def draw(key: Any, table: Any, width: int = 4, gain: float = 1.0) -> Any:
    first, second = jax.random.split(key)
    n = table.num_classes
    layers = [
        Module(jax.random.normal(first, (2 * n, width)) * gain, jax.nn.relu, n),
        Module(jax.random.normal(second, (width, n)), lambda x: x, width),
    ]
    return {"net": layers, "order": np.array([1, 0]), "share": 0.5, "none": None}


def forward(tree: Any, inputs: Any, key: Any = None) -> Any:
    x = jax.nn.one_hot(inputs[:, tree["order"]], tree["net"][0].size, dtype=jnp.float32).reshape(len(inputs), -1)
    for layer in tree["net"]:
        x = layer.act(x @ layer.weight)
    return x * tree["share"] if key is None else x * jax.random.bernoulli(key, tree["share"], x.shape)


Net = ep.wrap(draw, forward)
Newer = ep.wrap(draw, forward, version=2)


def by_hand(params: dict[str, Any]) -> Any:
    x = np.eye(5)[TABLE.inputs[:, 1::-1]].reshape(len(TABLE.inputs), -1)
    return np.maximum(x @ np.asarray(params["net.0.weight"]), 0) @ np.asarray(params["net.1.weight"]) * 0.5


def test_parameters_have_names_and_other_leaves_come_back() -> None:
    params = jax.jit(lambda key: Net(width=3).init(key, TABLE))(jax.random.key(0))
    assert {name: value.shape for name, value in params.items()} == {"net.0.weight": (10, 3), "net.1.weight": (3, 5)}
    logits, sites = Net(width=3).apply(params, INPUTS)
    np.testing.assert_allclose(logits, by_hand(params), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(Net(width=3).fast(params, INPUTS), logits)
    assert list(sites) == ["hook_logits"]
    dropped = Net(width=3).apply(params, INPUTS, key=jax.random.key(1))[0]
    assert (np.asarray(dropped) == 0).mean() > 0.2, "a function that takes a key gets one"
    doubled, _ = Net(width=3).apply(params, INPUTS, patches=[("hook_logits", lambda x: 2 * x)])
    np.testing.assert_allclose(doubled, 2 * logits)


def test_fields_and_identity() -> None:
    assert Net(width=3).model_dump() == {"kind": f"{__name__}:Net", "width": 3, "gain": 1.0}
    experiment = ep.Experiment(task=ep.Modular(p=5), model=Net())
    assert ep.Experiment.model_validate(experiment.model_dump(mode="json")) == experiment
    assert experiment.swept("model.width", 9).static_part() != experiment.static_part()
    changed = [
        experiment.swept("model.width", 9),
        experiment.swept("model.gain", 2),
        experiment.swept("model", {"kind": f"{__name__}:Newer"}),
    ]
    assert len({Run(experiment=variant).id for variant in (experiment, *changed)}) == 4
    assert Run(experiment=experiment.swept("model.width", 4)).id == Run(experiment=experiment).id
    for path, value, message in (("model.width", "wide", "give a whole number"), ("model.wdith", 3, "did you mean 'width'")):
        with pytest.raises(ep.InputError, match=message):
            experiment.swept(path, value)


def test_what_cannot_be_wrapped() -> None:
    with pytest.raises(ValueError, match="named by its variable"):
        ep.wrap(draw, forward)()
    with pytest.raises(ep.InputError, match="different defaults of 'width'"):
        ep.wrap(draw, lambda params, inputs, width=5: None)
    with pytest.raises(ep.InputError, match="'apply' becomes a field"):
        ep.wrap(lambda key, table, apply=1: None, forward)
    with pytest.raises(ep.InputError, match="default of 'act'"):
        ep.wrap(lambda key, table, act=jnp.tanh: None, forward)
    with pytest.raises(ep.InputError, match="'steps' is an array of int32"):
        split_tree({"w": jnp.ones(2), "steps": jnp.arange(3)})
    with pytest.raises(ep.InputError, match=r"two parameters would be called 'a\.b'"):
        split_tree({"a.b": jnp.ones(2), "a": {"b": jnp.ones(2)}})
    with pytest.raises(ep.InputError, match="nothing to train"):
        split_tree({"act": jnp.tanh})
    assert list(split_tree({"mlp/~/linear": {"w": np.ones(2)}})[0]) == ["mlp.~.linear.w"], "a slash would split names in files"
    with pytest.raises(ep.InputError, match=r"call its init\(key, table\) once"):
        Net(width=77).apply({"net.0.weight": jnp.ones(2)}, INPUTS)
    params = Net().init(jax.random.key(0), TABLE)
    with pytest.raises(ep.InputError, match="one answer for each row"):
        Net().apply(params, INPUTS, positions=(0, 1))


def test_two_tasks_in_one_process() -> None:
    larger = ep.Modular(p=7).table()
    params_of_5, params_of_7 = (Net().init(jax.random.key(0), table) for table in (TABLE, larger))
    for params, table in ((params_of_5, TABLE), (params_of_7, larger), (params_of_5, TABLE)):
        assert Net().apply(params, jnp.asarray(table.inputs))[0].shape == (len(table.labels), table.num_classes)


def test_trained_and_resumed(tmp_path: Path) -> None:
    experiment = ep.Experiment(task=ep.Modular(p=5, operation="x-y"), model=Net(), training=ep.Training(steps=40))
    runs = ep.train(experiment, seeds=2, root=tmp_path)
    again = ep.train(experiment, seeds=2, root=tmp_path)
    np.testing.assert_array_equal(again.data.train_loss, runs.data.train_loss)
    assert list(again.data.tensor.values) == ["net.0.weight", "net.1.weight"]
    logits = again[1].cache()["hook_logits"]
    np.testing.assert_allclose(logits, by_hand(again[1].params()), rtol=1e-4, atol=1e-5)
    written = ep.export(again[0], "safetensors", tmp_path / "out", names="own")
    assert set(load_file(written)) == {"net.0.weight", "net.1.weight"}


@pytest.mark.parametrize(
    ("library", "name", "tensor"), [("flax", "Flax", "params.Dense_0.kernel"), ("equinox", "Equinox", "mlp.layers.0.weight")]
)
def test_networks_of_other_libraries(library: str, name: str, tensor: str, tmp_path: Path, own_modules: None) -> None:  # noqa: F811
    """The examples of docs/extend.md work as printed."""
    pytest.importorskip(library)
    (tmp_path / f"{library}_parts.py").write_text(blocks()[library][0])
    sys.path.insert(0, str(tmp_path))
    model = ep.Experiment.parse({"task": {"kind": "modular", "p": 5}, "model": {"kind": f"{library}_parts:{name}", "width": 6}}).model
    params = model.init(jax.random.key(0), TABLE)
    assert tensor in params
    assert model.apply(params, INPUTS)[0].shape == (25, 5)
    runs = ep.train(ep.Experiment(task=ep.Modular(p=5), model=model, training=ep.Training(steps=30)), seeds=2, root=tmp_path / "r")
    assert (runs.data.train_loss[:, -1] < runs.data.train_loss[:, 0]).all()
