"""Primary claims share one level of error, by Holm's step-down procedure."""

import pytest
from tests.claims.planted_arms import stepping

from epicycle.claims.intervals import LEVEL
from epicycle.claims.power import powers
from epicycle.claims.quantities import EventTime
from epicycle.claims.several_claims import judge_together, step_down
from epicycle.claims.units import units_among
from epicycle.claims.verdict import judge
from epicycle.spec.claim import Claim, Gate, Region
from epicycle.spec.errors import InputError
from epicycle.studies import NAMES, load


def late(name: str, arm: str, primary: bool = True, above: float = 100) -> Claim:
    statistic = EventTime(event="t_gen", arm=arm)
    return Claim(id=name, statistic=statistic, supported_if=Region(above=above), refuted_if=Region(below=50), primary=primary)


EIGHT, TEN = stepping([20] * 8, [200] * 8), stepping([20] * 10, [200] * 10)


def test_holm_goes_down_the_levels() -> None:
    smallest = {"a": 0.001, "b": 0.02, "c": 0.04, "d": 0.3}
    levels = step_down(list(smallest), lambda name, level: smallest[name] <= level)
    assert levels == {"a": LEVEL / 4}, "0.02 is above 0.05 / 3"
    levels = step_down(["a", "b", "c"], lambda name, level: smallest[name] <= level)
    assert levels == {"a": LEVEL / 3, "b": LEVEL / 2, "c": LEVEL}
    assert step_down([], lambda name, level: True) == {}


def test_one_primary_claim_keeps_its_level() -> None:
    claims = [late("one", "eight"), late("beside", "eight", primary=False)]
    one, beside = judge_together(claims, {"eight": EIGHT})
    assert (one.verdict, one.level, beside.verdict, beside.level) == ("supported", LEVEL, "supported", LEVEL)
    assert "Holm" not in one.reason
    assert beside.reason.endswith("exploratory, so at 95 % and not corrected for other claims")


def test_what_holds_at_95_percent_alone_may_not_hold_among_others() -> None:
    """Eight runs that agree have a mixture ratio of 28: enough for one claim, and for the last of two, but not for both of two."""
    both = judge_together([late("one", "eight"), late("two", "eight")], {"eight": EIGHT})
    assert [verdict.verdict for verdict in both] == ["undecided", "undecided"]
    assert "not at the level that Holm's correction for 2 primary claims asks" in both[0].reason
    assert both[0].needs == "more seeds"
    assert both[0].document()["level"] is None
    assert judge(late("one", "eight"), {"eight": EIGHT}).verdict == "supported"
    last = judge_together([late("one", "eight"), late("two", "ten")], {"eight": EIGHT, "ten": TEN})
    assert [(verdict.verdict, verdict.level) for verdict in last] == [("supported", LEVEL), ("supported", LEVEL / 2)]
    assert "decided at 97.5 %, as Holm's correction for 2 primary claims asks" in last[1].reason
    document = last[1].document()
    alone = judge(late("two", "ten"), {"ten": TEN}).document()
    assert document["interval"] == alone["interval"], "what is shown is the 95 % interval"
    undecided = late("three", "ten", above=500)
    among = judge_together([late("one", "eight"), undecided], {"eight": EIGHT, "ten": TEN})
    assert among[0].verdict == "undecided", "an undecided claim keeps its share of the level"


def test_a_gate_is_not_corrected() -> None:
    gate = Gate(statistic=EventTime(event="t_mem", arm="eight"), region=Region(below=100))
    claims = [late(name, "ten").model_copy(update={"gates": (gate,)}) for name in ("one", "two")]
    assert [verdict.verdict for verdict in judge_together(claims, {"eight": EIGHT, "ten": TEN})] == ["supported"] * 2


def test_power_knows_of_the_correction() -> None:
    units = {n: units_among([(i, i) for i in range(n)]) for n in (8, 9, 10)}
    first, second = late("one", "a"), late("two", "b")
    assert [power.level for power in powers([(first, units[8])])] == [LEVEL]
    assert [power.level for power in powers([(first, units[8]), (second, units[10])])] == [LEVEL, LEVEL / 2]
    with pytest.raises(InputError, match=r"no outcome of 8 runs could decide it with 2 primary claims.*it needs at least 9"):
        powers([(first, units[8]), (second, units[8])])
    crossed = units_among([(seed, split) for seed in range(11) for split in range(11)])
    with pytest.raises(InputError, match="it needs at least 12"):
        powers([(first, crossed)])


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_of_a_study_can_be_decided(name: str) -> None:
    from epicycle.lab.cost_plan import claim_plans
    from epicycle.lab.foreseen import foreseen

    study = load(name)
    assert len(claim_plans(study, foreseen(study))) == len(study.claims)
