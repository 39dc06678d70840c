"""The look of every figure and page: colours, names and units of series, signs of verdicts, and the plotly template.

The colours can be told apart by colour-blind readers (Okabe and Ito 2008), and each means the same in every figure.
"""

import colorsys
import html
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class SeriesStyle(NamedTuple):
    """How a series is drawn and called.

    Attributes:
        colour: as `#RRGGBB`.
        label: its name in print.
        unit: of its values; empty where there is none.
    """

    colour: str
    label: str
    unit: str


class VerdictStyle(NamedTuple):
    """How a verdict is marked: a sign as well as a colour, so that the colour is never needed."""

    sign: str
    colour: str


TRAIN, TEST = "#E69F00", "#0072B2"
FORK = "#D55E00"  # the moment of a fork
GEN, MEM = "#009E73", "#7F7F7F"
INK = "#7F7F7F"  # neutral: readable on white and on black paper
# Things of one figure that have no colour of their own, in this order: fork arms of one control, and series that are not in `SERIES`.
OTHERS = ("#8A5BD6", "#A67C1A", "#D58775", "#0E8C8C", "#5E2DFB", "#186D34")

SERIES = {
    "train_loss": SeriesStyle(TRAIN, "train loss", "nats"),
    "test_loss": SeriesStyle(TEST, "test loss", "nats"),
    "test_calibrated_loss": SeriesStyle("#56B4E9", "test loss, calibrated", "nats"),
    "train_acc": SeriesStyle(TRAIN, "train accuracy", ""),
    "test_acc": SeriesStyle(TEST, "test accuracy", ""),
    "test_acc_mirror_seen": SeriesStyle("#56B4E9", "test accuracy, mirror trained on", ""),
    "test_acc_mirror_unseen": SeriesStyle(TEST, "test accuracy, mirror not trained on", ""),
    "all_acc": SeriesStyle(INK, "accuracy on all rows", ""),
    "train_margin": SeriesStyle(TRAIN, "train margin", "logits"),
    "test_margin": SeriesStyle(TEST, "test margin", "logits"),
    "train_zero_loss_share": SeriesStyle(TRAIN, "share of train losses that float32 would round to 0", ""),
    "train_zero_loss_share_own": SeriesStyle(TRAIN, "share of train losses that the run rounds to 0", ""),
    "total_norm": SeriesStyle("#CC79A7", "weight norm", ""),
    "embedding_power": SeriesStyle(GEN, "share of power", ""),
    "unembedding_power": SeriesStyle(GEN, "share of power", ""),
    "neuron_share": SeriesStyle(GEN, "share of variance explained", ""),
    "gen_logit_by_component": SeriesStyle(GEN, "Gen by component", "logits"),
    "gen_logit": SeriesStyle(GEN, "Gen, the general algorithm", "logits"),
    "mem_logit": SeriesStyle(MEM, "Mem, the rest", "logits"),
    "gen_part": SeriesStyle(GEN, "Gen's part of the right logit", ""),
    "gen_share": SeriesStyle(GEN, "share of the variance of held-out logits that is Gen", ""),
    "gen_share_shuffled": SeriesStyle(MEM, "the same with shuffled answers: the null", ""),
    "gen_quality": SeriesStyle(GEN, "how ideal Gen is", ""),
    "gen_logit_by_loss": SeriesStyle(GEN, "Gen, by the loss", "logits a step"),
    "gen_logit_by_decay": SeriesStyle("#8A5BD6", "Gen, by weight decay", "logits a step"),
    "mem_logit_by_loss": SeriesStyle(MEM, "Mem, by the loss", "logits a step"),
    "mem_logit_by_decay": SeriesStyle("#CC79A7", "Mem, by weight decay", "logits a step"),
    "gen_logit_withheld": SeriesStyle(GEN, "Gen", "logits"),
    "mem_logit_withheld": SeriesStyle(MEM, "memory of the withheld rows", "logits"),
    "gen_part_by_loss": SeriesStyle(TRAIN, "Gen's part, by the loss", "change a step"),
    "gen_part_by_decay": SeriesStyle("#8A5BD6", "Gen's part, by weight decay", "change a step"),
    "gen_logit_coherence": SeriesStyle(GEN, "on Gen", "coherence of the rows"),
    "mem_logit_coherence": SeriesStyle(MEM, "on memory", "coherence of the rows"),
    "mem_logit_of_8_coherence": SeriesStyle("#CC79A7", "on the memory of eight rows", "coherence of the rows"),
    "circuit_strength_0": SeriesStyle(GEN, "the general circuit", "logits"),
    "circuit_strength_1": SeriesStyle(MEM, "the shallow circuit", "logits"),
    "circuit_strength_1_withheld": SeriesStyle(MEM, "memory of the withheld rows", "logits"),
    "circuit_share_0_by_loss": SeriesStyle(TRAIN, "the general circuit's part, by the loss", "change a step"),
    "circuit_share_0_by_decay": SeriesStyle("#8A5BD6", "the general circuit's part, by weight decay", "change a step"),
    "clean_acc": SeriesStyle(TRAIN, "accuracy on right labels trained on", ""),
    "corrupted_acc": SeriesStyle("#CC79A7", "accuracy on wrong labels", ""),
    "corrupted_acc_without_lowest_0.5_neuron_ipr": SeriesStyle("#CC79A7", "wrong labels, without the less periodic half", ""),
    "test_acc_without_lowest_0.5_neuron_ipr": SeriesStyle(TEST, "held-out rows, without the less periodic half", ""),
    "corrupted_acc_without_highest_0.3_neuron_ipr": SeriesStyle(MEM, "wrong labels, without the most periodic neurons", ""),
    "test_acc_without_highest_0.3_neuron_ipr": SeriesStyle("#56B4E9", "held-out rows, without the most periodic neurons", ""),
    "neuron_ipr_share_0.6_to_1": SeriesStyle(GEN, "share of neurons with an IPR from 0.6", ""),
    "neuron_ipr_share_0.2_to_0.6": SeriesStyle(MEM, "share of neurons with an IPR from 0.2 to 0.6", ""),
    "coset_distance_median": SeriesStyle(GEN, "distance from functions of cosets", ""),
    "coset_distance_median_same_irreps": SeriesStyle(MEM, "the same for others of the same irreps: the null", ""),
    "logit_similarity_number_0": SeriesStyle(TRAIN, "cosine with the sign", ""),
    "logit_similarity_number_2": SeriesStyle(GEN, "cosine with the standard irrep", ""),
    "logit_similarity_number_3": SeriesStyle("#8A5BD6", "cosine with standard x sign", ""),
    "embedding_in_key_irreps": SeriesStyle(TRAIN, "embedding in key irreps", ""),
    "unembedding_in_key_irreps": SeriesStyle("#8A5BD6", "unembedding in key irreps", ""),
    "functions_in_key_irreps": SeriesStyle(MEM, "all functions in key irreps: noise", ""),
    "hidden_in_all_irreps": SeriesStyle(MEM, "hidden layer in functions of x, y and x y", ""),
    "hidden_answer_in_all_irreps": SeriesStyle(GEN, "hidden layer in functions of x y", ""),
    "test_acc_after_absolute": SeriesStyle(GEN, "test accuracy with absolute values", ""),
    "test_acc_after_flip_both": SeriesStyle("#56B4E9", "test accuracy, both embeddings negated", ""),
    "test_acc_after_flip_first": SeriesStyle("#CC79A7", "test accuracy, the first embedding negated", ""),
    "restricted_acc_test_held_out_all": SeriesStyle("#56B4E9", "Gen alone, test accuracy", ""),
    "restricted_acc_train_held_out_all": SeriesStyle(TRAIN, "Gen alone, train accuracy", ""),
    "excluded_acc_train_held_out_all": SeriesStyle("#CC79A7", "all but Gen, train accuracy", ""),
    "clock_share_main": SeriesStyle("#8A5BD6", "share of the main circle's logits that the clock explains", ""),
    "pizza_share_main": SeriesStyle("#CC79A7", "share that the pizza explains", ""),
    "gradient_symmetricity": SeriesStyle("#8A5BD6", "gradient symmetricity", ""),
    "distance_irrelevance": SeriesStyle("#CC79A7", "distance irrelevance", ""),
    "key_irreps": SeriesStyle("#8A5BD6", "key frequencies or irreps of the logits", ""),
    "accuracy_near_main": SeriesStyle("#CC79A7", "accuracy, tokens near each other", ""),
    "accuracy_far_main": SeriesStyle("#8A5BD6", "accuracy, tokens far apart", ""),
    "sampled_test_acc": SeriesStyle("#CC79A7", "random networks that fit, held-out rows", ""),
    "trained_test_acc": SeriesStyle(TEST, "trained networks, held-out rows", ""),
    "guess_test_acc": SeriesStyle(MEM, "a guess, held-out rows", ""),
    "train_loss_through_gen_by_all_along_step": SeriesStyle(GEN, "training loss, through Gen", "nats a step"),
    "train_loss_through_mem_by_all_along_step": SeriesStyle(MEM, "training loss, through memory", "nats a step"),
    "test_loss_by_loss": SeriesStyle(TRAIN, "test loss, by the loss", "nats a step"),
    "test_loss_by_decay": SeriesStyle("#CC79A7", "test loss, by weight decay", "nats a step"),
    "test_loss_by_all": SeriesStyle(TEST, "test loss, by the whole update", "nats a step"),
}
MAP_COLOURS = "Viridis"  # of numbers in heat maps; plotly and matplotlib both have it
# What the cells of a map of answers mean, by their number, as red, green, blue and opacity.
ANSWERS = (
    ("held out, wrong", (0, 114, 178, 0.12)),
    ("held out, right", (0, 114, 178, 1.0)),
    ("trained on, wrong", (230, 159, 0, 0.22)),
    ("trained on, right", (230, 159, 0, 1.0)),
)
RESTRICTED, EXCLUDED = "#56B4E9", "#CC79A7"  # what is measured with Gen alone, and without Gen
VERDICTS = {
    "supported": VerdictStyle("✓", "#007A5E"),
    "refuted": VerdictStyle("✗", "#B5430B"),
    "undecided": VerdictStyle("~", "#7A6A00"),
}


