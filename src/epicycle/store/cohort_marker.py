"""The marker of a cohort (`status.json`): what is whole, and what was asked for. It is replaced last, after everything it names."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from epicycle.spec.experiment import Request
from epicycle.spec.identity import canonical_json
from epicycle.spec.plain_data import Plain
from epicycle.spec.results import RUNNING, Status
from epicycle.store.atomic import checksum, read_json, refuse_damaged, write_json
from epicycle.store.files import CohortFiles


@dataclass(frozen=True)
class Segment:
    """A stretch of a cohort's series: a longer budget adds one.

    Attributes:
        budget: the last step of the segment.
        rows: recorded steps in it.
        signatures: those of the machines that trained it.
    """

    budget: int
    rows: int
    signatures: tuple[Mapping[str, Any], ...] = ()

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

    file: str
    rows: tuple[int, ...]

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

    rows: tuple[int, ...]
    states: tuple[Status, ...]
    asked: tuple[Request | None, ...]
    segments: tuple[Segment, ...] = ()
    finished: bool = False
    checkpoint: Commit | None = None
    previous: Commit | None = None
    sums: Mapping[str, str] = field(default_factory=dict)
    coords: Mapping[str, list[str]] = field(default_factory=dict)

    @classmethod
    def blank(cls, members: int, sums: Mapping[str, str]) -> "Marker":
        """The marker of a cohort in which nothing is trained yet."""
        return cls((0,) * members, (RUNNING,) * members, (None,) * members, sums=sums)

    @classmethod
    def parse(cls, plain: Mapping[str, Any]) -> "Marker":
        """The marker that `plain` wrote down."""
        commits = {
            name: None if plain[name] is None else Commit(plain[name]["file"], tuple(plain[name]["rows"]))
            for name in ("checkpoint", "previous")
        }
        return cls(
            rows=tuple(plain["rows"]),
            states=tuple(Status.parse(text) for text in plain["states"]),
            asked=tuple(None if request is None else Request.parse(request) for request in plain["asked"]),
            segments=tuple(Segment(s["budget"], s["rows"], tuple(s["signatures"])) for s in plain["segments"]),
            finished=bool(plain["finished"]),
            **commits,
            sums=plain.get("sums", {}),  # none: of before there were checksums
            coords=plain.get("coords", {}),
        )

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
        InputError: the marker, or one of the small files whose checksums it holds, is damaged or missing; the file is named.
    """
    marker = Marker.parse(read_json(files.status))
    kept = f"{files.checkpoints.name}/"
    refuse_damaged(files.path, {name: value for name, value in marker.sums.items() if not name.startswith(kept)})
    return marker


def write_marker(files: CohortFiles, marker: Marker) -> None:
    """Replace a cohort's marker."""
    write_json(files.status, marker.plain())


def blank_marker(files: CohortFiles, members: int) -> Marker:
    """The marker of a cohort whose small files have just been written."""
    return Marker.blank(members, {files.members.name: checksum(files.members)})
