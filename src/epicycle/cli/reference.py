"""`docs/reference.md`: every kind that YAML knows, with its fields, made from the code.

Write the page again with `python -m epicycle.cli.reference > docs/reference.md`; a test compares the two.
"""

import inspect
import re
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from pydantic.fields import FieldInfo

from epicycle.claims.factor_shares import Cell
from epicycle.models.gated_bank import GatedCircuit
from epicycle.spec.arms import ForkArm, RootArm, TheoryArm
from epicycle.spec.base import Part, Spec
from epicycle.spec.claim import Claim, Gate, Prediction, Region
from epicycle.spec.experiment import Course, Experiment, Stop, Training
from epicycle.spec.fields import role_of
from epicycle.spec.kinds import KINDS
from epicycle.spec.observation import Observation
from epicycle.spec.registry import Resolve, resolve
from epicycle.spec.selection import Selection
from epicycle.spec.study import Figure, Profile, Source, Study
from epicycle.training.update_rule import ParameterGroup

HEAD = """# Reference

This page lists every kind that a study file can name, with its fields. In YAML a part is a mapping with its `kind`; in Python it is a
class, here `ep.Modular(p=53, operation="x-y")`:

```yaml
task: {kind: modular, p: 53, operation: x-y}
```

Roles: a *static* field changes shapes or code. A *knob* is a number that can be swept without a new compilation, and that a fork can
change. A *data* field chooses rows. A *budget* field says how long to train, and is no part of a run's id. `epicycle.cli.reference`
makes this page from the code.
"""
FAMILIES = {
    "task": "Tasks: the rows, and the right answers",
    "split": "Splits: which rows are trained on",
    "model": "Models: the network",
    "loss": "Losses: what training minimises",
    "optimiser": "Optimisers: how parameters move",
    "measure": "Measures: what is recorded",
    "event": "Events: when something happened",
    "edit": "Edits: what a fork changes",
    "statistic": "Statistics: what a claim is about",
    "theory": "Theories: grokking without a network",
}
SPECS = (
    Study,
    RootArm,
    TheoryArm,
    ForkArm,
    Experiment,
    Training,
    Stop,
    Course,
    ParameterGroup,
    GatedCircuit,
    Selection,
    Observation,
    Claim,
    Region,
    Gate,
    Prediction,
    Cell,
    Figure,
    Source,
    Profile,
)


class Row(NamedTuple):
    """One field of a class."""

    name: str
    values: str
    default: str
    role: str
    meaning: str


def page() -> str:
    """The page, in Markdown."""
    parts = [HEAD]
    for family, title in FAMILIES.items():
        classes = {kind: resolve(family, kind) for kind in KINDS[family]}
        links = ", ".join(f"[{kind}](#{family}-{kind.replace('_', '-')})" for kind in classes)
        parts.append(f"\n## {title}\n\n{links}\n")
        for kind, cls in classes.items():
            parts.append(f'\n<a id="{family}-{kind.replace("_", "-")}"></a>\n\n### `{kind}`\n\n`ep.{cls.__name__}`. {_described(cls)}')
    parts.append("\n## The parts of a study\n\nThese have no kind: their place in the study says what they are.\n")
    parts += [f"\n### `ep.{cls.__name__}`\n\n{_described(cls)}" for cls in SPECS]
    return "".join(parts)


def rows_of(cls: type[Spec]) -> list[Row]:
    """The fields of a class, in the order of their declaration."""
    meanings = meanings_of(cls)
    return [
        Row(
            name=name,
            values=_values_text(field),
            default=_default_text(field),
            role=role_of(field) or "",
            meaning=meanings.get(name, ""),
        )
        for name, field in cls.model_fields.items()
    ]


def meanings_of(cls: type[Spec]) -> dict[str, str]:
    """Field -> what the docstrings of the class and its parents say of the field; the nearest class wins."""
    meanings: dict[str, str] = {}
    for parent in cls.__mro__:
        if issubclass(parent, Spec):
            meanings = dict(_attributes(parent)) | meanings
    return meanings


def _attributes(cls: type) -> Iterator[tuple[str, str]]:
    """The entries below `Attributes:` in a docstring."""
    docstring = inspect.cleandoc(cls.__dict__.get("__doc__") or "")
    _, _, section = docstring.partition("Attributes:\n")
    for entry in re.split(r"\n(?= {4}\w+:)", f"\n{section}".replace("\n\n", "\n")):
        match = re.match(r"\s{4}(\w+):\s+(.*)", entry, re.S)
        if match:
            text = re.split(r"\n(?=\S)", match[2])[0]
            yield match[1], " ".join(text.split())


def _described(cls: type[Spec]) -> str:
    docstring = inspect.cleandoc(cls.__dict__.get("__doc__") or cls.__doc__ or "").partition("\n\nAttributes:")[0]
    paragraphs = [" ".join(paragraph.split()) for paragraph in docstring.split("\n\n")]
    aliases = ", ".join(f"`{alias}` for `{name}`" for alias, name in cls.aliases.items() if name in cls.model_fields)
    spellings = f"\nOther spellings: {aliases}.\n" if aliases else ""
    return "\n\n".join(paragraphs) + f"\n{_table(rows_of(cls))}{spellings}"


def _table(rows: list[Row]) -> str:
    if not rows:
        return "\nNo fields.\n"
    lines = ["", "| field | values | default | role | meaning |", "| --- | --- | --- | --- | --- |"]
    lines += [f"| `{row.name}` | {' | '.join(cell.replace('|', chr(92) + '|') for cell in row[1:])} |" for row in rows]
    return "\n".join(lines) + "\n"


def _values_text(field: FieldInfo) -> str:
    """What a field takes, with its limits."""
    family = next((marker.family for marker in field.metadata if isinstance(marker, Resolve)), None)
    text = _part_text(family) if family else _type_text(field.annotation)
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    bounds = [(sign, getattr(marker, name, None)) for marker in field.metadata for name, sign in signs.items()]
    limits = [f"{sign} {bound}" for sign, bound in bounds if bound is not None]
    return f"{text} {' and '.join(limits)}".strip()


def _type_text(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        family = next((marker.family for marker in arguments[1:] if isinstance(marker, Resolve)), None)
        return _part_text(family) if family else _type_text(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys("none" if part is type(None) else _type_text(part) for part in arguments))
    if origin is tuple:
        repeated = len(arguments) == 2 and arguments[1] is Ellipsis
        return f"list of {_type_text(arguments[0])}" if repeated else f"({', '.join(map(_type_text, arguments))})"
    if origin is dict:
        return f"name -> {_type_text(arguments[1])}"
    names = {int: "whole number", float: "number", str: "text", bool: "true or false", Any: "any value"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _part_text(family: str) -> str:
    return f"{'an' if family[0] in 'aeiou' else 'a'} {family}"


def _default_text(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, Part):
        return f"`{value.kind}`"
    if isinstance(value, Spec):
        return "its own defaults"
    if isinstance(value, tuple) and any(isinstance(entry, Spec) for entry in value):
        return "the everyday ones"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None else f"`{list(value) if isinstance(value, tuple) else value}`".replace("'", "")


if __name__ == "__main__":
    print(page(), end="")
