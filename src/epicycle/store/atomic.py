"""Files appear whole or not at all: written beside their place, flushed to disk, then renamed."""

import json
import os
from pathlib import Path
from typing import Any

from epicycle.spec.errors import InputError

PARTIAL = ".partial"


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file in one step; after a crash it holds the old bytes or the new ones."""
    partial = path.with_name(path.name + PARTIAL)
    path.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    os.replace(partial, path)


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Indented JSON with a final newline; keys keep their order."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The document in a file.

    Raises:
        InputError: it cannot be read or is not JSON; the file is named.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f"{path} is missing.") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is damaged ({error}); remove its folder to compute it again.") from None


def sweep_partials(folder: Path) -> None:
    """Remove what a crash left half-written."""
    for leftover in folder.rglob(f"*{PARTIAL}"):
        leftover.unlink(missing_ok=True)
