"""Measurements that need a process of their own: the seconds to a first step, and the peak of memory.

`python -m epicycle.bench.child start` and `python -m epicycle.bench.child memory MEMBERS` print one JSON document.
"""

import contextlib
import json
import os
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

BEGAN = "EPICYCLE_BENCH_BEGAN"  # environment variable: the Unix time at which the parent started this process


def main(measurement: str, *arguments: str) -> None:
    """Measure and print one JSON document."""
    print(json.dumps(seconds_to_first_step() if measurement == "start" else peak_memory(int(arguments[0]))))


def seconds_to_first_step() -> dict[str, float]:
    """Seconds from the parent's call until the quickstart reports its first round, on the path that `epicycle run` takes.

    The run is interrupted after that report and its results are thrown away.
    """
    from epicycle.lab.session import Session
    from epicycle.lab.study import run_study
    from epicycle.store.files import Root
    from epicycle.studies import load
    from epicycle.training.loop import Interrupted

    report_times: list[float] = []
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(Interrupted):
        session = Session(
            root=Root.create(Path(folder) / "results"),
            watch=lambda progress: report_times.append(time.time()),
            interrupted=lambda: bool(report_times),  # not sooner: an interruption before the first round reports nothing
        )
        run_study(load("quickstart"), session)
    return {"seconds": report_times[0] - float(os.environ[BEGAN])}


def peak_memory(members: int) -> dict[str, float]:
    """Peak resident memory in gigabytes while so many members of the canonical setting train and are observed."""
    from epicycle.bench.settings import CANONICAL
    from epicycle.spec.observation import Observation
    from epicycle.training.devices import start
    from epicycle.training.program_timing import Rehearsal

    ensemble = Rehearsal(CANONICAL, members, start(), Observation().measures)
    ensemble.steps(2)
    ensemble.observe(1)
    units_per_gigabyte = 1e9 if sys.platform == "darwin" else 1e6  # ru_maxrss is in bytes on macOS, in kilobytes on Linux
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units_per_gigabyte
    return {"members": members, "peak_gigabytes": round(peak, 2)}


def _end_with_parent() -> None:
    """Wait for the end of standard input, which the parent holds open while it lives."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    main(*sys.argv[1:])
