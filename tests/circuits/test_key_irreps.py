"""Key irreps on planted logits, weights and hidden layers, and on a network that has only memorised."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.circuits.algorithm import algorithm_of
from epicycle.circuits.key_irreps import KeyIrreps, KeyIrrepShare, LogitSimilarity
from epicycle.spec.errors import InputError
from epicycle.spec.families import Task
from epicycle.tasks.groups import Composition
from epicycle.tasks.modular import Modular
from tests.circuits.test_gen_and_mem import circuit, memoriser, snapshot
from tests.circuits.test_neurons import of_operand

TASKS = (Modular(p=11), Modular(p=11, operation="x-y"), Composition(group="S4"), Composition(group="D5"), Composition(group="A4"))


@pytest.mark.parametrize("task", TASKS, ids=str)
@pytest.mark.parametrize("rows", ["held_out", "all"])
def test_ideal_logits_of_two_irreps(task: Task, rows: Any) -> None:
    names = algorithm_of(task).names
    planted = snapshot(task, circuit(task, {names[0]: 3.0, names[-1]: 4.0}))
    similarities = np.asarray(LogitSimilarity(rows=rows).fn(planted))
    assert similarities == pytest.approx([0.6, *[0.0] * (len(names) - 2), 0.8], abs=1e-4)
    for component in (names[-1], len(names) - 1):
        assert float(LogitSimilarity(rows=rows, component=component).fn(planted)) == pytest.approx(0.8, abs=1e-4)
    assert float(KeyIrreps(rows=rows).fn(planted)) == 2
    assert np.asarray(KeyIrreps(rows=rows, by_component=True).fn(planted)).tolist() == [1, *[0] * (len(names) - 2), 1]
    assert float(KeyIrreps(rows=rows, least=0.7).fn(planted)) == 1


def test_memory_resembles_every_character_on_all_rows_and_none_on_held_out_rows() -> None:
    task = Composition(group="S4")
    planted = snapshot(task, memoriser(task, 20.0), share=0.7)
    assert float(KeyIrreps(rows="all").fn(planted)) == len(algorithm_of(task).names)
    assert float(KeyIrreps().fn(planted)) == 0


def shares(task: Task, hidden: Any, weights: dict[str, Any]) -> dict[str, float]:
    """Of a network with ideal logits in the first component."""
    ideal = snapshot(task, circuit(task, {algorithm_of(task).names[0]: 3.0}), params=weights)
    ideal["activations"] = {"blocks.0.mlp.hook_post": jnp.asarray(hidden, jnp.float32)}
    parts = ("embedding", "unembedding", "hidden", "hidden_answer", "functions")
    return {part: float(KeyIrrepShare.parse({"of": part}).fn(ideal)) for part in parts}


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_shares_of_planted_weights_and_neurons(task: Task) -> None:
    algorithm = algorithm_of(task)
    own, other = (algorithm.basis[:, algorithm.owner == k][:, 0] for k in (0, 1))
    x, y, x_other = of_operand(task, own, 0), of_operand(task, own, 1), of_operand(task, other, 0)
    answer = own[algorithm.answers]
    weights = {"W_E": jnp.asarray(own[:, None]), "W_U": jnp.asarray((own + other)[None, :])}
    planted = shares(task, np.stack([x, y, answer, 5 + answer], axis=1), weights)
    assert planted["embedding"] == pytest.approx(1.0, abs=1e-4)
    assert planted["unembedding"] == pytest.approx(0.5, abs=1e-4)
    assert planted["hidden"] == pytest.approx(1.0, abs=1e-4)
    assert planted["hidden_answer"] == pytest.approx(0.5, abs=1e-4)
    assert planted["functions"] == pytest.approx((algorithm.owner == 0).mean())
    other_irrep = shares(task, np.stack([x_other, x_other], axis=1), weights)
    assert other_irrep["hidden"] == pytest.approx(0.0, abs=1e-4)


def test_noise_gives_what_its_dimensions_give() -> None:
    task, rng = Composition(group="S4"), np.random.default_rng(0)
    weights = {"W_E": jnp.asarray(rng.standard_normal((24, 400))), "W_U": jnp.asarray(rng.standard_normal((400, 24)))}
    noise = shares(task, rng.standard_normal((576, 200)), weights)
    assert noise["embedding"] == pytest.approx(noise["functions"], abs=0.02)
    assert noise["unembedding"] == pytest.approx(noise["functions"], abs=0.02)
    assert noise["hidden"] == pytest.approx(3 * 23 / 575 * noise["functions"], abs=0.01)


def test_all_irreps_explain_all_that_is_a_sum_of_functions_of_x_and_of_y_and_little_of_noise() -> None:
    task, rng = Composition(group="S4"), np.random.default_rng(0)
    x, y = np.divmod(np.arange(576), 24)
    hidden = rng.standard_normal((24, 50))[x] + rng.standard_normal((24, 50))[y]
    for values, share, of_answer in ((hidden, 1.0, 0.0), (rng.standard_normal((576, 300)), 3 / 25, 1 / 25)):
        planted = snapshot(task, circuit(task, {"sign": 3.0}))
        planted["activations"] = {"blocks.0.mlp.hook_post": jnp.asarray(values, jnp.float32)}
        assert float(KeyIrrepShare(of="hidden", irreps="all").fn(planted)) == pytest.approx(share, abs=0.01)
        assert float(KeyIrrepShare(of="hidden_answer", irreps="all").fn(planted)) == pytest.approx(of_answer, abs=0.01)


def test_an_irrep_that_the_group_has_not_is_refused() -> None:
    task = Composition(group="S4")
    with pytest.raises(InputError, match="it has sign, 2,2, standard, standard x sign"):
        LogitSimilarity(component="5d").fn(snapshot(task, memoriser(task, 1.0)))
    with pytest.raises(InputError, match="no component 4"):
        LogitSimilarity(component=4).fn(snapshot(task, memoriser(task, 1.0)))
