"""The command line. Help loads typer and rich alone; everything heavy is imported by the command that needs it."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from epicycle.lab.study import Outcome
    from epicycle.spec.study import Study
    from epicycle.store.files import Root, StudyFiles

BAD_INPUT, INTERRUPTED, FAILED = 2, 3, 1
COLOURS = {"supported": "green", "refuted": "red", "undecided": "yellow"}

app = typer.Typer(
    help="A laboratory for grokking: train ensembles past overfitting, judge registered claims over seeds, look at the report.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Target = Annotated[str, typer.Argument(metavar="STUDY|FILE|DIR", help="A study's name, its file, or the directory of its results.")]
RootOption = Annotated[
    Path | None, typer.Option("--root", metavar="DIR", help="Results folder [EPICYCLE_ROOT, else ./epicycle-results].")
]
PlatformOption = Annotated[str | None, typer.Option("--platform", metavar="cpu|gpu", help="Where to train [JAX's choice].")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


@app.command()
def run(
    study: Annotated[str, typer.Argument(metavar="STUDY|FILE", help="A study's name, or a file of your own (.py, .yaml).")],
    quick: Annotated[bool, typer.Option("--quick", help="A pilot: own seeds, verdicts marked so.")] = False,
    hour: Annotated[bool, typer.Option("--hour", help="About an hour on two cores.")] = False,
    full: Annotated[bool, typer.Option("--full", help="The faithful setting.")] = False,
    seeds: Annotated[int | None, typer.Option(metavar="N", help="Seeds of every arm; those that exist are kept.")] = None,
    assign: Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a field, e.g. task.p=59.")] = None,
    root: RootOption = None,
    platform: PlatformOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train what is missing, judge the claims, write the report. Resumes by itself."""
    chosen = _at_setting(study, {"quick": quick, "hour": hour, "full": full}, seeds, assign)
    _choose(platform)
    outcome = _run(chosen, _writable_root(root), as_json)
    if as_json:
        _print_json(outcome.document())
    else:
        _print_verdicts(outcome.document(), trained=outcome.trained)


@app.command()
def fork(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or its beginning.")],
    at: Annotated[
        str, typer.Option("--at", metavar="STEP|EVENT", help="300, 0.5*t_gen, t_gen(level=0.8), peak(test_loss), test_acc>=0.5.")
    ],
    assign: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KNOB=VALUE", help="lr=x10 multiplies, lr=0.01 sets, lr=x1,x10 makes two forks."),
    ] = None,
    edit: Annotated[list[str] | None, typer.Option("--edit", metavar="YAML", help="'{kind: remove, share: 0.5}'")] = None,
    steps: Annotated[int | None, typer.Option("--steps", metavar="N", help="Updates after the moment [the run's budget].")] = None,
    root: RootOption = None,
    platform: PlatformOption = None,
    as_json: JsonOption = False,
) -> None:
    """Continue a run from a moment with something changed, and show both on one page."""
    from epicycle.cli.fork_study import fork_study
    from epicycle.spec.own_code import make_importable
    from epicycle.store.atomic import read_json
    from epicycle.store.files import Root, default_root

    make_importable(Path.cwd())  # for parts of a user's own that the run is made of
    place = Root(root or default_root()).opened()
    study = fork_study(place, run, at, assign or [], edit or [], steps)
    _choose(platform)
    outcome = _run(study, place, as_json)
    events = read_json(outcome.files.events)
    if as_json:
        _print_json({**outcome.document(), "events": events})
        return
    for arm, entry in read_json(outcome.files.runs)["arms"].items():
        for i, one in enumerate(entry["runs"]):
            dose = "".join(f", {name} {value:g}" for name, value in one["values"].items())
            told = ", ".join(f"{name} {'not yet' if at[i] is None else format(at[i], ',')}" for name, at in events[arm].items())
            typer.echo(f"{arm}{dose}: {told}{'' if arm == 'control' else ' (counted from its moment)'}")
    _print_verdicts(outcome.document(), trained=outcome.trained)


