"""Simulated runs on disk: a cohort that is written whole, with series and without checkpoints."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from epicycle.spec.arms import SimulatedRun
from epicycle.spec.families import Simulated
from epicycle.spec.identity import digest
from epicycle.spec.results import DONE, SeriesShape
from epicycle.store.atomic import write_json, write_yaml
from epicycle.store.cohort_marker import Segment, blank_marker, write_marker
from epicycle.store.cohort_members import MemberRecord
from epicycle.store.cohorts import growing_whole
from epicycle.store.files import CohortFiles, Root
from epicycle.store.own_code import keep_own_code
from epicycle.store.series import create_series, fixed_sums, write_rows


def simulated_files(root: Root, runs: Sequence[SimulatedRun]) -> CohortFiles:
    """Where the cohort of these runs lies."""
    return root.cohort(digest([run.id for run in runs]))


def write_simulated(root: Root, runs: Sequence[SimulatedRun], simulated: Simulated) -> None:
    """Write what a theory says of some runs, as a finished cohort that appears whole or not at all.

    Args:
        runs: of one theory, one for each entry along the axis `run` of the series.
        simulated: finite or NaN numbers, at least one step.
    """
    theory, files = runs[0].theory, simulated_files(root, runs)
    shapes = {
        name: SeriesShape(theory.series[name], values.shape[2:], values.dtype) for name, values in sorted(simulated.series.items())
    }
    steps = np.asarray(simulated.steps, np.int64)
    with growing_whole(files) as nursery:
        write_yaml(nursery.spec, {"theory": theory.model_dump(mode="json")})
        write_json(nursery.members, [MemberRecord.simulated(run).plain() for run in runs])
        segment = nursery.series / "0"
        nursery.series.mkdir()
        create_series(segment, steps, len(runs), shapes, simulated.labels)
        write_rows(segment, 0, simulated.series)
        sums = {str(segment.relative_to(nursery.path) / name): value for name, value in fixed_sums(segment).items()}
        blank = blank_marker(nursery, len(runs))
        finished = replace(
            blank,
            rows=(len(steps),) * len(runs),
            states=(DONE,) * len(runs),
            segments=(Segment(int(steps[-1]), len(steps)),),
            finished=True,
            sums=dict(sorted({**blank.sums, **sums}.items())),
        )
        write_marker(nursery, finished)
        keep_own_code(nursery, [theory])
