"""The ledger on planted rows: what counts, who is right, and how votes are shared."""

from collections.abc import Mapping
from fractions import Fraction

import pytest

from epicycle.claims.ledger import AskedClaim, Kind, Outcome, Result, Row, Score, asked_claim, kind_of_claim, right_of_decided, score
from epicycle.spec.claim import Prediction, Region, VerdictName
from epicycle.spec.errors import InputError
from epicycle.spec.organism import OrganismName
from epicycle.studies import NAMES, load

DISPUTED = {"norm": Prediction(says="yes"), "coverage": Prediction(says="no")}


def on(
    verdict: VerdictName,
    organism: OrganismName | None = "fly",
    interval: tuple[float, float] | None = (0.0, 1.0),
    post_hoc: bool = False,
) -> Outcome:
    return Outcome(organism, verdict, "1 (0 to 1)", interval, post_hoc)


def row(
    *outcomes: Outcome,
    predictions: Mapping[str, Prediction] = DISPUTED,
    phenomenon: str = "boost",
    kind: Kind = "causal",
) -> Row:
    return Row(AskedClaim("study", "claim", "It holds.", phenomenon, True, kind, predictions), outcomes)


def test_who_is_right_on_a_decided_claim() -> None:
    for verdict, norm, coverage in (("supported", "right", "wrong"), ("refuted", "wrong", "right"), ("undecided", "open", "open")):
        asked = row(on(verdict))  # type: ignore[arg-type]
        assert (asked.result("norm"), asked.result("coverage")) == (norm, coverage)
        assert asked.counts == (verdict != "undecided")


def test_a_claim_on_which_nobody_says_otherwise_gives_no_vote() -> None:
    agreed = row(on("supported"), predictions={"norm": Prediction(says="yes"), "coverage": Prediction(says="yes")})
    assert not agreed.counts
    assert agreed.result("norm") == "right", "it came true all the same"
    assert score("norm", [agreed]).phenomena == 0
    assert right_of_decided("norm", [agreed]) is None
    alone = right_of_decided("norm", [agreed], counted=False)
    assert alone is not None
    assert (alone.right, alone.decided) == (1, 1)


def test_organisms_that_disagree_give_no_vote() -> None:
    disputed = row(on("supported", "fly"), on("refuted", "mouse"))
    assert disputed.verdict == "disagree"
    assert not disputed.counts
    assert disputed.result("norm") == "open"
    agreed = row(on("undecided", "canon"), on("supported", "mouse"), on("supported", None))
    assert agreed.verdict == "supported"
    assert agreed.counts


def test_a_claim_that_was_registered_late_gives_no_vote() -> None:
    late = row(on("supported", post_hoc=True))
    assert late.verdict == "supported"
    assert late.post_hoc
    assert not late.counts
    in_time = row(on("refuted", "mouse"), on("supported", "fly", post_hoc=True))
    assert in_time.verdict == "refuted", "only what was registered in time decides"
    assert in_time.counts


def test_a_claim_that_was_not_run() -> None:
    assert row().verdict == "not run"
    assert row().result("norm") == "open"
    assert not row().counts


@pytest.mark.parametrize(
    ("interval", "result"),
    [((0.2, 0.8), "right"), ((1.5, 2.0), "wrong"), ((-2.0, -1.0), "wrong"), ((0.5, 1.5), "open"), (None, "open")],
)
def test_a_stated_tolerance_is_hit_or_missed_by_the_whole_interval(interval: tuple[float, float] | None, result: Result) -> None:
    exact = {"norm": Prediction(says="yes", within=Region(above=0.0, below=1.0)), "coverage": Prediction(says="no")}
    asked = row(on("supported", interval=interval), predictions=exact)
    assert asked.result("norm") == result, "although the claim itself is supported"
    assert score("norm", [asked]).tolerances == (result,)
    assert score("coverage", [asked]).tolerances == ()


