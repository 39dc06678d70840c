"""`epicycle ledger`: what each account predicted, and what happened. Nothing is trained."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from epicycle.cli.app import JsonOption, RootOption
from epicycle.cli.output import COLOURS, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from epicycle.claims.ledger import Row, Vote

FoldersArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[DIR...]",
        help="Folders with verdicts.json in them or below them, for example docs/verdicts. Default: the studies in the root.",
    ),
]


def ledger(folders: FoldersArgument = None, root: RootOption = None, as_json: JsonOption = False) -> None:
    """Show what each account of grokking predicted, and what happened.

    All studies that were run are put together, the latest verdicts for each study and organism. Claims of the library that were not
    run are listed with the predictions alone. The page is written to ledger.html in the root.

    For example: epicycle ledger
    """
    from epicycle.report.ledger_page import write_ledger
    from epicycle.report.ledger_rows import ledger_rows
    from epicycle.report.ledger_sections import ledger_document
    from epicycle.store.files import Root, default_root
    from epicycle.store.judged_folders import verdicts_of_folders, verdicts_of_root
    from epicycle.studies import NAMES, load

    results = Root.create(root or default_root())
    judged = verdicts_of_folders(folders) if folders else verdicts_of_root(results)
    rows = ledger_rows(judged, [load(name) for name in NAMES])
    write_ledger(results.ledger, rows, [str(folder) for folder in folders or [results.path]])
    if as_json:
        print_json(ledger_document(rows, str(results.ledger)))
        return
    _print_ledger(rows)
    typer.echo(f"page: {results.ledger}")


def _print_ledger(rows: "Sequence[Row]") -> None:
    """Print for each phenomenon who was right, with the claims on which accounts differ, and which studies would decide more."""
    from epicycle.report.findings import account_title
    from epicycle.report.ledger_sections import sections

    for section in sections(rows):
        typer.secho(section.title, bold=True)
        typer.echo(f"  {section.summary()}")
        for counted, where in ((True, ""), (False, "where no account says otherwise, this came true: ")):
            if right := section.right(counted):
                typer.echo(f"  {where}{'   '.join(_standing(account_title(name), vote) for name, vote in right)}")
        for row in section.rows:
            if row.differs:
                typer.echo(f"  {_verdict(row)}  {row.claim.sentence}")
                typer.echo(f"      {'   '.join(_answers(row, says) for says in ('yes', 'no'))}")
    predicted = [row for row in rows if row.claim.predictions]
    if waiting := sorted({row.claim.study for row in predicted if row.verdict == "not run"}):
        typer.echo(f"Claims that were not run: {', '.join(f'epicycle run {study}' for study in waiting)}.")


def _standing(title: str, vote: "Vote") -> str:
    """An account with the number of claims on which it was right: a tick for all, a cross for none."""
    verdict = "supported" if vote.right == vote.decided else "undecided" if vote.right else "refuted"
    return _signed(verdict, f"{title} {vote.right} of {vote.decided}")


def _verdict(row: "Row") -> str:
    post_hoc = " [post_hoc]" if row.post_hoc else ""
    text = {"disagree": "organisms disagree"}.get(row.verdict, row.verdict)
    return f"{_signed(row.verdict, text)}{post_hoc}"


def _answers(row: "Row", says: str) -> str:
    """The accounts that give one answer: `no: Coverage, Norm`."""
    from epicycle.report.findings import account_title

    titles = [account_title(name) for name, prediction in row.claim.predictions.items() if prediction.says == says]
    return f"{says}: {', '.join(titles)}"


def _signed(verdict: str, text: str) -> str:
    from epicycle.report.style import VERDICTS

    if verdict not in VERDICTS:
        return f"· {text}"
    return typer.style(f"{VERDICTS[verdict].sign} {text}", fg=COLOURS[verdict])
