"""The page of a study: one HTML file that needs no network.

From the top: the question, the verdicts on the primary claims, the figure that decides, the findings, and then all that they rest on.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import xarray

from epicycle.report.arm_tables import TIME_LEFT_NOTE, arm_notes, arm_rows, not_reached, time_left_rows
from epicycle.report.captions import curve_caption, fork_caption, point_caption
from epicycle.report.claim_sections import claim_rows, organism_rows, verdict_cards
from epicycle.report.curve_figure import curve_figure
from epicycle.report.findings import count_text, findings
from epicycle.report.fork_figure import fork_figure
from epicycle.report.fork_panels import shows_forks
from epicycle.report.html_templates import rendered
from epicycle.report.page_data import Document, StudyPage
from epicycle.report.paper_figure import save_figure, save_picture
from epicycle.report.picture_figure import picture_figure
from epicycle.report.picture_forms import picture
from epicycle.report.pictures import Picture
from epicycle.report.point_figure import point_figure
from epicycle.report.surface_picture import TITLE as SURFACE_TITLE
from epicycle.report.surface_picture import surface_picture
from epicycle.spec.study import Figure
from epicycle.spec.yaml_text import dump_yaml
from epicycle.store.atomic import write_text
from epicycle.store.files import Root, StudyFiles
from epicycle.store.organism_verdicts import OrganismVerdicts, compared_organisms
from epicycle.store.reading import study_datasets
from epicycle.store.study_documents import read_study
from epicycle.store.surfaces import Surface, read_surface


def write_report(root: Root, files: StudyFiles) -> None:
    """Write the page of a stored study, and its deciding figure beside it as PDF, SVG and PNG."""
    stored = read_study(files)
    compared = compared_organisms(root, stored.study["name"])
    arms, surface = study_datasets(root, stored.runs), read_surface(files.surface_data)
    write_page(files, stored.study, arms, stored.verdicts, stored.provenance, compared, surface)


def write_page(
    files: StudyFiles,
    spec: Document,
    arms: Mapping[str, xarray.Dataset],
    verdicts: Document,
    provenance: Document,
    compared: OrganismVerdicts | None = None,
    surface: Surface | None = None,
) -> None:
    """Write the page and the deciding figure of any runs.

    Args:
        files: where they are written.
        spec: name, question, arms, figures and sources, and the claims where they were registered, as plain data.
        arms: the dataset of each arm.
        verdicts: the document of verdicts.
        provenance: command, machine, versions and time.
        compared: the verdicts on several organisms, if the study was judged on several.
        surface: the loss around the way of one run, if it was computed.
    """
    page = StudyPage.of(spec, arms, verdicts, provenance, compared)
    if page.deciding:
        save_figure(page.deciding, page.arms, files.figure)
    if surface:
        save_picture(surface_picture(surface), SURFACE_TITLE, files.surface)
    write_text(files.report, _html(page, surface))


def _html(page: StudyPage, surface: Surface | None) -> str:
    from plotly.offline import get_plotlyjs

    lines = findings(page.verdicts["claims"], page.registered, page.spec["sources"])
    left_out = [(name, f"left out: {reason}") for name, reason in page.verdicts.get("left_out", {}).items()]
    return rendered(
        "page.html",
        page=page,
        plotly=get_plotlyjs(),
        primary=verdict_cards(page, primary=True),
        exploratory=verdict_cards(page, primary=False),
        deciding=_drawn(page, page.deciding) if page.deciding else None,
        more_figures=[
            *(_drawn(page, figure) for figure in page.figures if figure is not page.deciding),
            *([_drawn_picture(SURFACE_TITLE, surface_picture(surface))] if surface else []),
        ],
        findings=lines,
        findings_count=count_text(lines),
        arms=arm_rows(page),
        arm_notes=arm_notes(page.arms),
        times_left=time_left_rows(page.arms),
        time_left_note=TIME_LEFT_NOTE,
        not_reached=[*not_reached(page.arms), *left_out],
        claims=claim_rows(page),
        organisms=organism_rows(page.compared) if page.compared else [],
        settings=dump_yaml(dict(page.spec["arms"])),
    )


class DrawnFigure(NamedTuple):
    """A figure on the page.

    Attributes:
        plot: a plotly figure, which the page's script draws.
        height: in pixels.
    """

    title: str
    caption: str
    plot: Any
    height: int


def _drawn(page: StudyPage, figure: Figure) -> DrawnFigure:
    if figure.form != "curves":
        return _drawn_picture(figure.title, picture(figure, page.arms))
    draw, caption = (point_figure, point_caption) if figure.quantities else (curve_figure, curve_caption)
    if shows_forks(figure, page.arms):
        draw, caption = fork_figure, fork_caption
    plot = draw(figure, page.arms)
    return DrawnFigure(figure.title, caption(figure, page.arms), plot, int(plot.layout.height))


def _drawn_picture(title: str, drawn: Picture) -> DrawnFigure:
    plot = picture_figure(drawn)
    return DrawnFigure(title, drawn.caption, plot, int(plot.layout.height))
