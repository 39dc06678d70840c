"""Folders that hold verdicts, wherever they lie: in a results root, or published beside a page."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from epicycle.spec.errors import InputError
from epicycle.store.entries import refuse_strange, refuse_strange_entries
from epicycle.store.files import Root, StudyFiles
from epicycle.store.study_documents import Verdicts, read_verdicts

DEEPEST = 3  # levels of folders below the one that is given, as in docs/verdicts/STUDY/ORGANISM


def verdicts_of_root(root: Root) -> list[tuple[StudyFiles, Verdicts]]:
    """The verdicts of all studies in a root, pilots left out: for each study and organism those that were judged last.

    Raises:
        InputError: a document in it is damaged.
    """
    return _latest(_judged(root.studies, 2))


def verdicts_of_study(root: Root, name: str) -> list[tuple[StudyFiles, Verdicts]]:
    """The verdicts of one study in a root, pilots left out: for each organism those that were judged last.

    Raises:
        InputError: a document in it is damaged.
    """
    return _latest(_judged(root.studies / name, 1))


def verdicts_of_folders(folders: Sequence[Path]) -> list[tuple[StudyFiles, Verdicts]]:
    """The verdicts in some folders and at most three levels below them, such as `docs/verdicts`; pilots are left out.

    Raises:
        InputError: a folder does not exist or holds no verdicts, or a document is damaged.
    """
    judged: list[StudyFiles] = []
    for folder in folders:
        if not folder.is_dir():
            raise InputError(
                f"there is no folder {folder}; give a folder with verdicts.json in it or below it, such as docs/verdicts."
            )
        below = list(_judged(folder, DEEPEST))
        if not below:
            raise InputError(
                f"{folder} has no verdicts.json in it or at most {DEEPEST} levels below it. Give a folder that holds the verdicts of "
                "studies, such as docs/verdicts, or leave the folder out and give --root."
            )
        judged += below
    return _latest(judged)


def _judged(folder: Path, levels: int) -> Iterator[StudyFiles]:
    """The folders with verdicts, down to some levels below a folder: those on one organism may lie in those on another."""
    refuse_strange(folder)
    refuse_strange_entries(folder)
    files = StudyFiles(folder)
    if files.verdicts.is_file():
        yield files
    if levels and folder.is_dir():
        for below in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
            yield from _judged(below, levels - 1)


def _latest(judged: Iterable[StudyFiles]) -> list[tuple[StudyFiles, Verdicts]]:
    by_age = sorted(judged, key=lambda files: files.verdicts.stat().st_mtime)
    read = [(files, read_verdicts(files)) for files in by_age]
    latest = {(verdicts["study"], verdicts.get("organism")): (files, verdicts) for files, verdicts in read if not verdicts["pilot"]}
    return [latest[key] for key in sorted(latest, key=lambda key: (key[0], key[1] or ""))]
