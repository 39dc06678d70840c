"""Effective ranks of planted matrices, and the representation quality of planted embeddings."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.measures.ranks import EffectiveRank, RepresentationQuality
from epicycle.models.mlp import MLP
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment, Run
from epicycle.tasks.addition import ToyAddition
from epicycle.tasks.modular import Modular
from epicycle.training.checks import refuse_unfit

WAYS = ("entropy", "power", "participation")


def of_matrix(matrix: Any, **fields: Any) -> float:
    return float(EffectiveRank(**fields).fn({"params": {"W_E": jnp.asarray(matrix, jnp.float32)}}))


def orthonormal(n: int, k: int, seed: int) -> Any:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, k)))[0]


@pytest.mark.parametrize("by", WAYS)
@pytest.mark.parametrize("shape", [(30, 50), (50, 30)])
def test_k_equal_directions_have_rank_k(by: str, shape: tuple[int, int]) -> None:
    for k in (1, 4, 30):
        matrix = 7.0 * orthonormal(shape[0], k, 0) @ orthonormal(shape[1], k, 1).T
        assert of_matrix(matrix, by=by) == pytest.approx(k, rel=1e-3)


def test_unequal_directions_count_less() -> None:
    """Singular values 3 and 1: the shares are 3/4 and 1/4, and of their squares 9/10 and 1/10."""
    matrix = orthonormal(20, 2, 0) @ np.diag([3.0, 1.0]) @ orthonormal(10, 2, 1).T
    entropy = {name: -(p * np.log(p) + (1 - p) * np.log(1 - p)) for name, p in (("entropy", 0.75), ("power", 0.9))}
    assert of_matrix(matrix, by="entropy") == pytest.approx(np.exp(entropy["entropy"]), rel=1e-3)
    assert of_matrix(matrix, by="power") == pytest.approx(np.exp(entropy["power"]), rel=1e-3)
    assert of_matrix(matrix, by="participation") == pytest.approx(1 / (0.9**2 + 0.1**2), rel=1e-3)


def test_centring_takes_a_direction_off() -> None:
    columns = orthonormal(40, 4, 0)
    columns = np.linalg.qr(columns - columns.mean(axis=0))[0][:, :3]
    matrix = columns @ orthonormal(10, 3, 1).T + 50.0
    for by in WAYS:
        assert of_matrix(matrix, by=by, centred=True) == pytest.approx(3.0, rel=1e-2)
        assert of_matrix(matrix, by=by, centred=False) < 1.1
    assert np.isnan(of_matrix(np.zeros((4, 3))))


def test_activations_and_stacks_of_heads_are_flattened() -> None:
    hidden = jnp.asarray(orthonormal(60, 3, 0) @ orthonormal(8, 3, 1).T).reshape(20, 3, 8)
    measure = EffectiveRank(of="blocks.0.mlp.hook_post")
    assert measure.needs == ("task", "activations")
    assert measure.name == "rank_blocks_0_mlp_hook_post"
    assert float(measure.fn({"activations": {"blocks.0.mlp.hook_post": hidden}})) == pytest.approx(3.0, rel=1e-3)


def test_a_wrong_name_is_refused() -> None:
    with pytest.raises(InputError, match="no tensor 'W_e' with two axes or more; did you mean 'W_E'"):
        EffectiveRank(of="W_e").fn({"params": {"W_E": jnp.zeros((2, 2)), "b_U": jnp.zeros(2)}})
    with pytest.raises(InputError, match="no activation 'hook_embd'"):
        EffectiveRank(of="hook_embd").fn({"activations": {"hook_embed": jnp.zeros((2, 2))}})


def quality(embedding: Any, task: Any = None) -> float:
    return float(RepresentationQuality().fn({"task": task or ToyAddition(p=10), "params": {"W_E": jnp.asarray(embedding)}}))


def test_a_line_has_every_parallelogram_and_noise_has_none() -> None:
    line = np.arange(10.0)[:, None]
    assert quality(line) == 1.0
    assert quality(3 - 0.2 * line) == 1.0, "whatever its size and place"
    assert quality(np.concatenate([line, 2 - line], axis=1)) == 1.0, "in any number of dimensions"
    assert quality(np.random.default_rng(0).standard_normal((10, 30))) == 0.0
    angle = 2 * np.pi * np.arange(10) / 10
    assert quality(np.stack([np.cos(angle), np.sin(angle)], axis=1)) < 0.2, "a circle is no line"


def test_one_symbol_out_of_place() -> None:
    """Of the 70 parallelograms of ten symbols, those without the symbol are left."""
    line = np.arange(10.0)[:, None]
    line[4] += 5.0
    pairs = [(i, j) for i in range(10) for j in range(i, 10)]
    both = [(a, b) for n, a in enumerate(pairs) for b in pairs[n + 1 :] if sum(a) == sum(b)]
    assert len(both) == 70
    assert quality(line) == pytest.approx(np.mean([4 not in (*a, *b) for a, b in both]), abs=1e-6)


def test_other_tasks_and_networks_are_refused() -> None:
    for task in (Modular(p=10), ToyAddition(p=10, modular=True)):
        with pytest.raises(InputError, match="needs plain sums, and this is a"):
            quality(np.zeros((10, 2)), task)
    with pytest.raises(InputError, match="no embedding W_E"):
        RepresentationQuality().fn({"task": ToyAddition(p=10), "params": {}})
    with pytest.raises(InputError, match="100 symbols at most"):
        quality(np.zeros((101, 1)), ToyAddition(p=101))


def test_they_are_refused_before_anything_is_trained() -> None:
    """All activations and tensors of a small MLP have a rank; a name that it has not is refused on shapes alone."""
    run = Run(experiment=Experiment(task=Modular(p=7), model=MLP(d_model=8, d_mlp=16)))
    refuse_unfit(run, [EffectiveRank(of=of) for of in ("W_E", "W_in", "hook_embed", "blocks.0.mlp.hook_post")])
    for measure, problem in (
        (EffectiveRank(of="blocks.0.attn.hook_pattern"), "no activation"),
        (EffectiveRank(of="b_in"), "with two axes or more"),
        (RepresentationQuality(), "needs plain sums"),
    ):
        with pytest.raises(InputError, match=problem):
            refuse_unfit(run, [measure])
