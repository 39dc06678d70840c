"""Losses that are rounded to zero: what float32 would round, and what the run's own arithmetic rounds (softmax collapse)."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import epicycle as ep
from epicycle.spec.experiment import Run
from epicycle.spec.yaml_text import load_yaml
from epicycle.training.losses import row_losses
from epicycle.training.snapshots import observe
from epicycle.training.state import data_of, initialiser, world_of

CASE = Path(__file__).parents[1] / "cases" / "36_collapse_float16.yaml"
# Two classes: the sum of exponentials is 1 + exp(-gap). A type with b bits behind the point rounds it to 1 if exp(-gap) < 2^-(b + 1).
GAPS = np.array([4.0, 7.0, 12.0, 25.0, 60.0, 60.0, 60.0, 60.0], np.float32)
SHARES = {"bfloat16": 7 / 8, "float16": 6 / 8, "float32": 5 / 8, "float64": 4 / 8, "exact": 0.0}


def planted(precision: str) -> dict[str, Any]:
    logits, labels = jnp.asarray(np.stack([GAPS, np.zeros_like(GAPS)], axis=1)), jnp.zeros(len(GAPS), jnp.int32)
    loss = jax.jit(lambda z, y: row_losses(ep.CrossEntropy(precision=precision), z, y))(logits, labels)
    return {"logits": logits, "labels": labels, "trained_loss": loss, "train": jnp.ones(len(GAPS), bool)}


@pytest.mark.parametrize("precision", SHARES)
def test_the_share_follows_the_precision_of_the_run(precision: str) -> None:
    snapshot = planted(precision)
    assert float(ep.ZeroLossShare(precision="own").fn(snapshot)) == SHARES[precision]
    assert float(ep.ZeroLossShare().fn(snapshot)) == SHARES["float32"], "whatever the run computes"


def test_names_and_needs() -> None:
    plain, own = ep.ZeroLossShare(), ep.ZeroLossShare(precision="own")
    assert (plain.name, own.name) == ("train_zero_loss_share", "train_zero_loss_share_own")
    assert ep.ZeroLossShare(rows="test", precision="own").name == "test_zero_loss_share_own"
    assert own.needs == ("trained_loss", "train")
    assert plain == ep.ZeroLossShare(precision="float32"), "results of earlier versions keep their meaning"
    empty = planted("float32") | {"train": jnp.zeros(len(GAPS), bool)}
    assert np.isnan(own.fn(empty))
    assert np.isnan(own.fn(planted("float32") | {"trained_loss": jnp.full(len(GAPS), jnp.nan)}))


@pytest.mark.parametrize("precision", ["float16", "float64", "exact"])
def test_a_run_records_its_own(precision: str, tiny: ep.Experiment) -> None:
    """Weights so large that rounding matters; the shares are those of the losses that training computes."""
    experiment = tiny.swept("training.loss.precision", precision)
    table, run = experiment.task.table(), Run(experiment=experiment)
    data = data_of(run, table)
    state = initialiser(experiment, table)(run, data)
    state = state._replace(params={name: value * 4 for name, value in state.params.items()})
    measures = [ep.ZeroLossShare(rows="all", precision="own"), ep.ZeroLossShare(rows="all")]
    records = jax.jit(lambda s: observe(experiment, measures, s, data, world_of(table)))(state)
    logits = experiment.model.fast(state.params, jnp.asarray(table.inputs))
    expected = {
        name: float((row_losses(ep.CrossEntropy(precision=name), logits, jnp.asarray(table.labels)) == 0).mean())
        for name in (precision, "float32")
    }
    assert float(records["all_zero_loss_share_own"]) == pytest.approx(expected[precision])
    assert float(records["all_zero_loss_share"]) == pytest.approx(expected["float32"])


def test_a_study_of_collapse_reads_the_share_of_each_run() -> None:
    """The study of case 36 sweeps the precision of the loss, so it needs the runs' own rounding."""
    spec: Any = load_yaml(CASE.read_text(), str(CASE))
    text = CASE.read_text().replace("train_zero_loss_share", "train_zero_loss_share_own")
    assert "train_zero_loss_share_own" in text
    own: Any = load_yaml(text, str(CASE)) | {"name": "collapse"}
    with pytest.raises(ep.InputError, match="train_zero_loss_share_own"):
        ep.Study.parse(own)
    measures = [*ep.Study.parse(spec | {"name": "collapse"}).observation.measures, ep.ZeroLossShare(precision="own")]
    study = ep.Study.parse(own | {"observation": {"measures": measures}})
    assert study.observation.measures[-1].name == "train_zero_loss_share_own"
