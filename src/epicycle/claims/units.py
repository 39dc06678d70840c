"""Which runs of a sample are independent: runs that share a split, or the seed of their weights, are not.

Every interval counts *units* instead of runs. Where several runs share a split, the split is the unit: its value is the median of its
runs. The same holds for the seed of the weights. Where both are shared (every seed with every split), there are two ways to form
units, and the interval covers those of both ways.

Where all runs share one split, nothing says how much splits differ. Seeds are independent draws given the split, so the interval over
seeds is right for that split, and for that split only. The estimate then says "on one split", and so do the reason and the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from epicycle.claims.intervals import Interval, at_confidence, confidence, for_two_sources

if TYPE_CHECKING:
    import xarray

Grouping = Int[ndarray, " run"]
ON_ONE = "on one "  # begins the words of a sample that has one split throughout, or one seed of the weights
NAMES = {"data_seed": "split", "seed": "seed of the weights"}
NONE_FIRST: Mapping[str, Set[int]] = {"seed": frozenset(), "data_seed": frozenset()}
PLURALS = {"data_seed": "splits", "seed": "seeds of the weights"}


class Units(NamedTuple):
    """How the runs of a sample, or of two samples, fall into independent units.

    Attributes:
        groupings: ways to form units. Each way has for each sample the number of every run's unit. There are several ways where runs
            share both kinds of seed; else one.
        sharing: what the runs share, such as `on one split` or `on 8 splits`; empty where every run is a unit of its own.
        noun: what a unit is, in the plural.
    """

    groupings: tuple[tuple[Grouping, ...], ...]
    sharing: str
    noun: str

    @property
    def n_units(self) -> int:
        """The number of units of the smallest sample, formed in the way that gives the fewest."""
        return min(int(grouping.max(initial=-1)) + 1 for way in self.groupings for grouping in way)

    def interval(self, over: Callable[..., Interval]) -> Interval:
        """The interval that covers those of all ways to form units. Where there are several, each is computed at a raised confidence.

        Args:
            over: gives the interval over units, from the grouping of each sample.
        """
        if len(self.groupings) == 1:
            return over(*self.groupings[0])
        with at_confidence(for_two_sources(confidence())):
            return hull([over(*way) for way in self.groupings])


def hull(intervals: Sequence[Interval]) -> Interval:
    """The smallest interval that covers some intervals, with the estimate of the first."""
    return Interval(intervals[0].value, min(one.low for one in intervals), max(one.high for one in intervals))


def units_of(data: xarray.Dataset, runs: Sequence[int]) -> Units:
    """The independent units among some runs of a dataset, given by their positions along the axis `run`."""
    return units_among(_pairs(data, runs))


def _pairs(data: xarray.Dataset, runs: Sequence[int]) -> list[tuple[int, int]]:
    """The seed and the data_seed of some runs."""
    seeds, data_seeds = data["seed"].values.tolist(), data["data_seed"].values.tolist()
    return [(seeds[run], data_seeds[run]) for run in runs]


def units_of_two(first: xarray.Dataset, second: xarray.Dataset) -> Units:
    """The independent units of two samples that are compared without pairs.

    What one sample has in common throughout, such as its split, can be told from the sample only if the other has the same: otherwise
    the whole sample is one unit. Units that both samples have come first and in the same order, so that they can be compared as pairs.
    """
    both = (first, second)
    for name in NAMES:
        values = [set(data[name].values.tolist()) for data in both]
        fixed = any(len(seeds) == 1 < data.sizes["run"] for seeds, data in zip(values, both, strict=True))
        if fixed and values[0] != values[1]:
            one_each = tuple(np.zeros(data.sizes["run"], int) for data in both)
            return Units((one_each,), f"on {PLURALS[name]} of their own", PLURALS[name])
    common = {name: frozenset(first[name].values.tolist()) & frozenset(second[name].values.tolist()) for name in NAMES}
    samples = [units_among(_pairs(data, range(data.sizes["run"])), common) for data in both]
    sharing = list(dict.fromkeys(units.sharing for units in samples if units.sharing))
    ways = tuple(a + b for a, b in product(*(units.groupings for units in samples)))
    return Units(ways, " and ".join(sharing), max((units.noun for units in samples), key=len))


def units_among(pairs: Sequence[tuple[int, int]], first: Mapping[str, Set[int]] = NONE_FIRST) -> Units:
    """The independent units among runs.

    Args:
        pairs: the seed and the data_seed of each run.
        first: the seeds and the data_seeds whose units get the first numbers. Units are numbered in the order of their seeds.
    """
    if len(pairs) < 2:
        return Units(((np.zeros(len(pairs), int),),), "", "runs")
    seeds, splits = (
        _numbered(values, first[name]) for values, name in zip(zip(*pairs, strict=True), ("seed", "data_seed"), strict=True)
    )
    by_name = {"data_seed": splits, "seed": seeds}
    fixed = [name for name, grouping in by_name.items() if not grouping.any()]
    names = _coarsest({name: grouping for name, grouping in by_name.items() if name not in fixed})
    counts = {name: int(by_name[name].max()) + 1 for name in names}
    shared = [name for name, count in counts.items() if count < len(pairs)]
    words = [f"{ON_ONE}{NAMES[name]}" for name in fixed] + [f"on {counts[name]} {PLURALS[name]}" for name in shared]
    groupings = tuple((by_name[name],) for name in names) or ((splits,),)
    noun = " and ".join(PLURALS[name] for name in names) if shared else "runs"
    return Units(groupings, " and ".join(words), noun)


def _numbered(values: Sequence[int], first: Set[int]) -> Grouping:
    """For each value its position among the distinct values: those of `first` before the others, each in rising order."""
    ordered = sorted(set(values), key=lambda value: (value not in first, value))
    position = {value: i for i, value in enumerate(ordered)}
    return np.array([position[value] for value in values], int)


def _coarsest(by_name: dict[str, Grouping]) -> list[str]:
    """The names of the groupings that none of the others contains: one where each seed belongs to one split, or the reverse."""
    if len(by_name) < 2:
        return list(by_name)
    splits, seeds = by_name["data_seed"], by_name["seed"]
    n_pairs = len(set(zip(splits.tolist(), seeds.tolist(), strict=True)))
    if n_pairs == seeds.max() + 1:
        return ["data_seed"]
    return ["seed"] if n_pairs == splits.max() + 1 else ["data_seed", "seed"]
