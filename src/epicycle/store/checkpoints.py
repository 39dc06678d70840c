"""Full states on disk, as safetensors. The header holds the cohort, its rows, and a checksum of everything.

Parameters keep their TransformerLens names; the other parts of a state have a prefix (`moments/...`, `knobs/...`). Every array is
stacked over the members in the file.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter
from pydantic_core import from_json
from safetensors import SafetensorError
from safetensors.numpy import load, save
from typing_extensions import TypedDict

from epicycle.spec.errors import InputError, shortened
from epicycle.store.atomic import write_bytes
from epicycle.store.documents import Count
from epicycle.store.entries import most_bytes, read_bytes

Tensors = Mapping[str, Any]


class Header(TypedDict):
    """Whose states a checkpoint holds."""

    cohort: str
    members: list[Count]
    sha256: str


HEADER = TypeAdapter(Header)


@dataclass(frozen=True)
class Checkpoint:
    """Stacked tensors of some members.

    Attributes:
        members: rows of the cohort, in the order in which they are stacked.
    """

    members: tuple[int, ...]
    tensors: Tensors

    def of(self, member: int) -> Tensors:
        """The tensors of one member.

        Raises:
            InputError: the member is not in this file.
        """
        if member not in self.members:
            raise InputError(f"row {member} is not in this checkpoint (it holds {list(self.members)}).")
        position = self.members.index(member)
        return {name: value[position] for name, value in self.tensors.items()}


def write_checkpoint(path: Path, cohort: str, members: Sequence[int], states: Sequence[Tensors]) -> None:
    """Write the states of some members as one file. The file appears whole or not at all."""
    stacked = {name: np.ascontiguousarray(np.stack([state[name] for state in states])) for name in states[0]}
    owner = {"cohort": cohort, "members": list(members)}
    header = {**owner, "sha256": _checksum(stacked, owner)}
    # One entry only: safetensors writes several entries in an order that changes from process to process.
    write_bytes(path, save(stacked, metadata={"epicycle": json.dumps(header)}))


def read_checkpoint(path: Path, cohort: str) -> Checkpoint:
    """Read and verify a checkpoint.

    Raises:
        InputError: the file is missing, truncated, altered, or belongs to another cohort; the file is named.
    """
    if not path.exists():
        raise InputError(f"checkpoint {path} is missing.")
    content = read_bytes(path, most_bytes())
    try:
        tensors = load(content)
        text = from_json(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]["epicycle"]
        header = HEADER.validate_json(text)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"checkpoint {path} is damaged: {shortened(str(error))}.") from None
    owner = {"cohort": header["cohort"], "members": header["members"]}
    # Early versions left the owner out of the checksum.
    if header["sha256"] not in (_checksum(tensors, owner), _checksum(tensors)):
        raise InputError(f"checkpoint {path} is damaged: its checksum does not match what is in it.")
    if header["cohort"] != cohort:
        raise InputError(f"checkpoint {path} belongs to cohort {shortened(header['cohort'])}, not to {cohort}.")
    if flaw := _flaw(header["members"], tensors):
        raise InputError(f"checkpoint {path} is damaged: {flaw}.")
    return Checkpoint(tuple(header["members"]), tensors)


def _flaw(members: list[int], tensors: Tensors) -> str | None:
    """What is wrong with the content of a checkpoint; None where nothing is."""
    if len({*members}) < len(members):
        return "it names a member twice"
    step = tensors.get("step")
    if step is None or step.shape != (len(members),) or step.dtype.kind not in "iu" or (step < 0).any():
        return "it does not say at which step each member is"
    wrong = [name for name, value in tensors.items() if value.shape[:1] != (len(members),)]
    return f"{shortened(wrong[0])} does not hold {len(members)} members" if wrong else None


def _checksum(tensors: Tensors, owner: Mapping[str, Any] | None = None) -> str:
    total = hashlib.sha256(json.dumps(owner).encode() if owner else b"")
    for name in sorted(tensors):
        total.update(f"{name}{tensors[name].dtype}{tensors[name].shape}".encode())
        total.update(np.ascontiguousarray(tensors[name]).tobytes())
    return total.hexdigest()
