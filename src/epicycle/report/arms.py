"""The arms of a study on its page: what each consists of, when its events came, and which runs had not got there."""

import statistics
from collections.abc import Iterator, Mapping
from typing import Any

import xarray

from epicycle.claims.estimates import Estimate, PerRun, labels_of
from epicycle.claims.intervals import median_interval
from epicycle.claims.statistics import LogRemainingTime
from epicycle.claims.verdict import shown
from epicycle.events.standard import event_steps, recorded_events
from epicycle.report.ancestry import moments_of, points_of, seeds_text, value_text, where_text, without_text
from epicycle.report.curves import happened
from epicycle.spec.registry import resolve

EVENTS = ("t_mem", "t_on", "t_gen")


def arm_rows(verdicts: Mapping[str, Any], arms: Mapping[str, xarray.Dataset], settings: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The head of the table of arms, and a row for each."""
    forked = any("moment" in data.coords for data in arms.values())
    begins = ("begins",) if forked else ()
    head = ("arm", *begins, "runs", "trained to its stop", "diverged", "budget", "baseline", *EVENTS, "test rows seen as", "same bits")
    rows: list[tuple[Any, ...]] = [head]
    for name, arm in verdicts["arms"].items():
        medians = [_median_event(arms[name], event) for event in EVENTS]
        baseline = f"{arm['baseline']:.3f}"
        exact = {True: "one signature", False: "several signatures", None: "not known"}[arm["exact"]]
        begin = (_begins(arms[name], settings[name]),) if forked else ()
        counts = (arm["runs"], arm["done"], arm["diverged"], f"{arm['budget']:,}")
        rows.append((name, *begin, *counts, baseline, *medians, _leakage(arm), exact))
    return rows


def arm_note(arms: Mapping[str, xarray.Dataset]) -> str:
    """What the table's numbers of events mean."""
    forked = any("moment" in data.coords for data in arms.values())
    since = " Events of forks count from their moment; 0 was there already." if forked else ""
    return f"Events: median step over the runs that had it, and how many had it; the others are censored, not negative.{since}"


def left_rows(arms: Mapping[str, xarray.Dataset]) -> list[tuple[str, ...]]:
    """The head of a table, and for each fork arm and point of its sweep what was left to each event against the arm forked from."""
    rows: list[tuple[str, ...]] = [("fork", "of", *EVENTS)]
    for name, data in arms.items():
        parent = data.attrs.get("fork", "")
        swept = data.attrs.get("swept", [])
        known = [event for event in EVENTS if parent and event in recorded_events(arms[parent])]
        left = {e: LogRemainingTime(event=e, arm=name, against=parent).per_run(data, arms[parent])[0] for e in known}
        for point, runs in points_of(data, swept).items() if known else ():
            cells = [_left(left[event], runs) if event in left else "not recorded" for event in EVENTS]
            rows.append((", ".join([name, *where_text(swept, point)]), parent, *cells))
    return rows


def _left(found: PerRun, runs: list[int]) -> str:
    interval = median_interval([found.lows[run] for run in runs], [found.highs[run] for run in runs])
    return shown(Estimate(interval, len(runs)))


def censored(arms: Mapping[str, xarray.Dataset]) -> Iterator[tuple[str, str]]:
    """For each arm that has some: the runs not at an event by the end of their record, and the parents whose moment has not come."""
    for name, data in arms.items():
        swept, steps, labels = data.attrs.get("swept", []), event_steps(data), labels_of(data)
        told = []
        for event in (event for event in EVENTS if event in recorded_events(data)):
            lost = {run for run, step in enumerate(steps[event]) if step is None}
            if len(lost) == data.sizes["run"]:
                told.append(f"{event} not yet" + (f" in any of the {len(lost)} runs" if len(lost) > 1 else ""))
                continue
            parts = [
                f"{seeds_text([labels[run] for run in rows if run in lost])}{_at(swept, point)}"
                for point, rows in points_of(data, swept).items()
                if lost & set(rows)
            ]
            told += [f"{event} not yet in {', '.join(parts)}"] if parts else []
        if without := data.attrs.get("without"):
            told.append(f"no fork of {without_text(without)} of {data.attrs['fork']}: the moment has not come there")
        if told:
            yield name, "; ".join(told) + "."


def _at(swept: list[str], point: tuple[Any, ...]) -> str:
    return f" ({', '.join(where_text(swept, point))})" if swept else ""


def _begins(data: xarray.Dataset, setting: Mapping[str, Any]) -> str:
    """With fresh weights; or from which arm, when, and what was changed."""
    if "moment" not in data.coords:
        return "fresh weights"
    moments = moments_of(data)
    span = f"{moments.min():,}" if moments.min() == moments.max() else f"{moments.min():,} to {moments.max():,}"
    where = f"at {setting['at']} (step {span})" if str(setting["at"]) != span else f"at step {span}"
    edits = [_edit(edit, f"edits.{i}.", setting["sweep"]) for i, edit in enumerate(setting["edits"])]
    return f"{setting['fork']} {where}; {' and '.join(edits) or 'nothing changed'}"


def _edit(edit: Mapping[str, Any], path: str, sweep: Mapping[str, Any]) -> str:
    """`scale lr: by 2, 10`; fields at their defaults are left out."""
    usual = _defaults(edit["kind"])
    values = {key: sweep.get(path + key, [value]) for key, value in edit.items() if key not in ("kind", "knob")}
    told = [
        f"{key} {', '.join(map(value_text, v))}"
        for key, v in values.items()
        if path + key in sweep or key not in usual or v != [usual[key]]
    ]
    head = " ".join(filter(None, [edit["kind"], edit.get("knob", "")]))
    return f"{head}: {'; '.join(told)}" if told else head


def _defaults(kind: str) -> dict[str, Any]:
    """What the fields of an edit are where nothing is said; empty for one of a user's own that is not here."""
    try:
        return {name: field.default for name, field in resolve("edit", kind).model_fields.items() if not field.is_required()}
    except ValueError:
        return {}


def _leakage(arm: Mapping[str, Any]) -> str:
    """How many test rows have an image under a symmetry of the task among the training rows."""
    told = [f"{name} ({entry['label']}): {entry['seen']:.2f}" for name, entry in arm["leakage"].items() if entry["seen"] is not None]
    return ", ".join(told) or "-"


def _median_event(data: xarray.Dataset, event: str) -> str:
    if event not in recorded_events(data):
        return "not recorded"
    steps, n = happened(data, event), data.sizes["run"]
    return f"{statistics.median(steps):,.0f} ({len(steps)} of {n})" if steps else f"none of {n}"
