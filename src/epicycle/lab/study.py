"""The meeting point: a study's arms become runs, runs become results, results become verdicts and a page.

xarray (and pandas under it) is loaded when there are results to read: training starts half a second sooner.
"""

from __future__ import annotations

import datetime
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from epicycle.claims.document import verdicts_document
from epicycle.events.standard import event_steps
from epicycle.events.stops import ends_of
from epicycle.lab.cohorts import Watcher, go_on, start_of, train_runs
from epicycle.lab.forks import Donor, Replay, donor_among, forked
from epicycle.spec.arms import ForkArm
from epicycle.spec.errors import InputError, NoRuns
from epicycle.spec.experiment import Run
from epicycle.spec.identity import digest, identity
from epicycle.spec.study import Study
from epicycle.store.atomic import missing, read_json, write_json, write_yaml, writing
from epicycle.store.catalogue import Catalogue
from epicycle.store.files import Root, StudyFiles

if TYPE_CHECKING:
    import xarray

ArmRuns = Mapping[str, list[tuple[dict[str, Any], Run]]]
AllRuns = dict[str, list[tuple[dict[str, Any], Run]]]


@dataclass(frozen=True)
class Outcome:
    """A judged study.

    Attributes:
        trained: runs trained or continued; 0 when everything was there.
    """

    root: Root
    files: StudyFiles
    trained: int
    seconds: float

    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        return document(self.root, self.files, self.seconds)


def run_study(
    study: Study,
    root: Root,
    watch: Watcher = lambda progress: None,
    interrupted: Callable[[], bool] = lambda: False,
    command: str = "",
) -> Outcome:
    """Train what is missing, judge, and write the study's directory. The page itself is `report.page`'s.

    Raises:
        InputError: the study cannot be run as it stands.
    """
    began = time.perf_counter()
    runs: AllRuns = {name: list(arm.runs()) for name, arm in study.root_arms()}
    files = root.study(study.name, study_id(study))
    with writing(files.lock):
        _register(study, files, runs, Catalogue(root))
        write_yaml(files.spec, study.model_dump(mode="json"))
        if not files.runs.exists():  # else they are those of the verdicts that are there
            write_json(files.runs, {"arms": _listed(study, runs), "left_out": {}})
    trained, without, left_out = _train(study, root, runs, watch, interrupted)
    go_on(interrupted)
    with writing(files.lock):
        write_json(files.runs, {"arms": _listed(study, runs, _ends(study, root, runs), without), "left_out": left_out})
        write_json(files.verdicts, judged(study, root, files))
        seconds = time.perf_counter() - began
        if trained or not files.provenance.exists():
            write_json(files.provenance, provenance(command or f"epicycle run {study.name}", seconds, trained))
    go_on(interrupted)
    return Outcome(root, files, trained, seconds)


def _train(
    study: Study, root: Root, runs: AllRuns, watch: Watcher, interrupted: Callable[[], bool]
) -> tuple[int, dict[str, list[str]], dict[str, str]]:
    """Train the root arms, then forks by generation, whose runs are added to `runs`.

    Returns:
        How many runs were trained; for each fork arm the parents in which its moment has not come; and the arms that are left out,
        because their moment came in no parent or because they rest on such an arm, with the reason.

    Raises:
        InputError: every fork arm would be left out.
    """
    left_out: dict[str, str] = {}
    without: dict[str, list[str]] = {}
    trained = train_runs([run for arm in runs.values() for _, run in arm], study.observation, root, watch, interrupted)
    for generation in study.generations():
        arms = _so_far(study, root, {fork.fork: runs[fork.fork] for _, fork in generation if fork.fork in runs})
        family = {run.id: run for arm in runs.values() for _, run in arm}
        donor = donor_among(root, {name: [run for _, run in arm] for name, arm in runs.items()})
        for name, fork in generation:
            if lost := sorted(fork.behind(study.arms) - runs.keys()):
                left_out[name] = f"arm {', '.join(lost)} has no runs"
                continue
            try:
                runs[name], without[name] = _forks(fork, runs[fork.fork], arms[fork.fork], donor)
            except NoRuns as error:  # what the other arms say is not lost with it
                left_out[name] = str(error)
            except InputError as error:
                raise InputError(f"arms.{name}: {error}") from None
        born = [run for name, _ in generation for _, run in runs.get(name, ())]
        replay = Replay(root, family, study.observation.measures, interrupted)
        trained += train_runs(born, study.observation, root, watch, interrupted, replay)
    if left_out and not without:
        name, reason = next(iter(left_out.items()))
        raise InputError(f"arms.{name}: {reason}")
    return trained, without, left_out


