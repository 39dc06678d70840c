"""The claims of a study on its page: a card for each verdict, and the table of what was registered."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from epicycle.claims.wording import ClaimWords
from epicycle.report.findings import HOLDS, account_title, marks, prediction_text, predictions
from epicycle.report.page_data import Document, StudyPage
from epicycle.report.style import VERDICTS
from epicycle.spec.claim import Prediction
from epicycle.store.organism_verdicts import OrganismVerdicts


class CardAccount(NamedTuple):
    """What an account says about a claim, and whether that came true.

    Attributes:
        title: the account's name in print.
        says: yes or no.
        outcome: a sign; empty for an undecided claim.
        hint: what the account says, as a clause.
    """

    title: str
    says: str
    outcome: str
    hint: str


class Card(NamedTuple):
    """The card of one verdict.

    Attributes:
        marks: exploratory, pilot, post hoc.
        says: the claim.
        finding: what was found, or why nothing was.
        criterion: what supports the claim and what refutes it.
        details: a head and a text for everything else that the verdict rests on: why it is what it is, what would decide the claim,
            the detectors and the level.
    """

    verdict: str
    marks: list[str]
    says: str
    finding: str
    criterion: str
    details: list[tuple[str, str]]
    accounts: list[CardAccount]


def verdict_cards(page: StudyPage, primary: bool) -> list[Card]:
    """A card for each primary claim, or for each exploratory one."""
    return [_card(claim, page.registered.get(claim["id"], {})) for claim in page.claims(primary)]


def _card(claim: Document, registered: Document) -> Card:
    verdict = claim["verdict"]
    accounts = [_account(name, prediction, verdict) for name, prediction in predictions(claim, registered).items()]
    words = ClaimWords.of(claim)
    return Card(verdict, marks(claim), words.says, words.finding or claim["reason"], words.criterion, list(_details(claim)), accounts)


def _details(claim: Document) -> Iterator[tuple[str, str]]:
    yield "Why", claim["reason"]
    if needs := claim.get("needs"):
        yield "What would decide it", needs
    yield "Runs", f"{claim['n']}{' ' * bool(claim.get('sharing'))}{claim.get('sharing', '')}"
    if detectors := "; ".join(f"{name}: {verdict}" for name, verdict in claim["detectors"].items() if name):
        yield "By detector", detectors
    if len(looks := claim.get("looks", ())) > 1:
        yield "Looks", _looks(looks)
    if level := claim.get("level"):
        yield "Level of error", f"{level:.3g}"


def _looks(looks: Sequence[Document]) -> str:
    """With how many runs a claim was judged, and what came out each time. Claims without any-time intervals have one look."""
    outcomes = ", ".join(f"{look['verdict']} with {look['n']}" for look in looks)
    return f"{outcomes} runs, which is {len(looks)} looks; the interval holds at every number of runs, so looking does not widen it"


def _account(name: str, prediction: Prediction, verdict: str) -> CardAccount:
    outcome = "" if verdict not in HOLDS else " ✓" if prediction.says == HOLDS[verdict] else " ✗"
    return CardAccount(account_title(name), prediction.says, outcome, prediction_text(prediction))


def claim_rows(page: StudyPage) -> list[tuple[str, ...]]:
    """What was registered for each claim, what each account says about it, and the value in each run; the head comes first."""
    head = ("claim", "supported if", "refuted if", "detectors", "accounts", "value in each run, by seed")
    return [head, *(_claim_row(claim, page.registered.get(claim["id"], {})) for claim in page.verdicts["claims"])]


def _claim_row(claim: Document, registered: Document) -> tuple[str, ...]:
    says = predictions(claim, registered)
    accounts = "; ".join(f"{account_title(name)} {prediction_text(prediction)}" for name, prediction in says.items())
    values = ", ".join(f"{seed}:\u00a0{'censored' if v is None else format(v, '.3g')}" for seed, v in claim["values"].items())
    detectors = "; ".join(f"{name}: {verdict}" for name, verdict in claim["detectors"].items() if name)
    return (claim["id"], claim["supported_if"], claim["refuted_if"], detectors or "-", accounts or "none says anything", values)


def organism_rows(compared: OrganismVerdicts) -> list[tuple[str, ...]]:
    """For each claim of a study its verdict on each organism, and whether organisms disagree; the head comes first."""
    return [("claim", *compared.by_organism, ""), *(_organism_row(claim, compared) for claim in compared.claims())]


def _organism_row(claim: str, compared: OrganismVerdicts) -> tuple[str, ...]:
    verdicts = [by_claim.get(claim) for by_claim in compared.by_organism.values()]
    signs = [f"{VERDICTS[verdict].sign} {verdict}" if verdict else "not asked" for verdict in verdicts]
    return (claim, *signs, "organisms disagree" if compared.disagree(claim) else "")
