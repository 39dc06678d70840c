"""The zip that `torch.save` writes: `NAME/data.pkl` describes the objects, `NAME/data/KEY` holds the numbers of one storage."""

import zipfile
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped
from numpy import ndarray

from epicycle.spec.errors import InputError

DTYPES = {
    "DoubleStorage": "f8",
    "FloatStorage": "f4",
    "HalfStorage": "f2",
    "BFloat16Storage": "u2",  # the upper half of a float32; `Archive` widens it
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "u1",
    "ComplexFloatStorage": "c8",
    "ComplexDoubleStorage": "c16",
}


class Storage(NamedTuple):
    """All numbers of one storage.

    A type of its own, so that a tensor is never taken for a storage: a view of a view could reach past the end of its storage.
    """

    values: Shaped[ndarray, " number"]


class Archive:
    """The members of the zip. They must be stored without compression, so that none can claim more bytes than the file has.

    Attributes:
        pickled: the pickle that describes the objects.
    """

    def __init__(self, opened: zipfile.ZipFile, size: int) -> None:
        """Check the members and read the pickle.

        Args:
            opened: the zip.
            size: bytes of the file.

        Raises:
            InputError: the zip is not one that torch.save writes.
        """
        self._opened = opened
        self._members = {info.filename: info for info in opened.infolist()}
        pickles = [name for name in self._members if name.split("/")[1:] == ["data.pkl"]]
        if len(pickles) != 1:
            raise InputError(f"not a file of torch.save: it has {len(pickles)} members called NAME/data.pkl, and there must be one.")
        if compressed := [name for name, info in self._members.items() if info.compress_type != zipfile.ZIP_STORED]:
            raise InputError(f"{compressed[0]} is compressed, but torch.save does not compress; save the file again with torch.save.")
        if sum(info.file_size for info in opened.infolist()) > size:
            raise InputError(f"its members claim more than the {size:,} bytes that the file has; it is damaged or hostile.")
        self._prefix = pickles[0].removesuffix("data.pkl")
        order = opened.read(f"{self._prefix}byteorder") if f"{self._prefix}byteorder" in self._members else b"little"
        self._byte_order = {b"little": "<", b"big": ">"}[order.strip()]
        self._storages: dict[tuple[str, str], Storage] = {}
        self.pickled = opened.read(pickles[0])

    def storage(self, kind: str, key: str, count: int) -> Storage:
        """The numbers of one storage; the same object each time, because tensors may share a storage.

        Args:
            kind: one of `DTYPES`.
            key: the storage's name in the zip.
            count: how many numbers the pickle says that the storage holds.

        Raises:
            InputError: the storage is missing or has another length.
        """
        if (kind, key) not in self._storages:
            self._storages[kind, key] = Storage(self._read_numbers(kind, f"{self._prefix}data/{key}", count))
        storage = self._storages[kind, key]
        if len(storage.values) != count:
            raise InputError(
                f"storage {key} is said to hold {count:,} numbers, but holds {len(storage.values):,}; the file is damaged."
            )
        return storage

    def _read_numbers(self, kind: str, member: str, count: int) -> Shaped[ndarray, " number"]:
        if member not in self._members:
            raise InputError(f"{member} is missing from it; the file is damaged.")
        dtype = np.dtype(self._byte_order + DTYPES[kind])
        size = self._members[member].file_size
        if size != count * dtype.itemsize:
            raise InputError(
                f"{member} is said to hold {count:,} numbers of {dtype.itemsize} bytes, but has {size:,} bytes; the file is damaged."
            )
        numbers = np.frombuffer(self._opened.read(member), dtype).astype(DTYPES[kind])
        if kind == "BFloat16Storage":
            return widened_bfloat16(numbers)
        return numbers.astype(bool) if kind == "BoolStorage" else numbers


def widened_bfloat16(halves: Shaped[ndarray, " number"]) -> Shaped[ndarray, " number"]:
    """Numbers of bfloat16, given as whole numbers of two bytes, in float32: they are the upper halves of these."""
    return (halves.astype(np.uint32) << 16).view(np.float32)
