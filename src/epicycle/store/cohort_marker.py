"""The marker of a cohort (`status.json`): what is whole, and what was asked for. It is replaced last, after everything it names."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from epicycle.spec.experiment import Request
from epicycle.spec.identity import canonical_json
from epicycle.spec.plain_data import Plain
from epicycle.spec.results import RUNNING, Status
from epicycle.store.atomic import write_json
from epicycle.store.documents import Count, Settings, read_json
from epicycle.store.entries import checksum, inside, refuse_damaged, refuse_strange_entries
from epicycle.store.files import CohortFiles

MOST_ROWS = 10_000_000  # recorded steps of a cohort
CheckpointName = Annotated[str, Field(pattern=r"^latest-[0-9]{1,20}\.safetensors$")]
PathInside = Annotated[str, AfterValidator(inside)]
StatusText = Annotated[Status, BeforeValidator(lambda text: Status.parse(text) if isinstance(text, str) else text)]


@dataclass(frozen=True)
class Segment:
    """A stretch of a cohort's series: a longer budget adds one.

    Attributes:
        budget: the last step of the segment.
        rows: recorded steps in it.
        signatures: those of the machines that trained it.
    """

    budget: Count
    rows: Annotated[Count, Field(ge=1, le=MOST_ROWS)]
    signatures: tuple[Settings, ...] = ()

    def plain(self) -> Plain:
        """Plain data for a file."""
        return {"budget": self.budget, "rows": self.rows, "signatures": list(self.signatures)}


@dataclass(frozen=True)
class Commit:
    """States to resume from.

    Attributes:
        file: name of the checkpoint.
        rows: recorded rows of each member at these states.
    """

    file: CheckpointName
    rows: tuple[Count, ...]

    def plain(self) -> Plain:
        """Plain data for a file."""
        return {"file": self.file, "rows": list(self.rows)}


@dataclass(frozen=True)
class Marker:
    """What of a cohort is whole.

    Attributes:
        finished: whether every member has reached its stop within the budget.
        rows: recorded rows of each member.
        states: what each member has come to.
        asked: what was last asked of each member; None where nobody has asked for it.
        checkpoint: the latest commit; `previous`: the one before.
        sums: checksums of the files that do not change any more, by their path in the cohort's folder.
        coords: labels along axes of measures that were recorded later.
    """

    rows: tuple[Count, ...]
    states: tuple[StatusText, ...]
    asked: tuple[Request | None, ...]
    segments: tuple[Segment, ...] = ()
    finished: bool = False
    checkpoint: Commit | None = None
    previous: Commit | None = None
    sums: dict[PathInside, str] = field(default_factory=dict)  # none: of before there were checksums
    coords: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        commits = [commit.rows for commit in (self.checkpoint, self.previous) if commit]
        if not self.rows or {len(self.rows)} != {len(each) for each in (self.states, self.asked, *commits, self.rows)}:
            raise ValueError("it does not say the same number of members everywhere")
        recorded = sum(segment.rows for segment in self.segments)
        if recorded > MOST_ROWS or any(row > recorded for rows in (self.rows, *commits) for row in rows):
            raise ValueError("it counts more rows than its segments have")
        if any(later.budget <= segment.budget for segment, later in itertools.pairwise(self.segments)):
            raise ValueError("its segments do not follow each other")

    @classmethod
    def blank(cls, members: int, sums: dict[str, str]) -> "Marker":
        """The marker of a cohort in which nothing is trained yet."""
        return cls((0,) * members, (RUNNING,) * members, (None,) * members, sums=sums)

    def plain(self) -> Plain:
        """Plain data for a file."""
        commits = {"checkpoint": self.checkpoint, "previous": self.previous}
        return {
            "segments": [segment.plain() for segment in self.segments],
            "finished": self.finished,
            "rows": list(self.rows),
            "states": [str(status) for status in self.states],
            "asked": [None if request is None else request.plain() for request in self.asked],
            **{name: None if commit is None else commit.plain() for name, commit in commits.items()},
            **({"coords": dict(self.coords)} if self.coords else {}),
            "sums": dict(self.sums),
        }

    @property
    def budget(self) -> int:
        """Steps that the segments reach to; 0 before the first."""
        return self.segments[-1].budget if self.segments else 0

    @property
    def recorded(self) -> bool:
        """Whether something of a member is whole."""
        return any(self.rows)

    @property
    def exact(self) -> bool:
        """Whether one signature trained all of it, so that its bits are those of a straight run."""
        return len({canonical_json(dict(signature)) for segment in self.segments for signature in segment.signatures}) <= 1

    def signed(self, signature: Mapping[str, Any], asked: tuple[Request | None, ...]) -> "Marker":
        """The marker of work that goes on under a signature, for these requests.

        A member that nobody asks for now keeps its earlier request if it was done.
        """
        *earlier, last = self.segments
        if dict(signature) not in [dict(known) for known in last.signatures]:
            last = replace(last, signatures=(*last.signatures, dict(signature)))
        before = zip(asked, self.asked, self.states, strict=True)
        kept = tuple(now or (then if status.state == "done" else None) for now, then, status in before)
        return replace(self, segments=(*earlier, last), asked=kept, finished=False)


def read_marker(files: CohortFiles) -> Marker:
    """A cohort's marker.

    Raises:
        InputError: the marker, or one of the small files whose checksums it holds, is damaged or missing; or something in the
            folder is neither a file nor a folder. The file is named.
    """
    refuse_strange_entries(files.path, deep=True)
    marker = read_json(files.status, Marker)
    kept = f"{files.checkpoints.name}/"
    refuse_damaged(files.path, {name: value for name, value in marker.sums.items() if not name.startswith(kept)})
    return marker


def write_marker(files: CohortFiles, marker: Marker) -> None:
    """Replace a cohort's marker."""
    write_json(files.status, marker.plain())


def blank_marker(files: CohortFiles, members: int) -> Marker:
    """The marker of a cohort whose small files have just been written."""
    return Marker.blank(members, {files.members.name: checksum(files.members)})
