"""The entry point of `epicycle`: signals, the text that a terminal can show, and errors as one paragraph with an exit code."""

import gc
import sys
from typing import NoReturn

from epicycle.cli.exit_codes import BAD_INPUT, DONE, INTERRUPTED
from epicycle.cli.interruption import ENDED, watch_signals

TYPER_INTERRUPTED = 130  # what typer returns for a KeyboardInterrupt


def main() -> NoReturn:
    """Run the command line in a process of its own and leave with an exit code."""
    watch_signals()  # before the imports below, which take a tenth of a second
    gc.set_threshold(10_000)  # imports make many objects and no garbage; looking for it takes a sixth of the time to start
    command_line()


def command_line() -> NoReturn:
    """Run the command line and leave with an exit code; signals are left to the caller.

    The codes are 0 for done (whatever the verdicts), 2 for bad input, 3 for interrupted, and 1 otherwise. Bad input is explained in
    one paragraph, without a traceback.
    """
    import typer

    from epicycle.cli.commands import app
    from epicycle.cli.output import fail, write_any_text

    write_any_text()
    try:
        code = app(standalone_mode=False)
    except KeyboardInterrupt:
        code = TYPER_INTERRUPTED
    except typer.Abort as ending:
        if isinstance(ending.__cause__, EOFError):  # typer takes EOFError for Ctrl-D, but cut-off byte code raises it too
            raise ending.__cause__ from None
        code = TYPER_INTERRUPTED
    except Exception as error:
        fail(*_explain(error))
    if code == TYPER_INTERRUPTED:
        fail(ENDED, INTERRUPTED)
    sys.exit(code or DONE)


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
