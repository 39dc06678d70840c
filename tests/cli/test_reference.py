"""`docs/reference.md` is made from the code and complete."""

from pathlib import Path

import pytest

import epicycle as ep
from epicycle.cli.reference import FAMILIES, SPECS, page, rows_of
from epicycle.spec.base import Spec
from epicycle.spec.kinds import KINDS
from epicycle.spec.registry import resolve

CLASSES = {f"{family}/{kind}": resolve(family, kind) for family, kinds in KINDS.items() for kind in kinds}
CLASSES |= {cls.__name__: cls for cls in SPECS}


def test_the_page_is_what_the_code_makes() -> None:
    written = Path(__file__).parents[2] / "docs" / "reference.md"
    assert written.read_text() == page(), "write it again: python -m epicycle.cli.reference > docs/reference.md"


def test_every_family_and_kind_has_a_place() -> None:
    text = page()
    assert set(FAMILIES) == set(KINDS)
    for family, kinds in KINDS.items():
        for kind in kinds:
            cls = resolve(family, kind)
            assert f"### `{kind}`\n\n`ep.{cls.__name__}`." in text
            assert getattr(ep, cls.__name__) is cls
    for cls in SPECS:
        assert getattr(ep, cls.__name__) is cls


@pytest.mark.parametrize("name", CLASSES)
def test_every_field_is_described(name: str) -> None:
    cls: type[Spec] = CLASSES[name]
    rows = rows_of(cls)
    assert [row.name for row in rows] == list(cls.model_fields)
    assert not [row.name for row in rows if not row.meaning]


def test_specs_that_fields_hold_are_on_the_page() -> None:
    """Whatever a study file can contain has a section: no field leads to a class that the page leaves out."""
    held = {part for cls in CLASSES.values() for field in cls.model_fields.values() for part in classes_in(field.annotation)}
    described = {cls.__name__ for cls in CLASSES.values()}
    assert {cls.__name__ for cls in held if issubclass(cls, Spec) and not hasattr(cls, "family")} <= described


def classes_in(annotation: object) -> set[type]:
    arguments = getattr(annotation, "__args__", ())
    if not arguments:
        return {annotation} if isinstance(annotation, type) else set()
    return {cls for argument in arguments for cls in classes_in(argument)}
