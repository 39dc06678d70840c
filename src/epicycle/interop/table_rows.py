"""Tables in memory that come as rows: a list of mappings, one for each recorded step, as loggers write them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas

from epicycle.spec.errors import InputError

_DEPTH = 4  # of mappings inside a row


def table_of_rows(rows: Sequence[Mapping[str, Any]], where: str) -> pandas.DataFrame:
    """The table of a list of rows. A mapping inside a row becomes columns such as `train/loss`.

    Args:
        rows: mappings from column to value; a row may lack columns.
        where: file or table, for messages.

    Raises:
        InputError: mappings inside each other to any depth.
    """
    return pandas.DataFrame([flattened(row, where) for row in rows])


def flattened(mapping: Mapping[str, Any], where: str, before: str = "", depth: int = 0) -> dict[str, Any]:
    """A mapping without mappings inside: the entry `loss` of the entry `train` becomes `train/loss`.

    Raises:
        InputError: mappings lie inside each other deeper than any log needs.
    """
    if depth > _DEPTH:
        raise InputError(f"{where}: {before.strip('/')} holds mappings inside mappings; give columns of numbers.")
    entries: dict[str, Any] = {}
    for name, value in mapping.items():
        nested = flattened(value, where, f"{before}{name}/", depth + 1) if isinstance(value, Mapping) else {f"{before}{name}": value}
        entries.update(nested)
    return entries
