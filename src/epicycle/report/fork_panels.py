"""Forks beside what they were forked from: a panel for each control run, in it the run and its forks on the first ancestor's clock.

Where there are many runs, all that differ in their seeds only share a panel, with medians. Colours are arms, from light to dark and
from thin to thick along what a fork arm sweeps; dashes are series; the moment is marked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray

from epicycle.events.standard import event_steps
from epicycle.report.ancestry import families, identities, keys_of, moments_of, points_of, where_text, without_text
from epicycle.report.curves import median_over_runs, scale_of
from epicycle.report.style import ARMS, FORK, INK, series_style, shades, template
from epicycle.spec.study import Figure

MOST = 12  # more control runs than this share a panel
DASHES = {"solid": "-", "dot": ":", "dash": "--", "dashdot": "-."}


@dataclass(frozen=True)
class Line:
    """One series of the runs of an arm, with a gap after each run."""

    name: str
    colour: str
    dash: str
    x: Any
    y: Any
    labels: list[str]
    width: float
    median: bool = False


@dataclass
class Panel:
    """What is drawn over one another.

    Attributes:
        moments: the steps at which its forks begin.
        events: the step and the colour of each tick on the axis.
    """

    title: str
    baseline: float
    lines: list[Line] = field(default_factory=list)
    moments: list[int] = field(default_factory=list)
    events: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Group:
    """Runs of an arm at one point of what it sweeps beyond its control."""

    name: str
    colour: str
    width: float
    data: xarray.Dataset  # on the clock of the first ancestor
    rows: list[int]
    identities: list[tuple[Any, ...]]
    ticks: list[list[int]]


def shows_forks(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> bool:
    """Whether a figure of curves names forks together with an arm they descend from."""
    return bool(figure.series) and any(families([name for name in figure.arms if name in arms], arms).values())


def on_clock(data: xarray.Dataset, series: Sequence[str]) -> xarray.Dataset:
    """Series on the first ancestor's clock: each fork's shifted by its moment."""
    moments, steps = moments_of(data), data["step"].values
    clock, place = np.unique(moments[:, None] + steps[None, :], return_inverse=True)
    place = place.reshape(len(moments), len(steps))
    moved = {}
    for name in series:
        values = np.full((len(moments), len(clock)), np.nan)
        np.put_along_axis(values, place, data[name].values, axis=1)
        moved[name] = (("run", "step"), values)
    kept = {name: coord for name, coord in data.coords.items() if coord.dims == ("run",)}
    return xarray.Dataset(moved, {**kept, "step": clock}, data.attrs)


def panels(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> list[Panel]:
    """The panels of a figure."""
    found = families([name for name in figure.arms if name in arms], arms)
    apart = sum(arms[name].sizes["run"] for name in found) <= MOST
    hues = iter(ARMS * len(figure.arms))
    made: list[Panel] = []
    for root, forks in found.items():
        swept = arms[root].attrs.get("swept", [])
        groups = [group for name in (root, *forks) for group in _groups(figure, name, root, swept, arms, hues)]
        for title, keys in _titles(arms[root], root, swept, apart, len(found) > 1):
            panel = Panel(title, float(arms[root]["baseline"].values[0]))
            for group in groups:
                _put(panel, figure, group, [row for row in group.rows if group.identities[row] in keys], not apart)
            made.append(panel)
    return made


def _groups(
    figure: Figure, name: str, root: str, swept: Sequence[str], arms: Mapping[str, xarray.Dataset], hues: Iterator[str]
) -> Iterator[_Group]:
    data = arms[name]
    own = [each for each in data.attrs.get("swept", []) if each not in swept]
    points = points_of(data, own)
    colours = [INK] if name == root else shades(next(hues), len(points))
    widths = [2.4] if name == root else np.linspace(1.0, 2.2, len(points)).tolist() if len(points) > 1 else [2.0]
    clock, ticks = on_clock(data, figure.series), _event_ticks(figure, data)
    for colour, width, (point, rows) in zip(colours, widths, points.items(), strict=True):
        yield _Group(", ".join([name, *where_text(own, point)]), colour, width, clock, rows, identities(data, swept), ticks)


def _event_ticks(figure: Figure, data: xarray.Dataset) -> list[list[int]]:
    """When each run had its events, on the first ancestor's clock; what a fork already had at its moment is its control's."""
    steps, moments, forked = event_steps(data), moments_of(data), "moment" in data.coords
    return [
        [at + moment for event in figure.events if (at := steps[event][run]) is not None and (at or not forked)]
        for run, moment in enumerate(moments.tolist())
    ]


def _titles(
    data: xarray.Dataset, root: str, swept: Sequence[str], apart: bool, several: bool
) -> list[tuple[str, set[tuple[Any, ...]]]]:
    """The title of each panel, and the control runs that it shows."""
    runs = identities(data, swept)
    if not apart:
        points = points_of(data, swept)
        return [
            (f"{', '.join([root, *where_text(swept, point)])} ({len(rows)} runs)", {runs[row] for row in rows})
            for point, rows in points.items()
        ]
    values = keys_of(data, swept)
    return [
        (", ".join([*([root] if several else []), f"seed {run[0]}", *where_text(swept, value)]), {run})
        for run, value in zip(runs, values, strict=True)
    ]


def _put(panel: Panel, figure: Figure, group: _Group, rows: list[int], with_median: bool) -> None:
    """Add the lines, moments and ticks of a group's runs to a panel."""
    if not rows:
        return
    data = group.data.isel(run=rows)
    moments, clock = moments_of(data), data["step"].values
    for name, dash in _dashes(figure).items():
        values = data[name].values
        label = f"{group.name}, {series_style(name)[1]}"
        own = [np.isfinite(run) for run in values]
        x = np.concatenate([np.append(clock[seen], np.nan) for seen in own])
        y = np.concatenate([np.append(run[seen], np.nan) for run, seen in zip(values, own, strict=True)])
        seeds = [str(group.identities[row][0]) for row, seen in zip(rows, own, strict=True) for _ in range(seen.sum() + 1)]
        panel.lines.append(Line(label, group.colour, dash, x, y, seeds, 1.0 if with_median else group.width))
        if with_median:
            begun = clock >= moments.max()  # before that it would be a median of the early ones
            middle = median_over_runs(data, name)[begun]
            panel.lines.append(Line(label, group.colour, dash, clock[begun], middle, [], 1 + group.width, median=True))
    if "moment" in data.coords:
        panel.moments = sorted({*panel.moments, *moments.tolist()})
    panel.events += [(at, group.colour) for row in rows for at in group.ticks[row]]


