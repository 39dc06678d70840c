"""The entry point of `epicycle`: it assembles the commands, and turns errors into one paragraph and an exit code."""

import sys
from typing import NoReturn

import typer

from epicycle.cli.app import app
from epicycle.cli.bench_command import bench
from epicycle.cli.output import BAD_INPUT, DONE, INTERRUPTED, fail
from epicycle.cli.reading_commands import export, presets, report, show, studies
from epicycle.cli.training_commands import fork, plan, run

for command in (run, fork, plan, studies, presets, show, report, bench, export):  # in the order of `epicycle --help`
    app.command()(command)


def main() -> NoReturn:
    """Run the command line and leave with an exit code.

    The codes are 0 for done (whatever the verdicts), 2 for bad input, 3 for interrupted, and 1 otherwise. Bad input is explained in
    one paragraph, without a traceback.
    """
    try:
        app(standalone_mode=False)
    except typer.Exit as ending:
        sys.exit(ending.exit_code)
    except (typer.Abort, KeyboardInterrupt) as ending:
        if isinstance(ending.__cause__, EOFError):  # typer takes EOFError for Ctrl-D, but cut-off byte code raises it too
            raise ending.__cause__ from None
        fail("interrupted. All saved work is kept; run the same command again to go on.", INTERRUPTED)
    except Exception as error:
        paragraph, code = _explain(error)
        fail(paragraph, code)
    sys.exit(DONE)


def _explain(error: Exception) -> tuple[str, int]:
    """A paragraph and an exit code for a mistake of the user; any other error is raised again.

    Raises:
        Exception: the error itself, when neither the input nor the user's files nor the disk caused it.
    """
    from epicycle.spec.errors import InputError
    from epicycle.spec.own_code import in_words, line_of

    if isinstance(error, InputError):
        return str(error), BAD_INPUT
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        advice = "Results are whole up to the last save. Make room or choose another --root, then run the same command again."
        return f"{where}{error.strerror or error}. {advice}", BAD_INPUT
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # typer refused an option or argument
        return error.format_message(), int(error.exit_code)
    if line := line_of(error):
        return f"{line}: {in_words(error)} Correct the line and run again.", BAD_INPUT
    raise error


if __name__ == "__main__":
    main()
