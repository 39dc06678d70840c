"""The accounts and phenomena that the library's claims name."""

from epicycle.literature.accounts import ACCOUNTS
from epicycle.literature.phenomena import PHENOMENA
from epicycle.studies import NAMES, load
from epicycle.studies.boost_predictions import PHENOMENA as OF_BOOST
from epicycle.studies.boost_predictions import PREDICTIONS

CLAIMS = [claim for name in NAMES for claim in load(name).claims]


def test_accounts_stand_in_the_order_of_their_titles() -> None:
    titles = [account.title for account in ACCOUNTS.values()]
    assert titles == sorted(titles)


def test_every_account_says_where_it_is_stated() -> None:
    assert all(account.source and account.locator and account.edition for account in ACCOUNTS.values())
    assert any(account.withdrawn for account in ACCOUNTS.values()), "withdrawn accounts stay in the ledger"


def test_every_claim_with_a_prediction_has_a_phenomenon() -> None:
    assert {claim.phenomenon for claim in CLAIMS if claim.accounts} <= PHENOMENA.keys()


def test_every_prediction_says_where_it_comes_from() -> None:
    assert all(prediction.locator for claim in CLAIMS for prediction in claim.accounts.values())


def test_the_table_of_the_boost_debate_names_claims_of_its_study() -> None:
    claims = {claim.id for claim in load("boost").claims}
    assert PREDICTIONS.keys() | OF_BOOST.keys() <= claims
