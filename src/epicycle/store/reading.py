"""Results as labelled arrays: `epicycle.open(path)` for a cohort, a study or a whole root. Reading executes nothing that is stored."""

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

import numpy as np
import xarray
from jaxtyping import Bool
from numpy import ndarray

from epicycle.spec.errors import InputError
from epicycle.spec.results import COORDINATES, EVENT, RunLabels, Status, arm_dataset, recorded
from epicycle.store.catalogue import Catalogue
from epicycle.store.clocks import on_ancestor_clock
from epicycle.store.cohorts import read_cohort, stored_series
from epicycle.store.entries import damaged, missing
from epicycle.store.files import MARKER, CohortFiles, Root, StudyFiles, given_path
from epicycle.store.grids import portable, unstacked
from epicycle.store.studies import checked_study
from epicycle.store.study_documents import read_events, read_runs
from epicycle.store.study_listing import ListedArm, StudyRuns


def open_results(path: str | Path) -> xarray.Dataset | xarray.DataTree:
    """Open a cohort directory (Dataset), a study directory (DataTree by arm) or a results root (DataTree by cohort).

    In a study, runs are unstacked into the swept fields and the seed. Steps of forks count from step 0 of their first ancestor;
    `epicycle.since_moment` counts them from the moments of the forks.

    Raises:
        InputError: the path is none of these.
    """
    path = given_path(path).absolute()
    if (path / MARKER).is_file():
        root = Root(path).opened()
        cohorts = {name: portable(on_ancestor_clock(cohort_dataset(root.cohort(name)))) for name in Catalogue(root).members}
        return xarray.DataTree.from_dict(cohorts, name=path.name)
    cohort, study = CohortFiles(path), StudyFiles(path)
    if cohort.members.is_file() or cohort.status.is_file():  # one of the two may be lost; reading then names it
        return portable(on_ancestor_clock(cohort_dataset(cohort)))
    if study.runs.is_file() or study.spec.is_file():
        checked_study(study)
        arms = with_events(study_datasets(Root(path.parent.parent.parent), read_runs(study)), study)
        return xarray.DataTree.from_dict({name: unstacked(data) for name, data in arms.items()}, name=path.parent.name)
    raise InputError(f"{path} is neither a results root, nor a study, nor a cohort.")


def cohort_dataset(files: CohortFiles) -> xarray.Dataset:
    """All series of a cohort, with axes run, step and the measures' own; values that are not committed are NaN.

    Steps count from where each run begins.
    """
    marker, members = read_cohort(files)
    stored = stored_series(files, marker, marker.rows)
    runs = [
        RunLabels(
            member.run,
            member.seed,
            member.data_seed,
            status,
            member.baseline,
            member.mirror_share,
            moment=member.start if member.lineage else None,
        )
        for member, status in zip(members, marker.states, strict=True)
    ]
    data = arm_dataset(stored.steps, stored.series, runs, budget=marker.budget, exact=marker.exact, labels=stored.labels)
    return data.assign_attrs(cohort=files.path.name)


def study_datasets(root: Root, runs: StudyRuns) -> dict[str, xarray.Dataset]:
    """The arms of a study as its folder lists them."""
    reader = ArmReader(root)
    return {name: reader.dataset(arm) for name, arm in runs.arms.items()}


class ArmReader:
    """Reads arms; a cohort that several arms share is read once."""

    def __init__(self, root: Root) -> None:
        self._root, self._catalogue = root, Catalogue(root)
        self._cohorts: dict[str, xarray.Dataset] = {}

    def dataset(self, arm: ListedArm) -> xarray.Dataset:
        """The dataset of an arm. A run's `end`, where it is known, is the last step that counts."""
        parts = []
        locations = (self._catalogue.place(entry.run) for entry in arm.runs)
        for cohort, group in groupby(locations, key=lambda location: location.cohort):
            if cohort not in self._cohorts:
                self._cohorts[cohort] = cohort_dataset(self._root.cohort(cohort))
            parts.append(self._cohorts[cohort].isel(run=[location.row for location in group]))
        data = xarray.concat(parts, "run", join="outer", combine_attrs="drop", data_vars="all", coords="minimal")
        data = data.isel(step=np.flatnonzero(data["step"].values <= arm.budget))
        if all(entry.end is not None for entry in arm.runs):  # an earlier, longer request may have trained a run past its end here
            data = data.where(data["step"] <= xarray.DataArray([entry.end for entry in arm.runs], dims="run"))
        data = data.isel(step=np.flatnonzero(_own_steps(data)))
        return _labelled(data, arm, exact=all(part.attrs["exact"] for part in parts))


def _own_steps(data: xarray.Dataset) -> Bool[ndarray, " step"]:
    """True at each step that an arm's axis keeps.

    Runs of other arms in the same cohorts end at steps of their own. The axis leaves out a step of which this arm has no record.
    """
    series = (values.transpose("run", "step", ...).values for values in data.data_vars.values())
    known = recorded(series, (data.sizes["run"], data.sizes["step"])).any(axis=0)
    return known | (np.arange(data.sizes["step"]) > np.flatnonzero(known).max(initial=-1))


def _labelled(data: xarray.Dataset, arm: ListedArm, exact: bool) -> xarray.Dataset:
    """Series of runs with what the arm says of each run."""
    columns = zip(*(data[name].values.tolist() for name in ("run", *COORDINATES)), arm.runs, strict=True)
    runs = [
        RunLabels(run, seed, data_seed, Status.parse(status), baseline, mirror_share, entry.values, entry.moment)
        for run, seed, data_seed, status, baseline, mirror_share, entry in columns
    ]
    series = {str(name): (tuple(map(str, values.dims)), values.values) for name, values in data.data_vars.items()}
    labels = {str(name): coord.values.tolist() for name, coord in data.coords.items() if coord.dims not in ((), ("run",), ("step",))}
    return arm_dataset(data["step"].values, series, runs, budget=arm.budget, swept=arm.swept, exact=exact, labels=labels)


def with_events(arms: Mapping[str, xarray.Dataset], files: StudyFiles) -> dict[str, xarray.Dataset]:
    """The arms with the step of each event, as the study was judged; NaN is censored."""
    if not files.events.exists():
        if files.verdicts.exists():  # events are written before verdicts
            raise missing(files.events)
        return dict(arms)
    steps_of = read_events(files)
    for name, data in arms.items():
        if any(len(steps) != data.sizes["run"] for steps in steps_of.get(name, {"": []}).values()):
            raise damaged(files.events, f"it has not one step for each run of arm {name}")
    events = {
        name: {event: ("run", [np.nan if s is None else float(s) for s in steps], EVENT) for event, steps in steps_of[name].items()}
        for name in arms
    }
    return {name: data.assign(events[name]) for name, data in arms.items()}
