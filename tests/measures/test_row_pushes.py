"""Coherence of the trained rows: planted rows that agree, disagree or push nothing, and the gradients of a network row by row."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from epicycle.circuits.strength import GenLogit, MemLogit, MemLogitOfFew
from epicycle.measures.fit import Accuracy, Loss, Margin
from epicycle.measures.norms import TotalNorm, WeightNorm
from epicycle.measures.row_pushes import GradientCoherence
from epicycle.models.mlp import MLP
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment, Run, Training
from epicycle.spec.families import Measure
from epicycle.splits.drawn import Split
from epicycle.tasks.modular import Modular
from epicycle.training.optimisers import AdamW
from epicycle.training.program import step
from epicycle.training.snapshots import observe
from epicycle.training.state import data_of, initialiser, trained_rows, world_of


def planted(pushes: Any, train: Any) -> dict[str, Any]:
    """A snapshot of one weight: the loss of a row falls by its push for every unit of the weight, and the norm is the weight."""

    def measured_at(measure: Measure, params: dict[str, Any]) -> Any:
        losses = 10 - jnp.asarray(pushes, jnp.float32) * params["w"][0]
        return measure.fn({"params": params, "row_loss": losses, "train": jnp.asarray(train)})

    return {"params": {"w": jnp.ones(1)}, "train": jnp.asarray(train), "measured_at": measured_at}


@pytest.mark.parametrize(
    ("pushes", "coherence"),
    [([1, 2, 0, 9], 1.0), ([-1, -2, -3, 9], -1.0), ([1, 2, -3, 9], 0.0), ([3, -1, 0, -9], 0.5), ([0, 0, 0, 9], np.nan)],
)
def test_rows_that_agree_and_rows_that_do_not(pushes: list[float], coherence: float) -> None:
    snapshot = planted(pushes, [True, True, True, False])
    assert float(GradientCoherence(of=TotalNorm()).fn(snapshot)) == pytest.approx(coherence, nan_ok=True)


def test_it_is_that_of_the_gradients_of_single_rows() -> None:
    """The same number from the gradient of every row, one at a time, as the definition has it."""
    experiment = Experiment(
        task=Modular(p=7), split=Split(frac_train=0.6), model=MLP(d_model=8, d_mlp=16), training=Training(optimiser=AdamW(lr=1e-2))
    )
    table, run = experiment.task.table(), Run(experiment=experiment)
    data, world = jax.device_put(data_of(run, table)), world_of(table)
    state = initialiser(experiment, table)(run, data)
    for _ in range(15):
        state = step(experiment, world, data, state)
    quantities = (GenLogit(), MemLogit(), MemLogitOfFew(of_rows=2), Margin(rows="test"))
    coherences = observe(experiment, [GradientCoherence(of=of) for of in quantities], state, data, world)

    def flat(tree: Any) -> Any:
        return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])

    def losses(params: Any) -> Any:
        logits = experiment.model.apply(params, jnp.asarray(table.inputs))[0]
        return jax.nn.logsumexp(logits, axis=1) - logits[jnp.arange(len(logits)), table.labels]

    rows = np.flatnonzero(trained_rows(data, len(table.labels)))
    of_rows = [flat(jax.grad(lambda params, row=row: losses(params)[row])(state.params)) for row in rows]
    for of in quantities:
        value = lambda params, of=of: observe(experiment, [of], state._replace(params=params), data, world)[of.name]  # noqa: E731
        direction = flat(jax.grad(value)(state.params))
        pushes = np.array([-gradient @ direction for gradient in of_rows])
        assert float(coherences[f"{of.name}_coherence"]) == pytest.approx(pushes.sum() / np.abs(pushes).sum(), abs=1e-4), of.name
    assert float(coherences["mem_logit_coherence"]) > 0.5, "each row pushes its own memory"
    assert float(coherences["mem_logit_of_2_coherence"]) < float(coherences["mem_logit_coherence"])


def test_a_quantity_without_a_slope_or_with_an_axis() -> None:
    def measured_at(measure: Measure, params: dict[str, Any]) -> Any:
        wrong = {"row_margin": params["w"] - 2, "row_loss": params["w"], "train": jnp.ones(1, bool), "params": params}
        return measure.fn(wrong)

    flat = {"params": {"w": jnp.ones(1)}, "train": jnp.ones(1, bool), "measured_at": measured_at}
    assert np.isnan(GradientCoherence(of=Accuracy(rows="train")).fn(flat))
    assert float(GradientCoherence(of=Loss(rows="train")).fn(flat)) == -1.0
    for of in (WeightNorm(), GenLogit(by_component=True)):
        with pytest.raises(InputError, match="name a measure with one, such as gen_logit"):
            GradientCoherence.parse({"of": of.model_dump()})
