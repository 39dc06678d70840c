"""Commands that train nothing: studies, presets, show, report, export. `show` and `report` work without JAX."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epicycle.cli.app import JsonOption, ResultsArgument, RootOption, RunArgument
from epicycle.cli.chosen_study import find_results
from epicycle.cli.output import print_json, print_organisms, print_verdicts

if TYPE_CHECKING:
    from epicycle.spec.plain_data import Plain
    from epicycle.spec.study import Study

PresetArgument = Annotated[
    str | None, typer.Argument(metavar="NAME", help="One preset, with the origin of each of its numbers. Default: list all.")
]
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the file. It is made if it does not exist.")]
FormatOption = Annotated[
    str,
    typer.Option("--to", metavar="csv|parquet|safetensors", help="csv and parquet hold the recorded series, safetensors the weights."),
]
WeightsStepOption = Annotated[
    int | None, typer.Option("--step", metavar="N", help="Step of the weights, for example 1000. Default: the last step.")
]
NamesOption = Annotated[
    str,
    typer.Option(
        "--names",
        metavar="old|native|own",
        help="Names of the weights: old for TransformerLens 2 and 3, native for TransformerLens 4, own for Epicycle's.",
    ),
]


def studies(as_json: JsonOption = False) -> None:
    """List the studies, with their questions and sources.

    For example: epicycle studies
    """
    from epicycle.studies import NAMES, load

    entries = [_study_entry(load(name)) for name in NAMES]
    if as_json:
        print_json({"studies": entries})
        return
    for entry in entries:
        typer.echo(f"{entry['study']}: {entry['question']}")
        typer.echo(f"  {entry['runs']} runs, at most {entry['member_steps_at_most']:,} steps over all runs")
        if organisms := [entry["organism"], *entry["organisms"]][not entry["organism"] :]:
            typer.echo(f"  organisms: {', '.join(organisms)}")
        for source in entry["sources"]:
            typer.echo(f"  {source}")


def presets(name: PresetArgument = None, as_json: JsonOption = False) -> None:
    """List published settings, or show one in full.

    A preset is the setting of a paper or of its code. With a NAME, every number is shown with where it comes from.

    For example: epicycle presets NP
    """
    from epicycle.presets.preset_pages import described, details
    from epicycle.spec.kinds import PRESETS
    from epicycle.spec.registry import load_preset

    if name is not None:
        preset = load_preset(name)
        if as_json:
            print_json(preset.model_dump(mode="json"))
        else:
            typer.echo(details(preset))
        return
    entries = [{"preset": p.name, "title": p.title, **described(p), "code": p.code} for p in map(load_preset, PRESETS)]
    if as_json:
        print_json({"presets": entries})
        return
    for entry in entries:
        typer.echo(f"{entry['preset']}: {entry['title']}")
        typer.echo("  " + "; ".join(entry[part] for part in ("task", "network", "optimiser", "split")))


def show(study: ResultsArgument, root: RootOption = None, as_json: JsonOption = False) -> None:
    """Show the verdicts of a study that was run.

    A study that was run on several organisms is shown as it was judged last, with a table of every claim on every organism.

    For example: epicycle show quickstart
    """
    from epicycle.store.organism_verdicts import compared_organisms
    from epicycle.store.studies import document

    results, files = find_results(study, root)
    verdicts = document(results, files)
    compared = compared_organisms(results, verdicts["study"])
    if as_json:
        print_json(verdicts | {"on_organisms": compared.document() if compared else []})
    else:
        print_verdicts(verdicts)
        if compared:
            print_organisms(compared)


def report(study: ResultsArgument, root: RootOption = None, as_json: JsonOption = False) -> None:
    """Write the report page of a study again.

    The page is made from stored results; nothing is trained.

    For example: epicycle report quickstart
    """
    from epicycle.report.page import write_report
    from epicycle.store.atomic import writing
    from epicycle.store.studies import document

    results, files = find_results(study, root)
    with writing(files.lock):
        verdicts = document(results, files)
        write_report(results, files)
    if as_json:
        print_json(verdicts)
    else:
        typer.echo(str(files.report))


def export(
    run: RunArgument,
    folder: FolderArgument,
    to: FormatOption,
    step: WeightsStepOption = None,
    names: NamesOption = "old",
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a run's series or weights for other tools.

    For example: epicycle export 3f9a --to csv out
    """
    from epicycle.interop.export import export as write

    path = write(run, to, folder, step=step, names=names, root=root)
    if as_json:
        print_json({"file": str(path.absolute())})
    else:
        typer.echo(str(path))


def _study_entry(study: "Study") -> "Plain":
    """What `epicycle studies --json` says about one study."""
    runs = [run for _, arm in study.root_arms() for _, run in arm.runs()]
    return {
        "study": study.name,
        "question": study.question,
        "arms": list(study.arms),
        "runs": len(runs) + sum(arm.run_count() for _, arm in study.theory_arms()),
        "member_steps_at_most": sum(run.experiment.training.steps for run in runs),
        "organism": study.organism,
        "organisms": list(study.organisms),
        "profiles": list(study.profiles),
        "sources": [f"{source.authors} {source.year}, {source.title}" for source in study.sources],
    }
