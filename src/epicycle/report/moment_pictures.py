"""Pictures of a network at a few moments: circles of tokens, neurons by component, the map of answers, and ridges over all units."""

from collections.abc import Callable, Mapping

import numpy as np
import xarray
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.events.standard import event_steps
from epicycle.maths.fourier import basis
from epicycle.report.pictures import (
    Axis,
    Dots,
    Heat,
    Line,
    Panel,
    Picture,
    View,
    carried,
    middle_run,
    moment_position,
    run_text,
    series_in,
)
from epicycle.report.run_groups import runs_text, shown_arms
from epicycle.report.style import GEN, INK, blends, series_style
from epicycle.spec.figure import Figure

CIRCLES = 4  # frequencies of which circles are drawn, at most
POINTS = 240  # of the outline of a ridge
WIDTHS = 60  # kernel widths of a ridge's smoothing on its axis
OVERLAP = 1.5  # height of the highest ridge, in distances between ridges
NO_NUMBERS: Mapping[float, str] | None = None

# The panels of one arm at a moment: (run, position along step, title of the run and the step) -> panels.
_Draw = Callable[[int, str], list[Panel]]


def circles(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Picture:
    """Tokens in the planes of the frequencies that are strongest at the end."""
    shown = shown_arms(figure.arms, arms)
    n = min(CIRCLES, *(series_in(figure, arms[name], name).sizes["component"] for name in shown))
    caption = [
        f"Each panel is the plane of one of the {n} frequencies that are strongest at the end. Numbers are tokens, and a line joins "
        "them in the order of the frequency's circle. The fit is the correlation with that circle.",
        "A token's own weights play no part in where the frequency's plane lies, so that random weights show no circle.",
    ]
    return _at_moments(figure, arms, _circle_panels, n, caption, square=True)


def neurons(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Picture:
    """How much of each neuron's variance each component explains."""
    caption = [
        "Each column is a neuron and each row a component; the colour is the share of the neuron's variance over all pairs that the "
        "component explains. In every view neurons stand in the same order: by the component that explains most at the end."
    ]
    return _at_moments(figure, arms, _neuron_panels, 1, caption, colour_title="share")


def answer_map(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Picture:
    """Which pairs of operands are right, and which of them are trained on."""
    caption = [
        "Each cell is a pair of operands: strong colours are right and faint ones wrong; orange is trained on and blue held out."
    ]
    return _at_moments(figure, arms, _answer_panels, 1, caption, square=True, colours="answers")


def _at_moments(
    figure: Figure,
    arms: Mapping[str, xarray.Dataset],
    draw: Callable[[Figure, str, xarray.Dataset, int, int | None, str], list[Panel]],
    each: int,
    caption: list[str],
    **look: object,
) -> Picture:
    """A view for each moment that came in at least one of the arms, of one run of each arm; an arm has `each` panels."""
    shown = {name: arms[name] for name in shown_arms(figure.arms, arms)}
    for name, data in shown.items():
        series_in(figure, data, name)
    runs = {name: middle_run(data) for name, data in shown.items()}
    positions = {
        moment: {name: moment_position(data, figure, runs[name], moment) for name, data in shown.items()} for moment in figure.moments
    }
    came = [moment for moment in figure.moments if any(at is not None for at in positions[moment].values())] or [figure.moments[-1]]
    views = []
    for moment in came:
        panels: list[Panel] = []
        for name, data in shown.items():
            at = positions[moment][name]
            when = f"step {data['step'].values[at]:,}" if at is not None else f"{moment} does not come"
            panels += draw(figure, name, data, runs[name], at, when)
        views.append(View(moment if len(shown) > 1 else f"{moment} ({when})", tuple(panels)))
    sentences = [*caption, *(_run_sentence(name, data, runs[name]) for name, data in shown.items())]
    if never := [moment for moment in figure.moments if moment not in came]:
        sentences.append(f"No run shown reached {', '.join(never)}.")
    across = each if each > 1 else min(len(shown), 3)
    return Picture(tuple(views), " ".join(sentences), first=len(views) - 1, across=across, **look)  # type: ignore[arg-type]


def _run_sentence(arm: str, data: xarray.Dataset, run: int) -> str:
    if any(step is not None for step in event_steps(data, ["t_gen"])["t_gen"]):
        return f"Of {arm} it is {run_text(data, run)}, the run with the middle time of t_gen."
    return f"Of {arm} it is {run_text(data, run)}, the first run; none reached t_gen."


def _circle_panels(figure: Figure, arm: str, data: xarray.Dataset, run: int, at: int | None, when: str) -> list[Panel]:
    values = carried(data[figure.series[0]].values[[run]].astype(float))[0]
    n_components, n = values.shape[1], values.shape[3]
    sizes = [float((values[-1, k] * _circle(n, k + 1)).sum()) for k in range(n_components)]
    order = np.argsort(-np.array(sizes), kind="stable")[:CIRCLES]
    reach = 1.12 * float(np.nan_to_num(np.abs(values[:, order])).max() or 1)
    axis = Axis("", (-reach, reach), NO_NUMBERS)
    tokens = [str(token) for token in data["element"].values]
    panels = []
    for component in order:
        frequency = int(component) + 1
        x, y = values[at, component] if at is not None else np.full((2, n), np.nan)
        around = np.argsort(frequency * np.arange(n) % n, kind="stable")
        fit = "" if at is None else f", fit {_fit(x, y, frequency):.2f}"
        title = f"{arm}, frequency {frequency}, {when}{fit}" if len(figure.arms) > 1 else f"frequency {frequency}{fit}"
        panels.append(Panel(title, Dots(x[around], y[around], [tokens[i] for i in around]), axis, axis))
    return panels


def _fit(x: Float[ndarray, " element"], y: Float[ndarray, " element"], frequency: int) -> float:
    """Correlation of the places of tokens with the circle of a frequency."""
    ideal, placed = _circle(len(x), frequency), np.stack([x, y])
    norm = float(np.linalg.norm(placed) * np.linalg.norm(ideal))
    return float((placed * ideal).sum()) / norm if norm else 0.0


def _circle(n: int, frequency: int) -> Float[ndarray, "coordinate element"]:
    """The ideal circle of a frequency; the last frequency of an even n has a cosine alone."""
    waves = basis(n, (frequency,))
    return np.concatenate([waves, np.zeros((2 - len(waves), n))])


def _neuron_panels(figure: Figure, arm: str, data: xarray.Dataset, run: int, at: int | None, when: str) -> list[Panel]:
    values = carried(data[figure.series[0]].values[[run]].astype(float))[0]
    order = _by_component(values[-1])
    cells = values[at][:, order] if at is not None else np.full(values.shape[1:], np.nan)
    names = [str(name) for name in data["component"].values] if "component" in data.coords else [str(i) for i in range(len(cells))]
    every = -(-len(names) // 16)
    rows = Axis("component", (len(names) - 0.5, -0.5), {float(i): name for i, name in enumerate(names) if i % every == 0})
    columns = Axis("neuron", (-0.5, len(order) - 0.5), NO_NUMBERS)
    heat = Heat(np.arange(len(order), dtype=float), cells.astype(np.float32), (0.0, 1.0))
    return [Panel(f"{arm}, {when}", heat, columns, rows)]


def _by_component(shares: Float[ndarray, "component neuron"]) -> Int[ndarray, " neuron"]:
    """Neurons by their strongest component, and by its share within each; those that are constant come last."""
    constant = np.isnan(shares).all(axis=0)
    known = np.nan_to_num(shares, nan=-1.0)
    return np.lexsort((-known.max(axis=0), known.argmax(axis=0), constant))


def _answer_panels(figure: Figure, arm: str, data: xarray.Dataset, run: int, at: int | None, when: str) -> list[Panel]:
    values = carried(data[figure.series[0]].values[[run]].astype(float))[0]
    cells = (values[at] if at is not None else np.full(values.shape[1:], np.nan)).T
    names = [str(name) for name in data["y"].values] if "y" in data.coords else [str(i) for i in range(len(cells))]
    every = -(-len(cells) // 8)
    ticks = {float(i): name for i, name in enumerate(names) if i % every == 0}
    x, y = (Axis(f"{which} operand", (-0.5, size - 0.5), ticks) for which, size in (("first", cells.shape[1]), ("second", len(cells))))
    return [Panel(f"{arm}, {when}", Heat(np.arange(cells.shape[1], dtype=float), cells.astype(np.float32), (-0.5, 3.5)), x, y)]


def ridges(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> Picture:
    """The distribution of a series over its axis and all runs, at moments."""
    shown = {name: arms[name] for name in shown_arms(figure.arms, arms)}
    samples = {name: {moment: _sample(figure, name, data, moment) for moment in figure.moments} for name, data in shown.items()}
    everything = np.concatenate([sample for of_arm in samples.values() for sample in of_arm.values()])
    share = "share" in figure.series[0]
    low, high = (0.0, 1.0) if share or not len(everything) else np.quantile(everything, [0.001, 0.999]).tolist()
    came = [moment for moment in figure.moments if any(len(of_arm[moment]) for of_arm in samples.values())]
    numbers = {float(value): f"{value:g}" for value in np.linspace(low, high, 5).round(3)}
    x_axis = Axis(series_style(figure.series[0]).label, (low, high), numbers)
    panels = tuple(
        _ridge_panel(name, shown[name], {moment: of_arm[moment] for moment in came}, x_axis) for name, of_arm in samples.items()
    )
    axis = str(series_in(figure, next(iter(shown.values())), next(iter(shown))).dims[2])
    caption = (
        f"Each ridge is the distribution of {figure.series[0]} over every {axis} of every run, at a moment of its own in each run; "
        "time runs downwards. A run in which a moment does not come is not in that moment's ridge."
    )
    return Picture((View("", panels),), caption, across=min(len(panels), 3))


def _sample(figure: Figure, arm: str, data: xarray.Dataset, moment: str) -> Float[ndarray, " unit"]:
    values = series_in(figure, data, arm).values
    at = [moment_position(data, figure, run, moment) for run in range(data.sizes["run"])]
    sample = np.concatenate([np.zeros(0), *(values[run, position] for run, position in enumerate(at) if position is not None)])
    return sample[np.isfinite(sample)]


def _ridge_panel(arm: str, data: xarray.Dataset, samples: Mapping[str, Float[ndarray, " unit"]], x_axis: Axis) -> Panel:
    x = np.linspace(*x_axis.span, POINTS)
    colours = blends(INK, GEN, len(samples))
    heights = {moment: float(len(samples) - 1 - number) for number, moment in enumerate(samples)}
    lines = []
    for (moment, sample), colour in zip(samples.items(), colours, strict=True):
        if len(sample):
            density = _density(sample, x)
            lines.append(Line(x, heights[moment] + OVERLAP * density / density.max(), colour, moment, heights[moment]))
    ticks = {height: moment for moment, height in heights.items()}
    title = f"{arm} ({runs_text(data.sizes['run'])})"
    return Panel(title, tuple(lines), x_axis, Axis("", (-0.1, len(samples) - 1 + OVERLAP + 0.1), ticks))


def _density(sample: Float[ndarray, " unit"], x: Float[ndarray, " point"]) -> Float[ndarray, " point"]:
    """A smoothed histogram; what lies outside is counted at the ends."""
    step = x[1] - x[0]
    counts = np.bincount(np.clip(np.round((sample - x[0]) / step).astype(int), 0, len(x) - 1), minlength=len(x))
    reach = 3 * len(x) // WIDTHS
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * WIDTHS / len(x)) ** 2)
    return np.convolve(counts, kernel, "same") / (kernel.sum() * max(len(sample), 1))
