"""Random tables are what they promise: Latin, symmetric, uniform where that is said, and the same for ever."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from epicycle import RandomTable
from epicycle.tasks.random_tables import latin_square, symmetric_latin_square


def is_latin(square: np.ndarray) -> bool:
    every = np.arange(len(square))
    return bool((np.sort(square, axis=0) == every[:, None]).all() and (np.sort(square, axis=1) == every).all())


@settings(max_examples=40, deadline=None, derandomize=True)
@given(n=st.integers(2, 24), seed=st.integers(0, 2**32 - 1))
def test_latin_squares_are_latin(n: int, seed: int) -> None:
    square = RandomTable(n=n, latin=True, table_seed=seed).product()
    assert is_latin(square)
    assert RandomTable(n=n, latin=True, table_seed=seed).table().baseline() == pytest.approx(1 / n), "no operand tells a label"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(n=st.integers(1, 12).map(lambda k: 2 * k + 1), seed=st.integers(0, 2**32 - 1))
def test_symmetric_latin_squares_are_both(n: int, seed: int) -> None:
    square = RandomTable(n=n, latin=True, commutative=True, table_seed=seed).product()
    assert is_latin(square)
    assert (square == square.T).all()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(n=st.integers(2, 40), seed=st.integers(0, 2**32 - 1))
def test_a_commutative_table_has_the_mirror_and_the_other_has_not(n: int, seed: int) -> None:
    table = RandomTable(n=n, commutative=True, table_seed=seed).table()
    assert table.mirror is not None
    np.testing.assert_array_equal(table.labels[table.mirror.image], table.labels)
    assert RandomTable(n=n, table_seed=seed).table().symmetries == ()


def intercalates(square: np.ndarray) -> int:
    """2 x 2 subsquares that are Latin."""
    pairs = [(a, b) for a in range(len(square)) for b in range(a)]
    return sum(square[a, c] == square[b, d] and square[a, d] == square[b, c] for a, b in pairs for c, d in pairs)


def test_small_latin_squares_are_uniform() -> None:
    """All 12 of order 3 and all 576 of order 4; at order 5, 6 of 56 reduced squares (the cyclic group's) have no intercalate."""
    for n, draws, there_are in ((3, 1200, 12), (4, 5760, 576)):
        counts = Counter(latin_square.__wrapped__(n, seed).tobytes() for seed in range(draws))
        assert len(counts) == there_are
        assert chisquare(list(counts.values())).pvalue > 0.001
    without = sum(intercalates(latin_square.__wrapped__(5, seed)) == 0 for seed in range(2000))
    assert abs(without / 2000 - 6 / 56) < 4 * np.sqrt(6 / 56 * 50 / 56 / 2000)


def test_small_symmetric_latin_squares_are_uniform() -> None:
    """720 of order 5: K6 has 6 one-factorizations, all alike, and 5! ways to name the factors."""
    counts = Counter(symmetric_latin_square.__wrapped__(5, seed).tobytes() for seed in range(7200))
    assert len(counts) == 720
    assert chisquare(list(counts.values())).pvalue > 0.001


def test_a_random_latin_square_is_no_group() -> None:
    """Nothing but the label's frequency is left of the addition it started from: (x y) z = x (y z) holds as often as chance has it."""
    for square in (latin_square(29, 0), symmetric_latin_square(29, 0)):
        associative = (square[square] == square[:, square]).mean()
        assert associative < 3 / 29


def test_distinct_seeds_differ_and_one_seed_never_changes() -> None:
    """An id stands for the draw, so the draw may not change with the library's or Python's version."""
    for fields in ({}, {"commutative": True}, {"latin": True}, {"commutative": True, "latin": True}):
        tables = [RandomTable(n=11, table_seed=seed, **fields).table().labels for seed in (0, 1, 2)]
        assert len({labels.tobytes() for labels in tables}) == 3
    first = {
        "plain": RandomTable(n=11),
        "commutative": RandomTable(n=11, commutative=True),
        "latin": RandomTable(n=11, latin=True),
        "both": RandomTable(n=11, commutative=True, latin=True),
    }
    assert {name: task.product()[0].tolist() for name, task in first.items()} == {
        "plain": [5, 0, 3, 3, 7, 9, 3, 5, 2, 4, 7],
        "commutative": [5, 0, 3, 3, 7, 9, 3, 5, 2, 4, 7],
        "latin": [0, 4, 10, 3, 7, 9, 5, 8, 1, 6, 2],
        "both": [7, 8, 10, 0, 5, 9, 2, 1, 3, 6, 4],
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n": 1}, "greater than or equal to 2"),
        ({"n": 201, "latin": True}, "at most 200"),
        ({"n": 10, "latin": True, "commutative": True}, "odd number of elements only; choose n = 11"),
        ({"n": 10, "table_seed": -1}, "greater than or equal to 0"),
        ({"n": 10, "table_seed": 2**32}, "less than or equal to 4294967295"),
    ],
)
def test_tables_that_cannot_be_drawn_are_refused(fields: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandomTable(**fields)  # type: ignore[arg-type]


def test_a_drawn_square_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        RandomTable(n=5, latin=True).product()[0, 0] = 1
