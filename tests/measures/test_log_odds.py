"""How certain a network is of a typical row, how right it is in a region, and which rows have another weight: planted cases."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import epicycle as ep
from epicycle.maths.cross_entropy import log_odds
from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Run
from epicycle.training.snapshots import snapshot_entries
from epicycle.training.state import data_of, world_of

LABELS = np.zeros(5, np.int32)


def with_odds(wanted: list[float]) -> Any:
    """Logits of three classes with these log-odds of class 0; the two wrong classes share the rest."""
    return jnp.asarray([[odds + np.log(2), 0.0, 0.0] for odds in wanted], jnp.float32)


def test_log_odds_are_exact() -> None:
    wanted = [-40.0, -3.0, 0.0, np.log(19), 60.0]
    np.testing.assert_allclose(log_odds(with_odds(wanted), jnp.asarray(LABELS)), wanted, rtol=1e-6, atol=1e-6)


def test_the_median_is_over_the_rows_of_the_set() -> None:
    rows = {"train": jnp.asarray([True, True, True, False, False]), "removed": jnp.zeros(5, bool)}
    snapshot = {"logits": with_odds([1.0, 2.0, 30.0, -5.0, -5.0]), "labels": jnp.asarray(LABELS), **rows}
    assert float(ep.LogOdds().fn(snapshot)) == pytest.approx(2.0, rel=1e-6)
    assert np.isnan(ep.LogOdds(rows="removed").fn(snapshot)), "no such rows: no value"
    vectors = {**snapshot, "labels": jnp.zeros((5, 3))}
    assert np.isnan(ep.LogOdds().fn(vectors))
    assert ep.LogOdds(rows="reweighted").name == "reweighted_log_odds"


def test_a_region_is_a_range_of_tokens() -> None:
    inputs = jnp.asarray([[0, 4], [1, 4], [2, 4], [3, 0], [3, 1]])
    margin, test = jnp.asarray([1.0, -1.0, 1.0, 1.0, 1.0]), jnp.asarray([True, True, True, True, False])
    snapshot = {"inputs": inputs, "row_margin": margin, "test": test}
    assert float(ep.RegionAccuracy(tokens=(0, 1)).fn(snapshot)) == 0.5
    assert float(ep.RegionAccuracy(tokens=(1, 3)).fn(snapshot)) == pytest.approx(2 / 3)
    assert float(ep.RegionAccuracy(tokens=(0, 1), position=1).fn(snapshot)) == 1.0
    assert np.isnan(ep.RegionAccuracy(tokens=(7, 9)).fn(snapshot))
    assert np.isnan(ep.RegionAccuracy(tokens=(0, 1)).fn({**snapshot, "row_margin": margin.at[4].set(jnp.nan)}))
    assert ep.RegionAccuracy(tokens=(0, 1), position=1).name == "test_acc_tokens_0_to_1_at_1"


def test_reweighted_rows() -> None:
    """Rows with some first operands get another weight, and the snapshot tells them from the other trained rows."""
    split = ep.ReweightedSplit(of=ep.Split(frac_train=0.5), first_operands=(2, 4), weight=3.0)
    experiment = ep.Experiment(task=ep.Modular(p=11), split=split, model=ep.MLP(d_model=8, d_mlp=8))
    table, run = experiment.task.table(), Run(experiment=experiment)
    entries = snapshot_entries(experiment, None, data_of(run, table), world_of(table))  # type: ignore[arg-type]
    rows = split.train_rows(table, run.data_seed)
    inside = np.isin(table.operands[:, 0], (2, 3, 4))
    trained = np.isin(np.arange(len(inside)), rows)
    np.testing.assert_array_equal(entries["reweighted"](), trained & inside)
    np.testing.assert_array_equal(entries["not_reweighted"](), trained & ~inside)
    with pytest.raises(InputError, match="none has a first operand from 11 to 12"):
        split.model_copy(update={"first_operands": (11, 12)}).train_weights(table, rows, 0)
    with pytest.raises(ValueError, match="give one of share, rows and first_operands"):
        ep.ReweightedSplit(of=ep.Split(frac_train=0.5), weight=3.0)
