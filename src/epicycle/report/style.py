"""Colours, signs and the plotly template. Colours are colour-blind safe (Okabe & Ito) and mean the same everywhere."""

from typing import Any

TRAIN, TEST = "#E69F00", "#0072B2"
FORK = "#D55E00"
INK = "#7F7F7F"

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
