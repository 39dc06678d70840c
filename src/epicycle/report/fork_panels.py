"""What figures of forks show: a panel for each control run, with the run and its forks on the clock of the first ancestor.

Where there are many control runs, those that differ only in their seeds share a panel, with medians. Each arm has a colour. Along what
a fork arm sweeps, its lines go from light to dark and from thin to thick. Each series has a dash. The moment of the fork is marked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import numpy as np
import xarray
from jaxtyping import Float, Shaped
from numpy import ndarray

from epicycle.events.standard import event_steps
from epicycle.report.ancestry import families
from epicycle.report.curves import median_over_runs, run_lines
from epicycle.report.run_groups import (
    SweepPoint,
    group_text,
    identities,
    point_texts,
    runs_by_point,
    runs_text,
    shown_arms,
    sweep_points,
)
from epicycle.report.style import FORK, INK, OTHERS, series_style, shades
from epicycle.spec.results import is_forked, moments_of, swept_names
from epicycle.spec.study import Figure

MOST = 12  # where there are more control runs than this, they share panels
DASHES = {"solid": "solid", "dot": "dotted", "dash": "dashed", "dashdot": "dash-dotted"}  # plotly's name -> in print


@dataclass(frozen=True)
class Line:
    """One series of a group of runs, with a gap after each run, or its median.

    Attributes:
        group: the name of the group.
        series: the name of the series in print.
        labels: the label of each point's run; empty for a median.
    """

    group: str
    series: str
    colour: str
    dash: str
    x: Float[ndarray, " step"]
    y: Float[ndarray, " step"]
    labels: list[str]
    width: float
    median: bool = False

    @property
    def name(self) -> str:
        """Group and series: `boosted, by = 10, test accuracy`."""
        return f"{self.group}, {self.series}"


class Mark(NamedTuple):
    """A vertical line at a step: a moment, or an event.

    Attributes:
        low: lower end, as a share of the panel's height.
        high: upper end, likewise.
    """

    step: float
    low: float
    high: float
    colour: str
    width: float
    dash: str


@dataclass
class Panel:
    """What one panel shows.

    Attributes:
        baseline: the baseline accuracy.
        moments: the steps at which its forks begin.
        events: step and colour of each event.
    """

    title: str
    baseline: float
    lines: list[Line] = field(default_factory=list)
    moments: list[int] = field(default_factory=list)
    events: list[tuple[int, str]] = field(default_factory=list)

    @property
    def crowded(self) -> bool:
        """Whether the panel shows many runs with their medians."""
        return any(line.median for line in self.lines)

    @property
    def last_step(self) -> float:
        """The last step of any line."""
        return max(float(np.nanmax(line.x)) for line in self.lines)

    @property
    def decades(self) -> float:
        """How many powers of ten the positive values span."""
        values = np.concatenate([line.y for line in self.lines])
        return float(np.ptp(np.log10(values[values > 0]))) if (values > 0).any() else 0.0

    def opacity(self, line: Line) -> float:
        """How opaque a line is: single runs behind a median are faint."""
        return 0.25 if self.crowded and not line.median else 0.9

    def marks(self) -> Iterator[Mark]:
        """The marks of moments and events.

        Where each of many runs has a moment of its own, moments are short: long lines would hide the curves.
        """
        short = self.crowded and len(self.moments) > 4
        for step in self.moments:
            yield Mark(max(step, 1), 0.93, 1.0, FORK, 1.5, "solid") if short else Mark(step, 0, 1, FORK, 1.2, "dash")
        for step, colour in self.events:
            yield Mark(max(step, 1), 0.0, 0.06, colour, 2, "solid")


@dataclass(frozen=True)
class _Group:
    """The runs of an arm at one point of what it sweeps beyond its control.

    Attributes:
        data: the whole arm on the clock of the first ancestor.
        runs: positions of the group's runs in it.
        identities: for each run of the arm, what it shares with its control.
        events: for each run of the arm, the steps of its events.
    """

    name: str
    colour: str
    width: float
    data: xarray.Dataset
    runs: list[int]
    identities: list[SweepPoint]
    events: list[list[int]]


def shows_forks(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> bool:
    """Whether a figure of curves names forks together with an arm that they descend from."""
    return bool(figure.series) and figure.form == "curves" and any(families(shown_arms(figure.arms, arms), arms).values())


def on_clock(data: xarray.Dataset, series: Sequence[str]) -> xarray.Dataset:
    """An arm with some of its series on the clock of the first ancestor: each fork is shifted by its moment."""
    moments, steps = moments_of(data), data["step"].values
    clock, position = np.unique(moments[:, None] + steps[None, :], return_inverse=True)
    position = position.reshape(len(moments), len(steps))
    shifted = {}
    for name in series:
        values = np.full((len(moments), len(clock)), np.nan)
        np.put_along_axis(values, position, data[name].values, axis=1)
        shifted[name] = (("run", "step"), values)
    return data.drop_vars(data.data_vars).drop_dims("step").assign_coords(step=clock).assign(shifted)


def panels(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> list[Panel]:
    """The panels of a figure."""
    roots = families(shown_arms(figure.arms, arms), arms)
    shared = sum(arms[name].sizes["run"] for name in roots) > MOST
    hues = chain([INK], OTHERS * len(figure.arms))  # grey for the first control
    listed: list[Panel] = []
    for root, forks in roots.items():
        groups = [group for name in (root, *forks) for group in _groups(figure, name, root, arms, hues)]
        for title, controls in _controls_by_panel(arms[root], root, shared, several=len(roots) > 1):
            panel = Panel(title, float(arms[root]["baseline"].values[0]))
            for group in groups:
                _add(panel, figure, group, [run for run in group.runs if group.identities[run] in controls], with_median=shared)
            listed.append(panel)
    return listed


def swept_beyond(data: xarray.Dataset, control: xarray.Dataset) -> list[str]:
    """The names that a fork arm sweeps and its control does not."""
    return [name for name in swept_names(data) if name not in swept_names(control)]


def _groups(figure: Figure, name: str, root: str, arms: Mapping[str, xarray.Dataset], hues: Iterator[str]) -> Iterator[_Group]:
    """The groups of an arm, which has one hue; the control is one group, a fork arm has a shade for each of its groups."""
    data = arms[name]
    own = swept_beyond(data, arms[root])
    points = runs_by_point(data, own)
    colours = [next(hues)] if name == root else shades(next(hues), len(points))
    widths = [2.4] if name == root else np.linspace(1.0, 2.2, len(points)).tolist() if len(points) > 1 else [2.0]
    shifted, events = on_clock(data, figure.series), _events_on_clock(figure, data)
    keys = identities(data, swept_names(arms[root]))
    for colour, width, (point, runs) in zip(colours, widths, points.items(), strict=True):
        yield _Group(group_text(name, own, point), colour, width, shifted, runs, keys, events)


def _events_on_clock(figure: Figure, data: xarray.Dataset) -> list[list[int]]:
    """When each run reached its events, on the clock of the first ancestor.

    An event that a fork has at step 0 happened in its control, and is left out.
    """
    steps, forked = event_steps(data, figure.events), is_forked(data)
    return [
        [step + moment for event in figure.events if (step := steps[event][run]) is not None and (step or not forked)]
        for run, moment in enumerate(moments_of(data).tolist())
    ]


def _controls_by_panel(data: xarray.Dataset, root: str, shared: bool, several: bool) -> list[tuple[str, set[SweepPoint]]]:
    """The title of each panel, and the control runs that it shows.

    Args:
        data: the arm of the control runs.
        root: its name.
        shared: whether runs that differ only in their seeds share a panel.
        several: whether the figure has several such arms, so that a title names the arm.
    """
    swept = swept_names(data)
    keys = identities(data, swept)
    if shared:
        groups = {group_text(root, swept, point): runs for point, runs in runs_by_point(data, swept).items()}
        return [(f"{name} ({runs_text(len(runs))})", {keys[run] for run in runs}) for name, runs in groups.items()]
    heads = [f"{root}, seed {key[0]}" if several else f"seed {key[0]}" for key in keys]
    points = sweep_points(data, swept)
    return [(", ".join([head, *point_texts(swept, point)]), {key}) for head, key, point in zip(heads, keys, points, strict=True)]


def _add(panel: Panel, figure: Figure, group: _Group, runs: list[int], with_median: bool) -> None:
    """Add the lines, moments and events of a group's runs to a panel."""
    if not runs:
        return
    data = group.data.isel(run=runs)
    labels = [str(group.identities[run][0]) for run in runs]
    for series in dashes(figure):
        panel.lines += _lines(figure, group, data, series, labels, with_median)
    if is_forked(data):
        panel.moments = sorted({*panel.moments, *moments_of(data).tolist()})
    panel.events += [(step, group.colour) for run in runs for step in group.events[run]]


