"""What changes from update to update by declaration: the share of the learning rate (warm-up, annealing), and courses of knobs."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from epicycle.spec.experiment import Experiment, Training
from epicycle.spec.paths import knob_path


def knobs_at(experiment: Experiment, knobs: Mapping[str, Any], step: Int[Array, ""]) -> dict[str, Any]:
    """The knobs in force after so many updates: those that have a course are where it says."""
    moved = dict(knobs)
    for i, course in enumerate(experiment.training.courses):
        steps, values = (
            jnp.stack([knobs[f"training.courses.{i}.{what}.{j}"] for j in range(len(course.steps))]) for what in ("steps", "values")
        )
        moved[knob_path(course.of, experiment.knobs())] = _along(steps, values, step)
    return moved


def _along(steps: Float[Array, " point"], values: Float[Array, " point"], step: Int[Array, ""]) -> Float[Array, ""]:
    """Straight lines between points, exactly the values at them."""
    now = jnp.asarray(step).astype(steps.dtype)
    i = jnp.clip(jnp.searchsorted(steps, now, side="right") - 1, 0, len(steps) - 1)
    j = jnp.minimum(i + 1, len(steps) - 1)
    share = jnp.clip((now - steps[i]) / jnp.maximum(steps[j] - steps[i], 1), 0, 1)
    return values[i] + share * (values[j] - values[i])


def lr_share(training: Training, step: Int[Array, ""], dtype: jnp.dtype) -> Float[Array, ""]:
    """min(1, s / warmup) * (1 - (1 - f) g) after s updates, f = final_lr_scale.

    g is how far the annealing has gone: t = (s - warmup) / anneal_steps, kept in [0, 1], when linear, (1 - cos(pi t)) / 2 when cosine.
    Cosine with f = 0.1 is `_scheduler_lr` of openai/grok; Loshchilov & Hutter, arXiv 1608.03983, equation 5, without restarts.
    """
    done, warmup = step.astype(dtype), jnp.asarray(training.warmup, dtype)
    risen = jnp.where(done >= warmup, jnp.ones((), dtype), done / jnp.maximum(warmup, 1))
    if training.schedule == "constant":
        return risen
    t = jnp.clip((done - warmup) / jnp.maximum(jnp.asarray(training.anneal_steps, dtype), 1), 0, 1)
    gone = (1 - jnp.cos(jnp.pi * t)) / 2 if training.schedule == "cosine" else t
    return risen * (1 - (1 - jnp.asarray(training.final_lr_scale, dtype)) * gone)
