"""A wrapped measure has the values of the measure where that fits, and is NaN in the runs of other networks."""

from pathlib import Path

import numpy as np
import pytest

import epicycle as ep

WRITTEN = (ep.CircuitStrength(circuit=0), ep.CircuitShare(), ep.UpdateEffect(of=ep.CircuitStrength(circuit=0), part="loss"))
OF_GROUPS = (ep.GenLogit(), ep.GenLogit(by_component=True), ep.GradientCoherence(of=ep.GenLogit()))
NETWORKS = {
    "written": (ep.NumberedRows(n_seen=6, n_new=6, num_classes=3), ep.SequentialSplit(frac_train=0.5), ep.FrequencyToy()),
    "trained": (ep.Modular(p=5), ep.Split(frac_train=0.5), ep.MLP(d_model=4, d_mlp=4)),
}


def trained(root: Path, network: str, measures: tuple[ep.Measure, ...]) -> ep.Runs:
    task, split, model = NETWORKS[network]
    training = ep.Training(steps=2, optimiser=ep.AdamW(lr=1e-2))
    experiment = ep.Experiment(task=task, split=split, model=model, training=training)
    return ep.train(experiment, seeds=1, observation=ep.Observation(measures=measures, dense_until=1), root=root)


@pytest.mark.parametrize(("network", "fitting", "others"), [("written", WRITTEN, OF_GROUPS), ("trained", OF_GROUPS, WRITTEN)])
def test_it_is_silent_where_it_does_not_fit(
    tmp_path: Path, network: str, fitting: tuple[ep.Measure, ...], others: tuple[ep.Measure, ...]
) -> None:
    wrapped = tuple(ep.WhereItFits(of=of) for of in (*fitting, *others))
    beside = trained(tmp_path / "wrapped", network, (ep.Loss(rows="train"), *wrapped)).data
    plain = trained(tmp_path / "plain", network, (ep.Loss(rows="train"), *fitting)).data
    for measure in fitting:
        np.testing.assert_array_equal(beside[measure.name].values, plain[measure.name].values)
        assert beside[measure.name].dims == plain[measure.name].dims
    for measure in others:
        assert np.isnan(beside[measure.name].values).all()
        with pytest.raises(ep.InputError):
            trained(tmp_path / measure.name, network, (ep.Loss(rows="train"), measure))


def test_it_has_the_name_and_axes_of_the_measure() -> None:
    wrapped = ep.WhereItFits(of=ep.CircuitShare())
    assert (wrapped.name, wrapped.dims, wrapped.needs) == ("circuit_share", ("circuit",), ep.CircuitShare().needs)
