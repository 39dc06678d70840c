"""Edits of knobs: one number set or scaled at a moment."""

from collections.abc import Mapping
from typing import Any

from epicycle.spec.families import Edit
from epicycle.spec.fields import data
from epicycle.spec.paths import knob_path


class Scale(Edit):
    """Multiply a knob."""

    kind = "scale"

    knob: str = data()
    by: float = data()

    def __init__(self, knob: str | None = None, by: float | None = None, **fields: Any) -> None:
        super().__init__(**_given(knob=knob, by=by), **fields)

    def apply(self, state: Any, data: Any, sources: Mapping[str, Any]) -> tuple[Any, Any]:
        """The state with one knob multiplied."""
        del sources
        path = knob_path(self.knob, state.knobs)
        return state._replace(knobs={**state.knobs, path: state.knobs[path] * self.by}), data


class Set(Edit):
    """Give a knob a value."""

    kind = "set"

    knob: str = data()
    to: float = data()

    def __init__(self, knob: str | None = None, to: float | None = None, **fields: Any) -> None:
        super().__init__(**_given(knob=knob, to=to), **fields)

    def apply(self, state: Any, data: Any, sources: Mapping[str, Any]) -> tuple[Any, Any]:
        """The state with one knob replaced."""
        del sources
        path = knob_path(self.knob, state.knobs)
        return state._replace(knobs={**state.knobs, path: type(state.knobs[path])(self.to)}), data


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
