"""Commands that train, or that plan training: run, fork, plan."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epicycle.cli.app import (
    JsonOption,
    OrganismOption,
    PlatformOption,
    QuickOption,
    RootOption,
    RunArgument,
    SeedsOption,
    SetOption,
    StudyArgument,
)
from epicycle.cli.chosen_study import chosen_study
from epicycle.cli.exit_codes import INTERRUPTED
from epicycle.cli.interruption import ENDED, graceful_interruption
from epicycle.cli.named_measures import MEASURES_HELP, named_measures
from epicycle.cli.output import fail, print_event_steps, print_json, print_verdicts
from epicycle.cli.platform_choice import choose_platform

if TYPE_CHECKING:
    from epicycle.lab.study import Outcome
    from epicycle.spec.study import Study
    from epicycle.store.files import Root

MomentOption = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="STEP|EVENT",
        help="When the fork leaves the run: a step (300), an event (t_on), a share of one (0.5*t_gen), the peak of a series "
        "(peak(test_loss)), or a value that a series passes (test_acc>=0.5).",
    ),
]
KnobOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KNOB=VALUE",
        help="Change a number such as the learning rate: lr=x10 multiplies it, lr=0.01 sets it, lr=x1,x10 makes two forks. "
        "May be repeated.",
    ),
]
EditOption = Annotated[
    list[str] | None,
    typer.Option("--edit", metavar="YAML", help="Any other edit, for example '{kind: remove, share: 0.5}'. May be repeated."),
]
StepsOption = Annotated[
    int | None,
    typer.Option("--steps", metavar="N", help="Steps to train after the fork. Default: to the end of the run's own budget."),
]
UntilDecidedOption = Annotated[
    bool,
    typer.Option(
        "--until-decided",
        help="Add seeds to the arms of open claims until these are decided, or until more seeds could not decide them.",
    ),
]
AtMostOption = Annotated[
    int | None,
    typer.Option(
        "--at-most",
        metavar="N",
        help="With --until-decided: the most seeds of an arm. Default: four times as many as the study states.",
    ),
]
PlannedMeasuresOption = Annotated[
    list[str] | None,
    typer.Option("--measures", metavar="KIND|YAML", help=f"Count what `epicycle measure` with these would cost too: {MEASURES_HELP}"),
]
UseOption = Annotated[
    list[Path] | None,
    typer.Option("--use", metavar="FILE", help="A file of your own whose parts the run uses, such as my_study.py. May be repeated."),
]


def run(
    study: StudyArgument,
    organism: OrganismOption = None,
    quick: QuickOption = False,
    seeds: SeedsOption = None,
    until_decided: UntilDecidedOption = False,
    at_most: AtMostOption = None,
    assign: SetOption = None,
    root: RootOption = None,
    platform: PlatformOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a study, judge its claims and write its report.

    Only missing runs are trained. After an interruption, the same command goes on where it stopped.

    For example: epicycle run quickstart --until-decided
    """
    from epicycle.spec.errors import InputError
    from epicycle.store.files import Root, default_root

    chosen = chosen_study(study, organism, quick, seeds, assign)
    if at_most is not None and not until_decided:
        raise InputError(f"--at-most {at_most} says when --until-decided stops; give both, or --seeds {at_most}.")
    choose_platform(platform)
    outcome = _run_and_report(chosen, Root.create(root or default_root()), as_json, until_decided, at_most)
    if as_json:
        print_json(outcome.document())
        return
    print_verdicts(outcome.document(), trained=outcome.trained)
    if until_decided:
        from epicycle.lab.until_decided import closing_lines

        typer.echo("\n".join(closing_lines(outcome.verdicts)))


def fork(
    run: RunArgument,
    at: MomentOption,
    assign: KnobOption = None,
    edit: EditOption = None,
    steps: StepsOption = None,
    use: UseOption = None,
    root: RootOption = None,
    platform: PlatformOption = None,
    as_json: JsonOption = False,
) -> None:
    """Continue a run with one thing changed and compare both.

    The fork starts from the run's full state at the given moment. Without --set and --edit it repeats the run exactly. docs/forks.md
    lists moments and edits.

    For example: epicycle fork 3f9a --at t_on --set lr=x10
    """
    from epicycle.cli.fork_study import fork_study
    from epicycle.spec.own_code import offer_folder
    from epicycle.store.files import Root, default_root
    from epicycle.store.study_documents import read_events, read_runs
    from epicycle.studies.study_files import use_file

    offer_folder(Path.cwd())  # --edit may name parts in the user's own files
    for file in use or ():
        use_file(file)
    results = Root(root or default_root()).opened()
    study = fork_study(results, run, at, assign or [], edit or [], steps)
    choose_platform(platform)
    outcome = _run_and_report(study, results, as_json)
    events = read_events(outcome.files)
    if as_json:
        print_json({**outcome.document(), "events": events})
    else:
        print_event_steps(read_runs(outcome.files), events)
        print_verdicts(outcome.document(), trained=outcome.trained)


def plan(
    study: StudyArgument,
    organism: OrganismOption = None,
    quick: QuickOption = False,
    seeds: SeedsOption = None,
    assign: SetOption = None,
    measures: PlannedMeasuresOption = None,
    root: RootOption = None,
    platform: PlatformOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what a study costs here, before it is trained.

    The plan gives time, memory and disk on this machine, and how likely each claim is to be decided. Programs that were never timed
    here are compiled and run for about a second each. Most runs stop before their budget is used up. If the folder of results has
    runs of this study, such as those of --quick, the plan also tells how long the study takes if new runs end as early.

    For example: epicycle plan anatomy --quick
    """
    chosen = chosen_study(study, organism, quick, seeds, assign)
    if measures:
        observation = chosen.observation.with_further(named_measures(measures))
        chosen = chosen.model_copy(update={"observation": observation})
    choose_platform(platform)
    from epicycle.lab.cost_plan import plan as plan_of
    from epicycle.lab.past_ends import past_runs
    from epicycle.store.files import Root, default_root
    from epicycle.training.devices import start

    past = past_runs(Root(root or default_root()), chosen.name)
    costs = plan_of(chosen, start(), lambda line: typer.echo(line, err=True), past)
    if as_json:
        print_json(costs.document())
    else:
        typer.echo("\n".join(costs.lines()))


def _run_and_report(study: "Study", root: "Root", quiet: bool, until_decided: bool = False, at_most: int | None = None) -> "Outcome":
    """Train and judge a study with progress display and Ctrl-C handling, then write its page."""
    from epicycle.cli.progress import Display, loading_meanwhile
    from epicycle.lab.session import Session
    from epicycle.lab.study import run_study
    from epicycle.lab.until_decided import run_until_decided, seed_plan
    from epicycle.store.atomic import writing
    from epicycle.training.loop import Interrupted

    command, plan = " ".join(["epicycle", *sys.argv[1:]]), seed_plan(study, root, at_most) if until_decided else None
    arms = {run.id: name for name, arm in (plan.largest() if plan else study).root_arms() for _, run in arm.runs()}
    try:
        with graceful_interruption() as interrupted:
            with Display(arms, quiet=quiet) as display, loading_meanwhile(display) as watch:
                session = Session(root, watch=watch, interrupted=interrupted)
                if plan:
                    outcome = run_until_decided(plan, session, command, lambda batch: display.say(batch.line()))
                else:
                    outcome = run_study(study, session, command)
            from epicycle.report.page import write_report

            with writing(outcome.files.lock):
                write_report(outcome.root, outcome.files)
    except Interrupted:
        fail(ENDED, INTERRUPTED)
    return outcome
