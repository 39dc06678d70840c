"""What a study found, a line for each claim, rendered from the verdicts: first what contradicts a text or an account."""

import html
from collections.abc import Mapping, Sequence
from math import inf, nan
from typing import Any, NamedTuple

from epicycle.claims.estimates import Estimate
from epicycle.claims.intervals import Interval
from epicycle.claims.verdict import shown
from epicycle.literature.accounts import ACCOUNTS
from epicycle.report.style import VERDICTS

HOLDS = {"supported": "yes", "refuted": "no"}


class Finding(NamedTuple):
    """One line.

    Attributes:
        marks: exploratory, post hoc.
        contradicts: whether it goes against an account or a source.
    """

    claim: str
    verdict: str
    marks: list[str]
    text: str
    contradicts: bool


def findings(
    claims: Sequence[Mapping[str, Any]], registered: Mapping[str, Mapping[str, Any]], sources: Sequence[Mapping[str, Any]]
) -> list[Finding]:
    """A line for each claim: contradictions first, then what was decided, then what was not; primary claims before exploratory ones.

    Args:
        claims: verdicts as stored.
        registered: claims as registered, by id.
        sources: the texts of the study.
    """
    made = [_finding(claim, registered.get(claim["id"], {}), sources) for claim in claims]
    order = ("supported", "refuted", "undecided")
    primary = {claim["id"]: claim["primary"] for claim in claims}
    return sorted(made, key=lambda one: (not one.contradicts, order.index(one.verdict), not primary[one.claim]))


def _finding(claim: Mapping[str, Any], registered: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]) -> Finding:
    verdict, says = claim["verdict"], predictions(claim, registered)
    told = [_outcome(claim)]
    holds = HOLDS.get(verdict)
    against = [_said(name, one) for name, one in says.items() if holds and one["says"] != holds]
    agreeing = [account_title(name) for name, one in says.items() if one["says"] == holds]
    texts = [_text_of(source) for source in sources if source["key"] in registered.get("sources", ())]
    if verdict == "refuted":
        against += [f"{text}, where the claim comes from" for text in texts]
    told += [f"Contradicts {_listed(against)}."] if against else []
    told += [f"Agrees with {', '.join(agreeing)}."] if agreeing else []
    if verdict == "undecided" and claim.get("needs"):
        told.append(f"To decide it: {claim['needs']}.")
    return Finding(claim["id"], verdict, marks(claim), " ".join(told), bool(against))


def _outcome(claim: Mapping[str, Any]) -> str:
    """The sentence with what was found; where that decides nothing, also why."""
    if claim["verdict"] == "undecided":
        return f"{claim['sentence']} Found: {claim['reason']}."
    low, high = claim["interval"]
    known = Interval(*(end if value is None else value for value, end in ((claim["estimate"], nan), (low, -inf), (high, inf))))
    lost = f"; {len(claim['censored'])} censored" if claim["censored"] else ""
    return f"{claim['sentence']} Found: {shown(Estimate(known, claim['n']))}{lost}."


def predictions(claim: Mapping[str, Any], registered: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What each account says about a claim, as far as it is known: runs of other codes come without registered predictions."""
    stored = {name: {"says": says} for name, says in claim["accounts"].items()}
    return {name: {**plain, **registered.get("accounts", {}).get(name, {})} for name, plain in stored.items()}


def account_title(name: str) -> str:
    """An account's name in print."""
    return ACCOUNTS[name].title if name in ACCOUNTS else name


def said(prediction: Mapping[str, Any]) -> str:
    """`predicted that it holds, as we read it (R010)`."""
    verb = "says afterwards" if prediction.get("timing") == "postdiction" else "predicted"
    reading = ", as we read it" if prediction.get("basis") == "inferred" else ""
    locator = f" ({prediction['locator']})" if prediction.get("locator") else ""
    return f"{verb} that it {'holds' if prediction['says'] == 'yes' else 'does not hold'}{reading}{locator}"


def marks(claim: Mapping[str, Any]) -> list[str]:
    """Exploratory, pilot, post hoc."""
    flags = (("pilot", "pilot"), ("post_hoc", "post hoc"))
    return [*(() if claim["primary"] else ("exploratory",)), *(label for key, label in flags if claim[key])]


def findings_list(found: Sequence[Finding]) -> str:
    """The findings as a list on the page, after a line that counts them."""
    counts = [f"{n} {verdict}" for verdict in VERDICTS if (n := sum(one.verdict == verdict for one in found))]
    against = sum(one.contradicts for one in found)
    told = f"{len(found)} claim{'s' * (len(found) != 1)}: {', '.join(counts)}; {against or 'none'} against a text or an account."
    lines = []
    for one in found:
        sign, colour = VERDICTS[one.verdict]
        flags = "".join(f"<span class=mark>{label}</span>" for label in one.marks)
        head = f"<span class=sign style='--verdict:{colour}'>{sign} {one.verdict.capitalize()}{flags}:</span>"
        lines.append(f"<li>{head} {html.escape(one.text)}</li>")
    return f"<p>{told}</p><ul class=findings>{''.join(lines)}</ul>"


def _said(name: str, prediction: Mapping[str, Any]) -> str:
    return f"{account_title(name)}, which {said(prediction)}"


def _text_of(source: Mapping[str, Any]) -> str:
    authors = source["authors"].split(", ")
    return f"{authors[0]}{' et al.' if len(authors) > 2 else f' and {authors[1]}' if len(authors) == 2 else ''} ({source['year']})"


def _listed(parts: Sequence[str]) -> str:
    return "; ".join(parts[:-1]) + f"; and {parts[-1]}" if len(parts) > 1 else parts[0]
