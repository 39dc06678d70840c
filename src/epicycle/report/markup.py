"""Pieces of HTML: escaped text, badges and tables."""

import html
from collections.abc import Sequence
from typing import Any

from epicycle.spec.identity import canonical_json


def escaped(value: Any) -> str:
    """A value as HTML text; lists and mappings as JSON."""
    return html.escape(value if isinstance(value, str) else canonical_json(value) if isinstance(value, dict | list) else str(value))


def badges(labels: Sequence[str]) -> str:
    """Short labels in frames, such as the marks of a claim."""
    return "".join(f"<span class=mark>{escaped(label)}</span>" for label in labels)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table that scrolls sideways where it is too wide for the page."""
    top = "".join(f"<th>{escaped(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escaped(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=wide><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
