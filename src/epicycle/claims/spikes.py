"""Spikes of a series: how many there are, how evenly they come, how alike they are, and what another series does at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import Field, model_validator

from epicycle.claims.estimates import NEVER, PerRun
from epicycle.claims.falls import recorded
from epicycle.claims.series_quantities import Between, units_of_series
from epicycle.events.moments import Moment
from epicycle.maths.spikes import coincidence, coincidence_by_chance, gain, irregularity, likeness, spike_tops
from epicycle.spec.plain_units import PlainUnits

if TYPE_CHECKING:
    import xarray

What = Literal["number", "irregularity", "likeness", "coincidence", "by_chance", "gain"]
TITLES: dict[What, str] = {
    "number": "number of spikes of {0}",
    "irregularity": "variation of the distances between spikes of {0}",
    "likeness": "likeness of the spikes of {0}",
    "coincidence": "share of the spikes of {0} with a spike of {1}",
    "by_chance": "share of the spikes of {0} with a spike of {1} that is shifted in time",
    "gain": "gain of {1} across a spike of {0}, beyond that before it,",
}


class Spikes(Between):
    """How many spikes does a series have, how regular are they, and what does another series do at them?

    A spike is what `epicycle.maths.spikes.spike_tops` finds. All counts of evaluations are steps only if every step is recorded: let
    `dense_until` of the observation be the budget. The interval is that of the median over runs.

    Attributes:
        series: name of a series above 0, such as a loss.
        beside: the other series; empty for what needs none.
        what: `number` counts the spikes. `irregularity` is the coefficient of variation of their distances: 0 like a clock, 1 at
            random. `likeness` is the share of the variance of the logarithm around the tops that is the same in all spikes.
            `coincidence` is the share of the spikes that have a spike of the other series nearby. `by_chance` is the 99th percentile
            of this share over shifts of the other series along a circle. `gain` is how much more the other series gains across a
            spike than in as long a time just before it, as the median over spikes.
        factor: how many times higher than before a spike of the series is.
        beside_factor: the same for the other series.
        window: evaluations whose median counts as before; no spike is longer.
        near: evaluations within which two spikes coincide.
        before: evaluations before a top at which a spike has not begun.
        after: evaluations after a top at which a spike is over.
    """

    kind: ClassVar[str] = "spikes"

    beside: str = ""
    what: What = "number"
    since: Moment = "t_mem"
    until: Moment = "end"
    factor: float = Field(5.0, gt=1)
    beside_factor: float = Field(1.5, gt=1)
    window: int = Field(40, ge=4)
    near: int = Field(3, ge=0)
    before: int = Field(10, ge=1)
    after: int = Field(40, ge=1)

    @model_validator(mode="after")
    def _another_series_is_named(self) -> Self:
        needs = self.what in ("coincidence", "by_chance", "gain")
        if needs != bool(self.beside):
            raise ValueError(
                f"what = {self.what} {'needs another series: name it in' if needs else 'takes no other series: leave out'} 'beside'"
            )
        return self

    def series_read(self) -> tuple[str, ...]:
        """The series, and the other one."""
        return (self.series, *([self.beside] if self.beside else []))

    def title(self) -> str:
        """What is read, and the two moments."""
        return f"{TITLES[self.what].format(self.series, self.beside)} from {self.since} to {self.until}"

    def plain_units(self) -> PlainUnits:
        """A count, a share, or what the other series gains."""
        if self.what == "number":
            return PlainUnits("spikes", counts=True)
        return units_of_series(self.beside, ("higher", "lower")) if self.what == "gain" else PlainUnits()

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The exact number; open where a moment has not come, the run diverged, or there are too few spikes."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            values = recorded(self, data, run, *self.series_read())[1]
            number = self._read(values) if values.shape[1] > self.window else np.nan
            lows[run], highs[run] = (number, number) if np.isfinite(number) else (-NEVER, NEVER)
        return [PerRun("", lows, highs)]

    def _read(self, values: Float[ndarray, "unit step"]) -> float:
        """The number of one run."""
        tops = spike_tops(values[0], self.factor, self.window)
        if self.what == "number":
            return float(len(tops))
        if self.what == "irregularity":
            return irregularity(tops)
        if self.what == "likeness":
            return likeness(values[0], tops, self.before, self.after)
        if self.what == "gain":
            return gain(values[1], tops, self.before, self.after)
        others = spike_tops(values[1], self.beside_factor, self.window)
        if self.what == "coincidence":
            return coincidence(tops, others, self.near)
        return coincidence_by_chance(tops, others, self.near, values.shape[1])
