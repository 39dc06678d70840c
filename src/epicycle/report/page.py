"""One offline HTML page per study: question, primary verdicts, the deciding figure, findings, then all that they rest on."""

import html
from collections.abc import Mapping, Sequence
from importlib.resources import files as package_files
from typing import Any

import xarray

from epicycle.report.ancestry import with_parents
from epicycle.report.arms import arm_note, arm_rows, censored, left_rows
from epicycle.report.curves import curves, curves_caption
from epicycle.report.dots import dots, dots_caption
from epicycle.report.findings import HOLDS, account_title, findings, findings_list, marks, predictions, said
from epicycle.report.fork_panels import forks_caption, overlaid, shows_forks
from epicycle.report.paper import save_figure
from epicycle.report.style import VERDICTS
from epicycle.spec.identity import canonical_json
from epicycle.spec.study import Figure
from epicycle.store.atomic import read_json, read_yaml, write_text
from epicycle.store.files import Root, StudyFiles
from epicycle.store.reading import study_datasets

LEFT = "Median over runs with its 95 % interval; not known where control or fork are censored, or the control was there before."


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
    arms = with_parents(arms, spec["arms"], {name: arm.get("without", ()) for name, arm in verdicts["arms"].items()})
    every = [Figure.parse(entry, "figures") for entry in spec["figures"]]
    figures = [figure for figure in every if any(name in arms for name in figure.arms)]
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

    registered = {claim["id"]: claim for claim in spec.get("claims", ())}
    found = findings(verdicts["claims"], registered, spec["sources"])
    primary = [claim for claim in verdicts["claims"] if claim["primary"]]
    exploratory = [claim for claim in verdicts["claims"] if not claim["primary"]]
    rest = [figure for figure in figures if figure is not deciding]
    sections = [
        f"<header><p class=kicker>Epicycle · {_text(spec['name'])}{_profile(verdicts)}</p><h1>{_text(spec['question'])}</h1></header>",
        _verdicts(primary, registered),
        _figure_block(deciding, arms) if deciding else "",
        f"<section><h2>Findings</h2>{findings_list(found)}</section>" if found else "",
        f"<h2>Exploratory claims</h2>{_verdicts(exploratory, registered)}" if exploratory else "",
        f"<section><h2>Arms</h2>{_arms(verdicts, arms, spec['arms'])}</section>",
        f"<section><h2>Details</h2>{''.join(_figure_block(figure, arms) for figure in rest)}</section>",
        f"<section><h2>What was registered, and what each account says</h2>{_claims_table(verdicts, registered)}</section>",
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


def _verdicts(claims: Sequence[Mapping[str, Any]], registered: Mapping[str, Mapping[str, Any]]) -> str:
    cards = [_verdict(claim, registered.get(claim["id"], {})) for claim in claims]
    return f"<section class=verdicts>{''.join(cards)}</section>" if cards else ""


def _verdict(claim: Mapping[str, Any], registered: Mapping[str, Any]) -> str:
    sign, colour = VERDICTS[claim["verdict"]]
    flags = "".join(f"<span class=mark>{label}</span>" for label in marks(claim))
    told = [_prediction(name, one, claim["verdict"]) for name, one in predictions(claim, registered).items()]
    accounts = f"<p class=reason>{' · '.join(told)}</p>" if told else ""
    return (
        f"<article class=verdict style='--verdict:{colour}'><p class=sign>{sign} {claim['verdict']}{flags}</p>"
        f"<p class=sentence>{_text(claim['sentence'])}</p><p class=reason>{_text(claim['reason'])}</p>{accounts}</article>"
    )


def _prediction(name: str, prediction: Mapping[str, Any], verdict: str) -> str:
    """An account, what it said, and whether it came out so."""
    outcome = "" if verdict not in HOLDS else " ✓" if prediction["says"] == HOLDS[verdict] else " ✗"
    return f"<span title='{_text(said(prediction))}'>{_text(account_title(name))}: {prediction['says']}{outcome}</span>"


def _figure_block(figure: Figure, arms: Mapping[str, xarray.Dataset]) -> str:
    draw, caption = (dots, dots_caption) if figure.quantities else (curves, curves_caption)
    if shows_forks(figure, arms):
        draw, caption = overlaid, forks_caption
    drawn = draw(figure, arms)
    content = drawn.to_json().replace("</", "<\\/")
    height = int(drawn.layout.height)
    return (
        f"<figure><h3>{_text(figure.title)}</h3><div class=plot style='height:{height}px'>"
        f"<script type='application/json'>{content}</script></div>"
        f"<figcaption>{_text(caption(figure, arms))}</figcaption></figure>"
    )


def _arms(verdicts: Mapping[str, Any], arms: Mapping[str, xarray.Dataset], settings: Mapping[str, Any]) -> str:
    head, *rows = arm_rows(verdicts, arms, settings)
    gone = [(name, f"left out: {reason}") for name, reason in verdicts.get("left_out", {}).items()]
    listed = "".join(f"<li>{_text(name)}: {_text(told)}</li>" for name, told in [*censored(arms), *gone])
    lost = f"<h3>Not there by the end of the record</h3><ul class=note>{listed}</ul>" if listed else ""
    top, *forks = left_rows(arms)
    title = "<h3>ln(time left after the moment / control's): below 0 is sooner</h3>"
    left = f"{title}{_table(top, forks)}<p class=note>{_text(LEFT)}</p>" if forks else ""
    return f"{_table(head, rows)}<p class=note>{_text(arm_note(arms))}</p>{left}{lost}"


def _claims_table(verdicts: Mapping[str, Any], registered: Mapping[str, Any]) -> str:
    head = ("claim", "supported if", "refuted if", "detectors", "accounts", "runs, by seed")
    rows = []
    for claim in verdicts["claims"]:
        says = predictions(claim, registered.get(claim["id"], {}))
        accounts = "; ".join(f"{account_title(name)} {said(one)}" for name, one in says.items())
        values = ", ".join(f"{seed}: {'censored' if v is None else format(v, '.3g')}" for seed, v in claim["values"].items())
        detectors = "; ".join(f"{name}: {verdict}" for name, verdict in claim["detectors"].items() if name)
        rows.append((claim["id"], claim["supported_if"], claim["refuted_if"], detectors or "-", accounts or "silent", values))
    return _table(head, rows)


def _settings(spec: Mapping[str, Any]) -> str:
    from epicycle.spec.yaml_text import dump_yaml

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
