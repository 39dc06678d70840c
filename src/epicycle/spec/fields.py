"""The role of a field: what the field does to a trajectory. Each spec declares the roles of its fields.

static  changes shapes or code. Runs that differ in a static field need programs of their own.
knob    a number in each member's training state. Sweeping a knob compiles nothing, and a knob may change in mid-run.
data    chooses rows and their weights. Rows are padded, so that nearby values share a program.
budget  says how long to train. It is no part of a run's id.
"""

from typing import Any, Literal

from pydantic import Field
from pydantic.fields import FieldInfo

Role = Literal["static", "knob", "data", "budget"]


def static(default: Any = ..., **limits: Any) -> Any:
    """A field that changes shapes or code."""
    return _declare("static", default, limits)


def knob(default: Any = ..., **limits: Any) -> Any:
    """A number carried in the training state."""
    return _declare("knob", default, limits)


def data(default: Any = ..., **limits: Any) -> Any:
    """A field that only chooses rows and their weights."""
    return _declare("data", default, limits)


def budget(default: Any = ..., **limits: Any) -> Any:
    """A field that says how long to train."""
    return _declare("budget", default, limits)


def role_of(field: FieldInfo) -> Role | None:
    """The declared role of a pydantic field; None for nested specs and names, which have no role."""
    extra = field.json_schema_extra
    return extra.get("role") if isinstance(extra, dict) else None  # type: ignore[return-value]


def _declare(role: Role, default: Any, limits: dict[str, Any]) -> Any:
    if callable(default):
        return Field(default_factory=default, json_schema_extra={"role": role}, **limits)
    return Field(default, json_schema_extra={"role": role}, **limits)