@app.command()
def plan(
    study: Annotated[str, typer.Argument(metavar="STUDY|FILE", help="A study's name, or a file of your own (.py, .yaml).")],
    quick: Annotated[bool, typer.Option("--quick", help="The pilot.")] = False,
    hour: Annotated[bool, typer.Option("--hour", help="About an hour on two cores.")] = False,
    full: Annotated[bool, typer.Option("--full", help="The faithful setting.")] = False,
    seeds: Annotated[int | None, typer.Option(metavar="N", help="Seeds of every arm.")] = None,
    assign: Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change a field, e.g. task.p=59.")] = None,
    platform: PlatformOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a study costs here and what its claims can show, before anything runs."""
    chosen = _at_setting(study, {"quick": quick, "hour": hour, "full": full}, seeds, assign)
    _choose(platform)
    from epicycle.lab.plan import plan as make
    from epicycle.lab.plan import sentences
    from epicycle.training.devices import start

    found = make(chosen, start(), lambda line: typer.echo(line, err=True))
    if as_json:
        _print_json(found)
    else:
        typer.echo("\n".join(sentences(found)))


@app.command()
def studies(as_json: JsonOption = False) -> None:
    """List the studies there are: question and sources."""
    from epicycle.studies import NAMES, load

    listed = [
        {
            "study": study.name,
            "question": study.question,
            "arms": list(study.arms),
            "runs": sum(1 for _, arm in study.root_arms() for _ in arm.runs()),
            "member_steps_at_most": sum(r.experiment.training.steps for _, arm in study.root_arms() for _, r in arm.runs()),
            "profiles": list(study.profiles),
            "sources": [f"{source.authors} {source.year}, {source.title}" for source in study.sources],
        }
        for study in map(load, NAMES)
    ]
    if as_json:
        _print_json({"studies": listed})
        return
    for entry in listed:
        typer.echo(f"{entry['study']}: {entry['question']}")
        typer.echo(f"  {entry['runs']} runs, at most {entry['member_steps_at_most']:,} steps over all of them")
        for source in entry["sources"]:  # type: ignore[attr-defined]
            typer.echo(f"  {source}")


@app.command()
def presets(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One of them, with the origin of every number.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List published settings: task, network, optimiser, split; or everything about one."""
    from epicycle.presets.page import described, details
    from epicycle.spec.kinds import PRESETS
    from epicycle.spec.registry import load_preset as preset

    if name is not None:
        found = preset(name)
        if as_json:
            _print_json(found.model_dump(mode="json"))
        else:
            typer.echo(details(found))
        return
    listed = [{"preset": each.name, "title": each.title, **described(each), "code": each.code} for each in map(preset, PRESETS)]
    if as_json:
        _print_json({"presets": listed})
        return
    for entry in listed:
        typer.echo(f"{entry['preset']}: {entry['title']}")
        typer.echo("  " + "; ".join(entry[part] for part in ("task", "network", "optimiser", "split")))


@app.command()
def show(study: Target, root: RootOption = None, as_json: JsonOption = False) -> None:
    """Show the verdicts of a study that was run."""
    from epicycle.lab.study import document

    place, files = _find(study, root)
    found = document(place, files)
    if as_json:
        _print_json(found)
    else:
        _print_verdicts(found)


@app.command()
def report(study: Target, root: RootOption = None, as_json: JsonOption = False) -> None:
    """Write the page of a study again."""
    from epicycle.lab.study import document
    from epicycle.report.page import write_report
    from epicycle.store.atomic import writing

    place, files = _find(study, root)
    with writing(files.lock):
        found = document(place, files)
        write_report(place, files)
    if as_json:
        _print_json(found)
    else:
        typer.echo(str(files.report))


@app.command()
def bench(
    case: Annotated[list[str] | None, typer.Argument(metavar="[CASE]...", help="Cases, such as canonical [all].")] = None,
    platform: PlatformOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure speed here: against the matrix products alone and, where PyTorch is installed, against a plain loop."""
    from epicycle.bench.cases import CASES
    from epicycle.bench.cases import bench as measure
    from epicycle.spec.errors import InputError, nearest

    for name in case or ():
        if name not in CASES:
            raise InputError(f"there is no case '{name}'; {nearest(name, CASES)}")
    _choose(platform)
    found = measure(list(case or CASES), lambda line: typer.echo(line, err=as_json))
    if as_json:
        _print_json(found)


@app.command()
def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or its beginning.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the file; made if it does not exist.")],
    to: Annotated[str, typer.Option("--to", metavar="csv|parquet|safetensors", help="Series as a table, or weights.")],
    step: Annotated[int | None, typer.Option(metavar="N", help="Step of the weights [the last].")] = None,
    names: Annotated[
        str, typer.Option(metavar="old|native|own", help="Names of the weights: TransformerLens 2 and 3, TransformerLens 4, ours.")
    ] = "old",
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a run's recorded series or its weights for other tools."""
    from epicycle.interop.export import export as write

    path = write(run, to, folder, step=step, names=names, root=root)
    if as_json:
        _print_json({"file": str(path.absolute())})
    else:
        typer.echo(str(path))


def _choose(platform: str | None) -> None:
    if platform is None:
        return
    from epicycle.spec.errors import InputError
    from epicycle.training.devices import choose_platform

    if platform not in ("cpu", "gpu"):
        raise InputError(f"--platform {platform}: choose cpu or gpu.")
    choose_platform(platform)  # type: ignore[arg-type]


def main() -> NoReturn:
    """Run the command line; a user's mistake becomes one paragraph and exit code 2."""
    from epicycle.spec.errors import InputError
    from epicycle.spec.own_code import in_words, place_of

    try:
        app(standalone_mode=False)
    except InputError as error:
        _fail(str(error), BAD_INPUT)
    except typer.Exit as ending:
        sys.exit(ending.exit_code)
    except (typer.Abort, KeyboardInterrupt) as ending:
        if isinstance(ending.__cause__, EOFError):  # typer takes it for Ctrl-D; cut-off byte code raises it too
            raise ending.__cause__ from None
        _fail("interrupted; run the same command again to go on.", INTERRUPTED)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(
            f"{where}{error.strerror or error}. Results are whole up to the last commit; make room or choose another --root, "
            "then run again.",
            BAD_INPUT,
        )
    except Exception as error:
        if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # typer's own usage errors
            _fail(error.format_message(), int(error.exit_code))
        if place := place_of(error):
            _fail(f"{place}: {in_words(error)} Correct it and run again.", BAD_INPUT)
        raise
    sys.exit(0)


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"epicycle: {message}", err=True)
    sys.exit(code)


def _at_setting(name: str, profiles: dict[str, bool], seeds: int | None, assign: list[str] | None) -> "Study":
    """The study with everything the command line says about it."""
    from epicycle.spec.errors import InputError
    from epicycle.spec.paths import assignment

    asked = [profile for profile, chosen in profiles.items() if chosen]
    if len(asked) > 1:
        raise InputError(f"--{asked[0]} and --{asked[1]} exclude each other; choose one.")
    if seeds is not None and seeds < 1:
        raise InputError(f"--seeds {seeds}: at least one seed is needed; claims over seeds need six.")
    study = _load(name).at_profile(asked[0] if asked else "stated")  # type: ignore[arg-type]
    return study.with_assignments(dict(assignment(text) for text in assign or [])).with_seeds(seeds)


def _load(name: str) -> "Study":
    from epicycle.spec.own_code import make_importable
    from epicycle.studies import load
    from epicycle.studies.own_file import SUFFIXES, load_file

    if Path(name).suffix in SUFFIXES:
        return load_file(Path(name))
    make_importable(Path.cwd())  # for parts that --set names
    return load(name)


def _run(study: "Study", root: "Root", as_json: bool) -> "Outcome":
    from epicycle.cli.interruption import asked_to_end
    from epicycle.cli.progress import Display
    from epicycle.lab.study import run_study
    from epicycle.store.atomic import writing
    from epicycle.training.cohort import Interrupted

    labels = {run.id: name for name, arm in study.root_arms() for _, run in arm.runs()}
    try:
        with asked_to_end() as asked:
            with Display(labels, quiet=as_json) as display:
                command = " ".join(["epicycle", *sys.argv[1:]])
                outcome = run_study(study, root, display, asked, command)
            from epicycle.report.page import write_report

            with writing(outcome.files.lock):
                write_report(outcome.root, outcome.files)
    except Interrupted:
        _fail("interrupted; everything up to here is kept. Run the same command again to go on.", INTERRUPTED)
    return outcome


def _writable_root(path: Path | None) -> "Root":
    from epicycle.store.files import Root, default_root

    return Root.create(path or default_root())


def _find(target: str, root: Path | None) -> tuple["Root", "StudyFiles"]:
    from epicycle.lab.study import find_study
    from epicycle.spec.errors import InputError
    from epicycle.store.files import Root, StudyFiles, default_root
    from epicycle.studies.own_file import SUFFIXES

    path = Path(target)
    if path.is_dir():
        if not (path / "verdicts.json").is_file():
            raise InputError(f"{target} is not the directory of a study (there is no verdicts.json in it).")
        return Root(path.absolute().parents[2]).opened(), StudyFiles(path.absolute())
    place = Root(root or default_root()).opened()
    return place, find_study(place, _load(target).name if path.suffix in SUFFIXES else target)


def _print_json(document: Any) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def _print_verdicts(document: dict[str, Any], trained: int | None = None) -> None:
    from epicycle.report.style import VERDICTS

    typer.echo(f"{document['study']}: {document['question']}")
    for claim in document["claims"]:
        marks = "".join(f" [{mark}]" for mark in ("pilot", "post_hoc") if claim[mark])
        word = typer.style(f"{VERDICTS[claim['verdict']][0]} {claim['verdict']}", fg=COLOURS[claim["verdict"]])
        typer.echo(f"  {word}{marks}  {claim['sentence']}")
        typer.echo(f"      {claim['reason']}")
    for name, reason in document.get("left_out", {}).items():
        typer.echo(f"  arm {name} is left out: {reason}")
    did = "" if trained is None else f", {trained} runs trained" if trained else ", nothing to train"
    typer.echo(f"{document['seconds']:.1f} s{did}")
    typer.echo(f"report: {document['report']}")


if __name__ == "__main__":
    main()
