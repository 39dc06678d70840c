"""Finds the mistakes of a study before its first step: in claims, figures, moments, edits and stops.

The study's claims and figures are computed on blank records: those of the runs that it will have, in which nothing was recorded yet.
What is wrong whatever the runs will show is wrong there too.
"""

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import xarray

from epicycle.events.moments import checked_moment, events_in, fork_moment
from epicycle.events.standard import named
from epicycle.events.stops import refuse_unrecorded_stops
from epicycle.lab.foreseen import foreseen
from epicycle.spec.arms import ArmRun, ArmSimulation, ForkArm, TheoryArm
from epicycle.spec.errors import InputError, NoRuns, nearest
from epicycle.spec.families import Statistic
from epicycle.spec.own_code import in_words, is_own
from epicycle.spec.results import RUNNING, RunLabels, arm_dataset
from epicycle.spec.study import Figure, Study

Arms = Mapping[str, xarray.Dataset]


def refuse_mistakes(study: Study) -> dict[str, list[ArmRun]]:
    """Refuse a study that would fail after training.

    Returns:
        The runs that the study will have, by arm.

    Raises:
        InputError: the first mistake, with where it stands.
    """
    runs = foreseen(study)
    experiments = {id(run.experiment): run for name, _ in study.root_arms() for _, run in runs[name]}
    refuse_unrecorded_stops(list(experiments.values()), study.observation)
    arms = {name: _blank(study, name, arm_runs) for name, arm_runs in _some_seeds({**study.simulations(), **runs}).items()}
    for name, arm in study.fork_arms():
        _refuse_moments(study, name, arm, arms[arm.fork], max(run.experiment.training.steps for _, run in runs[arm.fork]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # means of nothing
        for claim in study.asked_claims():
            for statistic in claim.statistics():
                _refuse_statistic(statistic, arms, f"claim '{claim.id}'", study.pilot)
        for figure in study.figures:
            _refuse_figure(figure, study, arms)
    return runs


def _some_seeds(runs: Mapping[str, list[ArmRun] | list[ArmSimulation]]) -> dict[str, list[ArmRun | ArmSimulation]]:
    """The runs at some pairs of seeds only, so that a study of 100,000 runs is checked in seconds.

    Pairs that many arms have come first, so that arms that share a pair still do.
    """
    of_arm = {name: dict.fromkeys((run.seed, run.data_seed) for _, run in arm_runs) for name, arm_runs in runs.items()}
    arms_with = Counter(pair for pairs in of_arm.values() for pair in pairs)
    points = max(len(runs[name]) // max(len(pairs), 1) for name, pairs in of_arm.items())
    most = max(2, min(20, 2000 // max(points, 1)))
    kept = {name: set(sorted(pairs, key=lambda pair: (-arms_with[pair], pair))[:most]) for name, pairs in of_arm.items()}
    return {name: [each for each in arm_runs if (each.run.seed, each.run.data_seed) in kept[name]] for name, arm_runs in runs.items()}


def _blank(study: Study, name: str, runs: Sequence[ArmRun | ArmSimulation]) -> xarray.Dataset:
    """The dataset of an arm in which nothing was recorded."""
    arm = study.arms[name]
    is_fork, recorded = isinstance(arm, ForkArm), {measure.name: measure.dims for measure in study.observation.measures}
    axes = type(arm.theory).series if isinstance(arm, TheoryArm) else recorded
    labels = [
        RunLabels(str(i), run.seed, run.data_seed, RUNNING, 0.0, 0.0, values, 0 if is_fork else None)
        for i, (values, run) in enumerate(runs)
    ]
    series = {
        series_name: (("run", "step", *own_axes), np.full((len(runs), 2, *(1 for _ in own_axes)), np.nan))
        for series_name, own_axes in axes.items()
    }
    return arm_dataset(np.arange(2), series, labels, budget=1, swept=study.swept(name))


def _refuse_moments(study: Study, name: str, arm: ForkArm, parents: xarray.Dataset, longest: int) -> None:
    """Refuse a moment that cannot be looked up in the parents, or that lies past their ends."""
    recorded = {measure.name for measure in study.observation.measures}
    if "train_loss" not in recorded:
        raise InputError(
            f"arms.{name}: moments are looked up in the series train_loss, which no measure records; add it to observation."
        )
    for moment in arm.moments():
        try:
            fork_moment(parents, 0, moment)
        except InputError as error:
            raise InputError(f"arms.{name}: {error}") from None
        absent = [s for event in (events_in(moment) if isinstance(moment, str) else ()) for s in event.series if s not in recorded]
        if absent:
            raise InputError(f"arms.{name}: {moment} is read from {absent[0]}, which no measure records; add it to observation.")
    for _, variant in arm.points():
        if isinstance(variant.at, int) and variant.at + (variant.steps is None) > longest:
            raise InputError(f"arms.{name}: step {variant.at} is past the end of its parents, which train {longest:,} steps.")


def _refuse_statistic(statistic: Statistic, arms: Arms, where: str, pilot: bool) -> None:
    try:
        statistic.estimates(arms)
    except InputError as error:
        if pilot and isinstance(error, NoRuns):  # a pilot sweeps fewer values; the claim stays undecided
            return
        raise InputError(f"{where}: {error}") from None
    except Exception as error:
        if not is_own(type(statistic)):  # a user's own statistic may need records
            raise InputError(
                f"{where}: its statistic {statistic.kind} cannot be computed from these arms: {in_words(error)}"
            ) from error


def _refuse_figure(figure: Figure, study: Study, arms: Arms) -> None:
    where = f"figure '{figure.title}'"
    for event in figure.events:
        if event not in named():
            raise InputError(f"{where}: there is no event '{event}'; {nearest(event, named())}")
    for moment in figure.moments:
        try:
            checked_moment(moment)
        except ValueError as error:
            raise InputError(f"{where}: {error}.") from None
    ids = [claim.id for claim in study.claims]
    if figure.decides and figure.decides not in ids:
        raise InputError(
            f"{where}: it decides claim '{figure.decides}', which the study does not make; {nearest(figure.decides, ids)}"
        )
    names = {"seed", "data_seed", *(name for arm in figure.arms for name in study.swept(arm))}
    if figure.along and figure.along not in names:
        raise InputError(f"{where}: none of its arms sweeps '{figure.along}'; {nearest(figure.along, names)}")
    for quantity in figure.quantities:
        for name in figure.arms:
            _refuse_quantity(quantity, name, study, arms, where)


def _refuse_quantity(quantity: Statistic, name: str, study: Study, arms: Arms, where: str) -> None:
    """Refuse a quantity of a figure that has no value in the runs of an arm."""
    of_arm = quantity.model_copy(update={"arm": name, "where": {}})
    data = [arms[name]]
    if quantity.of_forks:
        against = getattr(quantity, "against", "")
        if against not in arms:
            raise InputError(f"{where}: there is no arm '{against}' to compare with; {nearest(against, arms)}")
        same_root = list(_lineage(study, against))[-1] == list(_lineage(study, name))[-1]
        data.append(arms[against if same_root else list(_lineage(study, name))[1]])
    try:
        of_arm.per_run(*data)  # type: ignore[attr-defined]  # a figure takes quantities that have one
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except Exception as error:
        if not is_own(type(quantity)):
            raise InputError(f"{where}: {quantity.kind} cannot be computed from arm '{name}': {in_words(error)}") from error


def _lineage(study: Study, name: str) -> Iterator[str]:
    """An arm and the arms that it descends from."""
    yield name
    arm = study.arms[name]
    if isinstance(arm, ForkArm):
        yield from _lineage(study, arm.fork)
