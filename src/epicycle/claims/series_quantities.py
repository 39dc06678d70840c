"""Quantities of recorded series: values at moments, and how a series changes between two moments."""

from __future__ import annotations

from math import e
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from epicycle.claims.estimates import NEVER, PerRun, baseline_of, diverged
from epicycle.claims.quantities import Quantity
from epicycle.events.moments import Moment, events_in, span_of
from epicycle.spec.families import Event
from epicycle.spec.plain_units import PlainUnits

if TYPE_CHECKING:
    import xarray

WHICH = {"max": "largest", "min": "smallest", "last": "last"}
# What is taken off a value -> words for a value above it and for one below.
ABOVE = {
    "baseline": ("above chance", "below chance"),
    "mirror_share": ("above the share of mirrored rows", "below the share of mirrored rows"),
}


class Extreme(Quantity):
    """How high or low does a series get? Its largest, smallest or last recorded value, as it is or above the task's baseline.

    The interval is that of the median over runs.

    Attributes:
        series: name of the series.
        which: `max`, `min` or `last`.
        above_baseline: whether the task's baseline is taken off the value.
        since: the moment from which the values count.
    """

    kind: ClassVar[str] = "extreme"

    series: str
    which: Literal["max", "min", "last"] = "last"
    above_baseline: bool = False
    since: Moment = "start"

    def events_read(self) -> tuple[Event, ...]:
        """The event of the moment, if there is one."""
        return tuple(events_in(self.since))

    def series_read(self) -> tuple[str, ...]:
        """The series."""
        return (self.series,)

    def title(self) -> str:
        """Which value of the series."""
        relative = " above the task's baseline" if self.above_baseline else ""
        return f"{WHICH[self.which]} {self.series}{relative}{self._period()}"

    def subject(self) -> str:
        """Which value of the series."""
        return f"the {WHICH[self.which]} {self.series}{self._period()}"

    def _period(self) -> str:
        return "" if self.since == "start" else f" from {self.since} on"

    def plain_units(self) -> PlainUnits:
        """The value, or how far it is from the baseline."""
        return units_of_series(self.series, ABOVE["baseline"] if self.above_baseline else None)

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The exact value; open in a run that diverged or recorded nothing, or in which the moment has not come."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            first = span_of(data, run, self.since, self.series)
            values = data[self.series].values[run, first[1] :] if first else np.empty(0)
            values = values[np.isfinite(values)]
            if diverged(data, run) or not len(values):
                lows[run], highs[run] = -NEVER, NEVER
                continue
            value = {"max": values.max(), "min": values.min(), "last": values[-1]}[self.which]
            lows[run] = highs[run] = float(value) - (baseline_of(data, run) if self.above_baseline else 0.0)
        return [PerRun("", lows, highs)]


class ValueAt(Quantity):
    """What is the value of a series at a moment?

    The value at an event is bounded by the values at the two evaluations between which the event lies. The interval is that of the
    median over runs.

    Attributes:
        series: name of the series.
        at: the moment.
        minus: what is taken off the value: `nothing`, the task's `baseline`, or `mirror_share`, the share of the test rows whose
            mirror is trained on.
        beside: another series, whose value at the same moment is taken off too.
        log: whether the natural logarithm of what is left is taken. It is unknown where nothing above 0 is left.
    """

    kind: ClassVar[str] = "value_at"

    series: str
    at: Moment
    minus: Literal["nothing", "baseline", "mirror_share"] = "nothing"
    beside: str | None = None
    log: bool = False

    def series_read(self) -> tuple[str, ...]:
        """The series, and the one that is taken off it."""
        return (self.series, self.beside) if self.beside else (self.series,)

    def events_read(self) -> tuple[Event, ...]:
        """The event of the moment, if there is one."""
        return tuple(events_in(self.at))

    def title(self) -> str:
        """The series, what is taken off it, and the moment."""
        beside = f" less {self.beside}" if self.beside else ""
        above = {"baseline": " above the task's baseline", "mirror_share": " above the share of test rows seen mirrored"}
        value = f"{self.series}{beside} at {self.at}{above.get(self.minus, '')}"
        return f"ln of {value}" if self.log else value

    def subject(self) -> str:
        """The series and the moment."""
        both = self.beside and self.minus != "nothing"
        return f"{self.series}{f' less {self.beside}' if both else ''} at {self.at}"

    def plain_units(self) -> PlainUnits:
        """The value, or how far it is from what is taken off."""
        if self.log:
            return PlainUnits(base=e)
        beside = (f"above {self.beside}", f"below {self.beside}") if self.beside else None
        return units_of_series(self.series, ABOVE.get(self.minus, beside))

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The values at both ends of the moment; open where the moment has not come."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            low, high = values_at(data, run, self.series, self.at, beside=self.beside)
            minus = 0.0 if self.minus == "nothing" else float(data[self.minus].values[run])
            lows[run], highs[run] = low - minus, high - minus
            if self.log:
                lows[run], highs[run] = (float(np.log(end)) if end > 0 else -NEVER for end in (lows[run], highs[run]))
        return [PerRun("", lows, highs)]


