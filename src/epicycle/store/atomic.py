"""Files that appear whole or not at all, and that can tell whether they still hold what was written.

A file is written under another name in the same folder, flushed to disk, then renamed. JSON objects and YAML begin with a checksum of
the text that follows. Series and checkpoints have checksums in formats of their own. `documents.py` reads what is written here.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import filelock

from epicycle.spec.yaml_text import dump_yaml
from epicycle.store.entries import gone, refuse_strange_entries

PARTIAL = ".partial"
JSON_SEAL = ('{\n  "sha256": "', '",\n')  # before and after the checksum of the rest of the file
YAML_SEAL = ("# sha256: ", "\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file in one step. After a crash the file holds the old bytes or the new ones.

    The folder must be there. A results folder that is moved or removed in mid-run would otherwise be made again by half.

    Raises:
        InputError: the folder is not there.
        OSError: no room or no permission. The file is named, and nothing half-written stays.
    """
    partial = path.with_name(f".{path.name}{PARTIAL}")
    try:
        with partial.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if not path.parent.is_dir():
            raise gone(path.parent) from None
        raise OSError(error.errno, error.strerror, str(path)) from error  # the error of a failed write names no file


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON with a final newline. Keys keep their order. An object begins with the checksum of the rest."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(path, sealed(text[2:], JSON_SEAL) if isinstance(value, dict) and value else text)


def write_yaml(path: Path, value: Mapping[str, Any]) -> None:
    """Write a mapping as YAML, after a comment with its checksum."""
    write_text(path, sealed(dump_yaml(dict(value)), YAML_SEAL))


@contextmanager
def writing(lock: Path) -> Iterator[None]:
    """Hold the folder of a lock file while files in it are written; other processes wait. Half-written files go away.

    Raises:
        InputError: the folder is not there, or it holds a link, a FIFO or a device.
    """
    refuse_strange_entries(lock.parent)
    with folder_lock(lock):
        for leftover in lock.parent.glob(f"*{PARTIAL}"):
            leftover.unlink(missing_ok=True)
        yield


def folder_lock(lock: Path) -> filelock.BaseFileLock:
    """A lock in a folder that is there.

    Raises:
        InputError: the folder is not there. filelock would make it.
    """
    if not lock.parent.is_dir():
        raise gone(lock.parent)
    return filelock.FileLock(lock)


def sweep_partials(folder: Path) -> None:
    """Remove the half-written files that a crash left in a folder and below it."""
    for leftover in list(folder.rglob(f"*{PARTIAL}")):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)


def sealed(text: str, seal: tuple[str, str]) -> str:
    """A text after its checksum."""
    return seal[0] + hashlib.sha256(text.encode()).hexdigest() + seal[1] + text
