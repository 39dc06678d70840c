"""Ctrl-C, SIGTERM and SIGHUP, the same way for every command.

A signal ends the command at once. Inside `graceful_interruption`, the first signal lets the current work finish and be saved, and the
second one ends the command at once.

No signal becomes a KeyboardInterrupt. Such an exception can be raised in the middle of an import or of JAX's callbacks, where it is
swallowed, and it waits while the main thread compiles. So Python writes each signal into a pipe as it comes, and a thread answers.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from epicycle.cli.exit_codes import INTERRUPTED

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAVING = "epicycle is saving its work and will then stop; press Ctrl-C again to stop at once."
ENDED = "interrupted. All work up to the last save is kept; run the same command again to go on."
SHOW_CURSOR = "\x1b[?25h"  # the live table hides it


class _Grace:
    """Whether the first signal is to wait for the work to be saved, and whether it has come."""

    def __init__(self) -> None:
        self.is_given = self.is_used = False


_grace = _Grace()


def watch_signals() -> None:
    """Answer signals from now on, until the process ends. Call this once, in the main thread."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in SIGNALS:
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue  # nohup: the user wants the command to outlive the terminal
        signal.signal(number, lambda number, frame: None)  # with a handler of any kind, Python writes to the pipe
    threading.Thread(target=_answer, args=(reader,), name="epicycle-signals", daemon=True).start()


@contextmanager
def graceful_interruption() -> Iterator[Callable[[], bool]]:
    """Let the first signal inside the `with` block wait until the work is saved.

    Yields:
        A function that tells whether a signal has come.
    """
    _grace.is_given, _grace.is_used = True, False
    try:
        yield lambda: _grace.is_used
    finally:
        _grace.is_given = False


def _answer(reader: int) -> None:
    """Answer every signal; each is one byte in the pipe."""
    while os.read(reader, 1):
        if _grace.is_given and not _grace.is_used:
            _grace.is_used = True
            _say(SAVING)
        else:
            _say(f"{SHOW_CURSOR if os.isatty(2) else ''}epicycle: {ENDED}")
            os._exit(INTERRUPTED)  # sys.exit would end this thread only


def _say(message: str) -> None:
    with suppress(OSError):  # after SIGHUP nobody may be listening
        os.write(2, f"{message}\n".encode())
