"""Quantities of runs as points: a column for each arm, or for each value of a swept number, arms side by side.

Bars are medians with their intervals over runs. What is known from one side only is an open triangle that points to where it may lie;
what is not known at all is not drawn, and counted in the caption.
"""

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple

import numpy as np
import xarray
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.claims.estimates import NEVER, PerRun, labels_of
from epicycle.claims.intervals import Interval, median_interval, order_statistic_rank
from epicycle.claims.statistics import LogRemainingTime
from epicycle.report.ancestry import control_of, points_of, seeds_text, value_text, where_text
from epicycle.report.style import INK, series_style, template
from epicycle.spec.study import Figure

SPREAD = 0.24  # how far the quantities of one column lie apart, in columns
ASIDE = (0.2, 0.09)  # how far a median's bar lies beside its points, where there is one quantity or several; its half width too
GAP = 0.7  # between the columns of two arms
SYMBOLS = {0: ("circle", "o"), 1: ("triangle-up-open", "^"), -1: ("triangle-down-open", "v")}
OPEN = {0: "", 1: ", or more", -1: ", or less"}


class Column(NamedTuple):
    """Runs that are shown above one another.

    Attributes:
        label: the value of the swept number, or the arm.
        group: what the columns beside it have in common: the arm, and the values of what else it sweeps.
        place: where it stands; neighbours are 1 apart.
    """

    arm: str
    label: str
    group: str
    place: float
    rows: list[int]


@dataclass(frozen=True)
class Dots:
    """One quantity over all columns of a figure.

    Attributes:
        shift: where its points stand beside the middle of their column.
        aside: how far the medians' bars stand beside the points.
        x: where each point stands.
        value: of each point; of an open one the bound that is known.
        side: 0 known, 1 open above, -1 open below.
        intervals: for each column the median with its interval.
        open: for each column the runs known from one side only.
        unknown: for each column the runs that are not drawn, because nothing is known of them.
        never: for each column those that are not drawn because they diverged: they never get there.
    """

    title: str
    colour: str
    shift: float
    aside: float
    x: Float[ndarray, " run"]
    value: Float[ndarray, " run"]
    side: Int[ndarray, " run"]
    labels: list[str]
    intervals: list[Interval]
    open: list[list[str]]
    unknown: list[list[str]]
    never: list[list[str]]


