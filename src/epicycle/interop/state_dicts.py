"""State dicts (names of tensors -> arrays) in memory, and in files of torch.save and of safetensors. Nothing in a file is executed."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Shaped
from numpy import ndarray
from safetensors import SafetensorError, deserialize, safe_open

from epicycle.interop.layout_conversion import list_names
from epicycle.interop.stand_ins import refuse_stand_in
from epicycle.interop.torch_archive import widened_bfloat16
from epicycle.interop.torch_files import is_torch_file, read_torch
from epicycle.spec.errors import InputError, nearest, shortened
from epicycle.spec.plain_data import Plain

MOST_PATHS = 8  # in one message
SAFETENSORS_TYPES = {
    **{f"F{8 * size}": f"<f{size}" for size in (2, 4, 8)},
    **{f"I{8 * size}": f"<i{size}" for size in (1, 2, 4, 8)},
    **{f"U{8 * size}": f"<u{size}" for size in (1, 2, 4, 8)},
    "BOOL": "?",
}
DEPTH = 3  # levels of dicts and lists that are searched below the top

# Where a state dict lies: a dotted path, or the keys one by one. An integer key may be written as text.
Within = str | int | Sequence[str | int]


class StateDict(NamedTuple):
    """What a file of weights, or a dict in memory, holds.

    Attributes:
        arrays: key -> array.
        model: the model as plain data, where the file is one of our exports and its header has it.
    """

    arrays: Mapping[str, Any]
    model: Plain


def read_state_dict(source: str | Path | Mapping[Any, Any], within: Within) -> StateDict:
    """The one state dict in a file or in a dict.

    Args:
        source: a file of torch.save or of safetensors; or a dict that has the arrays, or has dicts of them.
        within: where the state dict lies in it; empty takes the only one.

    Raises:
        InputError: a file that cannot be read safely, or a source that holds no state dict or several.
    """
    if isinstance(source, Mapping):
        return StateDict(_select(_with_arrays(source), within, "the dict of weights"), {})
    if not isinstance(source, str | Path):
        advice = (
            "pass its state dict: model.state_dict()" if hasattr(source, "state_dict") else "pass a file's path or a dict of arrays"
        )
        raise InputError(f"weights cannot be read from {_article(type(source).__name__)}; {advice}.")
    path = Path(source).expanduser()
    if not path.is_file():
        raise InputError(f"{path} is not a file; pass the path of a file of torch.save or of safetensors.")
    refuse_stand_in(path)
    if is_torch_file(path) or not _is_safetensors(path):
        return StateDict(_select(read_torch(path), within, str(path)), {})
    return _read_safetensors(path, within)


def _read_safetensors(path: Path, within: Within) -> StateDict:
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("epicycle", "{}"))
        model = dict(header.get("model") or {})
        views = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(f"{path} is not a whole safetensors file; save or download the file again.") from None
    arrays = {key: _numbers(view["data"], view["dtype"], f"{path}: {key}").reshape(view["shape"]) for key, view in views}
    return StateDict(_select(arrays, within, str(path)), model)


def _numbers(content: bytes, dtype: str, where: str) -> Shaped[ndarray, " number"]:
    """The numbers of one tensor of a safetensors file, bfloat16 as float32."""
    if dtype == "BF16":
        return widened_bfloat16(np.frombuffer(content, np.uint16))
    if dtype not in SAFETENSORS_TYPES:
        raise InputError(f"{where} has numbers of type {dtype}, which are not read; save the weights as float32.")
    return np.frombuffer(content, SAFETENSORS_TYPES[dtype])


def _is_safetensors(path: Path) -> bool:
    """Whether a file is named as safetensors, or begins as one does: the length of a JSON header in 8 bytes, then the header."""
    with path.open("rb") as opened:
        beginning = opened.read(9)
    return path.suffix == ".safetensors" or (beginning[8:] == b"{" and int.from_bytes(beginning[:8], "little") < path.stat().st_size)


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def _with_arrays(source: Any, depth: int = DEPTH) -> Any:
    """Nested dicts and lists with every tensor in them as a NumPy array: also those of JAX and PyTorch."""
    if isinstance(source, Mapping) and depth >= 0:
        return {key: _with_arrays(entry, depth - 1) for key, entry in source.items()}
    if isinstance(source, list | tuple) and depth >= 0:
        return [_with_arrays(entry, depth - 1) for entry in source]
    if isinstance(source, ndarray) or not hasattr(source, "__array__"):
        return source
    try:
        if hasattr(source, "detach"):  # PyTorch refuses to convert a parameter, and NumPy has no bfloat16
            source = source.detach().cpu()
            source = source.float() if "bfloat16" in str(source.dtype) else source
        return np.asarray(source)
    except (RuntimeError, TypeError, ValueError):
        raise InputError(
            f"{_article(type(source).__name__)} in the dict of weights has no plain array of numbers; leave it out."
        ) from None


def _select(content: Any, within: Within, where: str) -> Mapping[str, Any]:
    """The state dict at the path `within` of a content, or the only one below it."""
    if within != "" and within != ():
        content = _entry_at(content, within, where)
    if _is_state_dict(content):
        return content
    below = list(_state_dicts(content, set()))
    if len(below) == 1:
        return below[0][1]
    paths = [path for path, _ in below]
    advice = (
        f"it holds {len(paths)}: {list_names(paths, MOST_PATHS)}; choose one of them with within={paths[0]!r}"
        if paths
        else f"it holds none{_beside_tensors(content)}; save the weights with torch.save(model.state_dict(), path)"
    )
    raise InputError(f"{where} is not a state dict (a dict of tensors); {advice}.")


def _beside_tensors(content: Any) -> str:
    """A clause for a dict that has tensors, and beside them what is none."""
    if not isinstance(content, Mapping) or not any(isinstance(entry, ndarray) for entry in content.values()):
        return ""
    others = [_as_text(key) for key, entry in content.items() if not (isinstance(key, str) and isinstance(entry, ndarray))]
    return f", because it has other entries beside tensors: {list_names(others, MOST_PATHS)}"


def _entry_at(content: Any, within: Within, where: str) -> Any:
    """The entry of nested dicts and lists at a path.

    Raises:
        InputError: there is no such entry, or the path fits several because keys contain dots.
    """
    keys = [within] if isinstance(within, int) else within
    if not isinstance(keys, str | list | tuple) or not all(isinstance(key, str | int) for key in keys):
        raise InputError(f"within is a dotted path such as 'model' or a list of keys, and not {shortened(repr(within))}.")
    reached = list(_along(content, keys) if isinstance(keys, str) else _step_by_step(content, keys))
    if len(reached) == 1:
        return reached[0]
    if reached:
        advice = "pass the keys one by one, as within=['a.b', 'c']"
        raise InputError(f"{where}: within = {shortened(repr(within))} fits {len(reached)} entries; {advice}.")
    names = [path for path, _ in _state_dicts(content, set())] or [key for key, _ in _entries(content)]
    wanted = ".".join(map(str, keys)) if not isinstance(keys, str) else keys
    raise InputError(f"{where}: within = {shortened(repr(within))} leads nowhere; {nearest(wanted, names)}")


def _along(content: Any, path: str) -> Iterator[Any]:
    """Every entry that a dotted path leads to. A key may contain dots itself, so one path can be read in several ways."""
    for key, entry in _entries(content):
        if path == key:
            yield entry
        elif path.startswith(f"{key}."):
            yield from _along(entry, path.removeprefix(f"{key}."))


def _step_by_step(content: Any, keys: Sequence[str | int]) -> Iterator[Any]:
    """Every entry that these keys lead to, one key for each level."""
    if not keys:
        yield content
        return
    for key, entry in _entries(content):
        if key == str(keys[0]):
            yield from _step_by_step(entry, keys[1:])


def _entries(content: Any) -> Iterable[tuple[str, Any]]:
    """Keys, as text, and entries of a dict or list; nothing else has any."""
    if isinstance(content, Mapping):
        return ((_as_text(key), entry) for key, entry in content.items())
    return ((str(i), entry) for i, entry in enumerate(content)) if isinstance(content, list | tuple) else ()


def _as_text(key: Any) -> str:
    """A key as a path has it. A key that is neither a word nor a number, or a number without end, cannot stand in a path."""
    written = isinstance(key, str | float) or (isinstance(key, int) and abs(key) < 1 << 64)
    return str(key) if written else type(key).__name__


def _is_state_dict(content: Any) -> bool:
    return (
        isinstance(content, Mapping)
        and bool(content)
        and all(isinstance(key, str) and isinstance(value, ndarray) for key, value in content.items())
    )


def _state_dicts(content: Any, seen: set[int], prefix: str = "", depth: int = DEPTH) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Dotted path and content of the state dicts in nested dicts and lists, a few levels deep.

    A hostile file may hold itself, many times over, so nothing is searched twice: `seen` has the ids of what was searched.
    """
    if id(content) in seen:
        return
    seen.add(id(content))
    for name, entry in _entries(content):
        path = f"{prefix}{name}"
        if _is_state_dict(entry):
            yield path, entry
        elif depth:
            yield from _state_dicts(entry, seen, f"{path}.", depth - 1)
