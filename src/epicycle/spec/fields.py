"""What a field of a spec does to a trajectory, said where the field is declared.

static  changes shapes or code: runs that differ in it are compiled apart.
knob    a number that lives in the training state of each member: sweeping it compiles nothing, and it may change in mid-run.
data    reaches the program only through row indices and weights, padded so that near values share a program.
budget  says how long to train; it is outside a run's identity.
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
    """The declared role of a pydantic field, None where it has none (nested specs, names)."""
    extra = field.json_schema_extra
    return extra.get("role") if isinstance(extra, dict) else None  # type: ignore[return-value]


def _declare(role: Role, default: Any, limits: dict[str, Any]) -> Any:
    if callable(default):
        return Field(default_factory=default, json_schema_extra={"role": role}, **limits)
    return Field(default, json_schema_extra={"role": role}, **limits)
