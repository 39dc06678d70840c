"""Who was forked from whom, and which runs belong together: what the figures of forks rest on.

A dataset of forks knows in its attributes its parent arm (`fork`), the parents in which the moment has not come (`without`) and what
its swept numbers are doses of (`doses`).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray

from epicycle.claims.estimates import labels_of
from epicycle.spec.arms import short_names


def with_parents(
    arms: Mapping[str, xarray.Dataset], settings: Mapping[str, Any], without: Mapping[str, Sequence[str]]
) -> dict[str, xarray.Dataset]:
    """The arms, those of forks with their parent's name, the parents in which their moment has not come, and their doses.

    Args:
        settings: the arms as plain data, as a study's file has them.
    """
    told = {}
    for name, data in arms.items():
        parent = settings[name].get("fork") if isinstance(settings.get(name), Mapping) else None
        told[name] = data
        if parent in arms:
            told[name] = data.assign_attrs(fork=parent, without=list(without.get(name, ())), doses=_doses(settings[name]))
    return told


def _doses(arm: Mapping[str, Any]) -> dict[str, str]:
    """What the swept numbers of a fork arm's knob edits are, by their short names: `factor on lr` or `temperature`."""
    found = {}
    for name, path in zip(short_names(arm.get("sweep", {})), arm.get("sweep", {}), strict=True):
        place = re.fullmatch(r"edits\.(\d+)\.(by|to)", path)
        if place and (knob := arm["edits"][int(place[1])].get("knob")):
            found[name] = f"factor on {knob}" if place[2] == "by" else knob
    return found


def ancestors(name: str, arms: Mapping[str, xarray.Dataset]) -> list[str]:
    """The arms an arm was forked from, the nearest first."""
    found: list[str] = []
    while name := arms[name].attrs.get("fork", ""):
        found.append(name)
    return found


def control_of(name: str, against: str, arms: Mapping[str, xarray.Dataset]) -> str:
    """The control of an arm: the named one where both descend from the same runs, otherwise the arm it was forked from."""
    if against in arms and [against, *ancestors(against, arms)][-1] == [name, *ancestors(name, arms)][-1]:
        return against
    return str(arms[name].attrs.get("fork", against))


def families(shown: Sequence[str], arms: Mapping[str, xarray.Dataset]) -> dict[str, list[str]]:
    """The shown arms that descend from no other shown one, each with those that descend from it."""
    found: dict[str, list[str]] = {name: [] for name in shown if not set(ancestors(name, arms)) & set(shown)}
    for name in shown:
        if name not in found:
            found[next(parent for parent in reversed(ancestors(name, arms)) if parent in found)].append(name)
    return found


def points_of(data: xarray.Dataset, names: Sequence[str]) -> dict[tuple[Any, ...], list[int]]:
    """The runs at each combination of the values of some swept names, in the values' order."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for row, point in enumerate(keys_of(data, names)):
        found.setdefault(point, []).append(row)
    try:
        return dict(sorted(found.items()))
    except TypeError:  # values of several kinds have no order
        return found


def keys_of(data: xarray.Dataset, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """The values of some swept names in every run."""
    columns = [data[name].values.tolist() for name in names]
    return [tuple(column[row] for column in columns) for row in range(data.sizes["run"])]


def where_text(names: Sequence[str], point: Sequence[Any]) -> list[str]:
    """`by = 10` for each name."""
    return [f"{name} = {value_text(value)}" for name, value in zip(names, point, strict=True)]


def value_text(value: Any) -> str:
    """A swept value in print: 10 and 10.0 are the same."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def identities(data: xarray.Dataset, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """What a run shares with its forks: its seeds, and the values of what its arm sweeps."""
    return [(label, *key) for label, key in zip(labels_of(data), keys_of(data, names), strict=True)]


def moments_of(data: xarray.Dataset) -> Any:
    """Where each run begins on its first ancestor's clock; 0 for runs with fresh weights."""
    return data["moment"].values.astype(int) if "moment" in data.coords else np.zeros(data.sizes["run"], int)


def seeds_text(labels: Sequence[str]) -> str:
    """Labels of runs in words, neighbours put together: `seeds 0 to 3, 7`."""
    numbers = sorted({int(label) for label in labels if label.isdigit()})
    told = [label for label in dict.fromkeys(labels) if not label.isdigit()]
    stretches: list[list[int]] = []
    for number in numbers:
        if stretches and number == stretches[-1][-1] + 1:
            stretches[-1].append(number)
        else:
            stretches.append([number])
    told = [*(f"{s[0]} to {s[-1]}" if len(s) > 2 else ", ".join(map(str, s)) for s in stretches), *told]
    return f"seed{'s' if len(labels) > 1 else ''} {', '.join(told)}"


def without_text(without: Sequence[str]) -> str:
    """The runs in which a moment has not come (`seed 3`, `seed 4/0`), put together."""
    return seeds_text([label.removeprefix("seed ") for label in without])
