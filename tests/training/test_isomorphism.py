"""POW-8: multiplying residues other than 0 modulo p is adding logarithms modulo p - 1, so both tasks train to the same weights."""

from typing import Any

import jax
import numpy as np

import epicycle as ep
from epicycle.spec.experiment import Run
from epicycle.training.program import step
from epicycle.training.state import data_of, initialiser, world_of

P, ROOT = 11, 2
POWERS = [pow(ROOT, i, P) for i in range(P - 1)]  # element i of the sums is the residue ROOT^i
RESIDUE = np.array(POWERS) - 1  # its index among 1, ..., p - 1


def products() -> ep.Composition:
    residues = range(1, P)
    return ep.Composition(cayley=tuple(tuple(x * y % P - 1 for y in residues) for x in residues))


def trained(experiment: ep.Experiment, renamed: Any, steps: int) -> dict[str, Any]:
    """Parameters after some steps in float64, from the same weights with the elements renamed."""
    table = experiment.task.table()
    run = Run(experiment=experiment)
    data = data_of(run, table)
    state = initialiser(experiment, table)(run, data)
    params = dict(state.params)
    params["W_E"], params["W_U"] = params["W_E"][renamed], params["W_U"][:, renamed]
    state = state._replace(params=params)
    one_step = jax.jit(lambda s: step(experiment, world_of(table), data, s))
    for _ in range(steps):
        state = one_step(state)
    return {name: np.asarray(value) for name, value in state.params.items()}


def test_products_are_sums_of_logarithms() -> None:
    n = P - 1
    sums = ep.Modular(p=n, operation="x+y")
    table = products().table()
    x, y = sums.table().operands.T
    product_rows = RESIDUE[x] * n + RESIDUE[y]  # for each sum, the row of the product table that asks the same
    np.testing.assert_array_equal(table.labels[product_rows], RESIDUE[sums.table().labels])
    rows = ep.Split(frac_train=0.6).train_rows(sums.table(), 0)
    renamed = np.append(RESIDUE, n)  # and "="
    back = np.argsort(renamed)
    model, training = ep.Transformer(d_model=16, n_heads=2, d_mlp=24), ep.Training(optimiser=ep.AdamW(lr=1e-2))
    with jax.enable_x64(True):
        adding = ep.Experiment(task=sums, split=ep.ListedSplit(rows=tuple(map(int, rows))), model=model, training=training)
        multiplying = ep.Experiment(
            task=products(), split=ep.ListedSplit(rows=tuple(map(int, product_rows[rows]))), model=model, training=training
        )
        sum_params, product_params = trained(adding, np.arange(n + 1), 200), trained(multiplying, back, 200)
    product_params["W_E"], product_params["W_U"] = product_params["W_E"][renamed], product_params["W_U"][:, renamed]
    for name, values in sum_params.items():
        np.testing.assert_allclose(product_params[name], values, rtol=0, atol=1e-9 * np.abs(values).max(), err_msg=name)
