"""`epicycle surface`: a picture of the loss around the way of a run."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from epicycle.cli.app import JsonOption, PlatformOption, RootOption
from epicycle.cli.chosen_study import find_results
from epicycle.cli.exit_codes import INTERRUPTED
from epicycle.cli.interruption import ENDED, graceful_interruption
from epicycle.cli.output import fail, print_json
from epicycle.cli.platform_choice import choose_platform

if TYPE_CHECKING:
    import xarray

StudyArgument = Annotated[str, typer.Argument(metavar="STUDY|DIR", help="A study that was run, or the folder of its results.")]
ArmOption = Annotated[
    str | None, typer.Option("--arm", metavar="NAME", help="The arm of the run. Default: the first one of the study.")
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", metavar="N", help="The seed of the run. Default: that of the run with the middle t_gen.")
]


def surface(
    study: StudyArgument,
    arm: ArmOption = None,
    seed: SeedOption = None,
    root: RootOption = None,
    platform: PlatformOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the loss in the plane of a run's way, and put the picture on the page of its study.

    The plane is that of the two main directions of the way. The caption says which share of the way it shows. The files surface.png,
    .svg and .pdf lie beside the page, and surface.json has the numbers.

    For example: epicycle surface quickstart
    """
    from epicycle.lab.session import Session
    from epicycle.lab.surfaces import surface_of_run
    from epicycle.report.page import write_report
    from epicycle.store.atomic import writing
    from epicycle.store.reading import study_datasets
    from epicycle.store.study_documents import read_study
    from epicycle.store.surfaces import write_surface
    from epicycle.training.loop import Interrupted

    results, files = find_results(study, root)
    chosen = _chosen_run(study_datasets(results, read_study(files).runs), arm, seed)
    choose_platform(platform)
    try:
        with graceful_interruption() as interrupted:
            drawn = surface_of_run(chosen.run, Session(results, interrupted=interrupted), chosen.arm, chosen.events)
    except Interrupted:
        fail(ENDED, INTERRUPTED)
    with writing(files.lock):
        write_surface(files.surface_data, drawn)
        write_report(results, files)
    if as_json:
        print_json({"run": chosen.run, "arm": chosen.arm, "share": drawn["share"], "report": str(files.report)})
    else:
        typer.echo(f"run {chosen.run} of arm {chosen.arm}: the plane shows {100 * drawn['share']:.0f} % of the way. {files.report}")


class _Chosen(NamedTuple):
    """The run that is drawn: its id, its arm, and when it memorised and generalised."""

    run: str
    arm: str
    events: dict[str, int]


def _chosen_run(arms: "Mapping[str, xarray.Dataset]", arm: str | None, seed: int | None) -> _Chosen:
    """The run of an arm with a seed, or with the middle t_gen.

    Raises:
        InputError: there is no such arm or seed, the arm has forks or simulations, or nothing was trained.
    """
    from epicycle.events.standard import event_steps
    from epicycle.report.pictures import middle_run
    from epicycle.spec.errors import InputError, nearest
    from epicycle.spec.results import is_forked, labels_of

    roots = {name: data for name, data in arms.items() if not is_forked(data) and "train_loss" in data}
    name = next(iter(roots), "") if arm is None else arm
    if name not in roots:
        raise InputError(f"surface: the study has no arm '{name}' of networks that begin with fresh weights; {nearest(name, roots)}")
    data, labels = roots[name], labels_of(roots[name])
    if seed is not None and str(seed) not in labels:
        raise InputError(f"surface: arm '{name}' has no seed {seed}; {nearest(str(seed), labels)}")
    run = middle_run(data) if seed is None else labels.index(str(seed))
    steps = event_steps(data.isel(run=[run]), ["t_mem", "t_gen"])
    events = {event: of_run[0] for event, of_run in steps.items() if of_run[0] is not None}
    return _Chosen(str(data["run"].values[run]), name, events)
