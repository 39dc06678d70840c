"""Fair timing on a shared machine: jobs take turns within one run, and only their ratios are compared."""

import statistics
from collections.abc import Callable, Mapping, Sequence

Job = Callable[[], float]  # does its work once and returns seconds for one unit of it


def alternate(jobs: Mapping[str, Job], rounds: int) -> dict[str, list[float]]:
    """Seconds of each job in every round, by the job's name. Each job runs once before the rounds, unmeasured."""
    for job in jobs.values():
        job()
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            seconds[name].append(job())
    return seconds


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """The median over rounds of the ratio within a round."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))