def series_style(name: str) -> SeriesStyle:
    """The style of a series; a series without one of its own has the first of the other colours, and its name in words."""
    return series_styles([name])[name]


def series_styles(names: Sequence[str]) -> dict[str, SeriesStyle]:
    """The styles of the series of one figure. Those without one of their own get other colours, in their order."""
    parts = {"restricted": RESTRICTED, "excluded": EXCLUDED}
    own = {name: SERIES[name].colour if name in SERIES else parts.get(name.partition("_")[0]) for name in names}
    free = [colour for colour in OTHERS if colour not in own.values()] or list(OTHERS)
    unknown = [name for name, colour in own.items() if not colour]
    colours = own | {name: free[i % len(free)] for i, name in enumerate(unknown)}
    return {name: SERIES.get(name, SeriesStyle(colours[name] or INK, _in_words(name), "")) for name in names}


def _in_words(name: str) -> str:
    return name.replace("_", " ").replace(" acc ", " accuracy ")


def event_colour(event: str) -> str:
    """The colour of an event: t_mem has that of the training series, what Gen does has Gen's, others have that of the test series."""
    return GEN if event.startswith("gen_") else TRAIN if event == "t_mem" else TEST


def scale_of(series: Sequence[str], log: bool = False) -> tuple[str, list[float] | None]:
    """The value axis for some series: its type and its range (None: the range of the data).

    Accuracies and shares go from 0 to 1 on a linear axis, with a small margin; losses have a log axis, and others where `log` asks
    for one.
    """
    if log:
        return "log", None
    if all("acc" in name or "share" in name for name in series):
        return "linear", [-0.04, 1.04]
    return ("log", None) if all("loss" in name and "_by_" not in name for name in series) else ("linear", None)


