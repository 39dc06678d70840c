"""The rows of the ledger, from verdicts as they are stored and from studies that were not run.

What an account predicted is what was registered with the verdicts, so a prediction that is entered after the runs is not scored.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, NotRequired

from typing_extensions import TypedDict

from epicycle.claims.ledger import AskedClaim, Outcome, Row, as_interval, asked_claim
from epicycle.spec.study import Study
from epicycle.store.documents import Settings, read_yaml
from epicycle.store.files import StudyFiles
from epicycle.store.study_documents import KEEP, JudgedClaim, Verdicts


class _StudyText(TypedDict):
    """`study.yaml`, as far as the ledger needs it. Unlike a page, the ledger also reads studies as their authors wrote them."""

    __pydantic_config__ = KEEP  # type: ignore[misc]
    arms: NotRequired[Settings]
    claims: NotRequired[list[Settings]]


class AskedStudy(NamedTuple):
    """A study as it was asked: its arms and claims as plain data."""

    arms: Settings
    claims: list[Settings]


def ledger_rows(judged: Sequence[tuple[StudyFiles, Verdicts]], library: Sequence[Study]) -> list[Row]:
    """A row for each claim that was judged, and for each claim of the library that was not.

    Args:
        judged: verdicts and where they lie, one for each study and organism.
        library: studies whose claims are shown whether they were run or not.

    Raises:
        InputError: a study as it was asked is damaged.
    """
    stated = {study.name: study for study in library}
    claims: dict[tuple[str, str], AskedClaim] = {}
    outcomes: dict[tuple[str, str], list[Outcome]] = {}
    for files, verdicts in judged:
        asked = _asked(files, stated.get(verdicts["study"]))
        for verdict in verdicts["claims"]:
            key = (verdicts["study"], verdict["id"])
            claims.setdefault(key, _claim(verdicts["study"], verdict, asked))
            outcomes.setdefault(key, []).append(_outcome(verdict, verdicts))
    for study in library:
        for claim in _claims_of(study):
            claims.setdefault((claim.study, claim.id), claim)
    return [Row(claim, tuple(outcomes.get(key, ()))) for key, claim in claims.items()]


def _claims_of(study: Study) -> Iterator[AskedClaim]:
    plain = study.model_dump(mode="json")
    for claim, written in zip(study.claims, plain["claims"], strict=True):
        yield asked_claim(study.name, written, plain["arms"], claim.says or claim.sentence())


def _asked(files: StudyFiles, stated: Study | None) -> AskedStudy:
    """The study as it was registered; without `study.yaml` as the library states it, if it has a study of this name."""
    if files.spec.is_file():
        text = read_yaml(files.spec, _StudyText)
        return AskedStudy(text.get("arms", {}), text.get("claims", []))
    plain = stated.model_dump(mode="json") if stated else {"arms": {}, "claims": []}
    return AskedStudy(plain["arms"], plain["claims"])


def _claim(study: str, verdict: JudgedClaim, asked: AskedStudy) -> AskedClaim:
    registered: Settings = next((claim for claim in asked.claims if claim.get("id") == verdict["id"]), {"id": verdict["id"]})
    details = registered.get("accounts") or {}
    accounts = {name: _prediction(says, details.get(name)) for name, says in verdict["accounts"].items()}
    sentence = str(verdict.get("says") or verdict["sentence"])
    claim = {**registered, "accounts": accounts, "primary": verdict["primary"]}
    return asked_claim(study, claim, asked.arms, sentence)


def _prediction(says: str, details: Any) -> Mapping[str, Any]:
    """A prediction with its details. One whose details are not known counts as a postdiction."""
    if isinstance(details, Mapping) and details.get("says") == says:
        return details
    return {"says": says, "timing": "prediction" if details == says else "postdiction"}


def _outcome(verdict: JudgedClaim, verdicts: Verdicts) -> Outcome:
    finding = str(verdict.get("finding") or verdict["reason"])
    return Outcome(verdicts.get("organism"), verdict["verdict"], finding, as_interval(verdict["interval"]), verdict["post_hoc"])