def _so_far(study: Study, root: Root, runs: ArmRuns) -> dict[str, xarray.Dataset]:
    """Arms that are trained, each run up to its own end."""
    from epicycle.store.reading import arm_datasets

    return arm_datasets(root, _listed(study, runs, _ends(study, root, runs)))


def study_id(study: Study) -> str:
    """Names a study at a setting: its experiments and profile. Seeds and claims may grow inside one directory."""
    arms = {}
    for name, arm in study.root_arms():
        arms[name] = {key: value for key, value in identity(arm).items() if key not in ("seeds", "first_seed")}
        # Budgets and stops are outside a run's identity, but verdicts depend on them.
        arms[name]["ends"] = [e.training.model_dump(mode="json", include={"steps", "stop"}) for _, e in arm.experiments()]
    forks = {name: identity(arm) for name, arm in study.arms.items() if isinstance(arm, ForkArm)}
    return digest({"name": study.name, "profile": study.profile, "arms": arms | forks})


def judged(study: Study, root: Root, files: StudyFiles) -> dict[str, Any]:
    """The verdicts document: deterministic, given the data."""
    from epicycle.store.reading import study_datasets

    arms, catalogue = study_datasets(root, files), Catalogue(root)
    write_json(files.events, {name: event_steps(data) for name, data in arms.items()})
    notes = _post_hoc(study, files)
    header = {"study": study.name, "question": study.question, "profile": study.profile, "pilot": study.pilot}
    leakage = {name: _leakage(data, catalogue) for name, data in arms.items()}
    told = verdicts_document(header, study.claims, arms, leakage, notes["claims"]) | {"post_hoc_seeds": notes["seeds"]}
    listed = read_json(files.runs)
    for name, arm in listed["arms"].items():
        told["arms"][name]["without"] = arm.get("without", [])
    return told | {"left_out": listed.get("left_out", {})}


def document(root: Root, files: StudyFiles, seconds: float | None = None) -> dict[str, Any]:
    """The stored verdicts with the places they came from.

    Raises:
        InputError: nothing has been judged in this directory.
    """
    if not files.verdicts.exists():
        raise InputError(f"{files.path} holds no verdicts yet; run the study first.")
    stored = read_json(files.verdicts)
    told = read_json(files.provenance)["seconds"] if seconds is None else seconds
    where = {"root": str(root.path), "report": str(files.report), "seconds": round(told, 2)}
    return {"study": stored["study"], **where, **{key: value for key, value in stored.items() if key != "study"}}


def find_study(root: Root, name: str) -> StudyFiles:
    """The directory of a study that was judged last.

    Raises:
        InputError: the study has not been run in this root.
    """
    folder = root.studies / name
    found = [StudyFiles(path) for path in folder.iterdir() if (path / "verdicts.json").is_file()] if folder.is_dir() else []
    if not found:
        raise InputError(f"study '{name}' has no verdicts.json in {folder}/*; run it first: epicycle run {name}.")
    return max(found, key=lambda files: files.verdicts.stat().st_mtime)


def _forks(
    arm: ForkArm, parents: Sequence[tuple[dict[str, Any], Run]], data: xarray.Dataset, donor: Donor
) -> tuple[list[Any], list[str]]:
    """The runs of a fork arm with the values swept here and in the parents, and the parents in which the moment has not come."""
    runs: list[tuple[dict[str, Any], Run]] = []
    without: list[str] = []
    missed: NoRuns | None = None
    values_of = {run.id: values for values, run in parents}
    for values, variant in arm.points():
        try:
            born, late = forked([run for _, run in parents], data, variant.at, variant.edits, variant.steps, donor)
        except NoRuns as error:
            missed = error
            at = ", ".join(f"{name} = {value}" for name, value in values.items())
            without += [f"{label} ({at})" for label in error.without]
            continue
        runs += [({**values_of[run.lineage["parent"]], **values}, run) for run in born if run.lineage]
        without += [label for label in late if label not in without]
    if not runs and missed:
        raise missed
    return runs, without


