"""`epicycle measure`: more instruments on runs that are trained already."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epicycle.cli.app import JsonOption, PlatformOption, RootOption
from epicycle.cli.exit_codes import INTERRUPTED
from epicycle.cli.interruption import ENDED, graceful_interruption
from epicycle.cli.named_measures import MEASURES_HELP, named_measures
from epicycle.cli.output import fail, print_json
from epicycle.cli.platform_choice import choose_platform

if TYPE_CHECKING:
    from epicycle.lab.session import Session
    from epicycle.spec.families import Measure
    from epicycle.store.files import Root

TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY|DIR|RUN", help="A study that was run, the folder of its results, or a run's id (its cohort is then measured)."
    ),
]
MeasuresOption = Annotated[
    list[str],
    typer.Option(
        "--measures",
        metavar="KIND|YAML",
        help=f"What to record: {MEASURES_HELP}",
    ),
]


def measure(
    target: TargetArgument,
    measures: MeasuresOption,
    root: RootOption = None,
    platform: PlatformOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record further measures of runs that were trained before.

    The runs are trained again from their start, which gives the same bits, and the new series are put beside the old ones. Verdicts
    stay as they are.

    For example: epicycle measure quickstart --measures circuits
    """
    from epicycle.lab.session import Session
    from epicycle.store.files import Root, default_root
    from epicycle.training.loop import Interrupted

    chosen = named_measures(measures)
    results = Root(root or default_root()).opened()
    choose_platform(platform)
    try:
        with graceful_interruption() as interrupted:
            what = _record(target, results, chosen, Session(results, interrupted=interrupted))
    except Interrupted:
        fail(ENDED, INTERRUPTED)
    names = list(dict.fromkeys(each.name for each in chosen))
    if as_json:
        print_json({"measured": what, "series": names, "root": str(results.path)})
    else:
        typer.echo(f"{what}: recorded {', '.join(names)}")


def _record(target: str, results: "Root", measures: "list[Measure]", session: "Session") -> str:
    """Record the measures of a study, or of a run's cohort; returns what was measured, in words."""
    from epicycle.cli.chosen_study import find_results
    from epicycle.lab.further_measures import measure_run, measure_study
    from epicycle.spec.study import Study
    from epicycle.store.catalogue import Catalogue
    from epicycle.store.study_documents import read_study

    if re.fullmatch("[0-9a-f]{4,}", target) and not Path(target).exists():
        run_id = Catalogue(results).find(target)
        return f"run {run_id} and its cohort, {measure_run(run_id, measures, session)} runs"
    root, files = find_results(target, results.path)
    study = Study.parse_stored(dict(read_study(files).study), str(files.spec))
    measure_study(study, measures, replace(session, root=root))
    return f"study {study.name}"
