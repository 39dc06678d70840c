"""Upper bounds of everything that can be written down, so that nothing is built that would take hours or all memory.

A field states its own limit. `bounded` gives every field the widest limits that make sense, those of a user's own parts too.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from epicycle.spec.plain_data import python_value

MOST = 10**15  # of a number; float64 holds every whole number up to here
MOST_TEXT = 10_000  # characters
LONGEST_SENTENCE = 240  # characters of a sentence that a person says aloud
MOST_ENTRIES = 1_100_000  # of a list: the pairs of 1,000 elements, and some more
MOST_LEVELS = 50  # of lists and mappings inside each other
MOST_SEED = 2**32 - 1  # NumPy's frozen RandomState takes no more
MOST_STEPS = 10**9  # a run of so many steps takes years
MOST_RUNS = 100_000  # of a study
MOST_POINTS = 2000  # of the sweeps of a study: combinations of swept values
MOST_ARMS = 100
MOST_LAYERS = 100
MOST_WIDTH = 1_000_000
MOST_RATE = 1e6  # of a learning rate, a weight decay, a factor on them
MOST_NAMES = 1000  # of what a person writes one by one: arms, claims, figures, patterns

INSIDE = ("schema", "items_schema", "keys_schema", "values_schema", "choices", "steps", "fields", "definitions", "extras_schema")
LENGTHS = {"str": MOST_TEXT, "list": MOST_ENTRIES, "tuple": MOST_ENTRIES, "dict": MOST_NAMES, "set": MOST_ENTRIES}


def bounded(schema: Any) -> Any:
    """A schema of pydantic's in which every number, text, list and mapping has an upper bound; limits that are there stay."""
    if isinstance(schema, list | tuple):
        return type(schema)(bounded(entry) for entry in schema)
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    if not isinstance(kind, str):  # a mapping of fields
        return {name: bounded(entry) for name, entry in schema.items()}
    if kind == "any":
        return _checked("function-after", plain_value, schema)
    inner = {name: bounded(schema[name]) for name in INSIDE if name in schema}
    changed = {**_limits(kind, schema), **schema, **inner}
    # Without this check, every one of a million wrong entries would be noted before the first is told.
    return _checked("function-before", _few, changed) if kind == "dict" else changed


def _limits(kind: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    if kind in ("int", "float"):
        return {name: sign * MOST for name, strict, sign in (("le", "lt", 1), ("ge", "gt", -1)) if strict not in schema}
    at_once = {"fail_fast": True} if kind in ("list", "tuple", "set") else {}
    return {"max_length": LENGTHS[kind], **at_once} if kind in LENGTHS else {}


def _checked(when: str, check: Callable[[Any], Any], schema: Mapping[str, Any]) -> Any:
    return {"type": when, "function": {"type": "no-info", "function": check}, "schema": dict(schema)}


def _few(value: Any) -> Any:
    """The value, if it is a mapping that a person could have written."""
    if isinstance(value, Mapping) and len(value) > MOST_NAMES:
        raise ValueError(f"{len(value):,} entries are too many; at most {MOST_NAMES:,} are possible")
    return value


def plain_value(value: Any, levels: int = MOST_LEVELS) -> Any:
    """A value that a file can hold: a text, a finite number, a truth value, None, or lists and mappings of them.

    Raises:
        ValueError: it is something else, or too large.
    """
    value = python_value(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if not math.isfinite(value) or abs(value) > MOST:
            raise ValueError(f"a number must lie between -{MOST:.0e} and {MOST:.0e}")
        return value
    if isinstance(value, str):
        if len(value) > MOST_TEXT:
            raise ValueError(f"a text may have {MOST_TEXT:,} characters")
        return value
    if isinstance(value, list | tuple | Mapping) and len(value) > MOST_ENTRIES:
        raise ValueError(f"{len(value):,} entries are too many; at most {MOST_ENTRIES:,} are possible")
    if levels == 0:
        raise ValueError(f"lists and mappings lie inside each other more than {MOST_LEVELS} deep")
    if isinstance(value, list | tuple):
        return type(value)(plain_value(entry, levels - 1) for entry in value)
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {name: plain_value(entry, levels - 1) for name, entry in value.items()}
    raise ValueError("write a text, a number, true, false, null, or a list or mapping of them")
