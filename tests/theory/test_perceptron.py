"""Random networks against geometry, and gradient descent against a hand-written step."""

import numpy as np
import pytest

from epicycle.theory.sampling.descent import Descent, train
from epicycle.theory.sampling.perceptron import Perceptron, answers, margins, margins_of
from epicycle.theory.sampling.truth_tables import boolean_inputs, distinct, packed, random_tables, unpacked

UNIT = Perceptron(d_in=2, hidden=(), d_out=1, weight_scale=2**0.5, bias_scale=1.0)  # three standard-normal numbers


def test_a_random_threshold_unit_draws_each_function_of_two_bits_as_often_as_geometry_says() -> None:
    """The three weights are a random direction. The functions are the faces of a cuboctahedron: six squares, eight triangles.

    The triangle with sides of 60 degrees has angles of arccos(1/3), and so the area 3 arccos(1/3) - pi of the sphere's 4 pi.
    """
    triangle = (3 * np.arccos(1 / 3) - np.pi) / (4 * np.pi)
    square = (1 - 8 * triangle) / 6
    n = 1 << 17
    tables = unpacked(random_tables(UNIT, 2, n, 0), 4)
    shares = np.bincount(tables @ [1, 2, 4, 8], minlength=16) / n
    balanced = {0b0000, 0b1111, 0b1010, 0b0101, 0b1100, 0b0011}  # constants and single inputs
    parities = {0b0110, 0b1001}
    for function, share in enumerate(shares):
        expected = 0.0 if function in parities else square if function in balanced else triangle
        assert abs(share - expected) < 5 * np.sqrt(square / n), f"{function:04b}"


def test_packing_loses_nothing() -> None:
    bits = np.random.default_rng(0).integers(0, 2, (5, 32), np.uint8)
    assert np.array_equal(unpacked(packed(bits), 32), bits)


@pytest.mark.parametrize("n_rows", [4, 32, 128])
def test_different_tables_are_counted(n_rows: int) -> None:
    bits = np.random.default_rng(1).integers(0, 2, (3, n_rows), np.uint8)
    bits[0, -1], bits[1, -1], bits[2] = 0, 1, bits[0]
    tables, counts = distinct(bits)
    assert {(table.tobytes(), count) for table, count in zip(tables, counts.tolist(), strict=True)} == {
        (bits[0].tobytes(), 2),
        (bits[1].tobytes(), 1),
    }


def test_the_first_draws_do_not_depend_on_how_many_are_drawn() -> None:
    assert np.array_equal(random_tables(UNIT, 2, 100, 3), random_tables(UNIT, 2, 10_000, 3)[:100])


def test_a_network_by_hand() -> None:
    """One hidden unit: relu(x0 - x1 + 0.5), times -2, plus 1."""
    network = Perceptron(2, (1,), 1, 1.0, 1.0)
    weights = np.array([[1.0, -1.0, 0.5, -2.0, 1.0]], np.float32)
    outputs = np.asarray(network.outputs(weights, boolean_inputs(2)))[0, :, 0]
    assert outputs == pytest.approx([0.0, -4.0, 1.0, 0.0])
    assert np.asarray(answers(network, weights, boolean_inputs(2)))[0].tolist() == [0, 0, 1, 0]
    squared = network._replace(activation="square")
    assert np.asarray(squared.outputs(weights, boolean_inputs(2)))[0, 1, 0] == pytest.approx(1 - 2 * 2.5**2)


def test_margins_of_several_answers() -> None:
    outputs = np.array([[[1.0, 3.0, 2.0], [5.0, 0.0, 0.0]]], np.float32)
    assert np.asarray(margins(outputs, np.array([1, 2]))).tolist() == [[1.0, -5.0]]


def test_the_spread_of_weights() -> None:
    network = Perceptron(4, (3,), 2, 2.0, 0.5)
    deviations = network.deviations()
    assert len(deviations) == 4 * 3 + 3 + 3 * 2 + 2
    assert deviations[:12] == pytest.approx(1.0)
    assert deviations[12:15] == pytest.approx(0.5)
    assert deviations[15:21] == pytest.approx(2 / 3**0.5)


def test_one_step_of_descent_by_hand() -> None:
    """A threshold unit at the origin: the logistic loss has the slope -y x / 2."""
    rows, labels = boolean_inputs(2), np.array([0, 1, 1, 1], np.int32)
    descent = Descent("sgd", lr=0.1, weight_decay=0.0, steps=1, until_right=True)
    trained = train(UNIT, descent, np.zeros((1, 3), np.float32), rows, labels)
    signs = 2 * labels - 1
    slope = np.array([*(signs[:, None] * rows).mean(axis=0), signs.mean()]) / 2
    assert trained.weights[0] == pytest.approx(0.1 * slope)
    assert trained.steps.tolist() == [1]
    assert trained.right.all(), "the corner is cut off after one step"
    assert trained.wrong_steps.tolist() == [[1, 1, 1, 1]], "at the origin no margin is above 0"


def test_a_network_rests_once_it_is_right() -> None:
    rows, labels = boolean_inputs(2), np.array([0, 1, 1, 1], np.int32)
    descent = Descent("sgd", lr=0.1, weight_decay=0.0, steps=50, until_right=True)
    trained = train(UNIT, descent, np.array([[1, 1, 1], [-1, -1, -1]], np.float32), rows, labels)
    assert trained.steps[0] == 0
    assert trained.weights[0].tolist() == [1, 1, 1]
    assert trained.steps[1] > 0
    assert trained.right.all()
    assert (np.asarray(margins_of(UNIT, trained.weights, rows, labels)) > 0).all()
    further = train(UNIT, descent._replace(until_right=False), np.ones((1, 3), np.float32), rows, labels)
    assert (further.weights > 1).all(), "without a rest the margins grow"
    assert further.when_right.tolist() == [[1, 1, 1]]


def test_what_is_not_linear_is_never_right() -> None:
    labels = np.array([0, 1, 1, 0], np.int32)
    trained = train(UNIT, Descent("adam", 0.1, 0.0, 40, until_right=True), np.ones((2, 3), np.float32), boolean_inputs(2), labels)
    assert not trained.right.any()
    assert trained.steps.tolist() == [40, 40]


def test_decay_shrinks_weights_that_nothing_else_moves() -> None:
    descent = Descent("sgd", lr=0.1, weight_decay=1.0, steps=3, until_right=False)
    rows, labels = np.zeros((2, 2), np.float32), np.array([0, 1], np.int32)
    trained = train(UNIT, descent, np.array([[2.0, -3.0, 0.0]], np.float32), rows, labels)
    assert trained.weights[0] == pytest.approx([2 * 0.9**3, -3 * 0.9**3, 0.0])