class Between(Quantity):
    """What the quantities share that read a series between two moments.

    Attributes:
        series: name of the series.
        since: the first moment.
        until: the second moment.
    """

    series: str
    since: Moment
    until: Moment

    def events_read(self) -> tuple[Event, ...]:
        """A hook: the events of the moments that it reads."""
        return (*events_in(self.since), *events_in(self.until))

    def subject(self) -> str:
        """A hook for subclasses: the quantity's name in a sentence."""
        return f"the {self.title()}"

    def evaluations(self, data: xarray.Dataset, run: int) -> slice:
        """Positions of the evaluations that surely lie between the moments.

        They go from the later end of the first moment to the earlier end of the second. The slice is empty where a moment has not come
        or the run diverged.
        """
        first, last = (span_of(data, run, moment, self.series) for moment in (self.since, self.until))
        if first is None or last is None or diverged(data, run):
            return slice(0, 0)
        return slice(first[1], last[0] + 1)


class SeriesChange(Between):
    """How much does a series change between two moments? The later value less the earlier one.

    Each moment bounds its value, as in `ValueAt`. The interval is that of the median over runs.

    Attributes:
        decades: whether decimal logarithms are subtracted instead of the values, so that the change is a number of factors of ten.
    """

    kind: ClassVar[str] = "change"

    since: Moment = "start"
    until: Moment = "end"
    decades: bool = False

    def series_read(self) -> tuple[str, ...]:
        """The series."""
        return (self.series,)

    def title(self) -> str:
        """The series, the two moments and the unit."""
        return f"change of {self.series} from {self.since} to {self.until}{' in decades' if self.decades else ''}"

    def subject(self) -> str:
        """The series at the second moment, which is compared with the first."""
        return f"{self.series} at {self.until}, compared with {self.since},"

    def plain_units(self) -> PlainUnits:
        """How much higher or lower; in decades, how many times."""
        return PlainUnits(base=10.0, compared="ratio") if self.decades else units_of_series(self.series, ("higher", "lower"))

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The least and the largest change that the brackets of the moments allow."""

        def scaled(value: Any) -> float:
            if not self.decades or not np.isfinite(value):
                return value
            return float(np.log10(max(value, 1e-38)))  # a loss may be exactly 0

        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            before, after = (values_at(data, run, self.series, moment, self.since) for moment in (self.since, self.until))
            lows[run] = scaled(after[0]) - scaled(before[1])
            highs[run] = scaled(after[1]) - scaled(before[0])
        return [PerRun("", lows, highs)]


class Trend(Between):
    """Does a series rise or fall between two moments? Spearman's rank correlation of the series with the step.

    1 means that the series rises throughout, -1 that it falls throughout. The interval is that of the median over runs.
    """

    kind: ClassVar[str] = "trend"

    def series_read(self) -> tuple[str, ...]:
        """The series."""
        return (self.series,)

    def title(self) -> str:
        """The correlation, the series and the two moments."""
        return f"rank correlation of {self.series} with the step from {self.since} to {self.until}"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The exact correlation; anywhere from -1 to 1 with fewer than four evaluations between the moments, or a constant series."""
        from scipy import stats  # takes most of a second to load, and no other statistic needs it

        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            lows[run], highs[run] = -1.0, 1.0
            values = data[self.series].values[run, self.evaluations(data, run)]
            recorded = np.isfinite(values)
            if recorded.sum() > 3 and np.ptp(values[recorded]) > 0:
                lows[run] = highs[run] = float(stats.spearmanr(np.flatnonzero(recorded), values[recorded]).statistic)
        return [PerRun("", lows, highs)]