def _listed(
    study: Study, runs: ArmRuns, ends: Mapping[str, list[int]] | None = None, without: Mapping[str, list[str]] | None = None
) -> dict[str, Any]:
    """Which runs each arm consists of; once they are trained, also where each of them ends."""
    arms = {}
    for name, each in runs.items():
        listed: list[dict[str, Any]] = []
        for values, run in each:
            moment = {"moment": start_of(run)} if run.lineage else {}
            listed.append({"run": run.id, "seed": run.seed, "data_seed": run.data_seed, "values": values, **moment})
        if ends:
            listed = [{**entry, "end": end} for entry, end in zip(listed, ends[name], strict=True)]
        budget = max(run.experiment.training.steps for _, run in each)
        arms[name] = {"swept": study.swept(name), "budget": budget, "runs": listed}
        if without and name in without:
            arms[name]["without"] = without[name]  # parents in which the moment of the fork has not come
    return arms


def _ends(study: Study, root: Root, runs: ArmRuns) -> dict[str, list[int]]:
    """The last step of each run that counts."""
    from epicycle.store.reading import arm_datasets

    arms = arm_datasets(root, _listed(study, runs))
    return {name: ends_of(data, [run.experiment.training for _, run in runs[name]]) for name, data in arms.items()}


def _register(study: Study, files: StudyFiles, runs: ArmRuns, catalogue: Catalogue) -> None:
    """Write down claims and seeds before the first step; a later change becomes a new entry that says what was known by then."""
    if not files.registration.exists() and files.runs.exists():  # a new one would call every claim post hoc
        raise missing(files.registration)
    entries = read_json(files.registration)["entries"] if files.registration.exists() else []
    claims = {claim.id: claim.fingerprint for claim in study.claims}
    seeds = {name: sorted({run.seed for _, run in arm}) for name, arm in runs.items()}
    if entries and entries[-1]["claims"] == claims and all(set(s) <= _registered(entries, name) for name, s in seeds.items()):
        return
    known = any(run.id in catalogue.places for arm in runs.values() for _, run in arm)
    entry = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "claims": claims,
        "seeds": seeds,
        "runs_existed": known,
        "verdicts_existed": files.verdicts.exists(),
    }
    write_json(files.registration, {"entries": [*entries, entry]})


def _registered(entries: list[dict[str, Any]], arm: str) -> set[int]:
    return {seed for entry in entries for seed in entry["seeds"].get(arm, [])}


def _post_hoc(study: Study, files: StudyFiles) -> dict[str, Any]:
    """Claims registered when their runs existed, and seeds added when verdicts existed."""
    entries = read_json(files.registration)["entries"]
    first: dict[tuple[str, str], bool] = {}
    for entry in entries:
        for claim, name in entry["claims"].items():
            first.setdefault((claim, name), entry["runs_existed"])
    hashes = {claim.id: claim.fingerprint for claim in study.claims}
    late_seeds: set[int] = set()
    for i, entry in enumerate(entries):
        if entry["verdicts_existed"]:
            for arm, seeds in entry["seeds"].items():
                late_seeds |= set(seeds) - _registered(entries[:i], arm)
    return {"claims": {name for name, h in hashes.items() if first.get((name, h), True)}, "seeds": sorted(late_seeds)}


def _leakage(data: xarray.Dataset, catalogue: Catalogue) -> dict[str, Any]:
    members = [catalogue.member(str(run)) for run in data["run"].values]
    return {name: _mean_leakage(members, name) for name in members[0]["leakage"]}


def _mean_leakage(members: list[dict[str, Any]], symmetry: str) -> dict[str, Any]:
    """Share of test rows whose image under a symmetry is trained on, averaged over runs (None where there are no test rows)."""
    shares = [member["leakage"][symmetry]["share_of_test_rows_seen"] for member in members if symmetry in member["leakage"]]
    known = [share for share in shares if share is not None]
    return {"seen": sum(known) / len(known) if known else None, "label": members[0]["leakage"][symmetry]["label"]}


def provenance(command: str, seconds: float, trained: int) -> dict[str, Any]:
    """What made a result: the command, how long it took, versions and machine."""
    packages = ("epicycle", "jax", "jaxlib", "numpy", "optax", "scipy", "xarray", "zarr")
    return {
        "command": command,
        "seconds": round(seconds, 2),
        "trained": trained,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "machine": {"system": platform.system(), "processor": platform.processor() or platform.machine()},
    }
