"""Files of `torch.save` (PyTorch 1.6 and later), read without PyTorch and without executing anything in them.

Such a file is a zip (`torch_archive`) with a pickle in it (`torch_pickle`).
"""

import struct
import zipfile
from pathlib import Path
from typing import Any

from epicycle.interop.torch_archive import Archive
from epicycle.interop.torch_pickle import Machine
from epicycle.spec.errors import InputError

ZIP_MAGIC = b"PK\x03\x04"


def is_torch_file(path: Path) -> bool:
    """Whether a file begins as a zip does, as files of torch.save do."""
    with path.open("rb") as opened:
        return opened.read(len(ZIP_MAGIC)) == ZIP_MAGIC


def read_torch(path: Path) -> Any:
    """What `torch.save` put into a file, as dicts, lists, tuples, strings, numbers and arrays.

    Tensors become read-only arrays; arrays share memory where the tensors did. bfloat16 becomes float32.

    Raises:
        InputError: the file is not a zip, is damaged, claims more numbers than it has, or its pickle asks for more than plain data.
    """
    if not is_torch_file(path):
        raise InputError(
            f"{path} is not a zip, the format that torch.save has written since PyTorch 1.6. Older files are bare pickles, which "
            "cannot be read safely; convert the file in PyTorch: torch.save(torch.load(path, weights_only=True), new_path)."
        )
    try:
        with zipfile.ZipFile(path) as opened:
            archive = Archive(opened, path.stat().st_size)
            return Machine(archive).run(archive.pickled)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ArithmeticError, MemoryError):
        raise InputError(f"{path} is damaged or was not written by torch.save; save or download the file again.") from None
    except (ValueError, LookupError, TypeError, AttributeError, struct.error):
        raise InputError(f"{path}: the pickle in it is damaged; save or download the file again.") from None