def test_one_phenomenon_has_one_vote() -> None:
    """An account that is right on two of three claims of one phenomenon and on one of another has one and two thirds of two votes."""
    rows = [row(on("supported")), row(on("supported")), row(on("refuted")), row(on("supported"), phenomenon="delay")]
    norm, coverage = score("norm", rows), score("coverage", rows)
    assert norm.points("prediction", "causal") == Fraction(5, 3)
    assert coverage.points("prediction", "causal") == Fraction(1, 3)
    assert [(vote.phenomenon, vote.right, vote.decided) for vote in norm.votes["prediction", "causal"]] == [
        ("boost", 2, 3),
        ("delay", 1, 1),
    ]


def test_silence_and_what_is_open_count_for_nobody_and_coverage_shows_them() -> None:
    rows = [
        row(on("supported")),
        row(on("supported"), phenomenon="delay", predictions={"efficiency": Prediction(says="yes"), "norm": Prediction(says="no")}),
        row(on("undecided"), phenomenon="mirror"),
    ]
    coverage = score("coverage", rows)
    assert (coverage.spoke_of, coverage.phenomena) == (1, 2), "what is open is no phenomenon to speak of"
    assert score("norm", rows).spoke_of == 2
    assert score("single-hit", rows) == Score("single-hit", score("single-hit", []).votes, 0, 2, ())


def test_predictions_and_causal_claims_are_counted_apart() -> None:
    after = {"norm": Prediction(says="yes", timing="postdiction"), "coverage": Prediction(says="no")}
    rows = [row(on("supported"), predictions=after, kind="descriptive"), row(on("refuted"))]
    votes = score("norm", rows).votes
    won = {group: sum(vote.right for vote in of_group) for group, of_group in votes.items() if of_group}
    assert won == {("prediction", "causal"): 0, ("postdiction", "descriptive"): 1}


def test_causal_claims_are_known_by_their_statistic() -> None:
    """Of the library: whatever reads two arms or two points of a sweep, and whatever follows a sweep. The rest describes."""
    for name in NAMES:
        study = load(name)
        plain = study.model_dump(mode="json")
        for claim, written in zip(study.claims, plain["claims"], strict=True):
            parts = [part for part in (claim.statistic, *(getattr(claim.statistic, name, None) for name in ("of", "against"))) if part]
            along = {getattr(part, "along", None) for part in parts} - {None, "seed"}
            points = {str(part.where) for part in parts if hasattr(part, "where")}
            compares = len(set(claim.statistic.arms())) > 1 or len(points) > 1 or bool(along)
            assert kind_of_claim(written["statistic"], plain["arms"]) == ("causal" if compares else "descriptive"), claim.id


def test_arms_that_differ_in_seeds_only_are_no_change() -> None:
    arms = {"a": {"experiment": 1, "seeds": 10}, "b": {"experiment": 1, "seeds": 20, "first_seed": 50}, "c": {"experiment": 2}}
    assert kind_of_claim({"of": {"arm": "a"}, "against": {"arm": "b"}}, arms) == "descriptive"
    assert kind_of_claim({"of": {"arm": "a"}, "against": {"arm": "c"}}, arms) == "causal"
    assert kind_of_claim({"of": {"arm": "a", "where": {"x": 1}}, "against": {"arm": "a", "where": {"x": 2}}}, arms) == "causal"
    assert kind_of_claim({"arm": "a", "against": "c"}, arms) == "causal"
    assert kind_of_claim({"of": {"arm": "a"}, "along": "data_seed"}, arms) == "descriptive"
    assert kind_of_claim({"of": {"arm": "a"}, "along": "lr"}, arms) == "causal"


def test_a_claim_without_a_phenomenon_stands_for_itself() -> None:
    asked = asked_claim("mine", {"id": "early", "accounts": {"norm": "yes"}}, {}, "It is early.")
    assert asked.phenomenon == "early"
    assert asked.predictions == {"norm": Prediction(says="yes")}


def test_a_prediction_that_is_none_is_refused_with_its_place() -> None:
    with pytest.raises(InputError, match=r"study mine, claim early, accounts\.norm.*maybe"):
        asked_claim("mine", {"id": "early", "accounts": {"norm": "maybe"}}, {}, "It is early.")
