"""Checks before training: whether the parts of an experiment fit each other, found on shapes alone before anything is written.

Tests hold the package's own parts to their contracts. A user's own part is held to its contract here, because JAX would clamp a wrong
index or broadcast a wrong shape silently.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from epicycle.spec.errors import InputError, nearest
from epicycle.spec.experiment import Experiment, Run
from epicycle.spec.families import STATE_SCALARS, Measure, Params
from epicycle.spec.own_code import is_own
from epicycle.spec.paths import matches
from epicycle.spec.table import Table
from epicycle.training.losses import row_losses
from epicycle.training.program import step
from epicycle.training.snapshots import known_at_the_end, observe
from epicycle.training.state import data_of, initialiser, trained_tensors, world_of


def refuse_unfit(run: Run, measures: Sequence[Measure], ended: bool = False) -> None:
    """Refuse an experiment that cannot be trained, before anything of it is written.

    Args:
        run: what is trained.
        measures: what is recorded.
        ended: whether the run has ended before, and is trained again to record the measures.

    Raises:
        InputError: a field of the model or the optimiser does not fit the task, a user's own part breaks its contract, or a measure
            needs the end of the run, which is not known yet.
    """
    experiment = run.experiment
    for measure in () if ended else measures:
        if known_at_the_end(measure):
            raise InputError(
                f"measure {measure.name}: it compares with the end of the run, which is not known while the run is trained; "
                "leave it out, run the study, and record it with epicycle measure."
            )
    table = experiment.task.table()
    if is_own(type(experiment.task)):
        _refuse_table(table)
    params = jax.eval_shape(lambda key: experiment.model.init(key, table), jax.random.key(0))
    if is_own(type(experiment.model)):
        _refuse_params(params)
    training = experiment.training
    _refuse_frozen(experiment, params)
    jax.eval_shape(lambda p: training.optimiser.transform(jnp.ones(())).init(trained_tensors(experiment, p)), params)
    if any(is_own(type(part)) for part in (experiment.task, experiment.model, training.loss, training.optimiser, *measures)):
        _refuse_shapes(experiment, params, table)
        _refuse_step_and_records(run, measures, table)
    if may_not_fit := [measure for measure in measures if {"task", "objective"}.intersection(measure.needs)]:
        _records(run, may_not_fit, table)  # a measure that does not fit the task, the network or the optimiser says so
    _refuse_outputs(experiment, params, table)


def _refuse_frozen(experiment: Experiment, params: Params) -> None:
    """Refuse a pattern of `training.frozen` or `training.sparse` that fits no tensor, and patterns that freeze every tensor."""
    for field in ("frozen", "sparse"):
        for i, pattern in enumerate(getattr(experiment.training, field)):
            if not any(matches(name, (pattern,)) for name in params):
                raise InputError(f"training.{field}.{i}: no tensor is called '{pattern}'; {nearest(pattern, params)}")
    if not trained_tensors(experiment, params):
        raise InputError("training.frozen: every tensor is frozen, so there is nothing to train.")


def _refuse_outputs(experiment: Experiment, params: Params, table: Table) -> None:
    """Refuse a model with too few outputs for the task, and a loss that cannot take the task's labels.

    Two rows are sent through both, as shapes alone.
    """
    world = world_of(table)
    inputs, labels = jnp.asarray(world.inputs[:2]), jnp.asarray(world.labels[:2])
    logits = jax.eval_shape(lambda p: experiment.model.fast(p, inputs, constant=world.constant, positions=world.positions), params)
    outputs, classes = logits.shape[-1] if logits.shape else 0, table.num_classes
    if outputs < classes or (outputs > classes and table.tolerance is not None):
        raise InputError(f"model: it gives {outputs} outputs, and the task's labels need {classes}; see d_vocab_out.")
    jax.eval_shape(lambda x: row_losses(experiment.training.loss, x, labels), logits)


def _refuse_table(table: Table) -> None:
    """Refuse a table whose arrays do not fit each other or hold ids out of range."""
    inputs, labels, operands = table.inputs, np.asarray(table.labels), table.operands
    rows = len(inputs)
    if inputs.ndim != 2 or operands.ndim != 2 or not rows or len(labels) != rows or len(operands) != rows:
        shapes = f"{inputs.shape}, {labels.shape} and {operands.shape}"
        raise InputError(
            f"task: inputs [row, pos], labels [row] and operands [row, operand] have shapes {shapes}; "
            "they need the same number of rows."
        )
    if not np.issubdtype(inputs.dtype, np.integer) or inputs.min() < 0 or inputs.max() >= table.d_vocab:
        raise InputError(f"task: inputs must be token ids, whole numbers from 0 to d_vocab - 1 = {table.d_vocab - 1}.")
    if not np.issubdtype(labels.dtype, np.integer):
        if labels.ndim != 2 or table.tolerance is None:
            raise InputError("task: labels that are not whole numbers must be vectors [row, num_classes], and the table a tolerance.")
    elif labels.min() < (0 if labels.ndim == 1 else -1) or labels.max() >= table.num_classes:
        raise InputError(f"task: labels must be class ids from 0 to num_classes - 1 = {table.num_classes - 1}.")


def _refuse_params(params: Any) -> None:
    """Refuse parameters that are not one flat dict of float32 arrays, or whose names a checkpoint cannot hold."""
    if not isinstance(params, dict) or not params or any(not isinstance(value, jax.ShapeDtypeStruct) for value in params.values()):
        raise InputError("model: init must give one flat dict, name -> array; for nested parameters use ep.wrap.")
    for name, value in params.items():
        if "/" in name or name in STATE_SCALARS:
            raise InputError(
                f"model: a parameter cannot be called '{name}': {', '.join(STATE_SCALARS)} and names with '/' are reserved."
            )
        if value.dtype != jnp.float32:
            raise InputError(f"model: parameter '{name}' is {value.dtype}; init must draw float32.")


def _refuse_shapes(experiment: Experiment, params: Params, table: Table) -> None:
    """Refuse a user's model or loss whose results have a wrong shape.

    `apply` and `fast` of a model must give logits for every row, and a loss one number for every row.
    """
    model, loss = experiment.model, experiment.training.loss
    inputs, labels = (jax.eval_shape(jnp.asarray, array) for array in (table.inputs, table.labels))
    rows = len(table.labels)
    expected = (rows, *(() if table.positions is None else (len(table.positions),)), table.num_classes)
    logits = jax.eval_shape(lambda p, x: model.apply(p, x, positions=table.positions)[0], params, inputs)
    fast = jax.eval_shape(lambda p, x: model.fast(p, x, constant=table.constant, positions=table.positions), params, inputs)
    for method, shape in (("apply", logits.shape), ("fast", fast.shape)):
        # A network may have more outputs than the task has classes (one for "=", say), never fewer.
        if len(shape) != len(expected) or shape[:-1] != expected[:-1] or shape[-1] < expected[-1]:
            raise InputError(f"model: {method} gives logits of shape {shape}; this task needs {expected}, one row for each input.")
    loss_shape = jax.eval_shape(lambda x, y: row_losses(loss, x, y), logits, labels).shape
    if loss_shape != (rows,):
        raise InputError(
            f"training.loss: rows gives shape {loss_shape} for {rows} rows; it must give one number for each row, not their mean."
        )


def _refuse_step_and_records(run: Run, measures: Sequence[Measure], table: Table) -> None:
    """Refuse a user's optimiser or measure whose results have a wrong shape or number type.

    One step must leave the shapes and types of the state as they are, and each measure must give floats along its declared axes.
    """
    experiment, world, data = run.experiment, world_of(table), data_of(run, table)
    state = initialiser(experiment, table)(run, data)
    after = jax.eval_shape(lambda d, s, w: step(experiment, w, d, s), data, state, world)
    if jax.tree.map(_shape_and_dtype, jax.eval_shape(lambda s: s, state)) != jax.tree.map(_shape_and_dtype, after):
        raise InputError("training.optimiser: its update changes the shape or number type of a parameter or moment; keep them.")
    records = _records(run, measures, table)
    for measure in measures:
        record = records[measure.name]
        if len(record.shape) != len(measure.dims) or not jnp.issubdtype(record.dtype, jnp.floating):
            raise InputError(
                f"measure {measure.name}: it gives {record}; its dims {measure.dims} declare floats with {len(measure.dims)} axes."
            )


def _records(run: Run, measures: Sequence[Measure], table: Table) -> Any:
    """The shape and number type of each measure's record."""
    data = data_of(run, table)
    state = initialiser(run.experiment, table)(run, data)
    if any(known_at_the_end(measure) for measure in measures):
        data = data._replace(end=state.params)  # of the same shapes
    return jax.eval_shape(lambda s, d, w: observe(run.experiment, measures, s, d, w), state, data, world_of(table))


def _shape_and_dtype(array: jax.ShapeDtypeStruct) -> tuple[Any, ...]:
    return array.shape, array.dtype