def _dashes(figure: Figure) -> dict[str, str]:
    """The dash of each series: the last is solid."""
    patterns = list(DASHES)
    return {name: patterns[i % len(patterns)] for i, name in enumerate(reversed(figure.series))}


def legend(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> list[tuple[str, str, str]]:
    """Name, colour and dash of each entry: the arms, the series where there are several, the moment."""
    shown: dict[str, tuple[str, str, str]] = {}
    for panel in panels(figure, arms):
        for line in panel.lines:
            name = line.name.rsplit(", ", 1)[0]
            shown.setdefault(name, (name, line.colour, "solid"))
    series = [(series_style(name)[1], INK, dash) for name, dash in _dashes(figure).items()] if len(figure.series) > 1 else []
    return [*shown.values(), *reversed(series), ("moment of the fork", FORK, "dash")]


def overlaid(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Any:
    """The interactive figure (plotly)."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    every = panels(figure, arms)
    across = 4 if len(every) > 2 else 2
    rows = -(-2 * len(every) // across)
    grid = make_subplots(
        rows=rows,
        cols=across,
        shared_yaxes="all",
        horizontal_spacing=0.032,
        vertical_spacing=0.3 / rows,
        subplot_titles=[f"{panel.title}, {axis} steps" for panel in every for axis in ("log", "linear")],
    )
    marks: list[dict[str, Any]] = []
    for number, panel in enumerate(every):
        for log_steps in (True, False):
            row, col = divmod(2 * number + (not log_steps), across)
            marks += _panel(grid, figure, panel, row + 1, col + 1, log_steps)
    for name, colour, dash in legend(figure, arms):
        grid.add_trace(go.Scatter(x=[None], y=[None], mode="lines", line={"color": colour, "dash": dash, "width": 3}, name=name))
    height = 130 + (300 if across == 2 else 190) * rows
    grid.update_layout(
        shapes=[*grid.layout.shapes, *marks],
        template=template(),
        height=height,
        margin={"t": 80},
        legend={"y": 1 + 30 / (height - 128), "font": {"size": 12}},
    )
    grid.update_annotations(font_size=12)
    return grid


def _panel(grid: Any, figure: Figure, panel: Panel, row: int, col: int, log_steps: bool) -> list[dict[str, Any]]:
    """Draw a panel; returns its marks in the plain form that plotly takes all at once."""
    import plotly.graph_objects as go

    place = {"row": row, "col": col}
    for line in panel.lines:
        hover = "%{y:.3g} at step %{x:,}<extra></extra>"
        told = f"{line.name}, median: {hover}" if line.median else f"{line.name}, seed %{{customdata}}: {hover}"
        style: dict[str, Any] = {"line": {"color": line.colour, "dash": line.dash, "width": line.width}, "showlegend": False}
        style["opacity"] = 0.25 if _crowded(panel) and not line.median else 0.9
        x = np.maximum(line.x, 1) if log_steps else line.x
        grid.add_trace(go.Scatter(x=x, y=line.y, customdata=line.labels, mode="lines", hovertemplate=told, **style), **place)
    kind, span = scale_of(figure.series)
    last = _last(panel)
    grid.update_xaxes(type="log" if log_steps else "linear", dtick=1 if log_steps else None, **place)
    grid.update_xaxes(range=[0, np.log10(last)] if log_steps else [0, last], nticks=5, tickfont_size=11, **place)
    title = _unit(figure) if col == 1 else None
    grid.update_yaxes(type=kind, range=span, title_text=title, exponentformat="power", nticks=5, **place)
    grid.update_yaxes(tickfont_size=11, dtick="D2" if kind == "log" and _decades(panel) < 2 else None, **place)
    if any("acc" in name for name in figure.series):
        grid.add_hline(y=panel.baseline, line={"color": INK, "width": 1, "dash": "dot"}, **place)
    axes = grid.get_subplot(row, col)
    refs = {"xref": axes.xaxis.plotly_name.replace("axis", ""), "yref": f"{axes.yaxis.plotly_name.replace('axis', '')} domain"}
    return [
        {"type": "line", "line": {"color": colour, "width": width, "dash": dash}, "x0": at, "x1": at, "y0": low, "y1": high, **refs}
        for at, low, high, colour, width, dash in _marks(panel)
    ]


def _marks(panel: Panel) -> Iterator[tuple[float, float, float, str, float, str]]:
    """Step, lower and upper end as shares of the height, colour, width and dash of moments and events."""
    for at in panel.moments:  # where each run has a moment of its own, lines would hide the curves
        yield (
            (max(at, 1), 0.93, 1.0, FORK, 1.5, "solid")
            if _crowded(panel) and len(panel.moments) > 4
            else (at, 0, 1, FORK, 1.2, "dash")
        )
    for at, colour in panel.events:
        yield max(at, 1), 0.0, 0.06, colour, 2, "solid"


def _crowded(panel: Panel) -> bool:
    return any(line.median for line in panel.lines)


def _last(panel: Panel) -> float:
    return max(float(np.nanmax(line.x)) for line in panel.lines)


def _decades(panel: Panel) -> float:
    seen = np.concatenate([line.y for line in panel.lines])
    return float(np.ptp(np.log10(seen[seen > 0]))) if (seen > 0).any() else 0.0


def _unit(figure: Figure) -> str:
    if all("acc" in name for name in figure.series):
        return "accuracy"
    return series_style(figure.series[0])[2] or series_style(figure.series[0])[1]


def forks_caption(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> str:
    """Rendered from the data: when each arm was forked, how long it then took, and in which runs the moment has not come."""
    found = families([name for name in figure.arms if name in arms], arms)
    crowded = any(_crowded(panel) for panel in panels(figure, arms))
    parts = [
        "Thin lines: runs; thick: medians, of forks from where all of them have begun; short lines above: moments, one for each run."
        if crowded
        else f"Each panel: a run of {' or '.join(found)} (grey) with its forks; dashed lines: their moments.",
        "The axis counts the steps of the run forked from.",
    ]
    for root, forks in found.items():
        for name in (root, *forks):
            parts += _in_words(figure, arms[name], name, arms[root].attrs.get("swept", []))
    if figure.events:
        parts.append(f"Ticks on the axis: {', '.join(figure.events)} in the colour of their run, unless it was there at the moment.")
    return " ".join(parts)


def _in_words(figure: Figure, data: xarray.Dataset, name: str, swept: Sequence[str]) -> Iterator[str]:
    own = [each for each in data.attrs.get("swept", []) if each not in swept]
    steps, forked = event_steps(data), "moment" in data.coords
    told = []
    for event in figure.events:
        if not any(at is not None for at in steps[event]):
            told.append(f"{event} in none of {data.sizes['run']}")
            continue
        parts = []
        for point, rows in points_of(data, own).items():
            there = [at for row in rows if (at := steps[event][row]) is not None]
            when = f" ({'there already' if forked and not any(there) else _range(there)})" if there else ""
            parts.append(f"{len(there)} of {len(rows)}{when}{' at ' if own else ''}{', '.join(where_text(own, point))}")
        told.append(f"{event} in {', '.join(parts)}")
    begins = f", forked at {_range(moments_of(data).tolist())}, steps from there" if forked else ""
    yield f"{name}{begins}: {'; '.join(told)}." if told else f"{name}{begins}."
    if without := data.attrs.get("without"):
        yield f"The moment of {name} has not come in {without_text(without)}."


def _range(steps: Sequence[int]) -> str:
    return f"step {min(steps):,}" if min(steps) == max(steps) else f"steps {min(steps):,} to {max(steps):,}"


def draw_overlaid(pyplot: Any, figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Any:
    """The same as a matplotlib figure."""
    every = panels(figure, arms)
    across = 4 if len(every) > 2 else 2
    rows = -(-2 * len(every) // across)
    size = (9, 0.9 + (2.6 if across == 2 else 1.7) * rows)
    page, grid = pyplot.subplots(rows, across, figsize=size, sharey=True, squeeze=False, layout="constrained")
    flat = grid.ravel()
    for row in grid:
        row[0].set_ylabel(_unit(figure), fontsize=8)
    for number, panel in enumerate(every):
        for log_steps in (True, False):
            _draw_panel(flat[2 * number + (not log_steps)], figure, panel, log_steps)
    for axes in flat[2 * len(every) :]:
        axes.set_visible(False)
    for name, colour, dash in legend(figure, arms):
        flat[0].plot([], [], color=colour, linestyle=DASHES[dash], linewidth=2, label=name)
    page.legend(frameon=False, fontsize=7, loc="outside lower center", ncols=4)
    return page


def _draw_panel(axes: Any, figure: Figure, panel: Panel, log_steps: bool) -> None:
    for line in panel.lines:
        opacity = 0.25 if _crowded(panel) and not line.median else 0.9
        x = np.maximum(line.x, 1) if log_steps else line.x
        axes.plot(x, line.y, color=line.colour, linestyle=DASHES[line.dash], linewidth=line.width / 1.6, alpha=opacity)
    kind, span = scale_of(figure.series)
    axes.set_yscale(kind)
    if span:
        axes.set_ylim(*span)
    if any("acc" in name for name in figure.series):
        axes.axhline(panel.baseline, color=INK, linewidth=0.8, linestyle=":")
    for at, low, high, colour, width, dash in _marks(panel):
        axes.axvline(at, low, high, color=colour, linewidth=width / 1.5, linestyle=DASHES[dash])
    if log_steps:
        axes.set_xscale("log")
    axes.set_xlim(1 if log_steps else 0, _last(panel))
    axes.set_title(f"{panel.title}, {'log' if log_steps else 'linear'} steps", fontsize=7)
    axes.tick_params(labelsize=7, which="both")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
