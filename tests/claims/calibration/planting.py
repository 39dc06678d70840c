"""Populations of planted runs whose true number is known, and samples of them to which seeds are added.

A population is an arm of planted runs. What a statistic reads in a run (the step of an event, the value of a series) is read once, by
the statistic itself, and remembered by the run's name. A sample draws units of the population with replacement; everything else, from
the independent units to the verdict, is the code that judges a study.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import xarray
from tests.claims.planted_arms import STEPS

from epicycle.claims.change_points import ChangePoints
from epicycle.claims.estimates import Known, PerRun, known_steps
from epicycle.claims.falls import Fall, Overtaking
from epicycle.claims.pattern_fits import ThreePatternFit
from epicycle.claims.power_laws import SeriesPower
from epicycle.claims.quantities import EventRatio, EventTime, Quantity, Span
from epicycle.claims.row_times import RowTimes
from epicycle.claims.series_quantities import Correlation, Extreme, SeriesChange, Trend, ValueAt
from epicycle.claims.spikes import Spikes
from epicycle.claims.two_phases import TwoPhases
from epicycle.spec.families import Event, Statistic
from epicycle.spec.results import DONE, RunLabels, arm_dataset, is_forked, swept_names

QUANTITIES: tuple[type[Quantity], ...] = (
    EventTime,
    EventRatio,
    Span,
    Extreme,
    ValueAt,
    SeriesChange,
    Trend,
    Correlation,
    ChangePoints,
    Fall,
    Spikes,
    Overtaking,
    RowTimes,
    ThreePatternFit,
    TwoPhases,
    SeriesPower,
)
LOOKS = (8, 13, 22, 38, 66, 115, 200)
Pairs = Callable[[int], tuple[int, int]]  # position of a unit -> its seed and data_seed
Draw = np.random.Generator


def own(position: int) -> tuple[int, int]:
    """Each unit has a seed and a split of its own."""
    return position, position


@dataclass(frozen=True)
class Case:
    """A statistic on a planted population whose true number is known.

    Attributes:
        name: what is planted, in words.
        statistic: what is judged.
        arms: the population of each arm. The rows of a unit, such as its doses, follow each other.
        truth: the true number.
        rows: arm -> number of rows of a unit, where it is not 1.
        share_of_seeds: arm -> how many seeds it has for each of the others', where it has fewer.
        apart: whether the arms are drawn independently of each other; else a seed is the same unit in all arms.
        looks: numbers of seeds at which the claim is judged.
        pairs: seed and data_seed of each unit.
        fresh: makes the arms of one sample, where a sample is no draw from a population, such as runs that share splits.
    """

    name: str
    statistic: Statistic
    truth: float
    arms: Mapping[str, xarray.Dataset] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    share_of_seeds: Mapping[str, float] = field(default_factory=dict)
    apart: bool = False
    looks: Sequence[int] = LOOKS
    pairs: Pairs = own
    fresh: Callable[[Draw], Mapping[str, xarray.Dataset]] | None = None

    def samples(self, draw: Draw, looks: Sequence[int] | None = None) -> Iterator[dict[str, xarray.Dataset]]:
        """The arms of one sample at each look, each with the runs of the look before."""
        looks = self.looks if looks is None else looks
        whole = self.fresh(draw) if self.fresh else self._drawn(draw, max(looks))
        for n in looks:
            yield {
                name: data.isel(run=slice(round(n * self.share_of_seeds.get(name, 1)) * self.rows.get(name, 1)))
                for name, data in whole.items()
            }

    def _drawn(self, draw: Draw, n: int) -> dict[str, xarray.Dataset]:
        drawn: dict[str, xarray.Dataset] = {}
        units = draw.integers(_units(self), size=n)
        for name, data in self.arms.items():
            rows = self.rows.get(name, 1)
            units = draw.integers(_units(self), size=n) if self.apart else units
            picks = (units[:, None] * rows + np.arange(rows)).ravel()
            drawn[name] = _labelled(data, picks, [self.pairs(i // rows) for i in range(len(picks))])
        return drawn


def _units(case: Case) -> int:
    name, data = next(iter(case.arms.items()))
    return data.sizes["run"] // case.rows.get(name, 1)


def _labelled(data: xarray.Dataset, picks: Any, pairs: Sequence[tuple[int, int]]) -> xarray.Dataset:
    """Runs of a population without their series, by the names under which their readings are remembered."""
    names, moments = data["run"].values.tolist(), data["moment"].values.tolist() if is_forked(data) else None
    swept = {name: data[name].values.tolist() for name in swept_names(data)}
    runs = [
        RunLabels(
            name=names[pick],
            seed=pair[0],
            data_seed=pair[1],
            status=DONE,
            baseline=0.1,
            swept={name: values[pick] for name, values in swept.items()},
            moment=None if moments is None else moments[pick],
        )
        for pick, pair in zip(picks.tolist(), pairs, strict=True)
    ]
    return arm_dataset(STEPS[-1:], {}, runs, budget=int(data.attrs["budget"]), swept=list(swept))


def population(data: xarray.Dataset, arm: str) -> xarray.Dataset:
    """An arm whose runs have names that no other arm uses."""
    return data.assign_coords(run=[f"{arm} {i}" for i in range(data.sizes["run"])])


@contextmanager
def remembered(case: Case) -> Iterator[None]:
    """Inside the block, what is read of a run of the case's populations is read once."""
    if case.fresh:
        yield
        return
    index = {name: (arm, i) for arm, data in case.arms.items() for i, name in enumerate(data["run"].values.tolist())}
    steps: dict[tuple[str, str], list[Known]] = {}
    values: dict[tuple[str, str], list[PerRun]] = {}

    def known(data: xarray.Dataset, event: Event) -> dict[int, Known]:
        names = data["run"].values.tolist()
        key = index[names[0]][0], f"{event.kind}{event.model_dump_json()}"
        if key not in steps:
            steps[key] = list(known_steps(case.arms[key[0]], event).values())
        return {run: steps[key][index[name][1]] for run, name in enumerate(names)}

    def reading(per_run: Callable[[Quantity, xarray.Dataset], list[PerRun]]) -> Callable[..., list[PerRun]]:
        def read(self: Quantity, data: xarray.Dataset) -> list[PerRun]:
            names = data["run"].values.tolist()
            key = index[names[0]][0], f"{self.kind}{self.model_dump_json()}"
            if key not in values:
                values[key] = per_run(self, case.arms[key[0]])
            rows = [index[name][1] for name in names]
            return [
                PerRun(of.detector, *(dict(enumerate(ends[i] for i in rows)) for ends in (of.lows, of.highs))) for of in values[key]
            ]

        return read

    with pytest.MonkeyPatch.context() as patch:
        for module in ("shares", "remaining_time", "quantities"):
            patch.setattr(f"epicycle.claims.{module}.known_steps", known)
        for kind in QUANTITIES:
            patch.setattr(kind, "per_run", reading(kind.per_run))
        yield
