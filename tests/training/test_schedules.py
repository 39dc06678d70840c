"""The share of the learning rate at certain steps, against published formulas, and in the engine."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import epicycle as ep
from epicycle.spec.experiment import bind
from epicycle.training.devices import Machine
from epicycle.training.program_timing import Rehearsal
from epicycle.training.schedules import lr_share


def shares(training: ep.Training, steps: list[int]) -> list[float]:
    return [float(lr_share(training, jnp.int32(s), jnp.dtype("float32"))) for s in steps]


def test_warm_up_is_linear_and_absent_at_zero() -> None:
    assert shares(ep.Training(warmup=10), [0, 5, 10, 11]) == [0.0, 0.5, 1.0, 1.0]
    assert shares(ep.Training(warmup=0), [0]) == [1.0]
    assert shares(ep.Training(warmup=10, anneal_steps=5), [5, 1000]) == [0.5, 1.0], "a constant rate has no use for anneal_steps"


def openai(step: int, warmup: int, anneal: int) -> float:
    """`_scheduler_lr` of openai/grok, for max_lr = 1."""
    if step <= warmup:
        return step / max(warmup, 1)
    if step <= anneal + warmup:
        return 0.1 + (1 - 0.1) * (1 + np.cos(np.pi * (step - warmup) / anneal)) / 2
    return 0.1


def test_cosine_is_that_of_openai_grok() -> None:
    steps = [0, 3, 10, 11, 60, 109, 110, 111, 5000]
    training = ep.Training(warmup=10, schedule="cosine", anneal_steps=100)
    np.testing.assert_allclose(shares(training, steps), [openai(s, 10, 100) for s in steps], rtol=1e-6)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_annealing_begins_at_one_and_ends_at_its_share(schedule: str) -> None:
    training = ep.Training(warmup=4, schedule=schedule, anneal_steps=8, final_lr_scale=0.25)
    assert shares(training, [2, 4, 8, 12, 10**6]) == pytest.approx([0.5, 1, 0.625, 0.25, 0.25])
    quarter = {"linear": 1 - 0.75 / 4, "cosine": 1 - 0.75 * (1 - np.cos(np.pi / 4)) / 2}[schedule]
    assert shares(training, [6]) == pytest.approx([quarter])


def test_the_rate_is_a_function_of_traced_knobs() -> None:
    training = ep.Training(schedule="cosine", anneal_steps=100)
    traces = []

    @jax.jit
    def share(knobs: dict[str, float], step: int) -> jax.Array:
        traces.append(1)
        return lr_share(bind(training, knobs), step, jnp.dtype("float32"))

    for knobs in (
        {"warmup": 1.0, "anneal_steps": 10.0, "final_lr_scale": 0.5},
        {"warmup": 0.0, "anneal_steps": 2.0, "final_lr_scale": 0.0},
    ):
        assert float(share(knobs, jnp.int32(50))) == pytest.approx(knobs["final_lr_scale"])
    assert len(traces) == 1


def test_the_engine_follows_the_schedule(tiny: ep.Experiment, machine: Machine) -> None:
    annealed = {"schedule": "linear", "anneal_steps": 6, "final_lr_scale": 0, "warmup": 2}
    rehearsal = Rehearsal(tiny.swept("training", annealed), 1, machine)
    seen = [rehearsal.states()[0].params["W_E"]]
    for _ in range(10):
        rehearsal.steps(1)
        seen.append(rehearsal.states()[0].params["W_E"])
    moved = [bool((after != before).any()) for before, after in pairwise(seen)]
    assert moved == [False, *[True] * 7, False, False], "nothing at s = 0, and nothing once the rate is 0 at s = 8"
