"""Numbers in sentences, in digits and in words."""

import time

import pytest

from epicycle.spec.spoken_numbers import Spoken, numbers_in, without


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It generalises more than ten times later.", [10]),
        ("90 % or 90 percent or ninety per cent or 5 percentage points", [0.9, 0.9, 0.9, 0.05]),
        ("47 of 48 runs, one in ten, nine out of ten", [47 / 48, 0.1, 0.9]),
        ("a third, a half, half, three quarters, nine tenths, the third", [1 / 3, 0.5, 0.5, 0.75, 0.9]),
        ("twice, doubles, tenfold, thrice, halved", [2, 2, 10, 3, 0.5]),
        ("half as much again, one and a half times, two and a half decades", [1.5, 1.5, 2.5]),
        ("twenty-five, two hundred, a hundred, forty-eight thousand, a dozen", [25, 200, 100, 48_000, 12]),
        ("two hundred forty-eight, a hundred thousand, three million, ten eleven", [248, 100_000, 3_000_000, 10, 11]),
        ("10,000 steps, 1e-3, 10x, 0.5", [10_000, 1e-3, 10, 0.5]),
        ("arm minus_1000 and arm decay_five", [1000, 5]),
        ("one time, one step, 1 step", [1, 1, 1]),
        ("no decay, the one network, one of them, first and second, once it has memorised, S4, x^2, the 3rd", []),
    ],
)
def test_numbers_of_a_text(text: str, numbers: list[float]) -> None:
    assert [spoken.value for spoken in numbers_in(text)] == pytest.approx(numbers)


def test_the_words_of_a_number() -> None:
    assert [spoken.text for spoken in numbers_in("In nine tenths, Ten times and 90 %")] == ["nine tenths", "Ten", "90 %"]


@pytest.mark.parametrize(
    ("said", "number", "same"),
    [
        ("ten", 10.004, True),
        ("ten", 10.5, False),
        ("95 %", 0.94, False),
        ("30 %", 0.297, True),
        ("twice", 1.99, True),
        ("a third", 0.33, True),
        ("2000", 1997, False),
        ("0", 0.0, True),
        ("0", 0.1, False),
    ],
)
def test_whether_two_numbers_are_one(said: str, number: float, same: bool) -> None:
    [spoken] = numbers_in(said)
    assert spoken.names(number) == same
    assert without([spoken], [number, 7.7]) == ([] if same else [spoken])


def test_nothing_is_known_without_numbers() -> None:
    assert without([Spoken("ten", 10.0)], []) == [Spoken("ten", 10.0)]


def test_long_texts_take_no_longer_a_word() -> None:
    start = time.perf_counter()
    assert len(numbers_in("ten of them, " * 20_000)) == 20_000
    assert time.perf_counter() - start < 5
