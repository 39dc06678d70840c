"""What a study claims is written down before its first step; whatever comes later is known to be post hoc.

`registration.json` holds one entry for each change of claims or seeds, with the time, and what was known by then. It also holds each
look: with how many seeds the study was judged, when, and with what verdicts.

Early registrations cover the sources and locators of a claim too. They are kept as they were written. A claim that differs from such a
registration in nothing but its citations counts as registered, and the file says which of its fingerprints belong together.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import takewhile

from epicycle.claims.verdict import Verdict
from epicycle.spec.arms import ArmRun, ArmSimulation
from epicycle.spec.claim import Claim, VerdictName
from epicycle.spec.organism import OrganismName
from epicycle.spec.study import Study
from epicycle.store.atomic import write_json
from epicycle.store.catalogue import Catalogue
from epicycle.store.documents import Count, Seed, read_json, read_yaml
from epicycle.store.entries import damaged, missing
from epicycle.store.files import StudyFiles
from epicycle.store.study_documents import RegisteredClaim, StudyText

ArmRuns = Mapping[str, Sequence[ArmRun] | Sequence[ArmSimulation]]  # the runs of each arm


@dataclass(frozen=True)
class Entry:
    """One registration.

    Attributes:
        time: when, in UTC.
        claims: claim id -> fingerprint.
        seeds: arm -> seeds of its runs.
        runs_existed: whether any of the runs was there already.
        verdicts_existed: whether the study had been judged already.
        organism: what the study is set on; None for a setting of its own.
    """

    time: str
    claims: dict[str, str]
    seeds: dict[str, list[Seed]]
    runs_existed: bool
    verdicts_existed: bool
    organism: OrganismName | None = None


@dataclass(frozen=True)
class Seen:
    """The verdict on a claim at one look.

    Attributes:
        claim: the claim's fingerprint.
        n: number of independent units that the verdict rests on.
    """

    claim: str
    n: Count
    verdict: VerdictName


@dataclass(frozen=True)
class Look:
    """One time at which a study was judged. The same seeds again are no new look.

    Attributes:
        time: when, in UTC.
        seeds: root arm or theory arm -> number of its seeds.
        claims: claim id -> its verdict.
    """

    time: str
    seeds: dict[str, Count]
    claims: dict[str, Seen]


@dataclass(frozen=True)
class Registration:
    """What was registered, and when it was looked at.

    Attributes:
        same: earlier fingerprint, which covers citations -> today's fingerprint of the same claim.
    """

    entries: list[Entry]
    looks: list[Look] = field(default_factory=list)
    same: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, files: StudyFiles) -> "Registration":
        """The registration in a study's folder; an empty one where there is none.

        Raises:
            InputError: the file is damaged.
        """
        if not files.registration.exists():
            return cls([])
        registration = read_json(files.registration, Registration)
        if not registration.entries:
            raise damaged(files.registration, "it has no entries")
        return registration

    def seeds(self, arm: str) -> set[int]:
        """The seeds of a root arm that were registered at any time."""
        return {seed for entry in self.entries for seed in entry.seeds.get(arm, [])}

    def seeds_before_a_look(self, claim: Claim) -> dict[str, set[int]]:
        """For each root arm the seeds that were registered for a claim before anybody saw a verdict on it."""
        registered = self._registered(claim)
        first = registered[0] if registered else len(self.entries) - 1
        unseen = [self.entries[first], *takewhile(lambda entry: not entry.verdicts_existed, self.entries[first + 1 :])]
        return {name: {seed for entry in unseen for seed in entry.seeds.get(name, [])} for name in self.entries[first].seeds}

    def looks_at(self, claim: Claim) -> list[tuple[Look, Seen]]:
        """The looks at which a claim, as it is registered now, was judged."""
        seen, fingerprint = ((look, look.claims.get(claim.id)) for look in self.looks), claim.fingerprint
        return [(look, verdict) for look, verdict in seen if verdict and self._today(verdict.claim) == fingerprint]

    def history(self, claim: Claim) -> list[Seen]:
        """The verdicts on a claim as its runs became more. Looks between which it gained no runs count as one."""
        by_runs = {seen.n: seen for _, seen in self.looks_at(claim)}
        return [by_runs[n] for n in sorted(by_runs)]

    def holds_last(self, claims: Mapping[str, str]) -> bool:
        """Whether the last entry holds exactly these claims, id -> fingerprint."""
        return bool(self.entries) and {name: self._today(each) for name, each in self.entries[-1].claims.items()} == claims

    def is_post_hoc(self, claim: Claim) -> bool:
        """Whether runs existed when a claim was first registered, or it never was."""
        registered = self._registered(claim)
        return not registered or self.entries[registered[0]].runs_existed

    def recognising(self, claims: Iterable[Claim], files: StudyFiles) -> "Registration":
        """The registration with the claims that it holds under their earlier fingerprints.

        The earlier fingerprint needs the citations of that time: those of the stored study, or else those of today.

        Args:
            claims: as they are asked now.
            files: the study's folder, as it was left by the last registration.

        Raises:
            InputError: the stored study is needed, and damaged.
        """
        unknown = [claim for claim in claims if self.entries and not self._registered(claim)]
        stored = read_yaml(files.spec, StudyText)["claims"] if unknown and files.spec.exists() else []
        same = dict(self.same)
        for claim in unknown:
            then = [claim, *(_as_cited(claim, text) for text in stored if text["id"] == claim.id)]
            same |= {each.earlier_fingerprint: claim.fingerprint for each in then}
        registered = {fingerprint for entry in self.entries for fingerprint in entry.claims.values()}
        return replace(self, same={earlier: today for earlier, today in same.items() if earlier in registered})

    def _registered(self, claim: Claim) -> list[int]:
        """Positions of the entries that hold a claim."""
        fingerprint = claim.fingerprint
        return [i for i, entry in enumerate(self.entries) if self._today(entry.claims.get(claim.id, "")) == fingerprint]

    def _today(self, fingerprint: str) -> str:
        """Today's form of a fingerprint."""
        return self.same.get(fingerprint, fingerprint)

    def write(self, files: StudyFiles) -> None:
        """Write the registration into a study's folder."""
        write_json(files.registration, asdict(self))


