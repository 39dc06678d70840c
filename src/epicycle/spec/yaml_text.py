"""YAML 1.2 in and out (`1e-3` is a number, `no` is a word)."""

import io
from typing import Any

from epicycle.spec.errors import InputError


def load_yaml(text: str, source: str) -> Any:
    """Read one YAML document; nothing in it is executed.

    Raises:
        InputError: a syntax error or a repeated key; the message gives the line.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    reader = YAML(typ="safe", pure=True)
    try:
        return reader.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = f"{source}, line {mark.line + 1}, column {mark.column + 1}" if mark else source
        problem = " ".join(str(error.problem or error.context or "cannot be read").split())
        raise InputError(f"{position}: not valid YAML: {problem}. Correct that line and run again.") from None
    except YAMLError as error:
        raise InputError(f"{source}: not valid YAML: {' '.join(str(error).split())}.") from None


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
