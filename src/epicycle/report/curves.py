"""Curves over steps: one row per arm, log and linear steps side by side, seeds thin, the median thick, events as ticks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray

from epicycle.events.standard import event_steps
from epicycle.report.style import INK, series_style, template
from epicycle.spec.study import Figure


def curves(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Any:
    """The interactive figure (plotly)."""
    from plotly.subplots import make_subplots

    shown = [name for name in figure.arms if name in arms]
    titles = [f"{name} ({arms[name].sizes['run']} runs), {axis} steps" for name in shown for axis in ("log", "linear")]
    figure_ = make_subplots(
        rows=len(shown),
        cols=2,
        shared_yaxes="all",
        horizontal_spacing=0.04,
        vertical_spacing=0.36 / len(shown),
        subplot_titles=titles,
    )
    ticks: list[dict[str, Any]] = []
    for row, name in enumerate(shown, start=1):
        for col in (1, 2):
            _panel(figure_, figure, arms[name], row, col)
            ticks += _ticks(figure_, figure, arms[name], row, col)
    height = 110 + 260 * len(shown)
    figure_.update_layout(
        shapes=[*figure_.layout.shapes, *ticks],
        template=template(),
        height=height,
        margin={"t": 64},
        legend={"y": 1 + 26 / (height - 112)},
    )
    figure_.update_annotations(font_size=13)
    return figure_


def curves_caption(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> str:
    """Rendered from the data: how many runs, and where the events lie."""
    parts = ["Thin lines: seeds; thick: their median, in which a run that has reached its stop counts with its last value."]
    for name in figure.arms:
        if name not in arms:
            continue
        told = []
        for event in figure.events:
            steps = happened(arms[name], event)
            n = arms[name].sizes["run"]
            span = f" (steps {min(steps):,} to {max(steps):,})" if steps else ""
            told.append(f"{event} in {len(steps)} of {n} runs{span}")
        parts.append(f"{name}: {', '.join(told)}.")
    if figure.events:
        parts.append("Ticks on the axis mark these events.")
    if any("moment" in arms[name].coords for name in figure.arms if name in arms):
        parts.append("Steps of forks count from their moment.")
    return " ".join(parts)


def median_over_runs(data: xarray.Dataset, name: str) -> Any:
    """Median over runs at every step.

    A run that has reached its stop counts with its last value, so that those which are done first do not drop out; a diverged run
    does. Between its records, too, a run counts with the one before.
    """
    values = data[name].values.copy()
    done = [not str(status).startswith("diverged") for status in data["status"].values]
    for run in np.flatnonzero(done):
        before = np.maximum.accumulate(np.where(np.isfinite(values[run]), np.arange(values.shape[1]), -1))
        values[run] = np.where(before < 0, np.nan, values[run, before])
    seen = np.isfinite(values).any(axis=0)
    middle = np.full(values.shape[1], np.nan)
    middle[seen] = np.nanmedian(values[:, seen], axis=0)
    return middle


def happened(data: xarray.Dataset, name: str) -> list[int]:
    """The steps of a standard event in the runs that had it."""
    return [step for step in event_steps(data)[name] if step is not None]


def scale_of(series: Sequence[str]) -> tuple[str, list[float] | None]:
    """Axis type and range: accuracies and shares from 0 to 1, losses on a log axis."""
    if all("acc" in name or "share" in name for name in series):
        return "linear", [-0.04, 1.04]
    return ("log", None) if all("loss" in name for name in series) else ("linear", None)


def _panel(target: Any, figure: Figure, data: xarray.Dataset, row: int, col: int) -> None:
    import plotly.graph_objects as go

    place = {"row": row, "col": col}
    steps = np.maximum(data["step"].values, 1 if col == 1 else 0)
    for name in figure.series:
        colour, label, _ = series_style(name)
        x, y, seeds = _one_line(data, name, steps)
        target.add_trace(
            go.Scatter(
                x=x,
                y=y,
                customdata=seeds,
                mode="lines",
                line={"color": colour, "width": 1},
                opacity=0.45,
                showlegend=False,
                hovertemplate=f"{label}, seed %{{customdata}}: %{{y:.3g}} at step %{{x:,}}<extra></extra>",
            ),
            **place,
        )
        target.add_trace(
            go.Scatter(
                x=steps,
                y=median_over_runs(data, name),
                mode="lines",
                line={"color": colour, "width": 3},
                name=label,
                showlegend=row == 1 and col == 1,
                hovertemplate=f"{label}, median: %{{y:.3g}} at step %{{x:,}}<extra></extra>",
            ),
            **place,
        )
    _axes(target, figure, data, steps, place)


def _one_line(data: xarray.Dataset, name: str, steps: Any) -> tuple[Any, Any, Any]:
    """All seeds as one line with a gap after each: a trace for each would take plotly most of the time that a page takes."""
    x, y, seeds = [], [], []
    for seed, values in zip(data["seed"].values, data[name].values, strict=True):
        own = np.isfinite(values)
        x.append(np.append(steps[own], np.nan))
        y.append(np.append(values[own], np.nan))
        seeds.append(np.full(own.sum() + 1, seed))
    return np.concatenate(x), np.concatenate(y), np.concatenate(seeds)


def _ticks(target: Any, figure: Figure, data: xarray.Dataset, row: int, col: int) -> list[dict[str, Any]]:
    """Events as short lines on the step axis, in the plain form that plotly takes all at once."""
    panel = target.get_subplot(row, col)
    refs = {"xref": panel.xaxis.plotly_name.replace("axis", ""), "yref": f"{panel.yaxis.plotly_name.replace('axis', '')} domain"}
    colours = {name: series_style("train_acc" if name == "t_mem" else "test_acc")[0] for name in figure.events}
    return [
        {"type": "line", "line": {"color": colour, "width": 2}, "opacity": 0.8, "x0": at, "x1": at, "y0": 0, "y1": 0.05, **refs}
        for name, colour in colours.items()
        for at in happened(data, name)
    ]


def _axes(target: Any, figure: Figure, data: xarray.Dataset, steps: Any, place: dict[str, int]) -> None:
    kind, span = scale_of(figure.series)
    log_steps = place["col"] == 1
    target.update_xaxes(
        title_text="step after the moment" if "moment" in data.coords else "step",
        type="log" if log_steps else "linear",
        dtick=1 if log_steps else None,
        range=[0, np.log10(steps.max())] if log_steps else [0, steps.max()],
        **place,
    )
    unit = series_style(figure.series[0])[2]
    text = "accuracy" if kind == "linear" and span and "acc" in figure.series[0] else unit or series_style(figure.series[0])[1]
    target.update_yaxes(type=kind, range=span, title_text=text if log_steps else None, exponentformat="power", **place)
    if any("acc" in name for name in figure.series):
        target.add_hline(y=float(data["baseline"].values[0]), line={"color": INK, "width": 1, "dash": "dot"}, **place)
