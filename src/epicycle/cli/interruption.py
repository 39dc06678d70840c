"""Ctrl-C handling.

The first Ctrl-C (or SIGTERM) lets the current work finish and be saved. The second one ends the program at once.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
NOTICE = b"epicycle is saving its work and will then stop; press Ctrl-C again to stop at once.\n"


@contextmanager
def graceful_interruption() -> Iterator[Callable[[], bool]]:
    """Catch Ctrl-C and SIGTERM inside the `with` block.

    Yields:
        A function that tells whether a signal has come. A second signal raises KeyboardInterrupt wherever the program is.
    """
    received: list[int] = []
    previous_handlers = {number: signal.getsignal(number) for number in SIGNALS}

    def receive(number: int, frame: FrameType | None) -> None:
        received.append(number)
        os.write(2, NOTICE)  # print is not safe in a signal handler
        for repeated in SIGNALS:
            signal.signal(repeated, signal.default_int_handler)

    for number in SIGNALS:
        signal.signal(number, receive)
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)
