"""Coset distance on planted functions of cosets, on other functions of the same irreps, and on neurons that do nothing."""

import numpy as np
import pytest

from epicycle.circuits.coset_neurons import CosetDistance
from epicycle.maths.groups import cosets, subgroups
from epicycle.spec.families import Task
from epicycle.tasks.groups import Composition
from tests.circuits.test_neurons import neurons, of_operand


def coset_neurons(task: Task, order: int) -> list[np.ndarray]:
    """A neuron for each subgroup of some order: functions of its right cosets for x and of its left cosets for y."""
    product, rng = task.table().labels.reshape(24, 24), np.random.default_rng(0)
    members = subgroups(product).members
    of_order = members[members.sum(axis=1) == order]
    return [
        sum(
            of_operand(task, rng.standard_normal(24)[cosets(product, each, side)], operand)
            for operand, side in enumerate(("right", "left"))
        )
        for each in of_order
    ]


@pytest.mark.parametrize("order", [3, 4, 6, 8, 12])
def test_functions_of_cosets(order: int) -> None:
    task = Composition(group="S4")
    planted = neurons(task, *coset_neurons(task, order))
    assert np.asarray(CosetDistance().fn(planted)).max() < 1e-4
    assert float(CosetDistance(reduce="median").fn(planted)) < 1e-4
    assert float(CosetDistance(reduce="share").fn(planted)) == 1.0


def test_other_functions_of_the_same_irreps_are_no_functions_of_cosets() -> None:
    """But for the alternating group: its cosets are the sign, which is the one function of its irrep."""
    task = Composition(group="S4")
    stabilisers = neurons(task, *coset_neurons(task, 6))
    assert float(CosetDistance(reduce="median", null="same_irreps").fn(stabilisers)) > 0.1
    assert float(CosetDistance(reduce="median", null="same_irreps").fn(neurons(task, *coset_neurons(task, 12)))) < 1e-4


def test_one_input_that_is_none_counts_and_dead_neurons_do_not() -> None:
    task, rng = Composition(group="S4"), np.random.default_rng(1)
    good = coset_neurons(task, 6)[0]
    half = good + of_operand(task, rng.standard_normal(24), 1) * 3
    dead = good * 1e-3
    values = np.asarray(CosetDistance().fn(neurons(task, good, half, dead)))
    assert values[0] < 1e-4
    assert values[1] > 0.05
    assert np.isnan(values[2])
    assert float(CosetDistance(reduce="share").fn(neurons(task, good, half, dead))) == 0.5


def test_the_sum_over_cosets_is_the_mean_times_their_number() -> None:
    task, rng = Composition(group="S4"), np.random.default_rng(2)
    noise = neurons(
        task, *(of_operand(task, rng.standard_normal(24), 0) + of_operand(task, rng.standard_normal(24), 1) for _ in range(9))
    )
    assert (np.asarray(CosetDistance(within="sum").fn(noise)) >= 2 * np.asarray(CosetDistance().fn(noise)) - 1e-5).all()
    assert float(CosetDistance(reduce="share", within="sum", below=1.0).fn(noise)) < 0.5
