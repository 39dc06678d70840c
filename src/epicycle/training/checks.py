"""What the parts of an experiment must give each other, worked out on shapes before anything is written.

The package's own members are held to this by tests; a user's are held to it here, where JAX would clamp an index or broadcast a number
without a word.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from epicycle.spec.errors import InputError, nearest
from epicycle.spec.experiment import Experiment, Run
from epicycle.spec.families import Measure
from epicycle.spec.own_code import is_own
from epicycle.spec.paths import matches
from epicycle.spec.table import Table
from epicycle.training.losses import row_losses
from epicycle.training.program import step
from epicycle.training.snapshots import observe
from epicycle.training.state import data_of, initialiser, moving, world_of

RESERVED = ("step", "key", "diverged")  # what else a state's file holds beside its parameters


def refuse_unfit(run: Run, measures: Sequence[Measure]) -> None:
    """Refuse what cannot be trained before anything of it is written.

    Raises:
        InputError: what the model or the optimiser finds wrong, or which part of a user's own does not keep its contract.
    """
    experiment = run.experiment
    table = experiment.task.table()
    if is_own(type(experiment.task)):
        _refuse_table(table)
    params = jax.eval_shape(lambda key: experiment.model.init(key, table), jax.random.key(0))
    if is_own(type(experiment.model)):
        _refuse_params(params)
    training = experiment.training
    _refuse_frozen(experiment, params)
    jax.eval_shape(lambda p: training.optimiser.transform(jnp.ones(())).init(moving(experiment, p)), params)
    if any(is_own(type(part)) for part in (experiment.task, experiment.model, training.loss, training.optimiser, *measures)):
        _refuse_shapes(experiment, params, table)
        _refuse_steps(run, measures, table)
    _refuse_outputs(experiment, params, table)


def _refuse_frozen(experiment: Experiment, params: Any) -> None:
    """Patterns that fit no tensor, and patterns that leave none to train."""
    for i, pattern in enumerate(experiment.training.frozen):
        if not any(matches(name, (pattern,)) for name in params):
            raise InputError(f"training.frozen.{i}: no tensor is called '{pattern}'; {nearest(pattern, params)}")
    if not moving(experiment, params):
        raise InputError("training.frozen: every tensor is frozen, so there is nothing to train.")


def _refuse_outputs(experiment: Experiment, params: Any, table: Table) -> None:
    """Two rows forward: whether the model can be asked so, has the outputs that labels need, and the loss takes such labels."""
    world = world_of(table)
    inputs, labels = jnp.asarray(world.inputs[:2]), jnp.asarray(world.labels[:2])
    logits = jax.eval_shape(lambda p: experiment.model.fast(p, inputs, constant=world.constant, positions=world.positions), params)
    outputs, wanted = logits.shape[-1] if logits.shape else 0, table.num_classes
    if outputs < wanted or (outputs > wanted and table.tolerance is not None):
        raise InputError(f"model: it gives {outputs} outputs, and the task's labels need {wanted}; see d_vocab_out.")
    jax.eval_shape(lambda x: row_losses(experiment.training.loss, x, labels), logits)


def _refuse_table(table: Table) -> None:
    n, labels, inputs = len(table.inputs), np.asarray(table.labels), table.inputs
    if inputs.ndim != 2 or table.operands.ndim != 2 or not n or len(labels) != n or len(table.operands) != n:
        shapes = f"{inputs.shape}, {labels.shape} and {table.operands.shape}"
        raise InputError(f"task: inputs [row, pos], labels [row] and operands [row, operand] have shapes {shapes}; one row each.")
    if not np.issubdtype(inputs.dtype, np.integer) or inputs.min() < 0 or inputs.max() >= table.d_vocab:
        raise InputError(f"task: inputs are token ids from 0 to d_vocab - 1 = {table.d_vocab - 1}, as whole numbers.")
    if not np.issubdtype(labels.dtype, np.integer):
        if labels.ndim != 2 or table.tolerance is None:
            raise InputError("task: labels that are no whole numbers are vectors [row, num_classes], and need a tolerance.")
    elif labels.min() < (0 if labels.ndim == 1 else -1) or labels.max() >= table.num_classes:
        raise InputError(f"task: labels are class ids from 0 to num_classes - 1 = {table.num_classes - 1}.")


def _refuse_params(params: Any) -> None:
    if not isinstance(params, dict) or not params or any(not isinstance(value, jax.ShapeDtypeStruct) for value in params.values()):
        raise InputError("model: init gives one flat dict, name -> array; ep.wrap takes any tree.")
    for name, value in params.items():
        if "/" in name or name in RESERVED:
            raise InputError(f"model: a parameter cannot be called '{name}': {', '.join(RESERVED)} and names with '/' are taken.")
        if value.dtype != jnp.float32:
            raise InputError(f"model: parameter '{name}' is {value.dtype}; init draws float32.")


def _refuse_shapes(experiment: Experiment, params: Any, table: Table) -> None:
    """Logits for every row and class, from `apply` and from `fast`, and a loss for every row."""
    model, loss = experiment.model, experiment.training.loss
    inputs, labels = (jax.eval_shape(jnp.asarray, array) for array in (table.inputs, table.labels))
    rows = len(table.labels)
    wanted = (rows, *(() if table.positions is None else (len(table.positions),)), table.num_classes)
    logits = jax.eval_shape(lambda p, x: model.apply(p, x, positions=table.positions)[0], params, inputs)
    fast = jax.eval_shape(lambda p, x: model.fast(p, x, constant=table.constant, positions=table.positions), params, inputs)
    for which, found in (("apply", logits.shape), ("fast", fast.shape)):
        # A network may have more outputs than the task has classes (one for "=", say), never fewer.
        if len(found) != len(wanted) or found[:-1] != wanted[:-1] or found[-1] < wanted[-1]:
            raise InputError(f"model: {which} gives logits of shape {found}; this task asks for {wanted}, a row for each input.")
    losses = jax.eval_shape(lambda x, y: row_losses(loss, x, y), logits, labels).shape
    if losses != (rows,):
        raise InputError(f"training.loss: rows gives shape {losses} for {rows} rows; it gives a number for each, not their mean.")


def _refuse_steps(run: Run, measures: Sequence[Measure], table: Table) -> None:
    """A step that leaves a state of the same kind, and records of the declared axes."""
    experiment, world, data = run.experiment, world_of(table), data_of(run, table)
    state = initialiser(experiment, table)(run, data)
    after = jax.eval_shape(lambda d, s, w: step(experiment, w, d, s), data, state, world)
    if jax.tree.map(_kind, jax.eval_shape(lambda s: s, state)) != jax.tree.map(_kind, after):
        raise InputError("training.optimiser: its update changes the shape or number type of a parameter or moment; keep them.")
    records = jax.eval_shape(lambda s, d, w: observe(experiment, measures, s, d, w), state, data, world)
    for measure in measures:
        record = records[measure.name]
        if len(record.shape) != len(measure.dims) or not jnp.issubdtype(record.dtype, jnp.floating):
            raise InputError(f"measure {measure.name}: it gives {record}; what its dims {measure.dims} declare are floats so shaped.")


def _kind(array: jax.ShapeDtypeStruct) -> tuple[Any, ...]:
    return array.shape, array.dtype
