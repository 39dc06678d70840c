"""Plain data: what YAML and JSON files hold, before validation and after a dump."""

from typing import Any

Plain = dict[str, Any]  # field -> value, at any depth
SweptValues = dict[str, Any]  # short name of a swept field -> its value in a run
