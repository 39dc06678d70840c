"""What the commands print: JSON, verdicts and error paragraphs, with the exit code of each way to end."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from epicycle.store.study_listing import StudyRuns

DONE, BAD_INPUT, INTERRUPTED = 0, 2, 3  # 1 is Python's own, for an error that nobody foresaw
COLOURS = {"supported": "green", "refuted": "red", "undecided": "yellow"}


def fail(message: str, code: int) -> NoReturn:
    """Print one paragraph on standard error and leave with an exit code."""
    typer.echo(f"epicycle: {message}", err=True)
    sys.exit(code)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def print_verdicts(document: Mapping[str, Any], trained: int | None = None) -> None:
    """Print a study's verdicts, the arms without runs, and where its report is.

    Args:
        document: the verdicts document, as `--json` prints it.
        trained: how many runs the command trained; None for a command that trains nothing.
    """
    from epicycle.report.style import VERDICTS

    typer.echo(f"{document['study']}: {document['question']}")
    for claim in document["claims"]:
        marks = "".join(f" [{mark}]" for mark in ("pilot", "post_hoc") if claim[mark])
        verdict = typer.style(f"{VERDICTS[claim['verdict']][0]} {claim['verdict']}", fg=COLOURS[claim["verdict"]])
        typer.echo(f"  {verdict}{marks}  {claim['sentence']}")
        typer.echo(f"      {claim['reason']}")
    for name, reason in document.get("left_out", {}).items():
        typer.echo(f"  arm {name} is left out: {reason}")
    work = "" if trained is None else f", {trained} runs trained" if trained else ", nothing to train"
    typer.echo(f"{document['seconds']:.1f} s{work}")
    typer.echo(f"report: {document['report']}")


def print_event_steps(runs: "StudyRuns", events: Mapping[str, Mapping[str, Sequence[int | None]]]) -> None:
    """Print the step of each event in a forked run and its control, one line a run.

    Args:
        runs: the runs of the study.
        events: arm -> event -> step in each run, None where the event did not happen (the content of events.json).
    """
    for arm, listing in runs.arms.items():
        for position, run in enumerate(listing.runs):
            values = "".join(f", {name} {value:g}" for name, value in run.values.items())
            steps = ", ".join(f"{event} {_step(by_run[position])}" for event, by_run in events[arm].items())
            typer.echo(f"{arm}{values}: {steps}{'' if arm == 'control' else ' (steps after the fork)'}")


def _step(step: int | None) -> str:
    return "not reached" if step is None else f"{step:,}"
