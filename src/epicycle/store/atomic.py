"""Files that appear whole or not at all, and that can tell whether they still hold what was written.

A file is written under another name in the same folder, flushed to disk, then renamed. JSON objects and YAML begin with a checksum of
the text that follows. Series and checkpoints have checksums in formats of their own.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import filelock

from epicycle.spec.errors import InputError
from epicycle.spec.plain_data import Plain
from epicycle.spec.yaml_text import dump_yaml, load_yaml

PARTIAL = ".partial"
MOST_CHARACTERS = 64_000_000  # of a stored YAML document: a spec may list a million rows
JSON_SEAL = ('{\n  "sha256": "', '",\n')  # before and after the checksum of the rest of the file
YAML_SEAL = ("# sha256: ", "\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file in one step. After a crash the file holds the old bytes or the new ones.

    Raises:
        OSError: no room or no permission. The file is named, and nothing half-written stays.
    """
    partial = path.with_name(f".{path.name}{PARTIAL}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error  # the error of a failed write names no file


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON with a final newline. Keys keep their order. An object begins with the checksum of the rest."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(path, _sealed(text[2:], JSON_SEAL) if isinstance(value, dict) and value else text)


def read_json(path: Path) -> Any:
    """The document in a file.

    Raises:
        InputError: the file cannot be read, is no JSON, or does not hold what was written.
    """
    text = _intact_text(path, JSON_SEAL)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise damaged(path, str(error)) from None
    if isinstance(value, dict):
        value.pop("sha256", None)
    return value


def write_yaml(path: Path, value: Mapping[str, Any]) -> None:
    """Write a mapping as YAML, after a comment with its checksum."""
    write_text(path, _sealed(dump_yaml(dict(value)), YAML_SEAL))


def read_yaml(path: Path) -> Plain:
    """The mapping in a YAML file.

    Raises:
        InputError: the file cannot be read, is no YAML, or does not hold what was written.
    """
    value = load_yaml(_intact_text(path, YAML_SEAL), str(path), MOST_CHARACTERS)
    if not isinstance(value, dict):
        raise damaged(path, "it holds no mapping")
    return value


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def refuse_damaged(folder: Path, sums: Mapping[str, str]) -> None:
    """Compare files of a folder with the checksums that were noted when they were written.

    Raises:
        InputError: a file is missing or holds other bytes; the file is named.
    """
    for name, expected in sums.items():
        try:
            present = checksum(folder / name)
        except FileNotFoundError:
            raise missing(folder / name, folder) from None
        if present != expected:
            raise damaged(folder / name, "it holds other bytes than were written", folder)


def damaged(path: Path, why: str, folder: Path | None = None) -> InputError:
    """The error for a file that does not hold what was written. `folder` is what the user can remove, to compute it again."""
    return InputError(f"{path} is damaged: {why}. Put a copy of it back, or remove {folder or path.parent} to compute it again.")


def missing(path: Path, folder: Path | None = None) -> InputError:
    """The error for a file that is not there. `folder` is what the user can remove, to compute it again."""
    return InputError(f"{path} is missing. Put a copy of it back, or remove {folder or path.parent} to compute it again.")


@contextmanager
def writing(lock: Path) -> Iterator[None]:
    """Hold the folder of a lock file while files in it are written; other processes wait. Half-written files go away."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(lock):
        for leftover in lock.parent.glob(f"*{PARTIAL}"):
            leftover.unlink(missing_ok=True)
        yield


def sweep_partials(folder: Path) -> None:
    """Remove the half-written files that a crash left in a folder and below it."""
    for leftover in list(folder.rglob(f"*{PARTIAL}")):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)


def _sealed(text: str, seal: tuple[str, str]) -> str:
    return seal[0] + hashlib.sha256(text.encode()).hexdigest() + seal[1] + text


def _intact_text(path: Path, seal: tuple[str, str]) -> str:
    """The text of a file, compared with its checksum. Files that early versions wrote have no checksum, and are accepted."""
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        raise missing(path) from None
    except UnicodeDecodeError as error:
        raise damaged(path, str(error)) from None
    length = len(seal[0]) + 64 + len(seal[1])
    head, rest = text[:length], text[length:]
    has_checksum = head.startswith(seal[0]) or re.search("[0-9a-f]{64}", head)  # one wrong bit leaves one of the two intact
    if has_checksum and text != _sealed(rest, seal):
        raise damaged(path, "its checksum does not match what is in it")
    return text
