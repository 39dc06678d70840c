"""The arms of a study on its page: how each begins, when its events came, and which runs did not reach them."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import xarray

from epicycle.claims.estimates import median_estimate
from epicycle.claims.remaining_time import LogRemainingTime
from epicycle.claims.wording import finding
from epicycle.events.detectors import Onset, Threshold
from epicycle.events.standard import event_steps, recorded_events, standard
from epicycle.report.curves import steps_reached
from epicycle.report.page_data import StudyPage
from epicycle.report.run_groups import group_text, point_texts, runs_by_point, seeds_text, steps_text, value_text, without_text
from epicycle.report.style import series_style
from epicycle.spec.families import Event
from epicycle.spec.own_code import stored_document
from epicycle.spec.registry import resolve
from epicycle.spec.results import ancestry_of, is_forked, labels_of, moments_of, swept_names

EVENTS = ("t_mem", "t_on", "t_gen")
SAME_BITS = {True: "yes", False: "no", None: "not known"}
TIME_LEFT_NOTE = (
    "Each cell compares the steps from the fork to the event with the steps that the control still needed from the same moment. 2 "
    "times sooner is half of the steps. The cell has the median over runs, its 95 % interval and the number of seeds. A run is open "
    "where the fork or its control did not reach the event, or the control had reached it before the fork."
)


def arm_rows(page: StudyPage) -> list[tuple[Any, ...]]:
    """The head of the table of arms, and a row for each arm."""
    forked = _any_forked(page.arms)
    head = ("arm", *(("begins",) if forked else ()), "runs", "finished", "diverged", "step budget", "baseline accuracy", *EVENTS)
    return [
        (*head, "test rows whose image is trained on", "same bits"),
        *(_arm_row(page, name, forked) for name in page.verdicts["arms"]),
    ]


def _arm_row(page: StudyPage, name: str, forked: bool) -> tuple[Any, ...]:
    arm, data = page.verdicts["arms"][name], page.arms[name]
    begins = (_begins(data, page.spec["arms"][name]),) if forked else ()
    counts = (arm["runs"], arm["done"], arm["diverged"], f"{arm['budget']:,}")
    events = [_median_event(data, event) for event in EVENTS]
    return (name, *begins, *counts, f"{arm['baseline']:.3f}", *events, _leakage(arm), SAME_BITS[arm["exact"]])


def arm_notes(arms: Mapping[str, xarray.Dataset]) -> list[str]:
    """What the columns of the table of arms mean, a note for each."""
    events = standard()
    meanings = [f"{name}: {_meaning(events[name])}." for name in EVENTS]
    forked = "Steps of forks are counted from the moment of the fork; 0 means that the event came before."
    return [
        f"{' '.join(meanings)} A level counts once it has been held for another tenth of the steps.",
        "Events are given as the median step over the runs that reached them, with their number. The rest may come later.",
        *([forked] if _any_forked(arms) else []),
        "Baseline accuracy is the best that a predictor reaches without seeing the whole input.",
        "A symmetry of the task maps a test row to its image. Where the image is a training row, the symmetry alone gives the answer. "
        "The table has the share of such test rows for each symmetry, and what the symmetry does to the label.",
        "Same bits: all runs of the arm were trained on one kind of machine with the same versions. A repetition there gives the same "
        "numbers to the last bit.",
    ]


def _meaning(event: Event) -> str:
    """What happens in an event: `train accuracy reaches 0.99`."""
    label = " and ".join(series_style(name).label for name in event.series)
    if isinstance(event, Onset):
        return f"{label}, rises {event.rise:g} above the baseline"
    return f"{label} reaches {event.level:g}" if isinstance(event, Threshold) else f"{event.kind} of {label}"


def time_left_rows(arms: Mapping[str, xarray.Dataset]) -> list[tuple[str, ...]]:
    """The head of the table of times left, and a row for each fork arm and point of its sweep, against the parent arm."""
    rows: list[tuple[str, ...]] = [("fork", "control", *EVENTS)]
    for name, data in arms.items():
        ancestry = ancestry_of(data)
        if not ancestry:
            continue
        parent = arms[ancestry.parent]
        recorded = [event for event in EVENTS if event in recorded_events(parent)]
        left = {event: LogRemainingTime(event=event, arm=name, against=ancestry.parent) for event in recorded}
        bounds = {event: statistic.per_run(data, parent)[0] for event, statistic in left.items()}
        swept = swept_names(data)
        for point, runs in runs_by_point(data, swept).items() if left else ():
            medians = {event: median_estimate(data, bounds[event].of(runs)) for event in left}
            cells = [finding(left[event], medians[event]) if event in left else "not recorded" for event in EVENTS]
            rows.append((group_text(name, swept, point), ancestry.parent, *cells))
    return rows


def not_reached(arms: Mapping[str, xarray.Dataset]) -> Iterator[tuple[str, str]]:
    """For each arm that has some: the runs that did not reach an event, and the parents that were not forked."""
    for name, data in arms.items():
        parts = [part for event in EVENTS if event in recorded_events(data) for part in _missing(data, event)]
        ancestry = ancestry_of(data)
        if ancestry and ancestry.without:
            parents = without_text(ancestry.without)
            parts.append(f"{parents} of {ancestry.parent} did not reach the moment and {_were(ancestry.without)} not forked")
        if parts:
            yield name, "; ".join(parts) + "."


def _missing(data: xarray.Dataset, event: str) -> Iterator[str]:
    """The runs of an arm that did not reach an event, in words; nothing where all reached it."""
    late = {run for run, step in enumerate(event_steps(data, [event])[event]) if step is None}
    n, swept, labels = data.sizes["run"], swept_names(data), labels_of(data)
    if len(late) == n:
        yield f"none of {n} runs reached {event}" if n > 1 else f"the run did not reach {event}"
    elif late:
        groups = []
        for point, runs in runs_by_point(data, swept).items():
            if late & set(runs):
                where = f" ({', '.join(point_texts(swept, point))})" if swept else ""
                groups.append(f"{seeds_text([labels[run] for run in runs if run in late])}{where}")
        yield f"{event} was not reached by {', '.join(groups)}"


def _were(labels: Sequence[str]) -> str:
    return "were" if len(labels) > 1 else "was"


def _any_forked(arms: Mapping[str, xarray.Dataset]) -> bool:
    return any(is_forked(data) for data in arms.values())


def _begins(data: xarray.Dataset, setting: Mapping[str, Any]) -> str:
    """How an arm begins: with fresh weights; or from which arm, when, and with which edits."""
    if not is_forked(data):
        return "fresh weights"
    span = steps_text(moments_of(data).tolist())
    moment = f"at {setting['at']} ({span})" if f"step {setting['at']}" != span.replace(",", "") else f"at {span}"
    edits = [_edit(edit, f"edits.{i}.", setting["sweep"]) for i, edit in enumerate(setting["edits"])]
    return f"{setting['fork']} {moment}; {' and '.join(edits) or 'nothing changed'}"


def _edit(edit: Mapping[str, Any], path: str, sweep: Mapping[str, Any]) -> str:
    """An edit in words, without the fields at their defaults: `scale lr: by 2, 10`."""
    defaults = _defaults(edit["kind"])
    values = {key: sweep.get(path + key, [value]) for key, value in edit.items() if key not in ("kind", "knob")}
    fields = [
        f"{key} {', '.join(map(value_text, chosen))}"
        for key, chosen in values.items()
        if path + key in sweep or key not in defaults or chosen != [defaults[key]]
    ]
    head = " ".join(filter(None, [edit["kind"], edit.get("knob", "")]))
    return f"{head}: {'; '.join(fields)}" if fields else head


def _defaults(kind: str) -> Mapping[str, Any]:
    """The defaults of an edit's fields; empty for a user's own edit whose code is not at hand."""
    try:
        with stored_document():
            fields = resolve("edit", kind).model_fields
        return {name: field.default for name, field in fields.items() if not field.is_required()}
    except ValueError:
        return {}


def _leakage(arm: Mapping[str, Any]) -> str:
    """Which share of the test rows has an image under a symmetry of the task among the training rows."""
    shares = [f"{name} ({entry['label']}): {entry['seen']:.2f}" for name, entry in arm["leakage"].items() if entry["seen"] is not None]
    return ", ".join(shares) or "-"


def _median_event(data: xarray.Dataset, event: str) -> str:
    if event not in recorded_events(data):
        return "not recorded"
    steps, n = steps_reached(data, event), data.sizes["run"]
    return f"{statistics.median(steps):,.0f} ({len(steps)}\u00a0of\u00a0{n})" if steps else f"none of\u00a0{n}"
