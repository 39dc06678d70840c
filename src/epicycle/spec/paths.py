"""Dotted paths into plain data. Sweeps, `--set` and knob names use them."""

import copy
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from epicycle.spec.errors import InputError, nearest
from epicycle.spec.plain_data import Plain
from epicycle.spec.yaml_text import load_yaml


def get_path(tree: Any, path: str) -> Any:
    """The entry of nested dicts and lists at a dotted path.

    Raises:
        InputError: the path leaves the tree; the nearest right spelling is offered.
    """
    entry = tree
    for name in path.split("."):
        entry = entry[_key(entry, name, path, must_exist=True)]
    return entry


def with_path(tree: Any, path: str, value: Any) -> Any:
    """A copy of nested dicts and lists with one entry replaced. An unknown last name is left for validation to refuse."""
    changed = copy.deepcopy(tree)
    *parents, last = path.split(".")
    branch = changed
    for name in parents:
        branch = branch[_key(branch, name, path, must_exist=True)]
    branch[_key(branch, last, path, must_exist=False)] = value
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
    """The full path of a knob, given in full or by its last names (`lr`).

    Raises:
        InputError: no knob, or more than one, ends so.
    """
    paths = sorted(known)
    matching = [path for path in paths if path == name or path.endswith(f".{name}")]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise InputError(f"knob '{name}' is ambiguous: {', '.join(matching)}. Write the longer path.")
    raise InputError(f"there is no knob '{name}'; {nearest(name, [p.rsplit('.', 1)[-1] for p in paths])}")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns fits the name of a tensor."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _key(branch: Any, name: str, path: str, must_exist: bool) -> Any:
    if isinstance(branch, list | tuple):
        if name.isdigit() and int(name) < len(branch):
            return int(name)
        raise InputError(f"{path}: '{name}' is not a place in a list of {len(branch)}.")
    if not isinstance(branch, dict):
        raise InputError(f"{path}: there is nothing below '{name}'.")
    if must_exist and name not in branch:
        raise InputError(f"{path}: unknown field '{name}'; {nearest(name, branch)}")
    return name


def overrides(shared: Any, changed: Any, prefix: str = "") -> Plain:
    """Dotted path -> changed value, wherever two dumps of the same kinds of spec differ."""
    if isinstance(shared, Mapping) and isinstance(changed, Mapping):
        differing: Plain = {}
        for name in changed:
            differing |= overrides(shared.get(name), changed[name], f"{prefix}{name}.")
        return differing
    return {} if shared == changed else {prefix[:-1]: changed}
