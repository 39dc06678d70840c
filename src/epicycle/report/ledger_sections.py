"""The parts of the ledger's page and of its document: phenomena in their order, and scores as text."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from epicycle.claims.ledger import GROUPS, Row, Score, Vote, right_of_decided, score
from epicycle.literature.accounts import ACCOUNTS
from epicycle.literature.phenomena import PHENOMENA
from epicycle.spec.plain_data import Plain


class Section(NamedTuple):
    """The rows of one phenomenon.

    Attributes:
        name: the phenomenon as claims name it.
        title: it as a question.
        rows: first those on which accounts differ, and among them the decided ones.
        accounts: ids of the accounts that speak of it, in the order of the ledger.
    """

    name: str
    title: str
    rows: list[Row]
    accounts: list[str]

    def right(self, counted: bool = True) -> list[tuple[str, Vote]]:
        """The accounts that spoke of a decided row, and on how many such rows they were right; the most right first.

        Args:
            counted: look at rows that count; or at those on which no account says otherwise.
        """
        votes = [(name, vote) for name in self.accounts if (vote := right_of_decided(name, self.rows, counted))]
        return sorted(votes, key=lambda entry: -entry[1].share)

    def summary(self) -> str:
        """What is decided, in a sentence."""
        differing = sum(row.differs for row in self.rows)
        counted = sum(row.counts for row in self.rows)
        if not differing:
            return "No account says otherwise, so this gives no vote."
        decided = f"{counted} {'is' if counted == 1 else 'are'} decided" if counted else "none is decided"
        return f"Accounts differ on {differing} claim{'s' * (differing != 1)}; {decided}."


def sections(rows: Sequence[Row]) -> list[Section]:
    """The rows with a prediction by phenomenon: the library's phenomena in their order, then others."""
    predicted = [row for row in rows if row.claim.predictions]
    names = dict.fromkeys([*PHENOMENA, *(row.claim.phenomenon for row in predicted)])
    by_name = {name: [row for row in predicted if row.claim.phenomenon == name] for name in names}
    return [
        Section(name, PHENOMENA.get(name, name), sorted(of_name, key=_rank), accounts_of(of_name))
        for name, of_name in by_name.items()
        if of_name
    ]


def accounts_of(rows: Sequence[Row]) -> list[str]:
    """Ids of the accounts that say something of some rows: the library's in their order, then others by name."""
    speaking = {name for row in rows for name in row.claim.predictions}
    return [*(name for name in ACCOUNTS if name in speaking), *sorted(speaking - ACCOUNTS.keys())]


def _rank(row: Row) -> tuple[bool, bool, bool]:
    return not row.differs, not row.counts, not row.claim.primary


def scores(rows: Sequence[Row]) -> list[Score]:
    """The score of each account that says something, in alphabetical order of the titles."""
    return [score(name, rows) for name in accounts_of(rows)]


def points_text(score: Score, group: int) -> str:
    """The votes that an account won in one of the four groups, such as `1.5 of 2`; empty where it has none."""
    votes = score.votes[GROUPS[group]]
    return f"{number_text(score.points(*GROUPS[group]))} of {len(votes)}" if votes else ""


def number_text(number: Fraction) -> str:
    """A number of votes with at most two decimals. One that is not whole is never rounded to a whole number."""
    text = f"{float(number):.2f}".rstrip("0").rstrip(".")
    return text if Fraction(text) == number or "." in text else f"about {text}"


def ledger_document(rows: Sequence[Row], page: str) -> Plain:
    """The ledger as plain data for JSON.

    Args:
        rows: all rows.
        page: where the page lies.
    """
    return {
        "page": page,
        "phenomena": [_phenomenon(section) for section in sections(rows)],
        "claims": [_claim(row) for section in sections(rows) for row in section.rows],
        "scores": [_score(each) for each in scores(rows)],
        "accounts": [ACCOUNTS[name].model_dump(mode="json") for name in accounts_of(rows) if name in ACCOUNTS],
        "not_run": sorted({row.claim.study for row in rows if row.verdict == "not run"}),
        "claims_without_prediction": sum(not row.claim.predictions for row in rows),
    }


def _phenomenon(section: Section) -> Plain:
    right = {name: {"right": vote.right, "decided": vote.decided} for name, vote in section.right()}
    counted = sum(row.counts for row in section.rows)
    return {"id": section.name, "title": section.title, "claims": len(section.rows), "counted": counted, "accounts": right}


def _claim(row: Row) -> Plain:
    claim = row.claim
    return {
        "study": claim.study,
        "id": claim.id,
        "sentence": claim.sentence,
        "phenomenon": claim.phenomenon,
        "primary": claim.primary,
        "kind": claim.kind,
        "verdict": row.verdict,
        "post_hoc": row.post_hoc,
        "discriminates": row.differs,
        "counts": row.counts,
        "outcomes": [
            {"organism": each.organism, "verdict": each.verdict, "finding": each.finding, "post_hoc": each.post_hoc}
            for each in row.outcomes
        ],
        "predictions": {
            name: {**prediction.model_dump(mode="json"), "result": row.result(name)} for name, prediction in claim.predictions.items()
        },
    }


def _score(score: Score) -> Plain:
    groups = {
        f"{timing}, {kind}": {
            "votes_won": round(float(score.points(timing, kind)), 3),
            "phenomena": [{"id": vote.phenomenon, "right": vote.right, "decided": vote.decided} for vote in score.votes[timing, kind]],
        }
        for timing, kind in GROUPS
    }
    tolerances = {result: score.tolerances.count(result) for result in ("right", "wrong", "open")}
    return {"account": score.account, **groups, "spoke_of": score.spoke_of, "of_phenomena": score.phenomena, "tolerances": tolerances}
