"""What may lie in a results folder: files and folders, each whole. Everything else is refused by name.

A link could lead reading and writing out of the folder, and a FIFO or a device would be waited for without end.
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from epicycle.spec.errors import InputError

MEMORY_SHARE = 4  # reading one thing may take one part in so many of the machine's memory
KINDS = {stat.S_IFLNK: "a symbolic link", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}


def read_bytes(path: Path, largest: int) -> bytes:
    """The bytes of a file in a results folder.

    Args:
        path: the file.
        largest: a file of more bytes is refused.

    Raises:
        InputError: the file is missing or too large, or is a link, a FIFO or a device.
    """
    refuse_strange(path)
    try:
        if (size := path.stat().st_size) > largest:
            raise damaged(path, f"it holds {size:,} bytes, and at most {largest:,} are read")
        return path.read_bytes()
    except FileNotFoundError:
        raise missing(path) from None
    except IsADirectoryError:
        raise damaged(path, "it is a folder") from None


def most_bytes() -> int:
    """The most memory that reading one thing may take on this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MEMORY_SHARE


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def refuse_damaged(folder: Path, sums: Mapping[str, str]) -> None:
    """Compare files of a folder with the checksums that were noted when they were written.

    Raises:
        InputError: a file is missing or holds other bytes; the file is named.
    """
    for name, expected in sums.items():
        try:
            present = checksum(folder / name)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise missing(folder / name, folder) from None
        if present != expected:
            raise damaged(folder / name, "it holds other bytes than were written", folder)


def refuse_strange(path: Path) -> None:
    """Refuse whatever is neither a file nor a folder. A path at which nothing lies is accepted.

    Raises:
        InputError: the path is a link, a FIFO, a socket or a device.
    """
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        kind = KINDS.get(stat.S_IFMT(mode), "a device")
        raise InputError(f"{path} is {kind}. A results folder holds files and folders only; remove it, or put a copy in its place.")


def refuse_strange_entries(folder: Path, deep: bool = False) -> None:
    """Refuse a folder that holds a link, a FIFO, a socket or a device. A path at which no folder lies is accepted.

    Args:
        folder: where to look.
        deep: look into the folders below it as well.

    Raises:
        InputError: the entry is named.
    """
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            if not is_folder and not entry.is_file(follow_symlinks=False):
                refuse_strange(Path(entry.path))
            if deep and is_folder:
                refuse_strange_entries(Path(entry.path), deep)


def inside(name: str) -> str:
    """A path that stays in the folder it is joined to.

    Raises:
        ValueError: the path leads out of the folder.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or "\0" in name or "\\" in name:
        raise ValueError(f"'{name}' leads out of its folder")
    return name


def damaged(path: Path, why: str, folder: Path | None = None) -> InputError:
    """The error for a file that does not hold what was written. `folder` is what the user can remove, to compute it again."""
    return InputError(f"{path} is damaged: {why}. Put a copy of it back, or remove {folder or path.parent} to compute it again.")


def missing(path: Path, folder: Path | None = None) -> InputError:
    """The error for a file that is not there. `folder` is what the user can remove, to compute it again."""
    return InputError(f"{path} is missing. Put a copy of it back, or remove {folder or path.parent} to compute it again.")


def gone(folder: Path) -> InputError:
    """The error for a folder that was moved or removed while it was in use."""
    return InputError(f"{folder} is not there any more: it was moved or removed. Put it back and run the same command again.")
