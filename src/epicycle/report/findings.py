"""What a study found: a line for each claim, written from the verdicts. Contradictions to a text or an account come first."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from epicycle.claims.units import ON_ONE
from epicycle.claims.wording import ClaimWords
from epicycle.literature.accounts import ACCOUNTS
from epicycle.report.style import VERDICTS
from epicycle.spec.claim import Prediction

HOLDS = {"supported": "yes", "refuted": "no"}  # what an account that is right has said


class Finding(NamedTuple):
    """The line of one claim.

    Attributes:
        claim: the claim's id.
        marks: exploratory, pilot, post hoc.
        contradicts: whether the verdict contradicts an account or a text.
    """

    claim: str
    verdict: str
    marks: list[str]
    text: str
    contradicts: bool


def findings(
    claims: Sequence[Mapping[str, Any]], registered: Mapping[str, Mapping[str, Any]], sources: Sequence[Mapping[str, Any]]
) -> list[Finding]:
    """A finding for each claim.

    Args:
        claims: verdicts as stored.
        registered: claims as registered, by id; empty for runs that were trained elsewhere.
        sources: the texts of the study.

    Returns:
        First contradictions, then supported, refuted and undecided claims; among equals, primary claims come first.
    """
    lines = [_finding(claim, registered.get(claim["id"], {}), sources) for claim in claims]
    primary = {claim["id"]: claim["primary"] for claim in claims}
    return sorted(lines, key=lambda line: (not line.contradicts, list(VERDICTS).index(line.verdict), not primary[line.claim]))


def _finding(claim: Mapping[str, Any], registered: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]) -> Finding:
    verdict, says = claim["verdict"], predictions(claim, registered)
    holds = HOLDS.get(verdict)
    against = [
        f"{account_title(name)}, which {prediction_text(prediction)}"
        for name, prediction in says.items()
        if holds and prediction.says != holds
    ]
    agreeing = [account_title(name) for name, prediction in says.items() if prediction.says == holds]
    if verdict == "refuted":
        texts = [source for source in sources if source["key"] in registered.get("sources", ())]
        against += [f"{_short_reference(source)}, where the claim comes from" for source in texts]
    sentences = [_outcome(claim)]
    sentences += [f"This contradicts {_listed(against)}."] if against else []
    sentences += [f"This agrees with {', '.join(agreeing)}."] if agreeing else []
    if verdict == "undecided" and claim.get("needs"):
        sentences.append(f"What would decide it: {claim['needs']}.")
    return Finding(claim["id"], verdict, marks(claim), " ".join(sentences), bool(against))


def _outcome(claim: Mapping[str, Any]) -> str:
    """What the claim says and what was found; for a claim without an estimate, why it has none."""
    words = ClaimWords.of(claim)
    return f"{words.says} Found: {words.finding}." if words.finding else f"{words.says} Nothing was found: {claim['reason']}."


def predictions(claim: Mapping[str, Any], registered: Mapping[str, Any]) -> dict[str, Prediction]:
    """What each account says about a claim, with the registered details where there are some."""
    details = registered.get("accounts", {})
    where = f"accounts of claim '{claim['id']}'"
    return {name: Prediction.parse({"says": says, **details.get(name, {})}, where) for name, says in claim["accounts"].items()}


def account_title(name: str) -> str:
    """An account's name in print."""
    return ACCOUNTS[name].title if name in ACCOUNTS else name


def prediction_text(prediction: Prediction) -> str:
    """What an account says about a claim: `predicted that it holds, as we read it (R010)`."""
    verb = "says afterwards" if prediction.timing == "postdiction" else "predicted"
    reading = ", as we read it" if prediction.basis == "inferred" else ""
    locator = f" ({prediction.locator})" if prediction.locator else ""
    return f"{verb} that it {'holds' if prediction.says == 'yes' else 'does not hold'}{reading}{locator}"


def marks(claim: Mapping[str, Any]) -> list[str]:
    """The marks of a claim: exploratory, pilot, post hoc, and on one split where it speaks of that split only."""
    flags = (("pilot", "pilot"), ("post_hoc", "post hoc"))
    sharing = claim.get("sharing", "")  # verdicts of earlier versions have no such key
    on_one = [sharing] if sharing.startswith(ON_ONE) else []
    return [*(() if claim["primary"] else ("exploratory",)), *(label for key, label in flags if claim[key]), *on_one]


def count_text(lines: Sequence[Finding]) -> str:
    """How many claims have which verdict, and how many of them contradict a text or an account."""
    counts = [f"{n} {verdict}" for verdict in VERDICTS if (n := sum(line.verdict == verdict for line in lines))]
    against = sum(line.contradicts for line in lines)
    contradicting = f"{against or 'None'} of them contradict{'s' * (against < 2)} a text or an account."
    return f"{len(lines)} claim{'s' * (len(lines) != 1)}: {', '.join(counts)}. {contradicting}"


def _short_reference(source: Mapping[str, Any]) -> str:
    """`One et al. (2022)`."""
    authors = source["authors"].split(", ")
    more = " et al." if len(authors) > 2 else f" and {authors[1]}" if len(authors) == 2 else ""
    return f"{authors[0]}{more} ({source['year']})"


def _listed(parts: Sequence[str]) -> str:
    return "; ".join(parts[:-1]) + f"; and {parts[-1]}" if len(parts) > 1 else parts[0]