def _lines(figure: Figure, group: _Group, data: xarray.Dataset, series: str, labels: list[str], with_median: bool) -> Iterator[Line]:
    """One series of a group's runs, and its median where many runs share the panel.

    A median of forks starts where all of them have begun: before that it would be a median of the early ones.
    """
    clock: Shaped[ndarray, " step"] = data["step"].values
    style = (group.name, series_style(series).label, group.colour, dashes(figure)[series])
    lines = run_lines(data[series].values, clock)
    yield Line(*style, lines.x, lines.y, [labels[run] for run in lines.run], 1.0 if with_median else group.width)
    if with_median:
        begun = clock >= moments_of(data).max()
        yield Line(*style, clock[begun], median_over_runs(data, series)[begun], [], 1 + group.width, median=True)


def dashes(figure: Figure) -> dict[str, str]:
    """The dash of each series of a figure; the last series is solid."""
    return {name: list(DASHES)[i % len(DASHES)] for i, name in enumerate(reversed(figure.series))}


def legend(figure: Figure, shown: Sequence[Panel]) -> list[tuple[str, str, str]]:
    """Name, colour and dash of each entry: the groups of runs, the series where there are several, and the moment of the fork."""
    groups: dict[str, tuple[str, str, str]] = {}
    for line in (line for panel in shown for line in panel.lines):
        groups.setdefault(line.group, (line.group, line.colour, "solid"))
    dash_of = dashes(figure) if len(figure.series) > 1 else {}
    series = [(f"{series_style(name).label} ({DASHES[dash]})", INK, dash) for name, dash in dash_of.items()]
    return [*groups.values(), *reversed(series), ("moment of the fork", FORK, "dash")]
