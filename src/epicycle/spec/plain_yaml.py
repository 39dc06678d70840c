"""A YAML reader for plain data, which counts what a document unfolds to before it builds anything.

This module loads ruamel.yaml, so it is imported when there is something to read.
"""

from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import AliasEvent

from epicycle.spec.errors import shortened

MOST_LEVELS = 50  # of lists and mappings inside each other
MOST_BITS = 128  # of a whole number
PREFIX = "tag:yaml.org,2002:"
TEXTS = ("str", "timestamp", "value")  # YAML 1.2 knows neither dates nor the value `=`
PLAIN = ("null", "bool", "int", "float", "seq", "map", "merge", *TEXTS)


def plain_reader(most_entries: int) -> Any:
    """A fresh reader of one document, which refuses one with more entries. An alias counts as all that it stands for."""
    reader: Any = YAML(typ="safe", pure=True)
    reader.Composer, reader.Constructor = _CountingComposer, _PlainConstructor
    reader.most_entries = most_entries
    return reader


def _refuse(problem: str, mark: Any) -> NoReturn:
    raise MarkedYAMLError(problem=problem, problem_mark=mark)


def _kind(node: Any) -> str:
    """The kind of a node: `int`, `str`, `map`, or a tag of somebody's own."""
    return str(node.tag).removeprefix(PREFIX)


class _CountingComposer(Composer):
    """Counts the levels and the entries of a document."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.warn_double_anchors = False
        self.levels, self.entries = 0, 0
        self.sizes: dict[int, int] = {}  # identity of a whole node -> number of its entries

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.parser.peek_event()
        before, self.levels = self.entries, self.levels + 1
        if self.levels > MOST_LEVELS:
            _refuse(f"lists and mappings lie inside each other more than {MOST_LEVELS} deep", event.start_mark)
        node = super().compose_node(parent, index)
        self.levels -= 1
        if isinstance(event, AliasEvent):
            if id(node) not in self.sizes:
                _refuse(f"alias '{event.anchor}' stands for something that it is a part of", event.start_mark)
            self.entries += self.sizes[id(node)]
        else:
            self.entries += 1
            self.sizes[id(node)] = self.entries - before
        if self.entries > self.loader.most_entries:
            _refuse(f"the document unfolds to more than {self.loader.most_entries:,} entries", event.start_mark)
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        for key, _ in node.value:
            if key.value == "null" and _kind(key) == "null":  # measures have a field of this name
                key.tag = f"{PREFIX}str"
            if _kind(key) not in (*TEXTS, "merge"):
                _refuse("a key must be a text; write it in quotes", key.start_mark)
        return node


class _PlainConstructor(SafeConstructor):
    """Makes plain data and nothing else."""

    def construct_non_recursive_object(self, node: Any, tag: Any = None) -> Any:
        kind = _kind(node)
        if kind not in PLAIN:
            _refuse(f"'{shortened(kind)}' is no kind of plain data", node.start_mark)
        try:
            value = self.construct_scalar(node) if kind in TEXTS else super().construct_non_recursive_object(node, tag)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
            _refuse(f"'{shortened(str(node.value), 40)}' cannot be read as {kind}", node.start_mark)
        if isinstance(value, int) and value.bit_length() > MOST_BITS:
            _refuse(f"a whole number of {len(node.value)} digits is too long", node.start_mark)
        if isinstance(value, str) and not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            _refuse("half a character (a lone surrogate) cannot be stored", node.start_mark)
        return value
