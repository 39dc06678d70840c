"""The parts of the page of imported runs that do not come from claims: its figures and its settings."""

from collections.abc import Mapping, Sequence

import xarray

from epicycle.events.standard import recorded_events
from epicycle.interop.spellings import SERIES
from epicycle.spec.plain_data import Plain
from epicycle.spec.study import Figure

TITLES = {"acc": "When does accuracy on trained and on held-out data rise?", "loss": "What happens to the losses meanwhile?"}


def default_figures(arms: Mapping[str, xarray.Dataset]) -> list[Figure]:
    """One figure of accuracies and one of losses, with the series and the events that every arm has."""
    datasets = list(arms.values())
    events = tuple(name for name in ("t_mem", "t_gen") if all(name in recorded_events(data) for data in datasets))
    figures = []
    for ending, title in TITLES.items():
        series = tuple(name for name in SERIES if name.endswith(ending) and all(name in data for data in datasets))
        if series:
            figures.append(Figure(title=title, arms=tuple(arms), series=series, events=events))
    return figures


def page_spec(
    name: str, question: str, arms: Mapping[str, xarray.Dataset], figures: Sequence[Figure], notes: Sequence[str] = ()
) -> Plain:
    """What `report.page.write_page` shows beside data and verdicts, as plain data in the form of a stored study.

    Args:
        name: the page's name.
        question: the question that the page answers.
        arms: the dataset of each arm.
        figures: the figures to draw.
        notes: what the import decided by itself.
    """
    return {
        "name": name,
        "question": question,
        "arms": {arm: _settings(data) | ({"notes": list(notes)} if notes else {}) for arm, data in arms.items()},
        "figures": [figure.model_dump(mode="json") for figure in figures],
        "sources": [],
    }


def _settings(data: xarray.Dataset) -> Plain:
    """What is known of an arm's runs."""
    return {
        "runs": [str(run) for run in data["run"].values],
        "series": [str(name) for name in data.data_vars],
        "steps": [int(data["step"].values[0]), int(data["step"].values[-1])],
        "baseline": float(data["baseline"].values[0]),
    }
