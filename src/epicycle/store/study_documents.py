"""The documents in a study's folder, as types: what was asked, what was found, and what made it.

`study.yaml` is read for its page only, as plain data: the parts that it names need not be at hand.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from epicycle.spec.claim import Says, VerdictName
from epicycle.spec.organism import OrganismName
from epicycle.store.documents import Count, Number, Settings, Value, read_json, read_yaml
from epicycle.store.entries import damaged
from epicycle.store.files import StudyFiles
from epicycle.store.study_listing import StudyRuns

KEEP = ConfigDict(extra="allow")  # entries that other versions write are kept
# Profiles of a stored study. Earlier versions had `hour` and `full` as well.
StoredProfile = Literal["stated", "quick", "hour", "full"]
Events = dict[str, dict[str, list[Count | None]]]  # arm -> event -> step in each run


class Provenance(TypedDict):
    """What made a result (`provenance.json`)."""

    __pydantic_config__ = KEEP  # type: ignore[misc]
    command: str
    seconds: Annotated[Number, Field(ge=0)]
    finished: str
    versions: dict[str, str]
    machine: dict[str, str]


class LookText(TypedDict):
    """The verdict on a claim when it rested on some number of independent runs."""

    n: Count
    verdict: VerdictName


class JudgedClaim(TypedDict):
    """The verdict on one claim."""

    __pydantic_config__ = KEEP  # type: ignore[misc]
    id: str
    says: NotRequired[str]
    sentence: str
    criterion: NotRequired[str]
    finding: NotRequired[str]
    verdict: VerdictName
    estimate: Number | None
    interval: Annotated[list[Number | None], Field(min_length=2, max_length=2)] | None
    n: Count
    reason: str
    needs: NotRequired[str]
    looks: NotRequired[list[LookText]]
    accounts: dict[str, Says]
    primary: bool
    censored: list[str]
    diverged: NotRequired[list[str]]
    detectors: dict[str, VerdictName]
    values: dict[str, Number | None]
    supported_if: str
    refuted_if: str
    post_hoc: bool
    pilot: bool


class LeakSummary(TypedDict):
    """What the trained rows of an arm give away through one symmetry."""

    seen: Number | None
    label: str


class ArmSummary(TypedDict):
    """What became of the runs of an arm."""

    __pydantic_config__ = KEEP  # type: ignore[misc]
    runs: Count
    done: Count
    diverged: Count
    budget: Count
    baseline: Number
    leakage: dict[str, LeakSummary]
    exact: bool | None
    without: NotRequired[list[str]]


class Verdicts(TypedDict):
    """The verdicts of a study (`verdicts.json`)."""

    __pydantic_config__ = KEEP  # type: ignore[misc]
    study: str
    question: str
    organism: NotRequired[OrganismName | None]
    profile: StoredProfile
    pilot: bool
    claims: list[JudgedClaim]
    arms: dict[str, ArmSummary]
    not_asked: NotRequired[list[str]]
    left_out: NotRequired[dict[str, str]]


class EditText(TypedDict):
    """One edit of a fork arm."""

    __pydantic_config__ = KEEP  # type: ignore[misc]
    kind: str
    knob: NotRequired[str]


class ForkSetting(TypedDict):
    """A fork arm."""

    __pydantic_config__ = KEEP  # type: ignore[misc]
    fork: str
    at: Value
    edits: list[EditText]
    sweep: dict[str, list[Value]]


class RootSetting(TypedDict):
    """A root arm."""

    __pydantic_config__ = KEEP  # type: ignore[misc]
    experiment: Settings
    fork: NotRequired[None]
    edits: NotRequired[list[EditText]]
    sweep: NotRequired[dict[str, list[Value]]]


class TheorySetting(TypedDict):
    """A theory arm."""

    __pydantic_config__ = KEEP  # type: ignore[misc]
    theory: Settings
    fork: NotRequired[None]
    edits: NotRequired[list[EditText]]
    sweep: NotRequired[dict[str, list[Value]]]


class AccountText(TypedDict):
    """What an account says of a claim."""

    __pydantic_config__ = KEEP  # type: ignore[misc]
    says: NotRequired[Says]
    basis: NotRequired[Literal["stated", "inferred"]]
    timing: NotRequired[Literal["prediction", "postdiction"]]
    locator: NotRequired[str]


class RegisteredClaim(TypedDict):
    """A claim as it was registered."""

    __pydantic_config__ = KEEP  # type: ignore[misc]
    id: str
    accounts: NotRequired[dict[str, AccountText]]
    sources: NotRequired[list[str]]


class SourceText(TypedDict):
    """A text that a study cites."""

    __pydantic_config__ = KEEP  # type: ignore[misc]
    key: str
    title: str
    authors: str
    year: Count
    locator: str
    arxiv: str


ArmSetting = ForkSetting | RootSetting | TheorySetting


class StudyText(TypedDict):
    """A study as it was asked (`study.yaml`)."""

    __pydantic_config__ = KEEP  # type: ignore[misc]
    name: str
    question: str
    arms: dict[str, ArmSetting]
    claims: list[RegisteredClaim]
    figures: list[Settings]
    sources: list[SourceText]


@dataclass(frozen=True)
class StudyDocuments:
    """The documents that a study's page is made of.

    Attributes:
        study: what was asked.
        runs: the runs of each arm.
        verdicts: what was found.
        provenance: what made it.
    """

    study: StudyText
    runs: StudyRuns
    verdicts: Verdicts
    provenance: Provenance


def read_runs(files: StudyFiles) -> StudyRuns:
    """The runs of a study as its folder lists them.

    Raises:
        InputError: the list is damaged or missing.
    """
    return read_json(files.runs, StudyRuns)


def read_events(files: StudyFiles) -> Events:
    """The step of each event in each run.

    Raises:
        InputError: the file is damaged or missing.
    """
    return read_json(files.events, Events)


def read_verdicts(files: StudyFiles) -> Verdicts:
    """The verdicts of a study.

    Raises:
        InputError: the file is damaged or missing.
    """
    verdicts = read_json(files.verdicts, Verdicts)
    if decided := [claim["id"] for claim in verdicts["claims"] if claim["verdict"] != "undecided" and claim["interval"] is None]:
        raise damaged(files.verdicts, f"claim {decided[0]} is decided without an interval")
    return verdicts


def read_study(files: StudyFiles) -> StudyDocuments:
    """The documents of a judged study, which must agree with each other.

    Raises:
        InputError: a document is damaged or missing, or does not belong to the others; it is named.
    """
    study, runs, verdicts = read_yaml(files.spec, StudyText), read_runs(files), read_verdicts(files)
    if verdicts["arms"].keys() != runs.arms.keys():
        raise damaged(files.verdicts, f"its arms are not those of {files.runs.name}")
    if unknown := runs.arms.keys() - study["arms"].keys():
        raise damaged(files.spec, f"it has no arm {', '.join(sorted(unknown))}")
    if wrong := next(filter(None, (_flaw(name, study["arms"]) for name in study["arms"])), None):
        raise damaged(files.spec, wrong)
    return StudyDocuments(study, runs, verdicts, read_json(files.provenance, Provenance))


def _flaw(name: str, arms: Mapping[str, ArmSetting]) -> str | None:
    """What is wrong with how an arm descends from others; None where nothing is."""
    lineage, setting = [name], arms[name]
    while setting.get("fork") is not None:
        parent = str(setting["fork"])
        if parent not in arms or parent in lineage:
            return f"arm {name} does not descend from a root arm"
        lineage.append(parent)
        setting = arms[parent]
    return _sweep_flaw(name, arms[name])


def _sweep_flaw(name: str, setting: ArmSetting) -> str | None:
    """A swept edit that an arm does not have; None where there is none."""
    edits = setting.get("edits", [])
    swept = [path.split(".")[1] for path in setting.get("sweep", {}) if re.match(r"edits\.[0-9]{1,9}\.", path)]
    return f"arm {name} sweeps an edit that it does not have" if any(int(number) >= len(edits) for number in swept) else None