def register(study: Study, files: StudyFiles, runs: ArmRuns, catalogue: Catalogue) -> None:
    """Write down claims and seeds, unless they are registered as they are.

    Raises:
        InputError: the registration of a study that has runs is missing; a new one would call every claim post hoc.
    """
    if not files.registration.exists() and files.runs.exists():
        raise missing(files.registration)
    written = Registration.of(files)
    registration = written.recognising(study.asked_claims(), files)
    claims = {claim.id: claim.fingerprint for claim in study.asked_claims()}
    seeds = {name: sorted({run.seed for _, run in arm}) for name, arm in runs.items()}
    seeds_known = all(set(arm_seeds) <= registration.seeds(name) for name, arm_seeds in seeds.items())
    if not (registration.holds_last(claims) and seeds_known):
        entry = Entry(
            time=_now(),
            claims=claims,
            seeds=seeds,
            runs_existed=any(run.id in catalogue.places for arm in runs.values() for _, run in arm),
            verdicts_existed=files.verdicts.exists(),
            organism=study.organism,
        )
        registration = replace(registration, entries=[*registration.entries, entry])
    if registration != written:
        registration.write(files)


def record_look(study: Study, files: StudyFiles, verdicts: Iterable[Verdict]) -> Registration:
    """Write down that a study was judged with its seeds, unless that is known, and what the verdicts were.

    Returns:
        The registration with this look.
    """
    registration = Registration.of(files)
    seeds = {name: len(arm.seed_list()) for name, arm in study.seeded_arms()}
    claims = {verdict.claim.id: Seen(verdict.claim.fingerprint, _units(verdict), verdict.verdict) for verdict in verdicts}
    looks = {tuple(sorted(look.seeds.items())): look for look in registration.looks}
    before = looks.setdefault(tuple(sorted(seeds.items())), Look(_now(), seeds, {}))
    looks[tuple(sorted(seeds.items()))] = replace(before, claims=before.claims | claims)
    registration = replace(registration, looks=list(looks.values()))
    registration.write(files)
    return registration


def post_hoc(study: Study, registration: Registration) -> frozenset[str]:
    """Ids of the claims that were registered when their runs existed."""
    return frozenset(claim.id for claim in study.asked_claims() if registration.is_post_hoc(claim))


def _as_cited(claim: Claim, stored: RegisteredClaim) -> Claim:
    """A claim of today with the citations of a stored one."""
    accounts = stored.get("accounts", {})
    return claim.citing(stored.get("sources", ()), {name: said.get("locator", "") for name, said in accounts.items()})


def _units(verdict: Verdict) -> int:
    """The number of independent units that a verdict rests on; 0 where nothing could be estimated."""
    return verdict.estimate.independent if verdict.estimate else 0


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
