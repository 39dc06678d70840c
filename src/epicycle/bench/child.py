"""Measurements that need a process of their own: the start, and the peak of memory."""

import contextlib
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path


def main(what: str, *arguments: str) -> None:
    """Measure and print one JSON document."""
    print(json.dumps(_start() if what == "start" else _memory(int(arguments[0]))))


def _start() -> dict[str, float]:
    """Seconds from the parent's call until the quickstart reports its first step, by the way that `epicycle run` takes."""
    from epicycle.lab.study import run_study
    from epicycle.store.files import Root
    from epicycle.studies import load
    from epicycle.training.loop import Interrupted

    reported: list[float] = []
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(Interrupted):
        run_study(
            load("quickstart"), Root.create(Path(folder) / "results"), lambda progress: reported.append(time.time()), lambda: True
        )
    return {"seconds": reported[0] - float(os.environ["EPICYCLE_BENCH_BEGAN"])}


def _memory(members: int) -> dict[str, float]:
    """Peak resident memory while canonical members train and are observed."""
    from epicycle.bench.cases import CANONICAL
    from epicycle.spec.observation import Observation
    from epicycle.training.devices import start
    from epicycle.training.rehearsal import Rehearsal

    ensemble = Rehearsal(CANONICAL, members, start(), Observation().measures)
    ensemble.steps(2)
    ensemble.look(1)
    unit = 1e9 if sys.platform == "darwin" else 1e6  # bytes there, kilobytes elsewhere
    return {"members": members, "peak_gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 2)}


if __name__ == "__main__":
    main(*sys.argv[1:])
