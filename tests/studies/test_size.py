"""Size: the numbers of parameters and rows that the study speaks of, the rates of deep networks, and the time that forks have."""

import jax
import pytest

from epicycle.spec.arms import RootArm
from epicycle.spec.experiment import Experiment
from epicycle.studies.organisms import FLY
from epicycle.studies.size import STUDY


def of(name: str) -> Experiment:
    arm = STUDY.arms[name]
    assert isinstance(arm, RootArm)
    return arm.experiment


def parameters(name: str) -> int:
    experiment = of(name)
    return sum(tensor.size for tensor in experiment.model.init(jax.random.key(0), experiment.task.table()).values())


def test_the_large_network_has_thirty_times_the_parameters_of_the_small_one() -> None:
    assert parameters("large") / parameters("small") == pytest.approx(30, abs=0.5)


def test_one_network_has_fewer_parameters_than_rows_and_its_control_has_many_more() -> None:
    few, many = of("few_parameters"), of("many_parameters")
    rows = 0.6 * len(few.task.table().labels)
    assert parameters("few_parameters") < rows < parameters("many_parameters") / 10
    assert (few.task, few.split, few.training) == (many.task, many.split, many.training)


@pytest.mark.parametrize(("name", "layers"), [("two_layers_slow", 2), ("three_layers_slow", 3)])
def test_slow_networks_have_the_rate_of_the_fly_divided_by_their_layers(name: str, layers: int) -> None:
    assert of(name).model.model_dump()["n_layers"] == layers
    assert layers * of(name).knobs()["training.optimiser.lr"] == pytest.approx(FLY.knobs()["training.optimiser.lr"])


def test_forks_have_ten_units_of_decay() -> None:
    for name, arm in STUDY.fork_arms():
        knobs = of(arm.fork).knobs()
        assert arm.steps is not None
        assert arm.steps * knobs["training.optimiser.lr"] * knobs["training.optimiser.weight_decay"] == pytest.approx(10), name
