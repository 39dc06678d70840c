"""Colours, signs and the plotly template. Colours are colour-blind safe (Okabe & Ito) and mean the same everywhere."""

import colorsys
from typing import Any

TRAIN, TEST = "#E69F00", "#0072B2"
FORK = "#D55E00"
INK = "#7F7F7F"
ARMS = ("#8A5BD6", "#A67C1A", "#0E8C8C", "#B8336A", "#6B6E00", "#4E6BD0")  # forks of one control; none of them is a series' colour

SERIES = {
    "train_loss": (TRAIN, "train loss", "nats"),
    "test_loss": (TEST, "test loss", "nats"),
    "test_calibrated_loss": ("#56B4E9", "test loss, calibrated", "nats"),
    "train_acc": (TRAIN, "train accuracy", ""),
    "test_acc": (TEST, "test accuracy", ""),
    "test_acc_mirror_seen": ("#56B4E9", "test accuracy, mirror trained on", ""),
    "test_acc_mirror_unseen": (TEST, "test accuracy, mirror not trained on", ""),
    "all_acc": (INK, "accuracy on all rows", ""),
    "train_margin": (TRAIN, "train margin", "logits"),
    "test_margin": (TEST, "test margin", "logits"),
    "train_zero_loss_share": (TRAIN, "share of train losses that float32 would round to 0", ""),
    "total_norm": ("#CC79A7", "weight norm", ""),
}
VERDICTS = {"supported": ("✓", "#007A5E"), "refuted": ("✗", "#B5430B"), "undecided": ("~", "#7A6A00")}


def series_style(name: str) -> tuple[str, str, str]:
    """Colour, print name and unit of a series."""
    return SERIES.get(name, (INK, name.replace("_", " "), ""))


def shades(colour: str, n: int) -> list[str]:
    """A colour from light to dark, for the values of a sweep; readable on white and on black paper."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)))
    steps = [lightness] if n == 1 else [0.82 - 0.40 * i / (n - 1) for i in range(n)]
    made = [colorsys.hls_to_rgb(hue, step, saturation) for step in steps]
    return ["#" + "".join(f"{round(255 * part):02X}" for part in rgb) for rgb in made]


def template() -> Any:
    """The plotly template of every figure; text and lines take the page's colours, so light and dark both work."""
    import plotly.graph_objects as go

    axis = {
        "gridcolor": "rgba(128,128,128,0.18)",
        "linecolor": "rgba(128,128,128,0.6)",
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "automargin": True,
        "title": {"standoff": 8},
    }
    font = {"family": "system-ui, -apple-system, Segoe UI, Roboto, sans-serif", "size": 13, "color": INK}
    return go.layout.Template(
        layout={
            "font": font,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 60, "r": 16, "t": 36, "b": 48},
            "legend": {"orientation": "h", "x": 0, "yanchor": "bottom"},
            "hovermode": "closest",
        }
    )
