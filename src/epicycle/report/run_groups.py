"""Which runs of an arm belong together, and what to call them in print.

An arm's dataset has one axis for all its runs. Figures and tables put runs that differ only in their seeds into one group.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import xarray

from epicycle.spec.results import labels_of

SweepPoint = tuple[Any, ...]  # a value for each of some swept names


def sweep_points(data: xarray.Dataset, names: Sequence[str]) -> list[SweepPoint]:
    """The values of some swept names in every run."""
    columns = [data[name].values.tolist() for name in names]
    return [tuple(column[run] for column in columns) for run in range(data.sizes["run"])]


def runs_by_point(data: xarray.Dataset, names: Sequence[str]) -> dict[SweepPoint, list[int]]:
    """The positions of the runs at each combination of the values of some swept names, in the order of the values."""
    groups: dict[SweepPoint, list[int]] = {}
    for run, point in enumerate(sweep_points(data, names)):
        groups.setdefault(point, []).append(run)
    try:
        return dict(sorted(groups.items()))
    except TypeError:  # values of several types have no order
        return groups


def identities(data: xarray.Dataset, names: Sequence[str]) -> list[SweepPoint]:
    """What each run shares with its forks: its label (the seeds), and its values of the names that its own arm sweeps."""
    return [(label, *point) for label, point in zip(labels_of(data), sweep_points(data, names), strict=True)]


def value_text(value: Any) -> str:
    """A swept value in print; 10 and 10.0 look the same."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def point_texts(names: Sequence[str], point: Sequence[Any]) -> list[str]:
    """`by = 10` for each name."""
    return [f"{name} = {value_text(value)}" for name, value in zip(names, point, strict=True)]


def group_text(arm: str, names: Sequence[str], point: Sequence[Any]) -> str:
    """The name of a group of runs: `boosted, by = 10`."""
    return ", ".join([arm, *point_texts(names, point)])


def seeds_text(labels: Sequence[str]) -> str:
    """Labels of runs in words, with neighbouring seeds joined: `seeds 0 to 3, 7`."""
    seeds = sorted({int(label) for label in labels if label.isdigit()})
    pairs = [label for label in dict.fromkeys(labels) if not label.isdigit()]  # `4/0`: a data_seed of its own
    stretches: list[list[int]] = []
    for seed in seeds:
        if stretches and seed == stretches[-1][-1] + 1:
            stretches[-1].append(seed)
        else:
            stretches.append([seed])
    joined = [f"{s[0]} to {s[-1]}" if len(s) > 2 else ", ".join(map(str, s)) for s in stretches]
    return f"seed{'s' if len(labels) > 1 else ''} {', '.join([*joined, *pairs])}"


def without_text(without: Sequence[str]) -> str:
    """The parents without a moment (`seed 3`, `seed 4/0`) in words: `seeds 3, 4/0`."""
    return seeds_text([label.removeprefix("seed ") for label in without])


def runs_text(n: int) -> str:
    """`1 run`, or `8 runs`."""
    return f"{n} run{'s' * (n != 1)}"


def steps_text(steps: Sequence[int]) -> str:
    """`step 1,200`, or `steps 1,200 to 3,000`."""
    return f"step {min(steps):,}" if min(steps) == max(steps) else f"steps {min(steps):,} to {max(steps):,}"


def shown_arms(names: Sequence[str], arms: Mapping[str, xarray.Dataset]) -> list[str]:
    """The arms of a figure that have runs."""
    return [name for name in names if name in arms]