def gathered(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> tuple[list[Column], list[Dots]]:
    """The columns, and the points of every quantity."""
    columns = list(_columns(figure, arms))
    return columns, [_dots(quantity, i, figure, columns, arms) for i, quantity in enumerate(figure.quantities)]


def _columns(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Iterator[Column]:
    place = 0.0
    for name in (name for name in figure.arms if name in arms):
        data = arms[name]
        if not figure.along:
            swept = data.attrs.get("swept", [])
            for point, rows in points_of(data, swept).items():
                yield Column(name, ", ".join([name, *where_text(swept, point)]), "", place, rows)
                place += 1
            continue
        others = [each for each in data.attrs.get("swept", []) if each != figure.along]
        for point, rows in points_of(data, others).items():
            group = ", ".join([name, *where_text(others, point)])
            values = data[figure.along].values if figure.along in data.coords else np.full(data.sizes["run"], "")
            shown = sorted({values.tolist()[row] for row in rows})
            for value in shown:
                yield Column(name, value_text(value), group, place, [row for row in rows if values[row] == value])
                place += 1
            place += max(GAP, 2.2 - len(shown))  # a name needs the width of two columns


def _dots(quantity: Any, order: int, figure: Figure, columns: list[Column], arms: Mapping[str, xarray.Dataset]) -> Dots:
    points: list[tuple[float, float, int, str]] = []
    intervals, open_ended, unknown, never = [], [], [], []
    shift = (order - (len(figure.quantities) - 1) / 2) * SPREAD
    found = {name: _per_run(quantity, name, arms) for name in dict.fromkeys(column.arm for column in columns)}
    for column in columns:
        labels, (_, lows, highs) = labels_of(arms[column.arm]), found[column.arm]
        sides = {row: _side(lows[row], highs[row]) for row in column.rows}
        intervals.append(median_interval([lows[row] for row in column.rows], [highs[row] for row in column.rows]))
        open_ended.append([labels[row] for row, side in sides.items() if side])
        never.append([labels[row] for row, side in sides.items() if side is None and lows[row] == NEVER])
        unknown.append([labels[row] for row, side in sides.items() if side is None and lows[row] != NEVER])
        points += [
            (column.place + shift, lows[row] if side == 1 else highs[row], side, f"{column.arm}, seed {labels[row]}")
            for row, side in sides.items()
            if side is not None
        ]
    return Dots(
        quantity.title(),
        _colour(quantity),
        shift,
        ASIDE[len(figure.quantities) > 1],
        x=np.array([point[0] for point in points], float),
        value=np.array([point[1] for point in points], float),
        side=np.array([point[2] for point in points], int),
        labels=[point[3] for point in points],
        intervals=intervals,
        open=open_ended,
        unknown=unknown,
        never=never,
    )


def _side(low: float, high: float) -> int | None:
    """0 known, 1 open above, -1 open below, None open on both sides."""
    if np.isfinite(low):
        return 0 if np.isfinite(high) else 1
    return -1 if np.isfinite(high) else None


def _per_run(quantity: Any, name: str, arms: Mapping[str, xarray.Dataset]) -> PerRun:
    """The quantity in every run of an arm; of forks, against the control that the quantity names or the arm they were forked from."""
    mine = quantity.model_copy(update={"arm": name, "where": {}})
    if isinstance(quantity, LogRemainingTime):
        return mine.per_run(arms[name], arms[control_of(name, quantity.against, arms)])[0]
    return mine.per_run(arms[name])[0]


def _colour(quantity: Any) -> str:
    series = getattr(quantity, "series", "")
    if series:
        return series_style(series)[0]
    return series_style("train_acc" if getattr(quantity, "event", "") == "t_mem" else "test_acc")[0]


def scale(figure: Figure) -> str:
    """Times are shown on a log axis, everything else on a linear one."""
    return "log" if all(quantity.kind in ("event_time", "event_ratio") for quantity in figure.quantities) else "linear"


def _span(figure: Figure, every: list[Dots]) -> tuple[float, float]:
    """Ends of the value axis; an interval without an end runs off it."""
    ends = [end for one in every for interval in one.intervals for end in (interval.low, interval.high)]
    known = np.array([*ends, *(value for one in every for value in one.value), *([0.0] if _is_ratio(figure) else [])])
    known = known[np.isfinite(known)]
    if scale(figure) == "log":
        known = known[known > 0]
        low, high = (known.min(), known.max()) if len(known) else (1.0, 10.0)
        return low / (high / low) ** 0.08 / 1.1, high * (high / low) ** 0.08 * 1.1
    low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    margin = 0.08 * (high - low) or 0.5
    return low - margin, high + margin


def _is_ratio(figure: Figure) -> bool:
    return any(isinstance(quantity, LogRemainingTime) for quantity in figure.quantities)


def _bars(columns: list[Column], one: Dots, span: tuple[float, float]) -> Iterator[tuple[float, float, list[float]]]:
    """For each column where its bar stands (beside the points), the median, and the ends of its interval; none where n is small."""
    for column, (value, low, high) in zip(columns, map(astuple, one.intervals), strict=True):
        bounded = np.isfinite(low) or np.isfinite(high) or (np.isfinite(value) and order_statistic_rank(len(column.rows)))
        yield column.place + one.shift + one.aside, value, list(np.clip([low, high], *span)) if bounded else []


def _joined(
    figure: Figure, columns: list[Column], one: Dots, arms: Mapping[str, xarray.Dataset]
) -> Iterator[list[tuple[float, float]]]:
    """The medians of each group along a swept number, to be joined by a line."""
    for group in dict.fromkeys(column.group for column in columns):
        mine = [(column, interval) for column, interval in zip(columns, one.intervals, strict=True) if column.group == group]
        if figure.along in arms[mine[0][0].arm].attrs.get("swept", []):
            yield [(column.place + one.shift + one.aside, i.value) for column, i in mine if np.isfinite(i.value)]


def _groups(columns: list[Column]) -> dict[str, float]:
    """Each group's name and its middle; none where there is only one."""
    found = {group: [c.place for c in columns if c.group == group] for group in dict.fromkeys(c.group for c in columns)}
    return {group: (places[0] + places[-1]) / 2 for group, places in found.items()} if len(found) > 1 else {}


def dots(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Any:
    """The interactive figure (plotly)."""
    import plotly.graph_objects as go

    columns, every = gathered(figure, arms)
    span = _span(figure, every)
    drawn = go.Figure()
    for one in every:
        for side, (symbol, _) in SYMBOLS.items():
            _points(drawn, one, side, symbol)
        for bar in _bars(columns, one, span):
            _bar(drawn, one, *bar)
        for path in _joined(figure, columns, one, arms):
            thin = {"color": one.colour, "width": 1}
            across, up = [at for at, _ in path], [value for _, value in path]
            drawn.add_trace(go.Scatter(x=across, y=up, mode="lines", line=thin, opacity=0.7, showlegend=False, hoverinfo="skip"))
    for group, place in _groups(columns).items():
        drawn.add_annotation(x=place, y=1, yref="paper", yanchor="bottom", text=_broken(group, columns), showarrow=False)
    if _is_ratio(figure):
        drawn.add_hline(y=0, line={"color": INK, "width": 1, "dash": "dot"})
    above = 18 * max((_broken(group, columns).count("<br>") + 1 for group in _groups(columns)), default=0)
    drawn.update_layout(
        template=template(), height=420 + above, margin={"t": 64 + above}, legend={"y": 1.04 + above / 308, "font": {"size": 12}}
    )
    drawn.update_xaxes(
        tickvals=[column.place for column in columns],
        ticktext=[column.label for column in columns],
        title_text=_dose(figure, arms),
        showgrid=False,
        range=[columns[0].place - 0.6, columns[-1].place + 0.6],
        ticklabeloverflow="allow",  # a slanted last name would be left out
    )
    logs = scale(figure) == "log"
    drawn.update_yaxes(
        type=scale(figure),
        range=[np.log10(end) for end in span] if logs else list(span),
        title_text=_unit(figure),
        dtick=1 if logs else None,
        exponentformat="power",
    )
    return drawn


def _points(drawn: Any, one: Dots, side: int, symbol: str) -> None:
    import plotly.graph_objects as go

    kept = one.side == side
    drawn.add_trace(
        go.Scatter(
            x=one.x[kept],
            y=one.value[kept],
            customdata=np.array(one.labels, object)[kept],
            mode="markers",
            marker={"color": one.colour, "symbol": symbol, "size": 8, "line": {"width": 1.5, "color": one.colour}},
            opacity=0.6,
            name=f"{one.title}{OPEN[side]}",
            showlegend=side == 0 or bool(kept.any()),
            hovertemplate=f"{one.title}: %{{y:.4g}}{OPEN[side]} (%{{customdata}})<extra></extra>",
        )
    )


def _bar(drawn: Any, one: Dots, x: float, value: float, ends: list[float]) -> None:
    """The interval as a line that runs off the axis where it has no end, the median across it."""
    import plotly.graph_objects as go

    plain = {"mode": "lines", "showlegend": False, "hoverinfo": "skip"}
    if ends:
        drawn.add_trace(go.Scatter(x=[x, x], y=ends, line={"color": one.colour, "width": 2}, **plain))
    if np.isfinite(value):
        drawn.add_trace(
            go.Scatter(x=[x - one.aside / 2, x + one.aside / 2], y=[value] * 2, line={"color": one.colour, "width": 4}, **plain)
        )


def _broken(group: str, columns: list[Column]) -> str:
    """A group's name, on several lines where its columns are a small part of the width, which holds about 120 characters."""
    part = (sum(column.group == group for column in columns) - 1 + GAP) / (columns[-1].place + GAP)
    return group if len(group) <= 120 * part else group.replace(", ", "<br>").replace("_", "<br>")


def draw_dots(axes: Any, figure: Figure, arms: Mapping[str, xarray.Dataset]) -> None:
    """The same on matplotlib axes."""
    columns, every = gathered(figure, arms)
    span = _span(figure, every)
    for one in every:
        for side, (_, marker) in SYMBOLS.items():
            kept = one.side == side
            face = "none" if side else one.colour
            axes.scatter(one.x[kept], one.value[kept], s=16, marker=marker, facecolors=face, edgecolors=one.colour, alpha=0.6)
        for x, value, ends in _bars(columns, one, span):
            axes.plot([x] * len(ends), ends, color=one.colour, linewidth=1.2)
            if np.isfinite(value):
                axes.plot([x - one.aside / 2, x + one.aside / 2], [value] * 2, color=one.colour, linewidth=2.4)
        for path in _joined(figure, columns, one, arms):
            axes.plot([at for at, _ in path], [value for _, value in path], color=one.colour, linewidth=0.6, alpha=0.7)
        axes.plot([], [], color=one.colour, linewidth=2, label=one.title)
    for group, place in _groups(columns).items():
        text = _broken(group, columns).replace("<br>", "\n")
        axes.annotate(text, (place, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=8)
    if _is_ratio(figure):
        axes.axhline(0, color=INK, linewidth=0.8, linestyle=":")
    labels = [column.label for column in columns]
    axes.set_xticks([column.place for column in columns], labels, fontsize=8, rotation=30 if max(map(len, labels)) > 6 else 0)
    axes.set_xlabel(_dose(figure, arms), fontsize=8)
    axes.set_ylabel(_unit(figure), fontsize=8)
    axes.set_yscale(scale(figure))
    axes.set_ylim(*span)
    axes.grid(axis="y", color=INK, alpha=0.2, linewidth=0.5)
    axes.tick_params(labelsize=8)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)


def _dose(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> str:
    """What the columns are values of; the knob where forks turn one."""
    swept = [arms[name].attrs for name in figure.arms if name in arms and figure.along in arms[name].attrs.get("swept", [])]
    told = dict.fromkeys(attrs.get("doses", {}).get(figure.along, figure.along) for attrs in swept)
    return " or ".join(told) or figure.along


def _unit(figure: Figure) -> str:
    if all(isinstance(quantity, LogRemainingTime) for quantity in figure.quantities):
        return "ln(time left / control's), below 0 is sooner"
    if all(quantity.kind == "event_time" for quantity in figure.quantities):
        return "step"
    return "accuracy" if all("acc" in getattr(quantity, "series", "") for quantity in figure.quantities) else ""


def dots_caption(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> str:
    """Rendered from the data: medians, and every run that is open or unknown."""
    columns, every = gathered(figure, arms)
    parts = ["Points: runs; bars beside them: their median and its 95 % interval over runs, which may run off the axis."]
    if any(one.side.any() for one in every):
        parts.append("Open triangles: known from one side only, pointing to where it may lie.")
    places = [_place(column, columns) for column in columns]
    for one in every:
        known = [f"{at} {i.value:,.3g}" for at, i in zip(places, one.intervals, strict=True) if np.isfinite(i.value)]
        told = [f"Median {one.title}: {'; '.join(known) or 'nowhere known'}"]
        for what, lost in (("open", one.open), ("nothing known, not drawn", one.unknown), ("diverged, not drawn", one.never)):
            listed = [f"{at} {seeds_text(labels)}" for at, labels in zip(places, lost, strict=True) if labels]
            told += [f"{what}: {'; '.join(listed)}"] if listed else []
        parts.append("; ".join(told) + ".")
    return " ".join(parts)


def _place(column: Column, columns: list[Column]) -> str:
    """A column in words; its group where there are several."""
    several = len({each.group for each in columns}) > 1
    return f"({column.group}, {column.label})" if several and column.label else column.group if several else column.label
