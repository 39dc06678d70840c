"""The source text of a user's own classes, kept with the runs they trained, so that one name cannot come to mean two things unnoticed.

Two files may share a name, and a class may be edited between two commands; a run's id covers neither. The text kept here is compared
as code and never executed.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from epicycle.spec.base import Part, Spec, kind_of
from epicycle.spec.errors import InputError
from epicycle.spec.own_code import is_own, same_text, text_of
from epicycle.store.atomic import write_text
from epicycle.store.entries import gone, read_bytes
from epicycle.store.files import CohortFiles

LARGEST_TEXT = 2**20  # bytes of the source text of a class


def own_classes(value: Any) -> Iterator[type[Part]]:
    """The user's own classes in a spec, at any depth. Fields that are not written down are left out."""
    if isinstance(value, Part) and is_own(type(value)):
        yield type(value)
    if isinstance(value, Spec):
        for name, field in type(value).model_fields.items():
            if not field.exclude:
                yield from own_classes(getattr(value, name))
    elif isinstance(value, tuple | list):
        for entry in value:
            yield from own_classes(entry)
    elif isinstance(value, Mapping):
        yield from own_classes(tuple(value.values()))


def refuse_changed(files: CohortFiles, specs: Iterable[Spec]) -> None:
    """Compare the user's own classes in these specs with those that a cohort was trained with.

    Raises:
        InputError: a class has the same name and version as the kept one, and other code.
    """
    for cls in dict.fromkeys(own_classes(tuple(specs))):
        kept, text = files.own_code(kind_of(cls), cls.version), text_of(cls)
        if text and kept.exists() and not same_text(read_bytes(kept, LARGEST_TEXT).decode(errors="replace"), text):
            remedy = "give its series another name and raise its version" if cls.family == "measure" else "raise its version"
            raise InputError(
                f"{cls.family} {kind_of(cls)} is not the code that runs of this name were trained with (kept in {kept}). If it means "
                f"something else now, {remedy} (version = {cls.version + 1}); if it is another file of the same name, rename one or "
                f"choose another --root; if it only reads differently, remove {files.path.parent}/*/{kept.parent.name}/{kept.name}."
            )


def keep_own_code(files: CohortFiles, specs: Iterable[Spec]) -> None:
    """Write down the text of the user's own classes in these specs, unless the same text is there already."""
    for cls in dict.fromkeys(own_classes(tuple(specs))):
        kept, text = files.own_code(kind_of(cls), cls.version), text_of(cls)
        if text and not (kept.exists() and read_bytes(kept, LARGEST_TEXT) == text.encode()):
            if not files.path.is_dir():
                raise gone(files.path)
            kept.parent.mkdir(exist_ok=True)
            write_text(kept, text)
