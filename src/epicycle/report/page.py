"""One offline HTML page per study: question, verdicts, the deciding figure, then arms, details, settings and the command."""

import html
import statistics
from collections.abc import Mapping, Sequence
from importlib.resources import files as package_files
from typing import Any

import xarray

from epicycle.claims.accounts import ACCOUNTS
from epicycle.claims.events import standard
from epicycle.report.dots import dots, gathered
from epicycle.report.figures import curves, happened
from epicycle.report.paper import save_figure
from epicycle.report.style import VERDICTS
from epicycle.spec.identity import canonical_json
from epicycle.spec.study import Figure
from epicycle.store.atomic import read_json, read_yaml, write_text
from epicycle.store.layout import Root, StudyFiles
from epicycle.store.reading import study_datasets

EVENTS = ("t_mem", "t_on", "t_gen")


def write_report(root: Root, files: StudyFiles) -> None:
    """Write the page of a study, and the deciding figure beside it as PDF, SVG and PNG."""
    spec = read_yaml(files.spec)
    write_page(files, spec, study_datasets(root, files), read_json(files.verdicts), read_json(files.provenance))


def write_page(
    files: StudyFiles,
    spec: Mapping[str, Any],
    arms: Mapping[str, xarray.Dataset],
    verdicts: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> None:
    """The page and the deciding figure of any runs: `spec` gives name, question, arms, figures and sources as plain data."""
    figures = [Figure.parse(entry, "figures") for entry in spec["figures"]]
    deciding = next((figure for figure in figures if figure.decides), figures[0] if figures else None)
    if deciding:
        save_figure(deciding, arms, files.figure)
    write_text(files.report, _page(spec, verdicts, provenance, arms, figures, deciding))


def _page(
    spec: Mapping[str, Any],
    verdicts: Mapping[str, Any],
    provenance: Mapping[str, Any],
    arms: Mapping[str, xarray.Dataset],
    figures: Sequence[Figure],
    deciding: Figure | None,
) -> str:
    from plotly.offline import get_plotlyjs

    rest = [figure for figure in figures if figure is not deciding]
    sections = [
        f"<header><p class=kicker>Epicycle · {_text(spec['name'])}{_profile(verdicts)}</p><h1>{_text(spec['question'])}</h1></header>",
        f"<section class=verdicts>{''.join(_verdict(claim) for claim in verdicts['claims'])}</section>",
        _figure_block(deciding, arms) if deciding else "",
        f"<section><h2>Arms</h2>{_arms_table(verdicts, arms)}</section>",
        f"<section><h2>Details</h2>{''.join(_figure_block(figure, arms) for figure in rest)}</section>",
        f"<section><h2>What was registered, and what each account says</h2>{_claims_table(verdicts)}</section>",
        f"<section><h2>Settings</h2>{_settings(spec)}</section>",
        f"<section><h2>Sources</h2><ul>{''.join(_source(source) for source in spec['sources'])}</ul></section>",
        f"<section><h2>Repeat it</h2>{_repeat(provenance)}</section>",
    ]
    style = (package_files("epicycle.report") / "page.css").read_text()
    script = (package_files("epicycle.report") / "page.js").read_text()
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{_text(spec['name'])} · Epicycle</title><style>{style}</style>"
        f"<script>{get_plotlyjs()}</script></head><body><main>{''.join(sections)}</main><script>{script}</script></body></html>\n"
    )


def _verdict(claim: Mapping[str, Any]) -> str:
    sign, colour = VERDICTS[claim["verdict"]]
    flags = (("pilot", "pilot"), ("post_hoc", "post hoc"))
    told = [*(() if claim["primary"] else ("exploratory",)), *(label for key, label in flags if claim[key])]
    marks = "".join(f"<span class=mark>{label}</span>" for label in told)
    return (
        f"<article class=verdict style='--verdict:{colour}'><p class=sign>{sign} {claim['verdict']}{marks}</p>"
        f"<p class=sentence>{_text(claim['sentence'])}</p><p class=reason>{_text(claim['reason'])}</p></article>"
    )


