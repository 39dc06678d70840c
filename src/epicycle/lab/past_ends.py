"""How far runs of a study went before: a plan expects as much of the next ones."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import NamedTuple

from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Run
from epicycle.store.files import Root
from epicycle.store.studies import find_study
from epicycle.store.study_documents import read_runs


class PastRuns(NamedTuple):
    """Runs of an arm that were judged before.

    Attributes:
        budget: the step up to which they counted.
        ends: the step at which each of them ended.
    """

    budget: int
    ends: tuple[int, ...]

    def expected(self, budget: int) -> float:
        """The steps that a run with another budget is expected to take. A run that used up its budget would have gone on."""
        return mean(budget if end >= self.budget else min(end, budget) for end in self.ends)


def past_runs(root: Root, name: str) -> dict[str, PastRuns]:
    """The runs of each arm of a study that were judged last in a root; empty where there are none.

    Args:
        root: need not exist.
        name: of the study.
    """
    if not root.marker.is_file():
        return {}
    try:
        files = find_study(root, name)
    except InputError:  # the study was never judged in this root
        return {}
    past = {}
    for arm, listed in read_runs(files).arms.items():
        if ends := tuple(run.end for run in listed.runs if run.end is not None):
            past[arm] = PastRuns(listed.budget, ends)
    return past


def expected_steps(runs: Sequence[Run], arm_of: Mapping[str, str], past: Mapping[str, PastRuns]) -> float | None:
    """The steps of some runs in all, if they end as the runs of their arms did before; None where an arm was never run.

    Args:
        runs: the runs.
        arm_of: a run's id -> the run's arm.
        past: as `past_runs` gives it.
    """
    arms = [arm_of[run.id] for run in runs]
    if not {*arms} <= past.keys():
        return None
    return sum(past[arm].expected(run.experiment.training.steps) for run, arm in zip(runs, arms, strict=True))
