"""The page of a study: one HTML file that needs no network.

From the top: the question, the verdicts on the primary claims, the figure that decides, the findings, and then all that they rest on.
"""

from collections.abc import Mapping
from importlib.resources import files as package_files

import xarray

from epicycle.report.arm_tables import TIME_LEFT_NOTE, arm_notes, arm_rows, not_reached, time_left_rows
from epicycle.report.captions import curve_caption, fork_caption, point_caption
from epicycle.report.claim_sections import claims_table, verdict_cards
from epicycle.report.curve_figure import curve_figure
from epicycle.report.findings import findings, findings_list
from epicycle.report.fork_figure import fork_figure
from epicycle.report.fork_panels import shows_forks
from epicycle.report.markup import escaped, table
from epicycle.report.page_data import Document, StudyPage
from epicycle.report.paper_figure import save_figure
from epicycle.report.point_figure import point_figure
from epicycle.spec.study import Figure
from epicycle.spec.yaml_text import dump_yaml
from epicycle.store.atomic import read_json, read_yaml, write_text
from epicycle.store.files import Root, StudyFiles
from epicycle.store.reading import study_datasets


def write_report(root: Root, files: StudyFiles) -> None:
    """Write the page of a stored study, and its deciding figure beside it as PDF, SVG and PNG."""
    spec = read_yaml(files.spec)
    write_page(files, spec, study_datasets(root, files), read_json(files.verdicts), read_json(files.provenance))


def write_page(
    files: StudyFiles, spec: Document, arms: Mapping[str, xarray.Dataset], verdicts: Document, provenance: Document
) -> None:
    """Write the page and the deciding figure of any runs.

    Args:
        files: where they are written.
        spec: name, question, arms, figures and sources, and the claims where they were registered, as plain data.
        arms: the dataset of each arm.
        verdicts: the document of verdicts.
        provenance: command, machine, versions and time.
    """
    page = StudyPage.of(spec, arms, verdicts, provenance)
    if page.deciding:
        save_figure(page.deciding, page.arms, files.figure)
    write_text(files.report, _html(page))


def _html(page: StudyPage) -> str:
    from plotly.offline import get_plotlyjs

    style = (package_files("epicycle.report") / "page.css").read_text()
    script = (package_files("epicycle.report") / "page.js").read_text()
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{escaped(page.spec['name'])} · Epicycle</title><style>{style}</style>"
        f"<script>{get_plotlyjs()}</script></head><body><main>{_content(page)}</main><script>{script}</script></body></html>\n"
    )


def _content(page: StudyPage) -> str:
    lines = findings(page.verdicts["claims"], page.registered, page.spec["sources"])
    exploratory = verdict_cards(page, primary=False)
    sections = [
        _header(page),
        verdict_cards(page, primary=True),
        _figure_block(page, page.deciding) if page.deciding else "",
        f"<section><h2>Findings</h2>{findings_list(lines)}</section>" if lines else "",
        f"<h2>Exploratory claims</h2>{exploratory}" if exploratory else "",
        f"<section><h2>Arms</h2>{_arms(page)}</section>",
        _more_figures(page),
        f"<section><h2>What was registered, and what each account says</h2>{claims_table(page)}</section>",
        f"<section><h2>Settings</h2><pre>{escaped(dump_yaml(dict(page.spec['arms'])))}</pre></section>",
        f"<section><h2>Sources</h2><ul>{''.join(_source(source) for source in page.spec['sources'])}</ul></section>",
        f"<section><h2>Repeat it</h2>{_repeat(page.provenance)}</section>",
    ]
    return "".join(sections)


def _header(page: StudyPage) -> str:
    verdicts = page.verdicts
    pilot = " (pilot)" if verdicts["pilot"] else ""
    profile = "" if verdicts["profile"] == "stated" else f" · {escaped(verdicts['profile'])}{pilot}"
    kicker = f"<p class=kicker>Epicycle · {escaped(page.spec['name'])}{profile}</p>"
    return f"<header>{kicker}<h1>{escaped(page.spec['question'])}</h1></header>"


def _more_figures(page: StudyPage) -> str:
    blocks = [_figure_block(page, figure) for figure in page.figures if figure is not page.deciding]
    return f"<section><h2>More figures</h2>{''.join(blocks)}</section>" if blocks else ""


def _figure_block(page: StudyPage, figure: Figure) -> str:
    """A figure as JSON, which the page's script draws, with its title and caption."""
    draw, caption = (point_figure, point_caption) if figure.quantities else (curve_figure, curve_caption)
    if shows_forks(figure, page.arms):
        draw, caption = fork_figure, fork_caption
    drawn = draw(figure, page.arms)
    content = drawn.to_json().replace("</", "<\\/")
    return (
        f"<figure><h3>{escaped(figure.title)}</h3><div class=plot style='height:{int(drawn.layout.height)}px'>"
        f"<script type='application/json'>{content}</script></div>"
        f"<figcaption>{escaped(caption(figure, page.arms))}</figcaption></figure>"
    )


def _arms(page: StudyPage) -> str:
    """The table of arms, the table of times left after forks, and the list of runs that did not reach an event."""
    head, *rows = arm_rows(page)
    notes = "".join(f"<li>{escaped(note)}</li>" for note in arm_notes(page.arms))
    blocks = [table(head, rows), f"<ul class=note>{notes}</ul>"]
    head, *rows = time_left_rows(page.arms)
    if rows:
        title = "<h3>Time left after the fork, compared with the control</h3>"
        blocks.append(f"{title}{table(head, rows)}<p class=note>{escaped(TIME_LEFT_NOTE)}</p>")
    left_out = [(name, f"left out: {reason}") for name, reason in page.verdicts.get("left_out", {}).items()]
    items = "".join(f"<li>{escaped(name)}: {escaped(text)}</li>" for name, text in [*not_reached(page.arms), *left_out])
    blocks.append(f"<h3>Runs that did not reach an event</h3><ul class=note>{items}</ul>" if items else "")
    return "".join(blocks)


def _source(source: Document) -> str:
    arxiv = f", arXiv {source['arxiv']}" if source["arxiv"] else ""
    locator = f" ({source['locator']})" if source["locator"] else ""
    return f"<li>{escaped(source['authors'])} ({source['year']}). <i>{escaped(source['title'])}</i>{arxiv}{escaped(locator)}</li>"


def _repeat(provenance: Document) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in provenance["versions"].items())
    machine = ", ".join(str(value) for value in provenance["machine"].values() if value)
    return (
        f"<pre>{escaped(provenance['command'])}</pre><p class=note>Finished {escaped(provenance['finished'])} after "
        f"{provenance['seconds']:.0f} s on {escaped(machine)}. {escaped(versions)}.</p>"
    )
