"""Schedules: the share of the learning rate at each step (warm-up, annealing), and knobs that follow a declared course."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.paths import knob_path


def knobs_at(experiment: Experiment, knobs: Mapping[str, Any], step: Int[Array, ""]) -> dict[str, Any]:
    """The value of every knob at a step: a knob with a course has its course's value, all others the value in `knobs`.

    Args:
        experiment: declares the courses.
        knobs: dotted field path -> number, as in the training state.
        step: updates done.
    """
    values_now = dict(knobs)
    for i, course in enumerate(experiment.training.courses):
        steps, values = (
            jnp.stack([knobs[f"training.courses.{i}.{field}.{j}"] for j in range(len(course.steps))]) for field in ("steps", "values")
        )
        values_now[knob_path(course.of, experiment.knobs())] = _interpolated(steps, values, step)
    return values_now


def _interpolated(steps: Float[Array, " point"], values: Float[Array, " point"], step: Int[Array, ""]) -> Float[Array, ""]:
    """The value at a step on straight lines between points; at a point it is exactly that point's value."""
    now = jnp.asarray(step).astype(steps.dtype)
    i = jnp.clip(jnp.searchsorted(steps, now, side="right") - 1, 0, len(steps) - 1)
    j = jnp.minimum(i + 1, len(steps) - 1)
    share = jnp.clip((now - steps[i]) / jnp.maximum(steps[j] - steps[i], 1), 0, 1)
    return values[i] + share * (values[j] - values[i])


def lr_share(training: Training, step: Int[Array, ""], dtype: jnp.dtype) -> Float[Array, ""]:
    """The share of the learning rate after s updates: min(1, s / warmup) * (1 - (1 - f) g), where f = final_lr_scale.

    g says how far the annealing has annealed. With t = (s - warmup) / anneal_steps kept in [0, 1], g = t for the linear schedule and
    g = (1 - cos(pi t)) / 2 for the cosine one; a constant schedule has g = 0. The cosine with f = 0.1 is `_scheduler_lr` of
    openai/grok. Source: Loshchilov & Hutter, arXiv 1608.03983, equation 5, without restarts.

    Args:
        training: the schedule and its knobs, which may be traced.
        step: s, updates done.
        dtype: number type of the result.
    """
    done, warmup = step.astype(dtype), jnp.asarray(training.warmup, dtype)
    risen = jnp.where(done >= warmup, jnp.ones((), dtype), done / jnp.maximum(warmup, 1))
    if training.schedule == "constant":
        return risen
    t = jnp.clip((done - warmup) / jnp.maximum(jnp.asarray(training.anneal_steps, dtype), 1), 0, 1)
    annealed = (1 - jnp.cos(jnp.pi * t)) / 2 if training.schedule == "cosine" else t
    return risen * (1 - (1 - jnp.asarray(training.final_lr_scale, dtype)) * annealed)
