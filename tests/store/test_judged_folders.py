"""Verdicts in folders: the latest for each study and organism, at most three levels below what is given."""

import json
import os
from pathlib import Path

import pytest

from epicycle.spec.errors import InputError
from epicycle.store.files import Root
from epicycle.store.judged_folders import verdicts_of_folders, verdicts_of_root


def judged(folder: Path, study: str, organism: str | None = None, pilot: bool = False, age: int = 0) -> Path:
    folder.mkdir(parents=True)
    document: dict[str, object] = {
        "study": study,
        "question": "?",
        "organism": organism,
        "profile": "stated",
        "pilot": pilot,
        "claims": [],
        "arms": {},
    }
    file = folder / "verdicts.json"
    file.write_text(json.dumps(document))
    os.utime(file, (1_000_000 - age, 1_000_000 - age))
    return folder


def folders_of(root: Path) -> list[Path]:
    return [files.path for files, _ in verdicts_of_folders([root])]


def test_the_latest_of_each_study_and_organism(tmp_path: Path) -> None:
    judged(tmp_path / "boost" / "old", "boost", "fly", age=9)
    new = judged(tmp_path / "boost" / "new", "boost", "fly")
    mouse = judged(tmp_path / "boost" / "mouse" / "x", "boost", "mouse", age=99)
    other = judged(tmp_path / "anatomy", "anatomy")
    assert folders_of(tmp_path) == [other, new, mouse]


def test_verdicts_on_another_organism_lie_below_those_of_the_study(tmp_path: Path) -> None:
    fly = judged(tmp_path / "boost", "boost", "fly")
    mouse = judged(tmp_path / "boost" / "mouse", "boost", "mouse")
    assert folders_of(tmp_path) == folders_of(tmp_path / "boost") == [fly, mouse]


def test_a_pilot_does_not_hide_what_was_judged_before(tmp_path: Path) -> None:
    kept = judged(tmp_path / "a", "boost", "fly", age=9)
    judged(tmp_path / "b", "boost", "fly", pilot=True)
    assert folders_of(tmp_path) == [kept]


def test_a_root_and_an_empty_root(tmp_path: Path) -> None:
    root = Root.create(tmp_path / "results")
    assert verdicts_of_root(root) == []
    folder = judged(root.studies / "boost" / "0123", "boost")
    assert [files.path for files, _ in verdicts_of_root(root)] == [folder]


def test_folders_without_verdicts_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        verdicts_of_folders([tmp_path / "none"])
    judged(tmp_path / "1" / "2" / "3" / "4", "too-deep")
    with pytest.raises(InputError, match=r"no verdicts\.json in it or at most 3 levels below"):
        verdicts_of_folders([tmp_path])


def test_links_are_refused(tmp_path: Path) -> None:
    judged(tmp_path / "real", "boost")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(InputError, match="symbolic link"):
        verdicts_of_folders([tmp_path])
