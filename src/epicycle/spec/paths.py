"""Dotted paths into plain data: sweeps, `--set` and knob names."""

import copy
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from epicycle.spec.errors import InputError, nearest
from epicycle.spec.yaml_text import load_yaml


def get_path(tree: Any, path: str) -> Any:
    """The entry of nested dicts and lists at a dotted path.

    Raises:
        InputError: the path leaves the tree; the nearest right spelling is offered.
    """
    here = tree
    for step in path.split("."):
        here = here[_key(here, step, path, must_exist=True)]
    return here


def with_path(tree: Any, path: str, value: Any) -> Any:
    """A copy of nested dicts and lists with one entry replaced; unknown names are left for validation to refuse."""
    changed = copy.deepcopy(tree)
    *parents, last = path.split(".")
    here = changed
    for step in parents:
        here = here[_key(here, step, path, must_exist=True)]
    here[_key(here, last, path, must_exist=False)] = value
    return changed


def assignment(text: str) -> tuple[str, Any]:
    """`PATH=VALUE` with the value read as YAML.

    Raises:
        InputError: there is no '=' or no path.
    """
    path, sign, value = text.partition("=")
    if not sign or not path.strip():
        raise InputError(f"--set {text}: write PATH=VALUE, for example --set task.p=59.")
    return path.strip(), load_yaml(value, f"--set {path.strip()}")


def knob_path(name: str, known: Iterable[str]) -> str:
    """The full path of a knob named by its end (`lr`) or in full.

    Raises:
        InputError: no knob, or more than one, ends so.
    """
    paths = sorted(known)
    found = [path for path in paths if path == name or path.endswith(f".{name}")]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"knob '{name}' is ambiguous: {', '.join(found)}. Write the longer path.")
    raise InputError(f"there is no knob '{name}'; {nearest(name, [p.rsplit('.', 1)[-1] for p in paths])}")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns fits the name of a tensor."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _key(here: Any, step: str, path: str, must_exist: bool) -> Any:
    if isinstance(here, list | tuple):
        if step.isdigit() and int(step) < len(here):
            return int(step)
        raise InputError(f"{path}: '{step}' is not a place in a list of {len(here)}.")
    if not isinstance(here, dict):
        raise InputError(f"{path}: there is nothing below '{step}'.")
    if must_exist and step not in here:
        raise InputError(f"{path}: unknown field '{step}'; {nearest(step, here)}")
    return step


def overrides(shared: Any, own: Any, prefix: str = "") -> dict[str, Any]:
    """Dotted path -> own value, where two dumps of the same kinds of spec differ."""
    if isinstance(shared, Mapping) and isinstance(own, Mapping):
        found: dict[str, Any] = {}
        for name in own:
            found |= overrides(shared.get(name), own[name], f"{prefix}{name}.")
        return found
    return {} if shared == own else {prefix[:-1]: own}
