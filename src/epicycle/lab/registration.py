"""What a study claims is written down before its first step; whatever comes later is known to be post hoc.

`registration.json` holds one entry for each change of claims or seeds, with the time, and what was known by then.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from epicycle.spec.arms import ArmRun
from epicycle.spec.study import Study
from epicycle.store.atomic import write_json
from epicycle.store.catalogue import Catalogue
from epicycle.store.documents import Seed, read_json
from epicycle.store.entries import damaged, missing
from epicycle.store.files import StudyFiles

ArmRuns = Mapping[str, Sequence[ArmRun]]  # the runs of each arm


@dataclass(frozen=True)
class Entry:
    """One registration.

    Attributes:
        time: when, in UTC.
        claims: claim id -> fingerprint.
        seeds: arm -> seeds of its runs.
        runs_existed: whether any of the runs was there already.
        verdicts_existed: whether the study had been judged already.
    """

    time: str
    claims: dict[str, str]
    seeds: dict[str, list[Seed]]
    runs_existed: bool
    verdicts_existed: bool


@dataclass(frozen=True)
class PostHoc:
    """What was registered too late.

    Attributes:
        claims: ids of the claims that were registered when runs existed.
        seeds: seeds that were added when verdicts existed.
    """

    claims: frozenset[str]
    seeds: tuple[int, ...]


def register(study: Study, files: StudyFiles, runs: ArmRuns, catalogue: Catalogue) -> None:
    """Write down claims and seeds, unless they are registered as they are.

    Raises:
        InputError: the registration of a study that has runs is missing; a new one would call every claim post hoc.
    """
    if not files.registration.exists() and files.runs.exists():
        raise missing(files.registration)
    entries = _entries(files) if files.registration.exists() else []
    claims = {claim.id: claim.fingerprint for claim in study.claims}
    seeds = {name: sorted({run.seed for _, run in arm}) for name, arm in runs.items()}
    seeds_known = all(set(arm_seeds) <= _registered_seeds(entries, name) for name, arm_seeds in seeds.items())
    if entries and entries[-1].claims == claims and seeds_known:
        return
    entry = Entry(
        time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        claims=claims,
        seeds=seeds,
        runs_existed=any(run.id in catalogue.places for arm in runs.values() for _, run in arm),
        verdicts_existed=files.verdicts.exists(),
    )
    write_json(files.registration, {"entries": [asdict(each) for each in [*entries, entry]]})


def post_hoc(study: Study, files: StudyFiles) -> PostHoc:
    """The claims that were registered when their runs existed, and the seeds that were added when verdicts existed."""
    entries = _entries(files)
    too_late: dict[tuple[str, str], bool] = {}
    for entry in entries:
        for claim in entry.claims.items():
            too_late.setdefault(claim, entry.runs_existed)
    late_seeds: set[int] = set()
    for i, entry in enumerate(entries):
        if entry.verdicts_existed:
            for arm, seeds in entry.seeds.items():
                late_seeds |= set(seeds) - _registered_seeds(entries[:i], arm)
    claims = frozenset(claim.id for claim in study.claims if too_late.get((claim.id, claim.fingerprint), True))
    return PostHoc(claims, tuple(sorted(late_seeds)))


def _entries(files: StudyFiles) -> list[Entry]:
    document = read_json(files.registration, dict[str, list[Entry]])
    if "entries" not in document:
        raise damaged(files.registration, "it has no entries")
    return document["entries"]


def _registered_seeds(entries: Iterable[Entry], arm: str) -> set[int]:
    return {seed for entry in entries for seed in entry.seeds.get(arm, [])}
