"""How a person ends a run early: Ctrl-C (or a polite kill) once, and what is under way is finished and committed; twice, at once."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def asked_to_end() -> Iterator[Callable[[], bool]]:
    """Gives a function that says whether somebody has asked. The second time, KeyboardInterrupt is raised wherever the program is."""
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def note(number: int, frame: Any) -> None:
        came.append(number)
        os.write(2, b"ending as soon as what is under way is committed; once more ends at once.\n")  # print is not safe in here
        for each in SIGNALS:
            signal.signal(each, signal.default_int_handler)

    for number in SIGNALS:
        signal.signal(number, note)
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
