"""Where every file of a results root lies. No other module knows file names."""

import os
import reprlib
from pathlib import Path

from epicycle.spec.errors import InputError
from epicycle.store.atomic import write_json, writing
from epicycle.store.documents import Count, read_json
from epicycle.store.entries import gone, refuse_strange, refuse_strange_entries

FORMAT = 1
MARKER = "epicycle.json"
EMPTY_MARKER = f'{{"format": {FORMAT}}}'
DEFAULT_ROOT = "epicycle-results"


def default_root() -> Path:
    """The results root: EPICYCLE_ROOT, or ./epicycle-results."""
    return Path(os.environ.get("EPICYCLE_ROOT") or DEFAULT_ROOT)


def given_path(path: str | os.PathLike[str]) -> Path:
    """A path as a user gives it; `~` is the home folder, wherever the path was written down.

    Raises:
        InputError: it is no path, or there is no such home folder.
    """
    try:
        return Path(path).expanduser()
    except TypeError:
        raise InputError(f"{reprlib.repr(path)} is no path; give a text such as 'results', or a pathlib.Path.") from None
    except RuntimeError:
        raise InputError(f"{path}: there is no such home folder; write the whole path.") from None


class Root:
    """A results root: a folder with `epicycle.json` in it, and below it `cohorts/<id>/`, `studies/<name>/<id>/`, `ledger.html`."""

    def __init__(self, path: str | Path) -> None:
        self.path = given_path(path).absolute()
        self.cohorts = self.path / "cohorts"
        self.studies = self.path / "studies"
        self.ledger = self.path / "ledger.html"
        self.lock = self.path / ".lock"
        self.marker = self.path / MARKER

    @classmethod
    def create(cls, path: str | Path) -> "Root":
        """Open a root for writing. An absent or empty folder becomes a root.

        Raises:
            InputError: the path is a file, or a folder that holds other files.
        """
        root = cls(path)
        if root.path.is_file():
            raise InputError(f"{path} is a file, not a results folder; choose another --root.")
        if not root.marker.is_file():
            root.path.mkdir(parents=True, exist_ok=True)
            strangers = sorted(entry.name for entry in root.path.iterdir() if not entry.name.startswith("."))
            if strangers and not root.marker.is_file():  # another process may have written the marker just now
                raise InputError(
                    f"{path} is not an Epicycle results folder (it holds {', '.join(strangers[:3])} and no {MARKER}); choose an empty "
                    f"folder or another --root. If the folder has lost its {MARKER}, write {EMPTY_MARKER} into that file."
                )
            with writing(root.lock):
                write_json(root.marker, {"format": FORMAT})
        root.opened()
        root.cohorts.mkdir(exist_ok=True)
        root.studies.mkdir(exist_ok=True)
        return root

    def opened(self) -> "Root":
        """The root itself, if the folder is a results root.

        Raises:
            InputError: there is no such folder, it is no results root, or a later version wrote it; or something in it is
                neither a file nor a folder.
        """
        if not self.marker.is_file():
            raise InputError(f"{self.path} is not an Epicycle results folder (there is no {MARKER} in it).")
        try:
            written_format = read_json(self.marker, dict[str, Count])["format"]
        except (InputError, KeyError):
            raise InputError(f"{self.marker} is damaged. It holds only the format: write {EMPTY_MARKER} into it.") from None
        if written_format != FORMAT:
            raise InputError(
                f"{self.path} is written in format {written_format}, and this version reads format {FORMAT}; use a later version."
            )
        for folder in (self.path, self.cohorts, self.studies):
            refuse_strange_entries(folder)
        return self

    def cohort(self, cohort_id: str) -> "CohortFiles":
        """Files of one cohort."""
        return CohortFiles(self.cohorts / cohort_id)

    def refuse_moved(self) -> None:
        """Refuse to go on where the root is gone.

        Raises:
            InputError: the root was moved or removed.
        """
        if not self.marker.is_file():
            raise gone(self.path)

    def study(self, name: str, study_id: str) -> "StudyFiles":
        """Files of one study at one setting."""
        return StudyFiles(self.studies / name / study_id)


class CohortFiles:
    """`spec.yaml`, `members.json`, `edits.json`, `status.json`, `series.zarr/`, `checkpoints/`, `sources/`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec = path / "spec.yaml"
        self.members = path / "members.json"
        self.edits = path / "edits.json"
        self.status = path / "status.json"
        self.series = path / "series.zarr"
        self.checkpoints = path / "checkpoints"
        self.lock = path / ".lock"

    def latest(self, progress: int) -> Path:
        """The rolling checkpoint at a total of member-steps."""
        return self.checkpoints / f"latest-{progress:012d}.safetensors"

    def at_step(self, step: int) -> Path:
        """The kept checkpoint of a step."""
        return self.checkpoints / f"step-{step:010d}.safetensors"

    def own_code(self, kind: str, version: int) -> Path:
        """The text of one of the user's own classes. Python would not import this file."""
        return self.path / "sources" / f"{kind.replace(':', '.')}@{version}.txt"


class StudyFiles:
    """`study.yaml`, `registration.json`, `runs.json`, `events.json`, `provenance.json`, `verdicts.json`, `report.html`, figures."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = path / ".lock"
        self.spec = path / "study.yaml"
        self.registration = path / "registration.json"
        self.runs = path / "runs.json"
        self.provenance = path / "provenance.json"
        self.events = path / "events.json"
        self.verdicts = path / "verdicts.json"
        self.report = path / "report.html"
        self.figure = path / "figure"
        self.surface_data = path / "surface.json"
        self.surface = path / "surface"

    def create(self) -> None:
        """Make the folder, and the one above it, in a root that is there.

        Raises:
            InputError: the root was moved or removed, or one of the two is no folder.
        """
        above = self.path.parent
        for folder in (above, self.path):
            if not folder.parent.is_dir():
                raise gone(folder.parent)
            refuse_strange(folder)
            folder.mkdir(exist_ok=True)
