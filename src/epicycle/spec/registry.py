"""How a kind becomes a class: by its name in the table of kinds, or by import path for a user's own class."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from epicycle.spec.base import Part
from epicycle.spec.errors import InputError, UnknownCode, listed, respelt, shortened
from epicycle.spec.kinds import ELSEWHERE, KINDS, PRESETS
from epicycle.spec.own_code import class_in_use, import_module, is_stored

DEFAULT_KIND = {"split": "random", "optimiser": "adamw", "loss": "cross_entropy"}


def resolve(family: str, kind: str) -> type[Part]:
    """The class of a kind; `package.module:Class` names one outside the package.

    Raises:
        ValueError: no such kind, or the import path leads nowhere or to another family.
        UnknownCode: a stored document names a class that the running program has not used.
    """
    path = KINDS[family].get(kind, kind)
    module, _, name = path.partition(":")
    if not name or not all(word.isidentifier() for word in module.split(".")):
        raise ValueError(f"there is no {family} of kind '{shortened(kind)}'; {_advice(family, kind)}")
    if is_stored() and kind not in KINDS[family]:
        cls = class_in_use(kind)
        if cls is None:
            raise UnknownCode(family, kind)
        return _of_family(cls, family, kind)
    try:
        cls = getattr(import_module(module), name)
    except ImportError as error:
        raise ValueError(
            f"cannot import {family} '{kind}': {error}; name its file on the command line (epicycle run my_study.py), or put the "
            "file's folder on PYTHONPATH"
        ) from None
    except AttributeError as error:
        raise ValueError(f"cannot import {family} '{kind}': {error}; the class must stand at the top level of that file") from None
    return _of_family(cls, family, kind)


def _of_family(cls: Any, family: str, kind: str) -> type[Part]:
    if not (isinstance(cls, type) and issubclass(cls, Part) and cls.family == family):
        raise ValueError(f"'{kind}' is not a {family}")
    return cls


def _advice(family: str, kind: str) -> str:
    """A clause about a kind that does not exist.

    A kind is offered for a slip of the pen only: another part under a name that is close makes another experiment.
    """
    elsewhere = ELSEWHERE.get(family, {}).get(kind.strip().lower())
    if elsewhere is not None:
        return f"{elsewhere}; {listed(KINDS[family])}" if elsewhere else listed(KINDS[family])
    right = respelt(kind, KINDS[family])
    return f"did you mean '{right}'?" if right else listed(KINDS[family])


def load_preset(name: Any) -> Any:
    """A published setting by name; its file is imported when it is first asked for.

    Raises:
        InputError: there is no preset of that name.
    """
    if not isinstance(name, str):
        raise InputError(f"a preset is named by a text; {listed(PRESETS)}")
    if name not in PRESETS:
        right = respelt(name, PRESETS)
        offered = f"did you mean '{right}'?" if right else listed(PRESETS)
        raise InputError(f"there is no preset '{shortened(name)}'; {offered}")
    module, _, attribute = PRESETS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def default_part(family: str) -> Callable[[], Any]:
    """A function that makes the family's default part. The part's class is imported when the function is first called."""
    return lambda: resolve(family, DEFAULT_KIND[family])()


class Resolve:
    """Annotation of a family field: accepts an object, or a mapping with a `kind`."""

    def __init__(self, family: str) -> None:
        self.family = family
        self._describing = False

    def __call__(self, value: Any) -> Any:
        """Turn a mapping into the part that it names; leave objects alone."""
        if not isinstance(value, Mapping):
            return value
        kind = value.get("kind", DEFAULT_KIND.get(self.family))
        if kind is None:
            raise ValueError(f"this {self.family} has no kind; {listed(KINDS[self.family])}")
        if not isinstance(kind, str):
            raise ValueError(f"the kind of this {self.family} is named by a text; {listed(KINDS[self.family])}")
        if not all(isinstance(field, str) for field in value):
            raise ValueError(f"the fields of this {self.family} are named by texts")
        cls = resolve(self.family, kind)
        return cls.model_validate(dict(value))

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Resolve before the field's own check, which then only tests the base class."""
        return core_schema.no_info_before_validator_function(self, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Any kind of the family. A part that contains another part of its family (a task of a task) is described once."""
        if self._describing:
            return {"type": "object", "properties": {"kind": {"enum": list(KINDS[self.family])}}}
        self._describing = True
        try:
            return {"anyOf": self._choices(handler)}
        finally:
            self._describing = False

    def _choices(self, handler: GetJsonSchemaHandler) -> list[dict[str, Any]]:
        choices = []
        for kind in KINDS[self.family]:
            cls = resolve(self.family, kind)
            own = handler(cls.__pydantic_core_schema__)
            own = dict(handler.resolve_ref_schema(own))
            own["properties"] = {"kind": {"const": kind}, **own.get("properties", {})}
            choices.append(own)
        return choices
