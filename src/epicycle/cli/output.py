"""What the commands print: JSON, verdicts and error paragraphs, in whatever encoding standard output has."""

import codecs
import json
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from epicycle.store.organism_verdicts import OrganismVerdicts
    from epicycle.store.study_listing import StudyRuns

# Signs of our texts that Unicode itself does not take apart into ASCII letters.
IN_ASCII = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    **dict.fromkeys("\u2018\u2019", "'"),
    **dict.fromkeys("\u201c\u201d", '"'),
    **dict(zip("\u2713\u2717\u00d7\u00b7\u2264\u2265\u2248\u2192", ("+", "x", "x", ".", "<=", ">=", "~", "->"), strict=True)),
}
COLOURS = {"supported": "green", "refuted": "red", "undecided": "yellow"}


def fail(message: str, code: int) -> NoReturn:
    """Print one paragraph on standard error and leave with an exit code."""
    with suppress(OSError):  # the terminal may be gone
        typer.echo(f"epicycle: {message}", err=True)
    sys.exit(code)


def write_any_text() -> None:
    """Let standard output and standard error write any text: signs that their encoding lacks are written in ASCII."""
    codecs.register_error("in-ascii", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="in-ascii")


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """An error handler of `codecs` that writes a character in ASCII: a dash as -, an accented letter without its accent."""
    assert isinstance(error, UnicodeEncodeError)
    letters = (IN_ASCII.get(sign) or _without_marks(sign) or "?" for sign in error.object[error.start : error.end])
    return "".join(letters), error.end


def _without_marks(sign: str) -> str:
    return unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()


def print_json(document: Any) -> None:
    """Print one JSON document on standard output. Where the encoding lacks a sign, JSON's own escapes stand for all of them."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(document, indent=2, allow_nan=False)
    typer.echo(text)


def print_verdicts(document: Mapping[str, Any], trained: int | None = None) -> None:
    """Print a study's verdicts, the arms without runs, and where its report is.

    Args:
        document: the verdicts document, as `--json` prints it.
        trained: how many runs the command trained; None for a command that trains nothing.
    """
    from epicycle.claims.wording import ClaimWords
    from epicycle.report.style import VERDICTS

    organism = f" (on the {document['organism']})" if document.get("organism") else ""
    typer.echo(f"{document['study']}{organism}: {document['question']}")
    for claim in document["claims"]:
        marks = "".join(f" [{mark}]" for mark in ("pilot", "post_hoc") if claim[mark])
        words = ClaimWords.of(claim)
        sign = typer.style(VERDICTS[claim["verdict"]].sign, fg=COLOURS[claim["verdict"]])
        typer.echo(f"  {sign}{marks} {words.says.removesuffix('.')} — {words.finding or claim['reason']}")
        if claim["verdict"] == "undecided":
            typer.echo(f"      Criterion: {words.criterion}")
            typer.echo(f"      Undecided. What would decide it: {claim.get('needs') or claim['reason']}.")
    if unasked := document.get("not_asked"):
        typer.echo(f"  not asked of the {document['organism']}: {', '.join(unasked)}")
    for name, reason in document.get("left_out", {}).items():
        typer.echo(f"  arm {name} is left out: {reason}")
    work = "" if trained is None else f", {trained} new runs" if trained else ", nothing to train"
    typer.echo(f"{document['seconds']:.1f} s{work}")
    typer.echo(f"report: {document['report']}")


def print_organisms(compared: "OrganismVerdicts") -> None:
    """Print a table: for each claim of a study its verdict on each organism, and a remark where organisms disagree.

    Args:
        compared: the verdicts on at least two organisms.
    """
    from epicycle.report.style import VERDICTS

    organisms = list(compared.by_organism)
    width = max(len(name) for name in ("claim", *compared.claims()))
    typer.echo(f"{'claim':{width}}  {'  '.join(organisms)}")
    for claim in compared.claims():
        verdicts = [(name, compared.by_organism[name].get(claim)) for name in organisms]
        signs = "  ".join(f"{VERDICTS[verdict].sign if verdict else '-':{len(name)}}" for name, verdict in verdicts)
        typer.echo(f"{claim:{width}}  {signs}{'  disagree' if compared.disagree(claim) else ''}".rstrip())


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
