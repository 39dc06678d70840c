"""Plain data: what YAML and JSON files hold, before validation and after a dump."""

from typing import Any

import numpy as np

Plain = dict[str, Any]  # field -> value, at any depth
SweptValues = dict[str, Any]  # short name of a swept field -> its value in a run


def python_value(value: Any) -> Any:
    """A number of NumPy's as Python's own; any other value as it is."""
    return value.item() if isinstance(value, np.generic) else value