def _figure_block(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> str:
    drawn = dots(figure, arms) if figure.quantities else curves(figure, arms)
    content = drawn.to_json().replace("</", "<\\/")
    height = int(drawn.layout.height)
    return (
        f"<figure><h3>{_text(figure.title)}</h3><div class=plot style='height:{height}px'>"
        f"<script type='application/json'>{content}</script></div>"
        f"<figcaption>{_text(_caption(figure, arms))}</figcaption></figure>"
    )


def _caption(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> str:
    """Rendered from the data: how many runs, and where the events lie."""
    if figure.quantities:
        return _points_caption(figure, arms)
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
    return " ".join(parts)


def _points_caption(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> str:
    names, every = gathered(figure, arms)
    parts = ["Points: runs; bars: their median; open triangles: not there yet at the end of the record."]
    for one in every:
        medians = ", ".join(f"{names[place]} {value:,.3g}" for place, value in one.medians.items())
        parts.append(f"Median {one.title}: {medians or 'nowhere known'}; {int(one.open.sum())} of {len(one.open)} runs open.")
    return " ".join(parts)


def _arms_table(verdicts: Mapping[str, Any], arms: Mapping[str, xarray.Dataset]) -> str:
    head = ("arm", "runs", "trained to its stop", "diverged", "budget", "baseline", *EVENTS, "test rows seen as", "same bits")
    rows = []
    for name, arm in verdicts["arms"].items():
        medians = [_median_event(arms[name], event) for event in EVENTS]
        baseline = f"{arm['baseline']:.3f}"
        exact = {True: "one signature", False: "several signatures", None: "not known"}[arm["exact"]]
        rows.append((name, arm["runs"], arm["done"], arm["diverged"], f"{arm['budget']:,}", baseline, *medians, _leakage(arm), exact))
    note = (
        "<p class=note>Events: median step over the runs that had it, and how many had it; the others are censored, not negative.</p>"
    )
    return _table(head, rows) + note


def _leakage(arm: Mapping[str, Any]) -> str:
    """How many test rows have an image under a symmetry of the task among the training rows."""
    told = [f"{name} ({entry['label']}): {entry['seen']:.2f}" for name, entry in arm["leakage"].items() if entry["seen"] is not None]
    return ", ".join(told) or "-"


def _median_event(data: xarray.Dataset, event: str) -> str:
    if any(series not in data for series in standard()[event].series):
        return "not recorded"
    steps, n = happened(data, event), data.sizes["run"]
    return f"{statistics.median(steps):,.0f} ({len(steps)} of {n})" if steps else f"none of {n}"


def _claims_table(verdicts: Mapping[str, Any]) -> str:
    head = ("claim", "supported if", "refuted if", "detectors", "accounts", "runs, by seed")
    rows = []
    for claim in verdicts["claims"]:
        accounts = "; ".join(f"{ACCOUNTS[a].title if a in ACCOUNTS else a}: {says}" for a, says in claim["accounts"].items())
        values = ", ".join(f"{seed}: {'censored' if v is None else format(v, '.3g')}" for seed, v in claim["values"].items())
        detectors = "; ".join(f"{name}: {verdict}" for name, verdict in claim["detectors"].items() if name)
        rows.append((claim["id"], claim["supported_if"], claim["refuted_if"], detectors or "-", accounts or "silent", values))
    return _table(head, rows)


def _settings(spec: Mapping[str, Any]) -> str:
    from epicycle.spec.text import dump_yaml

    shown = dict(spec["arms"].items())
    return f"<pre>{_text(dump_yaml(shown))}</pre>"


def _source(source: Mapping[str, Any]) -> str:
    where = f", arXiv {source['arxiv']}" if source["arxiv"] else ""
    locator = f" ({source['locator']})" if source["locator"] else ""
    return f"<li>{_text(source['authors'])} ({source['year']}). <i>{_text(source['title'])}</i>{where}{_text(locator)}</li>"


def _repeat(provenance: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in provenance["versions"].items())
    machine = ", ".join(str(value) for value in provenance["machine"].values() if value)
    return (
        f"<pre>{_text(provenance['command'])}</pre><p class=note>Finished {_text(provenance['finished'])} after "
        f"{provenance['seconds']:.0f} s on {_text(machine)}. {_text(versions)}.</p>"
    )


def _profile(verdicts: Mapping[str, Any]) -> str:
    return "" if verdicts["profile"] == "stated" else f" · {_text(verdicts['profile'])}{' (pilot)' if verdicts['pilot'] else ''}"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    top = "".join(f"<th>{_text(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=wide><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"


def _text(value: Any) -> str:
    return html.escape(value if isinstance(value, str) else canonical_json(value) if isinstance(value, dict | list) else str(value))
