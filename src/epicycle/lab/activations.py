"""The activations of a run's network at a stored state."""

import jax
import jax.numpy as jnp
import numpy as np

from epicycle.spec.experiment import Run, bind
from epicycle.spec.families import Activations
from epicycle.store.checkpoints import Tensors
from epicycle.store.knobs_in_force import knobs_in_force
from epicycle.store.runs import params_of
from epicycle.training.devices import fixed_settings


def activations(run: Run, state: Tensors) -> Activations:
    """Every activation on all rows of the run's task, under TransformerLens hook names.

    Args:
        run: its network's knobs have the values that edits and courses gave them at the state's step.
        state: the stored state.
    """
    experiment = run.experiment
    courses = [course.of for course in experiment.training.courses]
    model, table = bind(experiment, knobs_in_force(state, experiment.knobs(), courses)).model, experiment.task.table()
    with fixed_settings(run.precision):
        jax.eval_shape(lambda key: model.init(key, table), jax.random.key(0))  # a wrapped model learns here how its parameters fit
        params = {name: jnp.asarray(value) for name, value in params_of(state).items()}
        _, sites = model.apply(params, jnp.asarray(table.inputs))
        return {name: np.asarray(value) for name, value in sites.items()}
