"""Statistics over several runs: shares, differences between arms, slopes along a sweep, and where variance comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from pydantic import model_validator

from epicycle.claims.estimates import (
    NEVER,
    Estimate,
    PerRun,
    brackets_of,
    censored_at,
    chosen,
    failed,
    labels_of,
    median_estimate,
    unknown,
    values_of,
    variants,
)
from epicycle.claims.intervals import CONFIDENCE, Interval, share_interval, shift_interval
from epicycle.claims.quantities import AnyQuantity, Quantity
from epicycle.spec.errors import InputError
from epicycle.spec.families import AnyEvent, Statistic

if TYPE_CHECKING:
    import xarray

RESAMPLES = 2000


class Share(Statistic):
    """Share of runs in which an event happened within the budget, with a Clopper-Pearson interval.

    Attributes:
        where: in an arm with a sweep, the swept values whose runs are meant.
    """

    kind: ClassVar[str] = "share"

    event: str
    arm: str
    where: dict[str, Any] = {}
    detectors: dict[str, AnyEvent] = {}

    @model_validator(mode="after")
    def _event_is_known(self) -> Share:
        variants(self.event, self.detectors)
        return self

    def arms(self) -> tuple[str, ...]:
        """The one arm."""
        return (self.arm,)

    def reads(self) -> tuple[str, ...]:
        """What its detectors read."""
        return tuple(dict.fromkeys(s for event in variants(self.event, self.detectors).values() for s in event.series))

    def phrase(self) -> str:
        """In words."""
        place = f"arm {self.arm}" + (f" at {', '.join(f'{k} = {v}' for k, v in self.where.items())}" if self.where else "")
        return f"share of runs that reach {self.event} within the budget in {place}"

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """One estimate for each detector."""
        data = chosen(arms, self.arm, self.where)
        labels = labels_of(data)
        found = []
        for name, event in variants(self.event, self.detectors).items():
            there = {run: bracket is not None for run, bracket in brackets_of(data, event).items()}
            interval = share_interval(sum(there.values()), len(there))
            missing = tuple(labels[run] for run, reached in there.items() if not reached)
            values: dict[str, float | None] = {labels[run]: float(reached) for run, reached in there.items()}
            found.append(Estimate(interval, len(there), name, missing, failed(data), values))
        return found


class _OfQuantities(Statistic):
    """What statistics made of quantities share."""

    of: AnyQuantity

    def _quantities(self) -> tuple[Quantity, ...]:
        return (self.of,)

    def arms(self) -> tuple[str, ...]:
        """The arms of its quantities."""
        return tuple(dict.fromkeys(arm for quantity in self._quantities() for arm in quantity.arms()))

    def reads(self) -> tuple[str, ...]:
        """What its quantities read."""
        return tuple(dict.fromkeys(series for quantity in self._quantities() for series in quantity.reads()))


class Difference(_OfQuantities):
    """How much larger a quantity is in one place than in another.

    Unpaired: the median of all differences between a run here and a run there (Hodges & Lehmann 1963), with the exact interval that
    belongs to Mann and Whitney's test. Paired: the median over seeds that both have of the difference within the seed.
    """

    kind: ClassVar[str] = "difference"

    against: AnyQuantity
    paired: bool = False

    def _quantities(self) -> tuple[Quantity, ...]:
        return (self.of, self.against)

    def phrase(self) -> str:
        """In words."""
        paired = " (paired by seed)" if self.paired else ""
        return f"difference between the {self.of.phrase()} and the {self.against.phrase()}{paired}"

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """One estimate for each detector that both have; the second keeps its first where it lacks one."""
        here, there = (chosen(arms, q.arm, q.where) for q in self._quantities())
        others = {found.detector: found for found in self.against.per_run(there)}
        found = []
        for mine in self.of.per_run(here):
            other = others.get(mine.detector, next(iter(others.values())))
            make = self._paired if self.paired else self._unpaired
            found.append(make(here, there, mine, other))
        return found

    def _unpaired(self, here: xarray.Dataset, there: xarray.Dataset, mine: PerRun, other: PerRun) -> Estimate:
        lows = _less(mine.lows.values(), other.highs.values(), -NEVER)
        highs = _less(mine.highs.values(), other.lows.values(), NEVER)
        labels = labels_of(here)
        interval = shift_interval(lows, highs, len(mine.lows), len(other.lows))
        n = min(len(mine.lows), len(other.lows))
        lost = (*unknown(labels, mine), *(f"{label} ({self.against.arm})" for label in unknown(labels_of(there), other)))
        among = len(mine.lows) + len(other.lows)
        return Estimate(interval, n, mine.detector, lost, (*failed(here), *failed(there)), values_of(labels, mine), among)

    def _paired(self, here: xarray.Dataset, there: xarray.Dataset, mine: PerRun, other: PerRun) -> Estimate:
        labels, place = labels_of(here), {label: run for run, label in enumerate(labels_of(there))}
        shared = [run for run in mine.lows if labels[run] in place]
        if not shared:
            raise InputError(f"arms '{self.of.arm}' and '{self.against.arm}' share no seed, so nothing can be paired.")
        lows = {run: float(_less([mine.lows[run]], [other.highs[place[labels[run]]]], -NEVER)[0]) for run in shared}
        highs = {run: float(_less([mine.highs[run]], [other.lows[place[labels[run]]]], NEVER)[0]) for run in shared}
        return median_estimate(here, PerRun(mine.detector, lows, highs))


class LogRemainingTime(Statistic):
    """ln of what was left of a fork's way to an event when it forked, over what was left of its control's; below 0 is sooner.

    ln[(t_fork - m) / (t_control - m)] for every seed, m being the moment of the fork; the median over seeds.

    Attributes:
        against: the control: the parent arm, or forks of it at the same moment.
        where: swept values; those that the control was swept over are looked up there too.
    """

    kind: ClassVar[str] = "log_remaining_time"

    event: str
    arm: str
    against: str
    where: dict[str, Any] = {}
    detectors: dict[str, AnyEvent] = {}

    @model_validator(mode="after")
    def _event_is_known(self) -> LogRemainingTime:
        variants(self.event, self.detectors)
        return self

    def arms(self) -> tuple[str, ...]:
        """The forks and their controls."""
        return (self.arm, self.against)

    def reads(self) -> tuple[str, ...]:
        """What its detectors read."""
        return tuple(dict.fromkeys(s for event in variants(self.event, self.detectors).values() for s in event.series))

    def title(self) -> str:
        """What each fork has a value of, in words."""
        return f"ln(time left to {self.event} / control's)"

    def phrase(self) -> str:
        """In words."""
        place = f"arm {self.arm}" + (f" at {', '.join(f'{k} = {v}' for k, v in self.where.items())}" if self.where else "")
        return f"median ln(time from the fork to {self.event}, {place} / the same in arm {self.against})"

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """The median over forks, once for each detector.

        Raises:
            InputError: the arm is no fork, or a fork has no control of its seeds.
        """
        forks = chosen(arms, self.arm, self.where)
        swept = arms[self.against].attrs.get("swept", [])
        control = chosen(arms, self.against, {name: value for name, value in self.where.items() if name in swept})
        return [median_estimate(forks, found) for found in self.per_run(forks, control)]

    def per_run(self, forks: xarray.Dataset, control: xarray.Dataset) -> list[PerRun]:
        """The logarithm in every fork, once for each detector; open where the control had been there before the moment.

        Raises:
            InputError: these are no forks, or one has no control, or several, of its seeds and swept values.
        """
        if "moment" not in forks.coords:
            raise InputError(f"log_remaining_time: arm '{self.arm}' is no fork; compare times from the start with difference.")
        partner = self._partners(forks, control)
        moments = forks["moment"].values.astype(float)
        began = control["moment"].values.astype(float) if "moment" in control.coords else np.zeros(control.sizes["run"])
        found = []
        for name, event in variants(self.event, self.detectors).items():
            lows: dict[int, float] = {}
            highs: dict[int, float] = {}
            there = brackets_of(control, event)
            for run, bracket in brackets_of(forks, event).items():
                low, high = _left(forks, run, bracket, event, 0.0)
                other = partner[run]
                least, most = _left(control, other, there[other], event, began[other] - moments[run])
                known = most >= 1
                lows[run] = _ln(low, most) if known else -NEVER
                highs[run] = _ln(high, least, NEVER) if known else NEVER
            found.append(PerRun(name, lows, highs))
        return found

    def _partners(self, forks: xarray.Dataset, control: xarray.Dataset) -> list[int]:
        """For each fork the place of its control: the run of its seeds and of the swept values that both arms have."""
        shared = [name for name in control.attrs.get("swept", []) if name in forks.attrs.get("swept", [])]
        mine, theirs = (
            list(zip(labels_of(data), *(data[name].values.tolist() for name in shared), strict=True)) for data in (forks, control)
        )
        place = {key: run for run, key in enumerate(theirs)}
        if missing := [key for key in mine if key not in place]:
            raise InputError(f"log_remaining_time: arm '{self.against}' has no run of seed {missing[0][0]} to compare with.")
        if len(place) < len(theirs):
            raise InputError(f"log_remaining_time: arm '{self.against}' has several runs of a seed; name another control.")
        return [place[key] for key in mine]


class Slope(_OfQuantities):
    """Median over seeds of the least-squares slope of a quantity along a swept number, or along its natural logarithm.

    A bounded value moves the slope by its weight in the fit, so the slope's own bounds are exact.
    """

    kind: ClassVar[str] = "slope"

    along: str
    log: bool = False

    def phrase(self) -> str:
        """In words."""
        return f"median over seeds of the slope of {self.of.title()} along {'ln ' * self.log}{self.along} in {self.of.place()}"

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """One estimate for each detector."""
        data = chosen(arms, self.of.arm, self.of.where, self.along)
        along = data[self.along].values.astype(float)
        along = np.log(along) if self.log else along
        return [median_estimate(data, slopes(labels_of(data), along, one)) for one in self.of.per_run(data)]


class VarianceShare(_OfQuantities):
    """Share of a quantity's variance that one of the two seeds explains, in an arm where every seed meets every data_seed.

    Components of a two-way layout without replication by their mean squares (Searle, Casella & McCulloch 1992, section 4.3), none
    below 0; the interval resamples both seeds (Owen 2007, "The pigeonhole bootstrap"), 2,000 times from a fixed random state. It needs
    every value.
    """

    kind: ClassVar[str] = "variance_share"

    factor: Literal["seed", "data_seed"] = "data_seed"

    def phrase(self) -> str:
        """In words."""
        return f"share of the variance of {self.of.title()} that {self.factor} explains in {self.of.place()}"

    def estimates(self, arms: Mapping[str, xarray.Dataset]) -> list[Estimate]:
        """One estimate for each detector; open where a value is censored."""
        data = chosen(arms, self.of.arm, self.of.where)
        rows, columns = (np.unique(data[name].values, return_inverse=True) for name in ("seed", "data_seed"))
        shape = (len(rows[0]), len(columns[0]))
        labels = labels_of(data)
        found = []
        for one in self.of.per_run(data):
            grid = np.full(shape, np.nan)
            for run, high in one.highs.items():
                grid[rows[1][run], columns[1][run]] = (one.lows[run] + high) / 2
            if self.factor == "data_seed":
                grid = grid.T
            interval = _resampled(grid) if np.isfinite(grid).all() and min(shape) > 1 else Interval(float("nan"), 0.0, 1.0)
            found.append(Estimate(interval, len(one.lows), one.detector, unknown(labels, one), failed(data), values_of(labels, one)))
        return found


def slopes(labels: list[str], along: Float[ndarray, " run"], one: PerRun) -> PerRun:
    """The slope of each seed's values along a number, kept at the seed's first run."""
    lows: dict[int, float] = {}
    highs: dict[int, float] = {}
    for label in dict.fromkeys(labels):
        runs = [run for run in one.lows if labels[run] == label]
        x = along[runs] - along[runs].mean()
        weight = x / (x * x).sum() if len(runs) > 1 else np.full(1, np.nan)
        bounds = [(one.lows[run], one.highs[run]) for run in runs]
        lows[runs[0]] = _dot(weight, [b[0] if w > 0 else b[1] for w, b in zip(weight, bounds, strict=True)])
        highs[runs[0]] = _dot(weight, [b[1] if w > 0 else b[0] for w, b in zip(weight, bounds, strict=True)])
    return PerRun(one.detector, lows, highs)


def variance_share(grid: Float[ndarray, "seed data_seed"]) -> float:
    """Share of the variance components that the first axis has."""
    a, b = grid.shape
    mean = grid.mean()
    rows, columns = grid.mean(axis=1), grid.mean(axis=0)
    rest = grid - rows[:, None] - columns[None, :] + mean
    noise = (rest**2).sum() / max((a - 1) * (b - 1), 1)
    first = max((b * ((rows - mean) ** 2).sum() / (a - 1) - noise) / b, 0.0)
    second = max((a * ((columns - mean) ** 2).sum() / (b - 1) - noise) / a, 0.0)
    total = first + second + noise
    return float(first / total) if total > 0 else 0.0


def _resampled(grid: Float[ndarray, "seed data_seed"]) -> Interval:
    draw = np.random.RandomState(0)
    a, b = grid.shape
    again = [variance_share(grid[draw.randint(a, size=a)][:, draw.randint(b, size=b)]) for _ in range(RESAMPLES)]
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(again, [tail, 100 - tail])
    return Interval(variance_share(grid), float(low), float(high))


def _left(data: xarray.Dataset, run: int, bracket: Any, event: Any, shift: float) -> tuple[float, float]:
    """The least and the most steps to an event, its clock shifted."""
    if bracket is None:
        return censored_at(data, run, event) + shift, NEVER
    return bracket[0] + shift, bracket[1] + shift


def _ln(above: float, below: float, unknown: float = -NEVER) -> float:
    """Logarithm of a ratio of steps, none of them under one; infinity over infinity is as unknown as can be."""
    if np.isinf(above) and np.isinf(below):
        return unknown
    return -NEVER if np.isinf(below) else float(np.log(max(above, 1.0) / max(below, 1.0)))


def _less(these: Iterable[float], those: Iterable[float], unknown: float) -> Float[ndarray, " run"]:
    """All differences; infinity less infinity is as unknown as can be."""
    with np.errstate(invalid="ignore"):
        differences = np.subtract.outer(np.array(list(these)), np.array(list(those))).ravel()
    return np.where(np.isnan(differences), unknown, differences)


def _dot(weight: Float[ndarray, " run"], values: list[float]) -> float:
    return float(sum(w * v for w, v in zip(weight, values, strict=True) if w))
