"""Verdicts in words: what was found, in plain units, and documents of earlier versions."""

from math import inf, log

import pytest
from tests.claims.planted_arms import planted, stepping

from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.remaining_time import LogRemainingTime
from epicycle.claims.series_quantities import ValueAt
from epicycle.claims.shares import Share
from epicycle.claims.verdict import judge
from epicycle.claims.wording import ClaimWords, finding
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.families import Statistic

DELAY = EventRatio(event="t_gen", over="t_mem", arm="a")
GEN = [390.0, 400, 400, 400, 400, 400, 400, 400, 400, 410]


@pytest.mark.parametrize(
    ("statistic", "arm", "words"),
    [
        (DELAY, stepping([20] * 10, [200] * 10), "10 times later (10 to 11), 10 seeds"),
        (Share(event="t_gen", arm="a"), stepping([20] * 10, [200] * 9 + [None]), "9 of 10 runs (0."),
        (EventTime(event="t_gen", arm="a"), stepping([20] * 10, [200] * 10), "198 steps (196 to 200), 10 seeds"),
        (EventTime(event="t_gen", arm="a", unit="log"), stepping([20] * 10, [200] * 10), "198 steps (196 to 200), 10 seeds"),
        (DELAY, stepping([20] * 10, [None] * 10), "more than 50 times later, 10 seeds, 10 of 10 runs open"),
        (DELAY, stepping([20] * 10, [200] * 10, diverged=[9]), "unbounded), 10 seeds, 1 of 10 runs open, 1 diverged"),
        (DELAY, planted([20] * 10, GEN, [(seed, 3) for seed in range(10)]), ", 10 runs on one split"),
    ],
)
def test_what_was_found(statistic: Statistic, arm: object, words: str) -> None:
    [estimate, *_] = statistic.estimates({"a": arm})
    assert words in finding(statistic, estimate)


def test_the_document_has_all_words() -> None:
    statistic = LogRemainingTime(event="t_gen", arm="fork", against="a")
    claim = Claim(
        id="sooner", says="It comes sooner.", statistic=statistic, supported_if=Region(below=-0.1), refuted_if=Region(above=0.1)
    )
    seeds = [(seed, seed) for seed in range(10)]
    arms = {
        "a": planted([20] * 10, [1100.0] * 10, seeds),
        "fork": planted([0] * 10, [200.0] * 10, seeds, moments=[100] * 10),
    }
    document = judge(claim, arms).document()
    assert document["says"] == "It comes sooner."
    assert document["finding"].endswith("5.0 times sooner (4.9 to 5.1), 10 seeds")
    assert document["criterion"] == claim.criterion()
    assert "in natural logarithms" in document["reason"], "the reason tells the numbers that were judged"
    assert "lies below -0.1" in document["reason"]
    assert ClaimWords.of(document) == ("It comes sooner.", document["finding"], document["criterion"])


def test_log_odds_are_read_as_odds() -> None:
    at_end = ValueAt(series="train_log_odds", at="end", arm="a")
    assert at_end.plain_units().region([(log(19), inf)]) == "above 19 to 1"
    assert at_end.plain_units().comparing().region([(log(2), inf)]) == "more than 2 times higher"
    beside = at_end.model_copy(update={"beside": "test_log_odds"})
    assert beside.plain_units().region([(log(3), inf)]) == "more than 3 times above test_log_odds"


def test_documents_of_earlier_versions() -> None:
    stored = {
        "sentence": "The median t_gen in arm a is above 3.",
        "refuted_if": "below 2",
        "estimate": 9.8,
        "interval": [8.1, None],
        "n": 10,
        "censored": ["3"],
    }
    words = ClaimWords.of(stored)
    assert words == (stored["sentence"], "9.8 (8.1 to unbounded, n = 10); 1 censored", f"{stored['sentence']} Refuted if below 2.")
    assert ClaimWords.of(stored | {"estimate": None, "interval": None}).finding == ""


def test_a_closed_gate_speaks_in_plain_units() -> None:
    gate = Gate(statistic=EventTime(event="t_mem", arm="a", unit="budget"), region=Region(below=0.01))
    claim = Claim(id="late", statistic=DELAY, supported_if=Region(above=3.0), refuted_if=Region(below=2.0), gates=(gate,))
    reason = judge(claim, {"a": stepping([20] * 10, [200] * 10)}).reason
    assert reason.startswith("its gate is closed: the median of t_mem over runs of arm a is 1.9 % of the budget (")
    assert reason.endswith("not all of it is below 1 % of the budget")
