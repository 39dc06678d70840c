"""YAML 1.2 in and out (`1e-3` is a number, `no` is a word).

A document holds plain data only: texts, numbers, truth values, null, lists, and mappings whose keys are texts.
"""

import io
from typing import Any

from epicycle.spec.errors import InputError, shortened

MOST_CHARACTERS = 500_000  # of a user's text; reading so much takes some five seconds
MOST_ENTRIES = 200_000  # of a text that is shorter than this; aliases can make more of a text than it has characters


def load_yaml(text: str, source: str, most_characters: int = MOST_CHARACTERS) -> Any:
    """Read one YAML document; nothing in it is executed.

    Args:
        text: the document.
        source: where it comes from, for messages.
        most_characters: a longer text is refused.

    Raises:
        InputError: the text is too long or unfolds to too much, a syntax error, a repeated key, or a value that is no plain data; the
            message gives the line.
    """
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    from epicycle.spec.plain_yaml import plain_reader

    if len(text) > most_characters:
        raise InputError(f"{source}: {len(text):,} characters are too many for YAML; at most {most_characters:,} are read.")
    try:
        return plain_reader(max(MOST_ENTRIES, len(text))).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = shortened(str(error.problem or error.context or "it cannot be read"))
    except YAMLError as error:  # a character that YAML does not allow
        where = f", line {text.count(chr(10), 0, getattr(error, 'position', 0)) + 1}"
        problem = f"character {chr(getattr(error, 'character', 0))!r} is not allowed"
    raise InputError(f"{source}{where}: not valid YAML: {problem}. Correct that line and run again.") from None


def dump_yaml(value: Any) -> str:
    """Plain data as YAML, in the given order."""
    from ruamel.yaml import YAML

    writer: Any = YAML(typ="safe", pure=True)
    writer.default_flow_style = None
    writer.sort_base_mapping_type_on_output = False
    writer.width = 120
    out = io.StringIO()
    writer.dump(value, out)
    return out.getvalue()
