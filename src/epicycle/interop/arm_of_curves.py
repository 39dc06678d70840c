"""The dataset of an arm from curves: over the union of their steps, with the seeds, the status and the swept values of each run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import xarray
from jaxtyping import Float, Int
from numpy import ndarray

from epicycle.interop.curves import Curve
from epicycle.interop.import_options import ImportOptions
from epicycle.interop.table_arrays import MOST_VALUES
from epicycle.spec.arms import short_names
from epicycle.spec.errors import InputError
from epicycle.spec.results import DONE, RunLabels, Status, arm_dataset

# Settings of our own exports in which runs may differ and still be repetitions of each other.
_BUDGETS = ("training.steps", "training.stop")


class _Seeds(NamedTuple):
    seed: int
    data_seed: int


def dataset_of(curves: Sequence[Curve], baseline: float, options: ImportOptions, budget: int | None) -> xarray.Dataset:
    """The dataset of an arm, over the union of the steps of its runs.

    A run whose loss ends in infinity, or in values that are no numbers, has diverged; all other runs count as done. Exports of our own
    say themselves what became of a run, and the settings in which they differ are swept.

    Args:
        curves: the runs of the arm.
        baseline: the accuracy that can be reached without solving the task.
        options: names of the swept columns; notes are kept there.
        budget: the step up to which runs count; None means the last step of the arm.

    Raises:
        InputError: two runs have the same seeds, only some tables have seeds, or no record lies within the budget.
    """
    swept = list(options.swept)
    if not swept:
        curves, swept = _with_own_sweep(curves)
    seeds = _seeds_of(curves, swept)
    _check_distinct(curves, seeds, swept)
    last = max(int(curve.steps[-1]) for curve in curves) if budget is None else budget
    steps = _steps_up_to(last, curves)
    runs = [
        RunLabels(curve.name, seed, data_seed, _status(curve, last, options), baseline, swept=curve.swept)
        for curve, (seed, data_seed) in zip(curves, seeds, strict=True)
    ]
    return arm_dataset(steps, _aligned(curves, steps), runs, budget=last, swept=swept)


def _with_own_sweep(curves: Sequence[Curve]) -> tuple[list[Curve], list[str]]:
    """The curves of our own exports with the settings in which they differ as swept values, and the short names of these."""
    shared = set.intersection(*(set(curve.settings) for curve in curves))
    first = curves[0].settings
    paths = sorted(path for path in shared if any(curve.settings[path] != first[path] for curve in curves))
    paths = [path for path in paths if not path.startswith(_BUDGETS)]
    names = short_names(paths)
    pairs = list(zip(names, paths, strict=True))
    return [replace(curve, swept={name: curve.settings[path] for name, path in pairs}) for curve in curves], names


def _seeds_of(curves: Sequence[Curve], swept: Sequence[str]) -> list[_Seeds]:
    """The seeds of each run. Runs without seeds are numbered among those with the same swept values, in their order.

    A missing data seed equals the seed.
    """
    with_seed = [curve for curve in curves if curve.seed is not None]
    if with_seed and len(with_seed) < len(curves):
        without = next(curve for curve in curves if curve.seed is None)
        raise InputError(f"{without.origin} has no column seed, but {with_seed[0].origin} has one; give all of them or none.")
    numbers: Counter[tuple[object, ...]] = Counter()
    seeds = []
    for curve in curves:
        cell = tuple(curve.swept[name] for name in swept)
        seed = numbers[cell] if curve.seed is None else curve.seed
        numbers[cell] += 1
        seeds.append(_Seeds(seed, seed if curve.data_seed is None else curve.data_seed))
    return seeds


def _check_distinct(curves: Sequence[Curve], seeds: Sequence[_Seeds], swept: Sequence[str]) -> None:
    identities = [(*pair, *(curve.swept[name] for name in swept)) for curve, pair in zip(curves, seeds, strict=True)]
    counts = Counter(identities)
    if repeated := [curve.origin for curve, identity in zip(curves, identities, strict=True) if counts[identity] > 1]:
        raise InputError(
            f"{', '.join(repeated[:4])} have the same seed. Name the column that tells them apart with swept=['column'], or put them "
            "into different arms."
        )


def _steps_up_to(last: int, curves: Sequence[Curve]) -> Int[ndarray, " step"]:
    """The steps that any curve recorded, up to the last one that counts."""
    steps = np.unique(np.concatenate([curve.steps[curve.steps <= last] for curve in curves]))
    if not len(steps):
        first = min(int(curve.steps[0]) for curve in curves)
        raise InputError(f"no run has a record up to step {last}, the budget; pass budget={first} (the first recorded step) or more.")
    n_series = len({name for curve in curves for name in curve.series})
    if len(curves) * len(steps) * n_series > MOST_VALUES:
        raise InputError(
            f"{len(curves)} runs with {n_series} series at {len(steps)} different steps are too many numbers; pass fewer runs or "
            "series, or steps that the runs have in common."
        )
    return steps


def _aligned(curves: Sequence[Curve], steps: Int[ndarray, " step"]) -> dict[str, tuple[tuple[str, str], Float[ndarray, "run step"]]]:
    """Every series over all runs and the given steps; NaN where a run recorded nothing, or no finite number."""
    names = list(dict.fromkeys(name for curve in curves for name in curve.series))
    values = {name: np.full((len(curves), len(steps)), np.nan) for name in names}
    for run, curve in enumerate(curves):
        within = curve.steps <= steps[-1]
        positions = np.searchsorted(steps, curve.steps[within])
        for name, series in curve.series.items():
            values[name][run, positions] = np.where(np.isfinite(series), series, np.nan)[within]
    return {name: (("run", "step"), array) for name, array in values.items()}


def _status(curve: Curve, last: int, options: ImportOptions) -> Status:
    """What became of a run up to the last step that counts."""
    if curve.status is not None:
        status = Status.parse(curve.status)
        return DONE if status.step is not None and status.step > last else status
    position = _divergence(curve)
    if position is None or curve.steps[position] > last:
        return DONE
    if not any(np.isinf(values).any() for values in curve.series.values()):
        options.note(f"{curve.origin}: a loss is no number from step {curve.steps[position]} on; the run counts as diverged.")
    return Status.diverged_at(int(curve.steps[position]))


def _divergence(curve: Curve) -> int | None:
    """The position of the first loss that is no number, where none that is one follows; None where the loss did not diverge.

    A log without a loss at some step may have left it out. So NaN counts only beside another series of the same rows that goes on and
    was always recorded together with the loss before.
    """
    for rows in ("train", "test"):
        loss = curve.series.get(f"{rows}_loss", np.zeros(0))
        finite = np.isfinite(loss)
        begin = int(np.flatnonzero(finite)[-1]) + 1 if finite.any() else 0
        gone = np.isinf(loss[begin:])
        for name, values in curve.series.items():
            recorded = np.isfinite(values) if name.startswith(f"{rows}_") and name != f"{rows}_loss" else np.zeros(len(loss), bool)
            if finite.any() and (recorded[:begin] == finite[:begin]).all():
                gone |= recorded[begin:]
        if gone.any():
            return begin + int(np.flatnonzero(gone)[0])
    return None
