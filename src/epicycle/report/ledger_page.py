"""The ledger's page: one HTML file that needs no network and no script."""

from collections.abc import Mapping, Sequence
from itertools import starmap
from pathlib import Path
from typing import NamedTuple

from epicycle.claims.ledger import Outcome, Row, Score, Vote
from epicycle.literature.accounts import ACCOUNTS, Account
from epicycle.report.findings import account_title, prediction_text
from epicycle.report.html_templates import rendered
from epicycle.report.ledger_sections import Section, accounts_of, points_text, scores, sections
from epicycle.spec.claim import Prediction
from epicycle.store.atomic import write_text

RESULT_VERDICT = {"right": "supported", "wrong": "refuted", "open": "undecided"}  # whose sign and colour a result has
SCORE_HEAD = (
    "account",
    "predictions, causal",
    "predictions, descriptive",
    "postdictions, causal",
    "postdictions, descriptive",
    "tolerances hit",
    "spoke of",
)


class CellView(NamedTuple):
    """What an account says of a claim.

    Attributes:
        says: yes or no; empty where the account is silent.
        result: right, wrong or open.
        verdict: whose sign the result has.
        notes: inferred, postdiction.
        hint: the prediction as a clause, with its place.
    """

    says: str
    result: str = ""
    verdict: str = ""
    notes: str = ""
    hint: str = ""


class OutcomeView(NamedTuple):
    """A verdict on one organism."""

    setting: str
    verdict: str
    finding: str
    marks: list[str]


class RowView(NamedTuple):
    """A claim on the page.

    Attributes:
        classes: what the filters ask for: decided, differs, causal.
        remark: why the row does not count, in words; empty where it counts.
        command: what runs the claim's study, where it was not run.
        speaking: hints of the accounts that say something.
    """

    sentence: str
    source: str
    classes: str
    marks: list[str]
    remark: str
    command: str
    outcomes: list[OutcomeView]
    cells: list[CellView]
    speaking: list[str]


class Standing(NamedTuple):
    """On how many decided claims an account was right.

    Attributes:
        verdict: whose sign this has: supported for all, refuted for none.
    """

    account: str
    right: str
    verdict: str


class SectionView(NamedTuple):
    """A phenomenon on the page.

    Attributes:
        standing: the accounts that were right, or not, on claims that count.
        unopposed: the same on claims on which no account says otherwise.
        differs: whether accounts differ on any of its claims.
        columns: titles of the accounts that speak of it.
    """

    anchor: str
    title: str
    summary: str
    standing: list[Standing]
    unopposed: list[Standing]
    differs: bool
    columns: list[str]
    rows: list[RowView]


def write_ledger(path: Path, rows: Sequence[Row], sources: Sequence[str]) -> None:
    """Write the page.

    Args:
        path: the file.
        rows: all rows of the ledger.
        sources: where the verdicts were read, in words.
    """
    shown = sections(rows)
    speaking = accounts_of(rows)
    write_text(
        path,
        rendered(
            "ledger.html",
            sections=[_section_view(number, section) for number, section in enumerate(shown)],
            scores=[SCORE_HEAD, *map(_score_row, scores(rows))],
            accounts=[_account_view(ACCOUNTS[name]) for name in speaking if name in ACCOUNTS],
            silent=[account.title for name, account in ACCOUNTS.items() if name not in speaking],
            sources=sources,
            counts=_counts(rows),
        ),
    )


def _counts(rows: Sequence[Row]) -> Mapping[str, int]:
    predicted = [row for row in rows if row.claim.predictions]
    return {
        "claims": len(predicted),
        "differ": sum(row.differs for row in predicted),
        "counted": sum(row.counts for row in predicted),
        "without": len(rows) - len(predicted),
    }


def _section_view(number: int, section: Section) -> SectionView:
    standing, unopposed = (list(starmap(_standing, section.right(counted))) for counted in (True, False))
    columns = [account_title(name) for name in section.accounts]
    rows = [_row_view(row, section.accounts) for row in section.rows]
    differs = any(row.differs for row in section.rows)
    return SectionView(f"p{number}", section.title, section.summary(), standing, unopposed, differs, columns, rows)


def _standing(account: str, vote: Vote) -> Standing:
    verdict = {0: "refuted", vote.decided: "supported"}.get(vote.right, "undecided")
    return Standing(account_title(account), f"{vote.right} of {vote.decided}", verdict)


def _row_view(row: Row, accounts: Sequence[str]) -> RowView:
    claim = row.claim
    names = [name for name in accounts if name in claim.predictions]
    flags = (("decided", row.verdict in ("supported", "refuted")), ("differs", row.differs), ("causal", claim.kind == "causal"))
    marks = [claim.kind, *(() if claim.primary else ("exploratory",)), *(("post hoc",) if row.post_hoc else ())]
    return RowView(
        claim.sentence,
        f"{claim.study}, {claim.id}",
        " ".join(name for name, holds in flags if holds),
        marks,
        _remark(row),
        f"epicycle run {claim.study}" if row.verdict == "not run" else "",
        [_outcome_view(outcome) for outcome in row.outcomes],
        [_cell(row, name) for name in accounts],
        [f"{account_title(name)} {_hint(claim.predictions[name])}." for name in names],
    )


def _remark(row: Row) -> str:
    """Why a row does not count."""
    if not row.differs:
        return "cannot tell accounts apart: none says otherwise"
    if row.post_hoc:
        return "gives no vote: registered when its runs existed"
    return "gives no vote: organisms disagree" if row.verdict == "disagree" else ""


def _outcome_view(outcome: Outcome) -> OutcomeView:
    marks = ["post hoc"] if outcome.post_hoc else []
    setting = f"the {outcome.organism}" if outcome.organism else "its own setting"
    return OutcomeView(setting, outcome.verdict, outcome.finding, marks)


def _cell(row: Row, account: str) -> CellView:
    prediction = row.claim.predictions.get(account)
    if prediction is None:
        return CellView("")
    result = row.result(account) if row.outcomes else ""
    basis, timing = prediction.basis == "inferred", prediction.timing == "postdiction"
    notes = ", ".join(note for note, holds in (("inferred", basis), ("postdiction", timing)) if holds)
    return CellView(prediction.says, result, RESULT_VERDICT.get(result, ""), notes, _hint(prediction))


def _hint(prediction: Prediction) -> str:
    tolerance = f", with a value {prediction.within.phrase()}" if prediction.within else ""
    return f"{prediction_text(prediction)}{tolerance}"


def _score_row(score: Score) -> tuple[str, ...]:
    hits, misses = score.tolerances.count("right"), score.tolerances.count("wrong")
    tolerances = f"{hits} of {hits + misses}" if hits + misses else ""
    groups = [points_text(score, group) or "·" for group in range(4)]
    return (account_title(score.account), *groups, tolerances or "·", f"{score.spoke_of} of {score.phenomena}")


def _account_view(account: Account) -> tuple[str, str, str]:
    """Title, core, and where it is stated."""
    withdrawn = f" Withdrawn: {account.withdrawn}." if account.withdrawn else ""
    return account.title, account.says, f"{account.source} ({account.locator}; {account.edition}).{withdrawn}"
