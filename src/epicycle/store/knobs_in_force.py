"""The values that a run's knobs had at a kept state.

A spec says with which values the first ancestor began. Edits of a fork change them in the state, and courses move them from step to
step.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from epicycle.spec.paths import knob_path
from epicycle.store.checkpoints import Tensors

PREFIX = "knobs/"  # of a knob's name among the arrays of a stored state


def knobs_in_force(state: Tensors, written: Mapping[str, Any], courses: Sequence[str] = ()) -> dict[str, float]:
    """Dotted path -> value of every knob in a stored state.

    Args:
        state: the stored state.
        written: the values in the run's spec. Where the state has the same number, rounded to its precision, the value stays as it was
            written.
        courses: the knobs that follow a course, as the courses name them. They get the value of their course at the state's step.
    """
    stored = {name.removeprefix(PREFIX): np.asarray(value)[()] for name, value in state.items() if name.startswith(PREFIX)}
    for number, name in enumerate(courses):
        path = knob_path(name, stored)
        steps, values = (_points(stored, f"training.courses.{number}.{field}.") for field in ("steps", "values"))
        stored[path] = np.asarray(np.interp(int(state["step"]), steps, values), stored[path].dtype)[()]
    return {path: _as_written(value, written.get(path)) for path, value in stored.items()}


def _points(stored: Mapping[str, Any], prefix: str) -> list[float]:
    """The numbers of one field of a course, in order."""
    count = sum(path.startswith(prefix) for path in stored)
    return [float(stored[f"{prefix}{i}"]) for i in range(count)]


def _as_written(stored: Any, written: Any) -> float:
    """A stored number as a person would write it: 0.01, not the 0.009999999776 that is nearest to it in float32."""
    return float(written) if written is not None and type(stored)(written) == stored else float(str(stored))
