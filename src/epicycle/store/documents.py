"""Stored documents as typed values. A document that is whole but wrong is named as damaged, whoever wrote it.

Size and depth are limited, so that a document cannot fill the memory.
"""

import functools
import re
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from epicycle.spec.errors import InputError, shortened
from epicycle.spec.experiment import MAX_SEED
from epicycle.spec.yaml_text import load_yaml
from epicycle.store.atomic import JSON_SEAL, YAML_SEAL, sealed
from epicycle.store.entries import damaged, read_bytes

LARGEST_JSON = 128 * 2**20  # bytes; the members of a cohort of 100,000 runs take 40 MB
LARGEST_YAML = 2 * 2**20  # bytes; reading so much takes some ten seconds
DEEPEST = 40  # levels of lists and mappings inside a value of any kind
LARGEST_INTEGER = 2**63 - 1

T = TypeVar("T")


def _limited(value: Any) -> Any:
    """A value of any kind, if arithmetic and files can hold it."""
    to_visit = [(value, 0)]
    while to_visit:
        entry, depth = to_visit.pop()
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} levels deep")
        if isinstance(entry, dict):
            to_visit += [(each, depth + 1) for each in (*entry, *entry.values())]
        elif isinstance(entry, list | tuple):
            to_visit += [(each, depth + 1) for each in entry]
        elif isinstance(entry, bool) or entry is None or isinstance(entry, str):
            pass
        elif not isinstance(entry, int | float):
            raise ValueError(f"it holds a {type(entry).__name__}, which is no plain value")
        elif not abs(entry) <= (LARGEST_INTEGER if isinstance(entry, int) else 1e300):
            raise ValueError("it holds a number that is too large")
    return value


Value = Annotated[Any, AfterValidator(_limited)]
Settings = dict[str, Value]
Scalar = Annotated[str | bool | int | float | None, AfterValidator(_limited)]
Count = Annotated[int, Field(ge=0, le=LARGEST_INTEGER, strict=True)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED, strict=True)]
Number = Annotated[float, Field(ge=-1e300, le=1e300, allow_inf_nan=False)]


def read_json(path: Path, form: type[T]) -> T:
    """The document in a file of JSON.

    Args:
        path: the file.
        form: what the document must be: a typed dict, a dataclass, or a type such as `dict[str, int]`.

    Raises:
        InputError: the file cannot be read, or does not hold what was written, or holds something else than `form`.
    """
    text = _intact_text(path, JSON_SEAL, LARGEST_JSON)
    try:
        value = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise damaged(path, shortened(str(error))) from None
    if isinstance(value, dict):
        value.pop("sha256", None)
    return fitting(value, form, path)


def read_yaml(path: Path, form: type[T]) -> T:
    """The document in a file of YAML.

    Args:
        path: the file.
        form: what the document must be.

    Raises:
        InputError: the file cannot be read, or does not hold what was written, or holds something else than `form`.
    """
    text = _intact_text(path, YAML_SEAL, LARGEST_YAML)
    try:
        value = load_yaml(text, str(path), LARGEST_YAML)
    except (InputError, RecursionError) as error:
        raise damaged(path, shortened(str(error).removeprefix(f"{path}: ")).rstrip(".")) from None
    return fitting(value, form, path)


def fitting(value: Any, form: type[T], path: Path, folder: Path | None = None) -> T:
    """A document's content as a type.

    Args:
        value: plain data.
        form: what the data must be.
        path: the file that holds them.
        folder: what the user can remove, to compute it again; None is the folder of the file.

    Raises:
        InputError: the content is something else; the file and the entry are named.
    """
    adapter: TypeAdapter[T] = _adapter(form)  # type: ignore[arg-type]
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        entry = shortened(".".join(map(str, first["loc"]))) or "the document"
        message = shortened(first["msg"].removeprefix("Value error, "))
        raise damaged(path, f"{entry}: {message}", folder) from None


@functools.cache
def _adapter(form: Any) -> TypeAdapter[Any]:
    return TypeAdapter(form)


def _intact_text(path: Path, seal: tuple[str, str], largest: int) -> str:
    """The text of a file, compared with its checksum. Files that early versions wrote have no checksum, and are accepted."""
    try:
        text = read_bytes(path, largest).decode()
    except UnicodeDecodeError as error:
        raise damaged(path, str(error)) from None
    length = len(seal[0]) + 64 + len(seal[1])
    head, rest = text[:length], text[length:]
    has_checksum = head.startswith(seal[0]) or re.search("[0-9a-f]{64}", head)  # one wrong bit leaves one of the two intact
    if has_checksum and text != sealed(rest, seal):
        raise damaged(path, "its checksum does not match what is in it")
    return text
