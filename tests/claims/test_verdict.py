"""Verdicts on planted arms, and the regions of claims."""

import numpy as np
import pytest
from tests.claims.planted_arms import stepping

from epicycle.claims.quantities import EventRatio, EventTime
from epicycle.claims.shares import Share
from epicycle.claims.verdict import judge
from epicycle.claims.verdicts_document import verdicts_document
from epicycle.events.detectors import Threshold
from epicycle.literature.accounts import ACCOUNTS
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.studies import NAMES, load

DELAY = Claim(
    id="late",
    statistic=EventRatio(event="t_gen", over="t_mem", arm="a"),
    supported_if=Region(above=3.0),
    refuted_if=Region(below=2.0),
)


def test_three_verdicts() -> None:
    late = judge(DELAY, {"a": stepping([20] * 8, [200] * 8)})
    assert late.verdict == "supported"
    assert late.estimate is not None
    assert late.estimate.interval.value == pytest.approx(10, rel=0.1)
    assert judge(DELAY, {"a": stepping([100] * 8, [120] * 8)}).verdict == "refuted"
    assert judge(DELAY, {"a": stepping([100] * 8, [250] * 8)}).verdict == "undecided"
    mixed = judge(DELAY, {"a": stepping([100] * 8, [120, 120, 120, 800, 800, 800, 800, 800])})
    assert mixed.verdict == "undecided"
    assert "neither" in mixed.reason


def test_censoring_is_ranked_last_not_dropped() -> None:
    verdict = judge(DELAY, {"a": stepping([20] * 10, [200] * 6 + [None] * 4)})
    assert verdict.verdict == "supported"
    assert verdict.estimate is not None
    assert (verdict.estimate.n, len(verdict.estimate.censored)) == (10, 4)
    assert verdict.document()["interval"][1] is None
    never = judge(DELAY, {"a": stepping([600] * 8, [None] * 8)})
    assert never.verdict == "undecided", "censored at 1.7 times t_mem: it may still be late or soon"
    unmemorised = judge(DELAY, {"a": stepping([2000] * 8, [None] * 8)})
    assert unmemorised.verdict == "undecided"


def test_diverged_runs_never_get_there() -> None:
    verdict = judge(DELAY, {"a": stepping([20] * 10, [200] * 10, diverged=[9])})
    assert verdict.verdict == "supported"
    assert verdict.document()["diverged"] == ["9"]
    several = judge(DELAY, {"a": stepping([100] * 10, [120] * 10, diverged=[7, 8, 9])})
    assert several.verdict == "undecided"


def test_too_few_seeds_gates_and_detectors() -> None:
    few = judge(DELAY, {"a": stepping([20] * 5, [200] * 5)})
    assert few.verdict == "undecided"
    assert "fewer than the 8" in few.reason
    gate = Gate(statistic=Share(event="t_mem", arm="a"), region=Region(above=0.9))
    gated = judge(DELAY.model_copy(update={"gates": (gate,)}), {"a": stepping([20] * 8, [200] * 8)})
    assert gated.verdict == "undecided"
    assert "gate is closed" in gated.reason, "8 of 8 shows only that the share is above 0.52"
    low = Threshold(of="test_acc", level=0.015)  # held from the start by a flat 0.02
    torn = DELAY.model_copy(update={"statistic": DELAY.statistic.model_copy(update={"detectors": {"low": low}})})
    data = stepping([20] * 8, [200] * 8)
    data["test_acc"] = data["test_acc"].clip(0.02)
    disagreeing = judge(torn, {"a": data})
    assert disagreeing.verdict == "undecided"
    assert "disagree" in disagreeing.reason
    missing = judge(DELAY, {})
    assert missing.verdict == "undecided"


def test_the_document_of_verdicts() -> None:
    arms = {"a": stepping([20] * 8, [200] * 8, diverged=[5])}
    header = {"study": "s", "question": "q", "profile": "p", "pilot": False}
    document = verdicts_document(header, [judge(DELAY, arms)], arms, {"a": {"swap": 0.4}}, {"late"})
    assert list(document) == ["study", "question", "profile", "pilot", "claims", "arms"]
    assert document["claims"] == [{**judge(DELAY, arms).document(), "post_hoc": True, "pilot": False}]
    assert document["arms"] == {
        "a": {"runs": 8, "done": 7, "diverged": 1, "budget": 1000, "baseline": 0.01, "leakage": {"swap": 0.4}, "exact": None}
    }


def test_every_account_a_study_names_is_described() -> None:
    named = {account for name in NAMES for claim in load(name).claims for account in claim.accounts}
    assert named
    assert named <= set(ACCOUNTS)
    assert all(account.source and account.says for account in ACCOUNTS.values())


def test_regions() -> None:
    assert Region(above=1).holds(1.1, 5)
    assert not Region(above=1).holds(1.0, 5)
    assert not Region(above=1, below=2).holds(1.5, np.inf)
    assert Region(above=1).holds(2, np.inf), "censored runs: at least 2"
    assert Region(below=1).holds(-np.inf, 0)
    assert not Region(below=1).holds(-np.inf, np.inf)
    outside = Region(above=1, below=-1)
    assert [outside.holds(*ends) for ends in ((1.1, np.inf), (-3, -1.1), (-2, 2), (0, 0.5))] == [True, True, False, False]
    assert outside.phrase() == "below -1 or above 1"
    with pytest.raises(ValueError, match="needs 'above' or 'below'"):
        Region()
    with pytest.raises(ValueError, match="must differ"):
        Region(above=1, below=1)


def test_regions_of_a_claim_lie_apart() -> None:
    def claim(supported: Region, refuted: Region) -> Claim:
        return Claim(id="a", statistic=EventTime(event="t_gen", arm="a"), supported_if=supported, refuted_if=refuted)

    claim(Region(above=-1, below=1), Region(above=1, below=-1))
    claim(Region(below=1), Region(above=1))
    for refuted in (Region(above=0.5), Region(above=2, below=0.5), Region(above=-3, below=3)):
        with pytest.raises(ValueError, match="overlap"):
            claim(Region(above=-1, below=1), refuted)
