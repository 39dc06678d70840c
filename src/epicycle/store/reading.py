"""Results as labelled arrays: `epicycle.open(path)` for a cohort, a study or a whole root. Reading executes nothing."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from epicycle.spec.errors import InputError
from epicycle.spec.identity import canonical_json
from epicycle.store.atomic import missing, read_json
from epicycle.store.catalogue import Catalogue
from epicycle.store.cohorts import read_status, stored_series
from epicycle.store.files import MARKER, CohortFiles, Root, StudyFiles


def open_results(path: str | Path) -> xarray.Dataset | xarray.DataTree:
    """Open a cohort directory (Dataset), a study directory (DataTree by arm) or a results root (DataTree by cohort).

    In a study, runs are unstacked into the swept fields and the seed.

    Raises:
        InputError: the path is none of these.
    """
    path = Path(path).absolute()
    if (path / MARKER).is_file():
        root = Root(path)
        return xarray.DataTree.from_dict({name: cohort_dataset(root.cohort(name)) for name in Catalogue(root).members}, name=path.name)
    cohort, study = CohortFiles(path), StudyFiles(path)
    if cohort.members.is_file() or cohort.status.is_file():  # one may be lost: then it is named
        return cohort_dataset(cohort)
    if study.runs.is_file() or study.spec.is_file():
        arms = with_events(study_datasets(Root(path.parents[2]), study), study)
        return xarray.DataTree.from_dict({name: unstacked(data) for name, data in arms.items()}, name=path.parent.name)
    raise InputError(f"{path} is neither a results root, nor a study, nor a cohort of one.")


def cohort_dataset(files: CohortFiles) -> xarray.Dataset:
    """All series of a cohort with axes run, step and the measures' own; what is not committed is NaN."""
    status = read_status(files)
    members = read_json(files.members)
    steps, values, dims, labels = stored_series(files, status, status["rows"])
    coords: dict[str, Any] = {
        "step": steps,
        "run": [member["run"] for member in members],
        "seed": ("run", [member["seed"] for member in members]),
        "data_seed": ("run", [member["data_seed"] for member in members]),
        "status": ("run", np.array(status["states"], dtype=object)),
        "baseline": ("run", [float(member["baseline"]) for member in members]),
        "mirror_share": ("run", [_mirror_share(member) for member in members]),
        **labels,
    }
    variables = {name: (dims[name], value) for name, value in values.items()}
    attrs = {"cohort": files.path.name, "exact": exact(status)}
    return xarray.Dataset(variables, coords, attrs)


def study_datasets(root: Root, files: StudyFiles) -> dict[str, xarray.Dataset]:
    """The arms of a study as it is stored."""
    return arm_datasets(root, read_json(files.runs)["arms"])


def arm_datasets(root: Root, arms: Mapping[str, Mapping[str, Any]]) -> dict[str, xarray.Dataset]:
    """The runs of each arm, cut to the arm's budget, with the swept values as coordinates along run."""
    cohorts: dict[str, xarray.Dataset] = {}
    catalogue = Catalogue(root)
    return {name: arm_dataset(arm["runs"], arm["swept"], int(arm["budget"]), root, catalogue, cohorts) for name, arm in arms.items()}


def with_events(arms: Mapping[str, xarray.Dataset], files: StudyFiles) -> dict[str, xarray.Dataset]:
    """The arms with the step of each event, as found when the study was judged; NaN is censored."""
    if not files.events.exists():
        if files.verdicts.exists():  # events are written first
            raise missing(files.events)
        return dict(arms)
    found = read_json(files.events)
    told = {
        name: {event: ("run", [np.nan if s is None else float(s) for s in steps]) for event, steps in found[name].items()}
        for name in arms
    }
    return {name: data.assign(told[name]) for name, data in arms.items()}


def arm_dataset(
    runs: Sequence[Mapping[str, Any]],
    swept: Sequence[str],
    budget: int,
    root: Root,
    catalogue: Catalogue,
    cohorts: dict[str, xarray.Dataset],
) -> xarray.Dataset:
    """One arm; `cohorts` keeps what was read already. An entry's `end`, where it has one, is the last step that counts."""
    parts = []
    for cohort, places in groupby((catalogue.place(entry["run"]) for entry in runs), key=itemgetter(0)):
        if cohort not in cohorts:
            cohorts[cohort] = cohort_dataset(root.cohort(cohort))
        parts.append(cohorts[cohort].isel(run=[row for _, row in places]))
    data = xarray.concat(parts, "run", join="outer", combine_attrs="drop", data_vars="all", coords="minimal")
    data = data.isel(step=np.flatnonzero(data["step"].values <= budget))
    if all("end" in entry for entry in runs):  # an earlier, longer request may have trained a run past its own stop
        ends = xarray.DataArray([entry["end"] for entry in runs], dims="run")
        data = data.where(data["step"] <= ends)
    if any("moment" in entry for entry in runs):
        data = data.assign_coords(moment=("run", [int(entry["moment"]) for entry in runs]))
    for name in swept:
        data = data.assign_coords({name: ("run", [_plain(entry["values"][name]) for entry in runs])})
    data.attrs = {"budget": budget, "swept": list(swept), "exact": all(part.attrs["exact"] for part in parts)}
    return data


def unstacked(data: xarray.Dataset) -> xarray.Dataset:
    """Runs as a grid of swept fields x seed (x data_seed where it does not follow the seed)."""
    names = [*data.attrs["swept"], "seed"]
    if (data["seed"].values != data["data_seed"].values).any():
        names.append("data_seed")
    kept = ["data_seed"] if "data_seed" not in names else []
    flat = data.assign_coords(run_id=("run", data["run"].values)).drop_vars("run")
    flat = flat.reset_coords([*kept, "status", "baseline", "mirror_share", "run_id"])
    grid = flat.swap_dims(run="seed") if names == ["seed"] else flat.set_index(run=names).unstack("run")
    return grid.transpose(*names, "step", ..., missing_dims="ignore")


def _mirror_share(member: Mapping[str, Any]) -> float:
    """Share of a run's test rows whose mirror is trained on; NaN where the task has no mirror or no row is held out."""
    share = member["leakage"].get("mirror", {}).get("share_of_test_rows_seen")
    return float("nan") if share is None else float(share)


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str | bool) else str(value)


def exact(status: Mapping[str, Any]) -> bool:
    """Whether a cohort was trained under one signature throughout, so that its bits are those of a straight run."""
    return len({canonical_json(s) for segment in status["segments"] for s in segment["signatures"]}) <= 1
