"""Arms with known answers, planted without training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray

from epicycle.spec.results import DONE, RunLabels, Status, arm_dataset

STEPS = np.unique(np.round(np.geomspace(1, 10_000, 600)).astype(int))


def planted(
    mem: Sequence[float],
    gen: Sequence[float | None],
    seeds: Sequence[tuple[int, int]] | None = None,
    swept: Mapping[str, Sequence[Any]] | None = None,
    moments: Sequence[int] | None = None,
    **series: Any,
) -> xarray.Dataset:
    """Runs whose test accuracy rises linearly in the step from 0 at 0.3 gen to 1 at gen.

    Args:
        mem: for each run the step from which the training accuracy is 1; it is 0 before.
        gen: for each run the step at which the test accuracy comes to 1, or None.
        seeds: for each run its seed and data_seed.
        swept: swept name -> value in each run.
        moments: for each run the moment of its fork; None for runs from the start.
        series: further series, as functions of the run's position.
    """
    train = np.array([(m <= STEPS).astype(float) for m in mem])
    test = np.array([np.zeros(len(STEPS)) if g is None else np.clip((STEPS - 0.3 * g) / (0.7 * g), 0, 1) for g in gen])
    values = {"train_acc": train, "test_acc": test, "test_acc_mirror_unseen": test, "train_loss": 1.01 - train}
    values |= {name: np.array([make(run) for run in range(len(mem))], float) for name, make in series.items()}
    names = list(swept or {})
    runs = [
        RunLabels(
            name=f"run {i}",
            seed=seed,
            data_seed=data_seed,
            status=DONE,
            baseline=0.1,
            mirror_share=0.4,
            swept={name: (swept or {})[name][i] for name in names},
            moment=None if moments is None else moments[i],
        )
        for i, (seed, data_seed) in enumerate(seeds or [(i, i) for i in range(len(mem))])
    ]
    return arm_dataset(STEPS, {name: (("run", "step"), v) for name, v in values.items()}, runs, budget=10_000, swept=names)


def stepping(
    mem: Sequence[int], gen: Sequence[int | None], diverged: Sequence[int] = (), swept: Mapping[str, Sequence[Any]] | None = None
) -> xarray.Dataset:
    """Runs that memorise and generalise from one evaluation to the next; those that diverge stop being recorded early."""
    steps = np.unique(np.round(np.geomspace(1, 1000, 400)).astype(int))
    train = np.array([(steps >= m).astype(float) for m in mem])
    test = np.array([(steps >= g).astype(float) if g is not None else np.full(len(steps), 0.02) for g in gen])
    for run in diverged:
        train[run, 50:] = test[run, 50:] = np.nan
    series = {"train_acc": train, "test_acc": test, "train_loss": 1 - train}
    runs = [
        RunLabels(
            name=f"run {i}",
            seed=i,
            data_seed=i,
            status=Status.diverged_at(7) if i in diverged else DONE,
            baseline=0.01,
            swept={name: values[i] for name, values in (swept or {}).items()},
        )
        for i in range(len(mem))
    ]
    return arm_dataset(steps, {name: (("run", "step"), v) for name, v in series.items()}, runs, budget=1000, swept=list(swept or {}))
