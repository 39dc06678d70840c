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
from safetensors import SafetensorError
from safetensors.numpy import load, save

from epicycle.spec.errors import InputError
from epicycle.store.atomic import write_bytes

Tensors = Mapping[str, Any]


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
    try:
        content = path.read_bytes()
        tensors = load(content)
        header = json.loads(json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]["epicycle"])
        members = tuple(header["members"])
    except FileNotFoundError:
        raise InputError(f"checkpoint {path} is missing.") from None
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"checkpoint {path} is damaged: {error}.") from None
    owner = {name: header.get(name) for name in ("cohort", "members")}
    # Early versions left the owner out of the checksum.
    if header.get("sha256") not in (_checksum(tensors, owner), _checksum(tensors)):
        raise InputError(f"checkpoint {path} is damaged: its checksum does not match what is in it.")
    if header.get("cohort") != cohort:
        raise InputError(f"checkpoint {path} belongs to cohort {header.get('cohort')}, not to {cohort}.")
    return Checkpoint(members, tensors)


def _checksum(tensors: Tensors, owner: Mapping[str, Any] | None = None) -> str:
    total = hashlib.sha256(json.dumps(owner).encode() if owner else b"")
    for name in sorted(tensors):
        total.update(f"{name}{tensors[name].dtype}{tensors[name].shape}".encode())
        total.update(np.ascontiguousarray(tensors[name]).tobytes())
    return total.hexdigest()
