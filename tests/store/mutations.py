"""Stored documents with one thing wrong in them, whose checksums are right all the same. They are drawn from a fixed seed."""

import hashlib
import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import google_crc32c

from epicycle.spec.yaml_text import load_yaml
from epicycle.store.atomic import JSON_SEAL, YAML_SEAL, sealed

LINK = "<img src=x onerror=alert(1)>"
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1, 0.5, 2**31, 2**32, 2**63, 10**30, 10**400, -(10**30), 1e308, "", "x", "0", "running", "diverged at step x",
    "evil:Boom", "../../outside", "/etc/passwd", LINK, "$\\frac{", "\u2014", "a" * 5000, [], {}, [[]], {"kind": "evil:Boom"},
    {"x": 1}, [1, "x", None], [10**7, 10**7], "pickle", "object", "lr", "step", "run", "control", "t_gen",
)  # fmt: skip


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all entries of plain data."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(below for key, entry in entries for below in places(entry, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    """The data after a change of one entry, given the container and its key."""
    whole = [value]
    container, key = whole, 0
    for step in path:
        container, key = container[key], step
    change(container, key)
    return whole[0] if whole else None


def mutated(value: Any, draw: random.Random) -> Any:
    """Plain data with one entry dropped, replaced, doubled, renamed, moved, or made large or deep."""
    every = places(value)
    path, other = draw.choice(every), draw.choice(every)
    odd = draw.choice([*ODD, nested(30), nested(500), list(range(5000))])

    def entry_of(place: tuple[Any, ...]) -> Any:
        entry = value
        for step in place:
            entry = entry[step]
        return json.loads(json.dumps(entry))

    def drop(container: Any, key: Any) -> None:
        del container[key]

    def replace(container: Any, key: Any) -> None:
        container[key] = odd

    def double(container: Any, key: Any) -> None:
        container.append(container[key]) if isinstance(container, list) else container.update({f"{key}2": container[key]})

    def rename(container: Any, key: Any) -> None:
        entry = container.pop(key)
        container.append(entry) if isinstance(container, list) else container.update(
            {str(draw.choice(["x", "step", "fork", key])): entry}
        )

    def move(container: Any, key: Any) -> None:
        container[key] = entry_of(other)

    def nudge(container: Any, key: Any) -> None:
        entry = container[key]
        container[key] = entry + draw.choice([-1, 1, 10**6]) if isinstance(entry, int | float) else odd

    return changed(value, path, draw.choice([drop, replace, replace, replace, double, rename, move, nudge, nudge]))


def flipped(content: bytes, draw: random.Random) -> bytes:
    """Bytes that are cut off, or of which some have other bits."""
    if draw.random() < 0.3:
        return content[: draw.randrange(len(content))]
    damaged = bytearray(content)
    for _ in range(draw.choice([1, 1, 4])):
        damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
    return bytes(damaged)


def json_file(content: bytes, draw: random.Random) -> bytes:
    """A file of JSON with other content and the right checksum."""
    value = json.loads(content)
    had_checksum = isinstance(value, dict) and bool(value.pop("sha256", None))
    if draw.random() < 0.15:
        body = content.decode()
        start = len("".join(JSON_SEAL)) + 64 if had_checksum else 0
        text = flipped(body[start:].encode(), draw).decode(errors="replace")
        return (sealed(text, JSON_SEAL) if had_checksum else text).encode()
    value = mutated(value, draw)
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return (sealed(text[2:], JSON_SEAL) if had_checksum and isinstance(value, dict) and value else text).encode()


def yaml_file(content: bytes, draw: random.Random) -> bytes:
    """A file of YAML with other content and the right checksum."""
    text = content.decode().partition("\n")[2]
    if draw.random() < 0.15:
        return sealed(flipped(text.encode(), draw).decode(errors="replace"), YAML_SEAL).encode()
    value = json.dumps(mutated(load_yaml(text, "original"), draw), indent=1)  # JSON is YAML too, and may be nested deeply
    return sealed(value, YAML_SEAL).encode()


def chunk_file(content: bytes, draw: random.Random) -> bytes:
    """A chunk of a series with other bytes and the right checksum; some claim to unfold to terabytes."""
    body = flipped(content[:-4], draw)
    if draw.random() < 0.3:
        body = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 2**42) + content[13:-4]
    return body + struct.pack("<I", google_crc32c.value(body))


def checkpoint_file(content: bytes, draw: random.Random) -> bytes:
    """A checkpoint with another header; half of them have the right checksum of header and arrays."""
    length = int.from_bytes(content[:8], "little")
    header, arrays = json.loads(content[8 : 8 + length]), content[8 + length :]
    if draw.random() < 0.3:
        arrays = flipped(arrays, draw)
    owner = json.loads(header["__metadata__"]["epicycle"])
    if draw.random() < 0.5:
        owner = mutated(owner, draw)
        header["__metadata__"]["epicycle"] = json.dumps(owner)
    else:
        header = mutated(header, draw)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + arrays


KINDS = {".json": json_file, ".yaml": yaml_file, ".safetensors": checkpoint_file, "": chunk_file}


def documents(root: Path) -> list[Path]:
    """The files of a root whose content can be wrong: each name of a series once, and a few checkpoints and chunks."""
    files = [file for file in sorted(root.rglob("*")) if file.is_file() and file.name != ".lock" and file.suffix in KINDS]
    chunks = [file for file in files if file.suffix == ""]
    metadata = [file for file in files if file.name == "zarr.json"]
    checkpoints = [file for file in files if file.suffix == ".safetensors"]
    small = [file for file in files if file not in {*chunks, *metadata, *checkpoints}]
    return [*small * 6, *metadata[:6], *chunks[:4], *checkpoints[-4:]]


def write_with_sums(file: Path, content: bytes) -> dict[Path, bytes]:
    """Replace a file, and its checksum in its cohort's marker; gives what was there before."""
    before = {file: file.read_bytes()}
    file.write_bytes(content)
    cohort = next((folder for folder in file.parents if folder.parent.name == "cohorts"), None)
    if cohort and file.name != "status.json":
        status = cohort / "status.json"
        marker = json.loads(status.read_bytes())
        name = str(file.relative_to(cohort))
        if name in marker.get("sums", ()):
            before[status] = status.read_bytes()
            marker.pop("sha256")
            marker["sums"][name] = hashlib.sha256(content).hexdigest()
            text = json.dumps(marker, indent=2, ensure_ascii=False) + "\n"
            status.write_bytes(sealed(text[2:], JSON_SEAL).encode())
    return before


def mutate(file: Path, draw: random.Random) -> dict[Path, bytes]:
    """Put something wrong into a file, and the file's right checksum into its cohort's marker; gives what to write back."""
    return write_with_sums(file, KINDS[file.suffix](file.read_bytes(), draw))
