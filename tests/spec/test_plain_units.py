"""Judged numbers in plain units: values, intervals and regions."""

from math import e, inf, log, nan

import pytest

from epicycle.spec.plain_units import Piece, PlainUnits

LOG = PlainUnits(base=e, compared="ratio", sides=("later", "sooner"))
RATIO = PlainUnits(compared="ratio", sides=("later", "sooner"))
POINTS = PlainUnits("points", 100, compared="difference", sides=("above chance", "below chance"))
STEPS = PlainUnits("steps")


@pytest.mark.parametrize(
    ("scale", "numbers", "words"),
    [
        (LOG, (-1.5, -1.6, -1.41), "4.5 times sooner (4.1 to 5.0)"),
        (LOG, (0.095, 0.05, 0.14), "10 % later (5 to 15)"),
        (LOG, (0.05, -0.05, 0.1), "5 % later (5 % sooner to 11 % later)"),
        (LOG, (0.18, -0.1, 0.5), "1.2 times later (1.1 times sooner to 1.6 times later)"),
        (LOG, (0.0, -0.1, 0.1), "the same (10 % sooner to 11 % later)"),
        (LOG, (inf, log(12), inf), "more than 12 times later"),
        (LOG, (inf, -log(2), inf), "less than 2.0 times sooner, or later"),
        (LOG, (2.4, 2.1, inf), "11 times later (8 to unbounded)"),
        (LOG, (-1.2, -inf, -1.0), "3.3 times sooner (2.7 to unbounded)"),
        (LOG, (-1.2, -inf, inf), "3.3 times sooner (nothing bounds it)"),
        (LOG, (nan, -inf, inf), "not known"),
        (LOG, (nan, 0.5, 0.9), "1.6 to 2.5 times later"),
        (RATIO, (0.05, 0.0, 0.1), "20 times sooner (10 to unbounded)"),
        (POINTS, (0.04, 0.01, 0.06), "4.0 points above chance (1.0 to 6.0)"),
        (POINTS, (0.44, -0.02, 0.56), "44 points above chance (2 below chance to 56 above chance)"),
        (POINTS, (0.009998, -0.018, 0.0257), "1.0 points above chance (1.8 below chance to 2.6 above chance)"),
        (STEPS, (1234, 1100, 1300), "1,234 steps (1,100 to 1,300)"),
        (STEPS, (inf, 5000, inf), "above 5,000 steps"),
        (PlainUnits("steps", base=e), (log(1234), log(1100), log(1300)), "1,234 steps (1,100 to 1,300)"),
        (PlainUnits(), (0.99, 0.95, 1.0), "0.99 (0.95 to 1.00)"),
        (PlainUnits(), (2e-6, 1e-6, 4e-6), "2e-06 (1e-06 to 4e-06)"),
        (PlainUnits(base=10.0, compared="ratio", sides=("faster", "slower"), tail="for ten times lr"), (0.9, 0.8, 1.0),
         "7.9 times faster (6.3 to 10.0) for ten times lr"),
    ],
)  # fmt: skip
def test_a_value_with_its_interval(scale: PlainUnits, numbers: tuple[float, float, float], words: str) -> None:
    assert scale.interval(*numbers) == words


@pytest.mark.parametrize(
    ("scale", "pieces", "words"),
    [
        (LOG, [(log(10), inf)], "more than 10 times later"),
        (LOG, [(-inf, -0.1)], "more than 9.5 % sooner"),
        (LOG, [(-inf, 0.0)], "sooner"),
        (LOG, [(0.0, inf)], "later"),
        (LOG, [(0.0, log(3))], "less than 3 times later"),
        (LOG, [(-0.4, 0.4)], "between 1.5 times sooner and 1.5 times later"),
        (LOG, [(-2.71, -1.95)], "7 to 15 times sooner"),
        (LOG, [(-inf, -0.1), (0.1, inf)], "more than 9.5 % sooner or more than 10.5 % later"),
        (LOG, [(-inf, 0.1)], "less than 10.5 % later, or sooner"),
        (LOG, [(-0.3, inf)], "less than 1.35 times sooner, or later"),
        (RATIO, [(10.0, inf)], "above 10"),
        (RATIO, [(-inf, 1.25)], "below 1.25"),
        (POINTS, [(0.3, inf)], "more than 30 points above chance"),
        (POINTS, [(-0.05, 0.05)], "between 5 points below chance and 5 points above chance"),
        (STEPS, [(1000, 4000)], "between 1,000 and 4,000 steps"),
        (PlainUnits("shifts", counts=True), [(1.5, 2.5)], "2 shifts"),
        (PlainUnits("shifts", counts=True), [(1.5, 3.5)], "between 1.5 and 3.5 shifts"),
    ],
)
def test_a_region(scale: PlainUnits, pieces: list[Piece], words: str) -> None:
    assert scale.region(pieces) == words


def test_the_scale_of_a_difference() -> None:
    assert PlainUnits("steps", base=e, sides=("later", "sooner")).comparing().interval(-1.5, -1.6, -1.4).startswith("4.5 times sooner")
    assert PlainUnits(part_of_one=True).comparing().interval(0.31, 0.3, 0.4) == "31 points higher (30 to 40)"
    assert PlainUnits("% of t_gen", 100).comparing().interval(-0.31, -0.4, -0.3) == "31 points lower (30 to 40)"
    assert POINTS.comparing().region([(0.1, inf)]) == "more than 10 points higher"


def test_the_numbers_by_which_a_bound_is_called() -> None:
    assert {round(number, 6) for number in LOG.numbers(log(10))} == {10, 0.1}
    assert {round(number, 6) for number in LOG.numbers(log(1.25))} == {1.25, 0.8, 0.25, 0.2}
    assert list(POINTS.numbers(-0.3)) == pytest.approx([0.3])
    assert STEPS.numbers(4000) == {4000}
    assert LOG.numbers(inf) == set()
    assert 2.5 in PlainUnits(base=10.0, compared="ratio").numbers(-2.5), "people count decades"
