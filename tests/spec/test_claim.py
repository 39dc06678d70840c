"""What a claim says: one sentence, whose numbers are those of the criterion."""

import pytest

from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.remaining_time import DoseExponent, LogRemainingTime
from epicycle.claims.series_quantities import ValueAt
from epicycle.spec.claim import Claim, Region
from epicycle.spec.errors import InputError
from epicycle.spec.families import Statistic

DELAY = EventRatio(event="t_gen", over="t_mem", arm="grokking")
BOOST = DoseExponent(event="t_gen", arm="minus_onset", against="minus", along="by", doses=(2, 5, 10))
LEFT = LogRemainingTime(event="t_gen", arm="minus_1000", against="minus", where={"by": 10})
CHANCE = ValueAt(series="test_acc", at="t_mem", minus="baseline", arm="grokking")


def claim(says: str, statistic: Statistic = DELAY, supported: Region | None = None, refuted: Region | None = None) -> Claim:
    above, below = supported or Region(above=10.0), refuted or Region(below=2.0)
    return Claim(id="a", says=says, statistic=statistic, supported_if=above, refuted_if=below)


def test_the_criterion_is_one_that_people_understand() -> None:
    assert claim("").criterion() == "The median of t_gen / t_mem over runs of arm grokking is above 10. Refuted if below 2."
    left = claim("", LEFT, Region(below=-2.303), Region(above=0.0))
    assert left.criterion() == (
        "The median of t_gen, counted from the fork, in arm minus_1000 at by = 10, compared with its control in arm minus, "
        "is more than 10 times sooner. Refuted if later."
    )
    time = claim("", EventTime(event="t_gen", arm="a", unit="budget"), Region(below=0.2), Region(above=0.5))
    assert (
        time.criterion() == "The median of t_gen over runs of arm a is below 20 % of the budget. Refuted if above 50 % of the budget."
    )


@pytest.mark.parametrize(
    ("says", "statistic", "supported", "refuted"),
    [
        ("It generalises more than ten times later.", DELAY, None, None),
        ("It needs more than 10 times as long, and not twice as long.", DELAY, None, None),
        ("Without decay no network generalises one bit sooner, and the one that does is not S4.", DELAY, None, None),
        ("Ten times the rate makes it about eight times faster.", BOOST, Region(above=0.903), Region(below=0.5)),
        ("At step 1000, ten times the rate halves what is left.", LEFT, Region(below=-0.693), Region(above=0.0)),
        ("It is less than 10 % above chance, not 30 points.", CHANCE, Region(below=0.1), Region(above=0.3)),
    ],
)
def test_numbers_of_the_criterion_may_be_said(
    says: str, statistic: Statistic, supported: Region | None, refuted: Region | None
) -> None:
    assert claim(says, statistic, supported, refuted).says == says


@pytest.mark.parametrize(
    ("says", "number"),
    [
        ("It generalises more than twelve times later.", "twelve"),
        ("It generalises 11 times later.", "11"),
        ("In 90 % of all networks it generalises ten times later.", "90 %"),
        ("A third of the networks generalise ten times later.", "A third"),
        ("It generalises four times later.", "four"),
    ],
)
def test_a_number_that_the_criterion_lacks(says: str, number: str) -> None:
    data = {"id": "a", "says": says, "statistic": DELAY, "supported_if": {"above": 10}, "refuted_if": {"below": 2}}
    with pytest.raises(InputError, match=f"'says' speaks of '{number}', which is no number of the criterion.* Its numbers: 2, 10"):
        Claim.parse(data)


def test_a_sentence_is_short_and_one_line() -> None:
    with pytest.raises(ValueError, match="one line"):
        claim("It generalises\nlater.")
    with pytest.raises(ValueError, match="at most 240"):
        claim("later " * 50)


def test_other_words_are_no_other_claim() -> None:
    assert claim("It generalises later.").fingerprint == claim("").fingerprint
