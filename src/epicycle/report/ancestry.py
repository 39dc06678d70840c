"""Which arm was forked from which: what figures and tables of forks rest on."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import xarray

from epicycle.spec.arms import short_names
from epicycle.spec.results import Ancestry, ancestry_of, with_ancestry


def with_parents(
    arms: Mapping[str, xarray.Dataset], settings: Mapping[str, Any], without: Mapping[str, Sequence[str]]
) -> dict[str, xarray.Dataset]:
    """The arms, where each fork arm whose parent has runs knows its ancestry.

    Args:
        arms: the dataset of each arm.
        settings: the arms as plain data, as a study's file has them.
        without: for each fork arm, labels of the parents in which the moment of the fork has not come.
    """
    completed = {}
    for name, data in arms.items():
        setting = settings.get(name)
        parent = setting.get("fork") if isinstance(setting, Mapping) else None
        if parent in arms and isinstance(setting, Mapping):
            data = with_ancestry(data, Ancestry(str(parent), tuple(without.get(name, ())), _doses(setting)))
        completed[name] = data
    return completed


def _doses(setting: Mapping[str, Any]) -> dict[str, str]:
    """What the swept numbers of a fork arm's knob edits mean, by their short names: `factor on lr` or `temperature`."""
    doses = {}
    sweep = setting.get("sweep", {})
    for name, path in zip(short_names(sweep), sweep, strict=True):
        match = re.fullmatch(r"edits\.(\d+)\.(by|to)", path)
        if match and (knob := setting["edits"][int(match[1])].get("knob")):
            doses[name] = f"factor on {knob}" if match[2] == "by" else knob
    return doses


def ancestors(name: str, arms: Mapping[str, xarray.Dataset]) -> list[str]:
    """The arms that an arm descends from, the nearest first."""
    parents: list[str] = []
    while ancestry := ancestry_of(arms[name]):
        name = ancestry.parent
        parents.append(name)
    return parents


def control_of(name: str, against: str, arms: Mapping[str, xarray.Dataset]) -> str:
    """The arm that a fork arm is compared with.

    Args:
        name: the fork arm.
        against: the preferred control. It is used where both arms descend from the same runs; otherwise the parent is.
        arms: the dataset of each arm.
    """
    if against in arms and [against, *ancestors(against, arms)][-1] == [name, *ancestors(name, arms)][-1]:
        return against
    ancestry = ancestry_of(arms[name])
    return ancestry.parent if ancestry else against


def families(shown: Sequence[str], arms: Mapping[str, xarray.Dataset]) -> dict[str, list[str]]:
    """The shown arms that descend from no other shown arm, each with the shown arms that descend from it."""
    roots: dict[str, list[str]] = {name: [] for name in shown if not set(ancestors(name, arms)) & set(shown)}
    for name in shown:
        if name not in roots:
            roots[next(parent for parent in reversed(ancestors(name, arms)) if parent in roots)].append(name)
    return roots
