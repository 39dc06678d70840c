"""State dicts (names of tensors -> arrays) in files of torch.save and of safetensors. Nothing in a file is executed."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from numpy import ndarray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load

from epicycle.interop.torch_files import is_torch_file, read_torch
from epicycle.spec.errors import InputError, nearest
from epicycle.spec.plain_data import Plain

MOST_PATHS = 8  # in one message
DEPTH = 3  # levels of dicts and lists that are searched below the top


class StateDict(NamedTuple):
    """What a file of weights holds.

    Attributes:
        arrays: key -> array.
        fields: fields of the model, where the file is one of our exports and its header has them.
    """

    arrays: Mapping[str, Any]
    fields: Plain


def read_state_dict(path: Path, within: str) -> StateDict:
    """The one state dict in a file.

    Args:
        path: a file of torch.save or of safetensors.
        within: dotted path to the state dict inside the file; empty takes the only one.

    Raises:
        InputError: a file that cannot be read safely, or that holds no state dict or several.
    """
    if not path.is_file():
        raise InputError(f"{path} is not a file; pass the path of a file of torch.save or of safetensors.")
    if is_torch_file(path) or path.suffix != ".safetensors":
        return StateDict(_select(read_torch(path), within, str(path)), {})
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("epicycle", "{}"))
        model = header.get("model") or {}
        model = model if model.get("kind") == "transformer" else {}
        arrays = load(path.read_bytes())
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a whole safetensors file: {error}. Save or download the file again.") from None
    return StateDict(_select(arrays, within, str(path)), {name: value for name, value in model.items() if name != "kind"})


def _select(content: Any, within: str, where: str) -> Mapping[str, Any]:
    """The state dict at the path `within` of a file's content, or the only one below it."""
    for name in within.split(".") if within else ():
        if isinstance(content, list | tuple) and name.isdigit() and int(name) < len(content):
            content = content[int(name)]
        elif isinstance(content, Mapping) and name in content:
            content = content[name]
        else:
            names = content if isinstance(content, Mapping) else ()
            close = nearest(name, [str(existing) for existing in names])
            raise InputError(f"{where}: within = '{within}': there is no '{name}' in the file; {close}")
    if _is_state_dict(content):
        return content
    paths = list(_paths(content, set()))
    if len(paths) == 1:
        return _select(content, paths[0], where)
    advice = (
        f"it holds {len(paths)}: {', '.join(paths[:MOST_PATHS])}; choose one of them with within='{paths[0]}'"
        if paths
        else "it holds none; save the weights with torch.save(model.state_dict(), path)"
    )
    raise InputError(f"{where} is not a state dict (a dict of tensors); {advice}.")


def _is_state_dict(content: Any) -> bool:
    return (
        isinstance(content, Mapping)
        and bool(content)
        and all(isinstance(key, str) and isinstance(value, ndarray) for key, value in content.items())
    )


def _paths(content: Any, seen: set[int], prefix: str = "", depth: int = DEPTH) -> Iterator[str]:
    """Dotted paths of the state dicts in nested dicts and lists, a few levels deep.

    A hostile file may hold itself, many times over, so nothing is searched twice: `seen` has the ids of what was searched.
    """
    if id(content) in seen:
        return
    seen.add(id(content))
    entries = content.items() if isinstance(content, Mapping) else enumerate(content) if isinstance(content, list | tuple) else ()
    for name, entry in entries:
        path = f"{prefix}{name}"
        if _is_state_dict(entry):
            yield path
        elif depth:
            yield from _paths(entry, seen, f"{path}.", depth - 1)
