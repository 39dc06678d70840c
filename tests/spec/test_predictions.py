"""What a claim cites and how the ledger counts a claim is not what it is registered under; what an account predicts is."""

from epicycle.claims.series_quantities import ValueAt
from epicycle.spec.claim import Claim, Prediction, Region

CLAIM = Claim(
    id="early",
    statistic=ValueAt(series="test_acc", at="end", arm="a"),
    supported_if=Region(below=0.2),
    refuted_if=Region(above=0.5),
    accounts={"efficiency": Prediction(says="yes")},
)


def test_a_phenomenon_and_a_tolerance_leave_the_registration_as_it_was() -> None:
    tolerance = {"efficiency": Prediction(says="yes", within=Region(above=0.1, below=0.3))}
    assert CLAIM.model_copy(update={"phenomenon": "delay", "accounts": tolerance}).fingerprint == CLAIM.fingerprint


def test_citations_leave_the_registration_as_it_was() -> None:
    cited = CLAIM.citing(["nanda2023"], {"efficiency": "R022: efficiency"})
    assert cited.sources == ("nanda2023",)
    assert cited.accounts["efficiency"].locator == "R022: efficiency"
    assert cited.fingerprint == CLAIM.fingerprint, "a source says who made the claim, and changes nothing in it"
    assert CLAIM.earlier_fingerprint == CLAIM.fingerprint, "a claim that cites nothing has one fingerprint"
    assert cited.earlier_fingerprint != CLAIM.fingerprint, "early registrations cover the citations"


def test_another_prediction_is_another_registration() -> None:
    for accounts in ({"efficiency": Prediction(says="no")}, {"efficiency": Prediction(says="yes", basis="inferred")}, {}):
        assert CLAIM.model_copy(update={"accounts": accounts}).fingerprint != CLAIM.fingerprint
