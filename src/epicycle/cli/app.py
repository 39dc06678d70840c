"""The typer application, and the arguments and options that several commands share.

Only typer is imported, so `epicycle --help` answers at once. Each command imports what it needs when it is called.
"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Epicycle is a laboratory for grokking: it trains many small networks past overfitting, tests registered claims over seeds, "
    "and writes a report. A first example: epicycle run quickstart",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

StudyArgument = Annotated[
    str, typer.Argument(metavar="STUDY|FILE", help="The name of a study (see `epicycle studies`), or a study file (.yaml, .py).")
]
ResultsArgument = Annotated[
    str, typer.Argument(metavar="STUDY|FILE|DIR", help="The name of a study that was run, its file, or the folder of its results.")
]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, or the first few characters of it. runs.json of a study lists the ids.")
]
QuickOption = Annotated[
    bool, typer.Option("--quick", help="Take the study's pilot: a few minutes, seeds of its own, verdicts marked as pilot.")
]
OrganismOption = Annotated[
    str | None,
    typer.Option(
        "--organism",
        metavar="fly|mouse|canon",
        help="Run the study on another organism: fly (a small MLP, under a second a run), mouse (a small transformer, seconds), "
        "canon (the published network, a GPU or a day). Default: the one that the study names, most often the fly.",
    ),
]
SeedsOption = Annotated[
    int | None, typer.Option("--seeds", metavar="N", help="Seeds of every arm, for example 12. Only new seeds are trained.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change a field in all arms (task.p=59) or in one arm (arms.control.split.frac_train=0.5). May be repeated.",
    ),
]
RootOption = Annotated[
    Path | None,
    typer.Option(
        "--root", metavar="DIR", help="Folder of all results. Default: the environment variable EPICYCLE_ROOT, or ./epicycle-results."
    ),
]
PlatformOption = Annotated[
    str | None, typer.Option("--platform", metavar="cpu|gpu", help="Where to train. Default: a GPU if JAX finds one, else the CPU.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output and nothing else.")]
