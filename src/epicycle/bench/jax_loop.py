"""The loop that somebody writes in JAX for one MLP and one seed. What `epicycle run` takes longer is the price of everything else.

It computes the same function as `epicycle.models.mlp` (tested), with optax's AdamW and JAX's log-softmax. There are no knobs, seeds
side by side, records or stops.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from epicycle.bench.timing import Job
from epicycle.spec.experiment import Experiment
from epicycle.spec.families import Params
from epicycle.training.devices import Machine


def jax_loop(experiment: Experiment, steps: int, machine: Machine) -> Job:
    """A job that trains one network on each device at the same time, and gives the seconds of a member-step.

    Args:
        experiment: an MLP with one shared embedding and concatenated operands, trained by AdamW on the full batch.
        steps: steps of a job.
        machine: whose devices are used.
    """
    table = experiment.task.table()
    params = experiment.model.init(jax.random.key(0), table)
    optimiser = _optimiser(experiment)
    train = jax.jit(_trainer(experiment, optimiser))
    starts = [jax.device_put((params, optimiser.init(params)), device) for device in machine.mesh.devices.flat]

    def job() -> float:
        began = time.perf_counter()
        jax.block_until_ready([train(*start, steps) for start in starts])
        return (time.perf_counter() - began) / (steps * len(starts))

    return job


def logits_of(params: Params, operands: Any) -> Float[Array, "row d_vocab_out"]:
    """The network: both operands looked up, through one hidden ReLU layer. The first layer is a table for each operand."""
    first, second = (params["W_E"] @ part for part in jnp.split(params["W_in"], 2))
    return jax.nn.relu(first[operands[:, 0]] + second[operands[:, 1]] + params["b_in"]) @ params["W_U"]


def _optimiser(experiment: Experiment) -> optax.GradientTransformation:
    fields = experiment.training.optimiser.model_dump()
    (b1, b2), decay = fields["betas"], fields["weight_decay"]
    return optax.adamw(fields["lr"], b1=b1, b2=b2, eps=fields["eps"], weight_decay=decay)


def _trainer(experiment: Experiment, optimiser: optax.GradientTransformation) -> Callable[..., Any]:
    table = experiment.task.table()
    rows = experiment.split.train_rows(table, 0)
    operands, labels = jnp.asarray(table.inputs[rows]), jnp.asarray(table.labels[rows])

    def loss(params: Params) -> Float[Array, ""]:
        log_p = jax.nn.log_softmax(logits_of(params, operands))
        return -log_p[jnp.arange(len(labels)), labels].mean()

    def step(_: Any, carried: Any) -> Any:
        params, moments = carried
        updates, moments = optimiser.update(jax.grad(loss)(params), moments, params)
        return optax.apply_updates(params, updates), moments

    return lambda params, moments, steps: jax.lax.fori_loop(0, steps, step, (params, moments))
