"""`Spec`, the frozen base of everything that can be written down, and `Part`, a spec with a kind (tasks, models, measures, ...).

A part is both the spec and the maker: its fields say what to make, its methods give arrays and pure functions.
"""

import re
import reprlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError, model_serializer, model_validator
from pydantic_core import CoreSchema

from epicycle.spec.errors import InputError, UnknownCode, nearest, shortened
from epicycle.spec.fields import Role, role_of
from epicycle.spec.limits import bounded
from epicycle.spec.own_code import is_own, is_stored, module_name, note_used, stored_document
from epicycle.spec.plain_data import Plain


class Spec(BaseModel):
    """Frozen, validated data. An unknown field is refused, and the nearest right spelling is offered."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    version: ClassVar[int] = 1  # raise it when the same fields come to mean another trajectory, or when a default changes
    aliases: ClassVar[Mapping[str, str]] = {}  # other people's spellings, accepted on input only

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Give every field an upper bound."""
        return bounded(handler(source))

    @model_validator(mode="before")
    @classmethod
    def _spell(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        fields: Plain = {}
        for name, entry in value.items():
            field = cls.aliases.get(name, name)
            if field in fields:
                raise ValueError(f"'{name}' and another spelling of '{field}' are both given; keep one.")
            if field not in cls.model_fields:
                raise ValueError(f"unknown field '{shortened(str(name))}'; {nearest(str(name), cls.model_fields)}")
            fields[field] = entry
        return fields

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, Role, Any]]:
        """Every declared value below this spec: (dotted path, role, value)."""
        for name, field in type(self).model_fields.items():
            value, path = getattr(self, name), f"{prefix}{name}"
            role = role_of(field)
            if role is None:
                yield from _nested(value, path)
            elif role == "knob" and isinstance(value, tuple):
                yield from ((f"{path}.{i}", role, entry) for i, entry in enumerate(value))
            else:
                yield path, role, value

    def merged(self, changes: Mapping[str, Any]) -> Plain:
        """Plain data of this spec with changes merged in at any depth, not yet validated.

        A part of another kind replaces the present part; a list replaces a list.
        """
        plain: Plain = self.model_dump(mode="json")
        for name, entry in changes.items():
            field = type(self).aliases.get(name, name)
            if field != name and field in changes:
                field = name  # two spellings of one field: validation refuses them and names their path
            value = getattr(self, field) if field in type(self).model_fields else None
            if isinstance(value, Spec) and isinstance(entry, Mapping) and _same_kind(value, entry):
                plain[field] = value.merged(entry)
            else:
                plain[field] = entry
        return plain

    @classmethod
    def parse(cls, value: Any, where: str = "") -> Self:
        """Validate plain data.

        Raises:
            InputError: one paragraph naming the path, the value and what is allowed.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise InputError(explain(error, where or cls.__name__)) from None

    @classmethod
    def parse_stored(cls, value: Any, where: str) -> Self:
        """Validate plain data that a results folder holds. An import path in it is not followed.

        Raises:
            UnknownCode: the data name a class outside Epicycle that the running program has not used.
            InputError: the data are wrong.
        """
        try:
            with stored_document():
                return cls.model_validate(value)
        except ValidationError as error:
            raise _unknown_code(error) or InputError(f"{where} is damaged: {explain(error, cls.__name__)}.") from None


class Part(Spec):
    """A configurable piece of one family (task, model, measure, ...), named by its `kind`."""

    family: ClassVar[str]
    kind: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _drop_kind(cls, value: Any) -> Any:
        if is_own(cls) and not is_stored():
            note_used(kind_of(cls), cls)
        if isinstance(value, Mapping) and "kind" in value:
            return {name: entry for name, entry in value.items() if name != "kind"}
        return value

    @classmethod
    def import_name(cls) -> str:
        """The name of the class in its module."""
        return cls.__qualname__

    @model_serializer(mode="wrap")
    def _with_kind(self, handler: Any) -> Plain:
        return {"kind": kind_of(type(self)), **handler(self)}


def kind_of(cls: type[Part]) -> str:
    """A part's name in YAML: its kind, or for a user's own class its import path."""
    return f"{module_name(cls.__module__)}:{cls.import_name()}" if is_own(cls) else cls.kind


def _same_kind(spec: Spec, changes: Mapping[str, Any]) -> bool:
    return not isinstance(spec, Part) or changes.get("kind", kind_of(type(spec))) == kind_of(type(spec))


def _unknown_code(error: ValidationError) -> InputError | None:
    """The class outside Epicycle on which a validation failed."""
    causes = (item.get("ctx", {}).get("error") for item in error.errors(include_url=False))
    return next((cause for cause in causes if isinstance(cause, UnknownCode)), None)


def explain(error: ValidationError, where: str) -> str:
    """What pydantic refuses, in one paragraph. Of more than five mistakes the first five are told."""
    messages: dict[tuple[str, str], dict[str, None]] = {}  # a value that may have several forms is refused once for each
    # What is written wrongly comes before what is missing: of many mistakes only the first ones are told.
    for item in sorted(error.errors(include_url=False, include_context=False), key=lambda item: item["type"] == "missing"):
        path = ".".join(shortened(str(step), 60) for step in item["loc"] if not OF_PYDANTIC.fullmatch(str(step))) or where
        value = item.get("input")
        shown = "" if isinstance(value, Mapping | Spec) or item["type"] == "missing" else f" (given: {_SHORT.repr(value)})"
        messages.setdefault((path, shown), {})[shortened(_in_our_words(item["type"], item["msg"]), 1000)] = None
    paths = [path for path, _ in messages]
    parts = [
        f"{path}: {', or '.join(refusals)}{shown}"
        for (path, shown), refusals in messages.items()
        if not any(deeper.startswith(f"{path}.") for deeper in paths)  # a list with a wrong entry is no number either
    ]
    more = len(parts) - 5
    return "; ".join(parts[:5]) + (f"; and {more} more" if more > 0 else "")


FORMS = {
    "int": "give a whole number",
    "float": "give a number",
    "bool": "give true or false",
    "string": "give a text",
    "list": "give a list",
    "tuple": "give a list",
    "dict": "give a mapping",
}
A_CLASS = re.compile(r"Input should be (?:an|a valid dictionary or) instance of (\w+)")


def _in_our_words(kind: str, message: str) -> str:
    """A message of pydantic's without the names of Python's types."""
    form, _, problem = kind.partition("_")
    if form in FORMS and problem in ("type", "parsing", "from_float"):
        return FORMS[form]
    a_class = A_CLASS.match(message)
    if a_class:
        return f"give {'an' if a_class[1][0] in 'AEIOU' else 'a'} {a_class[1]}, or a mapping of its fields"
    return re.sub(r"^Tuple should (.*) after validation", r"a list should \1", message.removeprefix("Value error, "))


# Steps of a path that name a check of pydantic's and not a field.
OF_PYDANTIC = re.compile(
    r"(constrained|function|lax-or-strict|json-or-python|is-instance|model)-\S.*|(tuple|list|dict|set|literal|union|nullable)\[.*\]|"
    "int|float|str|bool",
    re.DOTALL,
)


class _Short(reprlib.Repr):
    """Values as they were written, cut where they are long: a value is never written out whole first."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxlist, self.maxtuple, self.maxdict, self.maxstring, self.maxother = 3, 4, 4, 4, 80, 80

    def repr_int(self, x: int, level: int) -> str:
        del level
        return str(x) if x.bit_length() < 200 else f"a number of {int(x.bit_length() * 0.30103) + 1} digits"


_SHORT = _Short()


def _nested(value: Any, path: str) -> Iterator[tuple[str, Role, Any]]:
    """Leaves of a field without a role. A plain value in a user's own class counts as static, the safe choice."""
    if isinstance(value, Spec):
        yield from value.leaves(f"{path}.")
    elif isinstance(value, tuple):
        for i, entry in enumerate(value):
            yield from _nested(entry, f"{path}.{i}")
    elif isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _nested(entry, f"{path}.{name}")
    else:
        yield path, "static", value