class Correlation(Between):
    """Do two series change together between two moments? Pearson's correlation of their changes from one evaluation to the next.

    With `feedback` it asks whether the first series rises faster the higher the second one is. The correlation then has the sign of
    the slope of the rate on the second series. The interval is that of the median over runs.

    Attributes:
        beside: name of the second series.
        feedback: whether the change a step of the first series is correlated with the height of the second series before it.
    """

    kind: ClassVar[str] = "correlation"

    beside: str
    since: Moment = "start"
    until: Moment = "end"
    feedback: bool = False

    def series_read(self) -> tuple[str, ...]:
        """Both series."""
        return (self.beside, self.series)

    def title(self) -> str:
        """The two series and the two moments."""
        both = f"change a step of {self.series} with" if self.feedback else f"changes of {self.series} and"
        return f"correlation of the {both} {self.beside} from {self.since} to {self.until}"

    def per_run(self, data: xarray.Dataset) -> list[PerRun]:
        """The exact correlation; anywhere from -1 to 1 with fewer than four changes, or where a series does not change."""
        lows: dict[int, float] = {}
        highs: dict[int, float] = {}
        for run in range(data.sizes["run"]):
            lows[run], highs[run] = -1.0, 1.0
            between = self.evaluations(data, run)
            pair = np.stack([data[name].values[run, between] for name in (self.series, self.beside)]).astype(float)
            recorded = np.isfinite(pair).all(axis=0)
            changes = np.diff(pair[:, recorded], axis=1)
            if self.feedback:
                changes = np.stack([changes[0] / np.diff(data["step"].values[between][recorded]), pair[1, recorded][:-1]])
            if changes.shape[1] >= 4 and (np.ptp(changes, axis=1) > 0).all():
                lows[run] = highs[run] = float(np.corrcoef(changes)[0, 1])
        return [PerRun("", lows, highs)]


def units_of_series(series: str, sides: tuple[str, str] | None) -> PlainUnits:
    """The plain units of a value of a series. Differences of accuracies are counted in points, of which 1 has 100; log-odds are odds.

    Args:
        series: name of the series.
        sides: words for above and below what is taken off the value; None where nothing is taken off.
    """
    if series.endswith("log_odds"):
        return PlainUnits(base=e, compared="ratio", sides=sides) if sides else PlainUnits("to 1", base=e)
    unit, times = ("points", 100.0) if "acc" in series.split("_") else ("", 1.0)
    return PlainUnits(unit, times, compared="difference", sides=sides) if sides else PlainUnits(part_of_one=bool(unit))


def values_at(
    data: xarray.Dataset, run: int, series: str, moment: str, since: str = "start", beside: str | None = None
) -> tuple[float, float]:
    """The least and the largest value that a series may have at a moment.

    Args:
        data: the dataset of the run's arm.
        run: position along the axis `run`.
        series: name of the series.
        moment: the moment.
        since: moment from which `max` and `min` are looked for.
        beside: a series that is taken off the first one.

    Returns:
        Minus infinity and infinity where the moment has not come, the run diverged, or the two series were not recorded together.
    """
    span = None if diverged(data, run) else span_of(data, run, moment, series, since)
    if span is None:
        return -NEVER, NEVER
    ends = data[series].values[run, list(span)]
    if beside:
        ends = ends - data[beside].values[run, list(span)]
    if not np.isfinite(ends).all():
        return -NEVER, NEVER
    return float(np.min(ends)), float(np.max(ends))