def value_axis_title(series: Sequence[str]) -> str:
    """The title of the value axis for some series: accuracy, share, or the first series' unit, or its name."""
    if all("acc" in name for name in series):
        return "accuracy"
    if all("share" in name for name in series):
        return "share"
    style = series_style(series[0])
    return style.unit or style.label


def shades(colour: str, n: int) -> list[str]:
    """A colour from light to dark, one shade for each value of a sweep; all are readable on white and on black paper."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)))
    steps = [lightness] if n == 1 else [0.76 - 0.36 * i / (n - 1) for i in range(n)]
    shaded = [colorsys.hls_to_rgb(hue, step, saturation) for step in steps]
    return ["#" + "".join(f"{round(255 * part):02X}" for part in rgb) for rgb in shaded]


def blends(first: str, last: str, n: int) -> list[str]:
    """Colours from one to another, in equal steps."""
    ends = [np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) for colour in (first, last)]
    mixed = [ends[0] + (ends[1] - ends[0]) * i / max(n - 1, 1) for i in range(n)]
    return ["#" + "".join(f"{round(part):02X}" for part in rgb) for rgb in mixed]


def plotly_text(text: str) -> str:
    """A text that plotly shows as it stands: plotly takes tags, entities and `%{...}` in a text as its own."""
    return html.escape(text, quote=False).replace("%{", "%&#123;")


def paper_text(text: str) -> str:
    """A text that matplotlib shows as it stands: matplotlib takes what stands between two dollar signs as a formula."""
    return text.replace("$", r"\$")


def template() -> Any:
    """The plotly template of every figure. Backgrounds are clear and the ink is neutral, so light and dark pages both work."""
    import plotly.graph_objects as go

    axis = {
        "gridcolor": "rgba(128,128,128,0.18)",
        "linecolor": "rgba(128,128,128,0.6)",
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "automargin": True,
        "title": {"standoff": 8, "font": {"size": 13}},
    }
    font = {"family": "system-ui, -apple-system, Segoe UI, Roboto, sans-serif", "size": 13, "color": INK}
    return go.layout.Template(
        layout={
            "font": font,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 60, "r": 24, "t": 36, "b": 48},
            "legend": {"orientation": "h", "x": 0, "yanchor": "bottom"},
            "hovermode": "closest",
        }
    )
