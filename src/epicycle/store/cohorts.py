"""One directory per cohort, with fixed membership: created whole, written by one process at a time, resumed from what was committed.

`status.json` is the marker: it is replaced last, and names the rows and the checkpoint that are whole, and the checksums of the files
that do not change any more. What lies past it is ignored.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import numpy as np
from jaxtyping import Int
from numpy import ndarray

from epicycle.spec.errors import InputError
from epicycle.spec.experiment import Experiment
from epicycle.spec.identity import digest
from epicycle.spec.observation import Observation
from epicycle.store.atomic import checksum, read_json, read_yaml, refuse_damaged, sweep_partials, write_json, write_yaml
from epicycle.store.checkpoints import Checkpoint, read_checkpoint, write_checkpoint
from epicycle.store.files import CohortFiles, Root
from epicycle.store.series import adopt_series, create_series, layout_sums, read_series, write_rows

NURSERY = ".new-"  # what a directory's name begins with until all of it is there
Layout = Mapping[str, tuple[tuple[str, ...], tuple[int, ...], Any]]


def create_cohort(root: Root, experiment: Experiment, observation: Observation, members: Sequence[Mapping[str, Any]]) -> str:
    """Allocate a directory for runs that are to be trained together; all of it appears at once.

    Args:
        experiment: that of the first member.
        members: for each row its run id, seeds and the fields in which it differs from the first.

    Returns:
        The cohort's id, which follows from the run ids.
    """
    cohort_id = digest([member["run"] for member in members])
    files = root.cohort(cohort_id)
    if not files.path.exists():
        _lay_out(files, experiment.model_dump(mode="json"), observation, members)
    return cohort_id


def _lay_out(files: CohortFiles, experiment: Mapping[str, Any], observation: Observation, members: Sequence[Any]) -> None:
    nursery = CohortFiles(files.path.with_name(f"{NURSERY}{files.path.name.strip('.')}"))
    shutil.rmtree(nursery.path, ignore_errors=True)
    write_yaml(nursery.spec, {"experiment": dict(experiment), "observation": observation.model_dump(mode="json")})
    write_json(nursery.members, list(members))
    blank = {"segments": [], "finished": False, "rows": [0] * len(members), "states": ["running"] * len(members)}
    blank |= {"asked": [None] * len(members), "checkpoint": None, "previous": None}
    write_json(nursery.status, blank | {"sums": {nursery.members.name: checksum(nursery.members)}})
    os.replace(nursery.path, files.path)


def sweep_nurseries(root: Root) -> None:
    """Remove cohorts that a crash left before they appeared; to be called by whoever may allocate."""
    for leftover in root.cohorts.glob(f"{NURSERY}[0-9a-f]*"):
        shutil.rmtree(leftover)


def read_status(files: CohortFiles) -> dict[str, Any]:
    """A cohort's marker.

    Raises:
        InputError: it, or one of the small files it vouches for, is damaged or missing; the file is named.
    """
    status: dict[str, Any] = {"sums": {}, **read_json(files.status)}  # without: of before there were checksums
    kept = f"{files.checkpoints.name}/"
    refuse_damaged(files.path, {name: value for name, value in status["sums"].items() if not name.startswith(kept)})
    return status


class CohortStore:
    """The directory of one cohort, held by one writer.

    A longer budget adds a segment to the series.
    """

    def __init__(self, files: CohortFiles) -> None:
        self.files = files
        self.id = files.path.name
        self.status = read_status(files)
        self.members: list[dict[str, Any]] = read_json(files.members)
        self._fresh: dict[str, str] = {}  # checksums of what was written since the last commit

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold the cohort for writing, if no other process does: whether it is ours. A dead process holds nothing."""
        lock = filelock.FileLock(self.files.lock)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            yield False
            return
        try:
            sweep_partials(self.files.path)
            self.status = read_status(self.files)
            yield True
        finally:
            lock.release()

    def discard_unstarted(self) -> None:
        """Remove the cohort if nothing has been recorded in it."""
        if not self.budget:
            shutil.rmtree(self.files.path)

    def verify(self) -> None:
        """Compare everything that does not change any more with its checksum.

        Raises:
            InputError: a file is damaged or missing; it is named.
        """
        refuse_damaged(self.files.path, self.status["sums"])
        if self.finished and (found := self.committed()[2]):
            raise InputError(f"{' '.join(found)} Put a copy of it back, or remove {self.files.path} to train its runs again.")

    @property
    def budget(self) -> int:
        """Steps the cohort's segments reach to; 0 before the first."""
        return int(self.status["segments"][-1]["budget"]) if self.status["segments"] else 0

    @property
    def finished(self) -> bool:
        """Whether every member has reached its stop within the budget."""
        return bool(self.status["finished"])

    def observation(self) -> Observation:
        """What the cohort records, and its grid."""
        return Observation.parse(self._spec()["observation"], str(self.files.spec))

    def segment_ends(self) -> list[int]:
        """The budget each segment reaches to."""
        return [int(segment["budget"]) for segment in self.status["segments"]]

    def grids(self) -> list[Int[ndarray, " step"]]:
        """The steps of each segment."""
        return [read_series(self.files.series / str(number), 0)[0] for number in range(len(self.status["segments"]))]

    def extend(self, steps: Int[ndarray, " step"], layout: Layout, coords: Mapping[str, Sequence[str]]) -> None:
        """Add a segment of rows that holds only steps past those there are. Rows are counted over all segments."""
        path = self.files.series / str(len(self.status["segments"]))
        shutil.rmtree(path, ignore_errors=True)  # a segment the marker does not name is a leftover
        create_series(path, steps, len(self.members), layout, coords)
        segment = {"budget": int(steps[-1]), "rows": len(steps), "signatures": []}
        self._fresh |= self._layout_sums(path)
        self._replace_status({"segments": [*self.status["segments"], segment], "finished": False})

    def sign(self, signature: Mapping[str, Any], asked: Sequence[Any]) -> None:
        """Note under which signature work goes on, and what is asked of each member.

        More than one signature among the segments means that the bits are no longer those of one straight run.
        """
        segments = [dict(segment) for segment in self.status["segments"]]
        if dict(signature) not in segments[-1]["signatures"]:
            segments[-1]["signatures"] = [*segments[-1]["signatures"], dict(signature)]
        before = zip(asked, self.status["asked"], self.status["states"], strict=True)
        kept = [now or (then if told == "done" else None) for now, then, told in before]
        self._replace_status({"segments": segments, "asked": kept, "finished": False})

    def beside(self, observation: Observation) -> "CohortStore":
        """A store for a replay of the same members, next to this one and invisible to the catalogue."""
        files = CohortFiles(self.files.path.with_name(f".replay-{self.id}-{digest(observation.model_dump(mode='json'))}"))
        if not files.path.exists():
            _lay_out(files, self._spec()["experiment"], observation, self.members)
        return CohortStore(files)

    def adopt(self, replay: "CohortStore") -> None:
        """Take over the series of a finished replay, and forget the replay. After a crash on the way it can be done again."""
        coords: dict[str, Any] = dict(self.status.get("coords", {}))
        for number in range(len(self.status["segments"])):
            path = self.files.series / str(number)
            coords |= adopt_series(path, replay.files.series / str(number))
            self._fresh |= self._layout_sums(path)
        self._replace_status({"coords": coords})
        spec = self._spec()
        measures = [*self.observation().measures, *replay.observation().measures]
        spec["observation"]["measures"] = [measure.model_dump(mode="json") for measure in measures]
        write_yaml(self.files.spec, spec)
        shutil.rmtree(replay.files.path)

    def committed(self) -> tuple[list[int], Checkpoint | None, list[str]]:
        """Rows and states to resume from: the latest commit, or the one before where the latest is damaged.

        Returns:
            Rows of each member, their states (None: begin at step 0), and what was found damaged.
        """
        damaged = []
        for key in ("checkpoint", "previous"):
            entry = self.status[key]
            if entry is None:
                continue
            try:
                found = read_checkpoint(self.files.checkpoints / entry["file"], self.id)
            except InputError as error:
                damaged.append(str(error))
                continue
            return list(entry["rows"]), found, damaged
        return [0] * len(self.members), None, damaged

    def records(self, rows: Sequence[int]) -> dict[str, Any]:
        """All series over all segments, [run, step, ...]; what lies past a member's `rows` is NaN."""
        return stored_series(self.files, self.status, rows)[1]

    def write_rows(self, first: int, records: Mapping[str, Any]) -> None:
        """Write rows counted over all segments."""
        start = 0
        for number, segment in enumerate(self.status["segments"]):
            n = int(segment["rows"])
            offset, last = max(first - start, 0), start + n
            part = {name: values[:, max(start - first, 0) : max(last - first, 0)] for name, values in records.items()}
            if first < last:
                write_rows(self.files.series / str(number), offset, part)
            start += n

    def keep_checkpoint(self, step: int, members: Sequence[int], states: Sequence[Mapping[str, Any]]) -> None:
        """Keep the state of the members that have reached a log-spaced step."""
        if members:
            path = self.files.at_step(step)
            name = str(path.relative_to(self.files.path))
            if name in self.status["sums"]:  # written anew: it is not vouched for until the next commit
                self._replace_status({"sums": {each: value for each, value in self.status["sums"].items() if each != name}})
            write_checkpoint(path, self.id, members, states)
            self._fresh[name] = checksum(path)

    def commit(self, rows: Sequence[int], told: Sequence[str], states: Sequence[Mapping[str, Any]], finished: bool) -> None:
        """Make everything written so far permanent; the marker goes last, then files nobody needs go away."""
        progress = sum(int(state["step"]) for state in states)
        path = self.files.latest(progress)
        write_checkpoint(path, self.id, range(len(states)), states)
        entry = {"file": path.name, "rows": list(rows)}
        before = self.status["checkpoint"]
        previous = None if finished or before is None or before["file"] == path.name else before
        self._replace_status(
            {"checkpoint": entry, "previous": previous, "rows": list(rows), "states": list(told), "finished": finished}
        )
        keep = {entry["file"], previous["file"] if previous else ""}
        for old in self.files.checkpoints.glob("latest-*.safetensors"):
            if old.name not in keep:
                old.unlink()

    def _spec(self) -> dict[str, Any]:
        return read_yaml(self.files.spec)

    def _layout_sums(self, segment: Path) -> dict[str, str]:
        within = segment.relative_to(self.files.path)
        return {str(within / name): value for name, value in layout_sums(segment).items()}

    def _replace_status(self, changes: Mapping[str, Any]) -> None:
        status = {**self.status, **changes}
        status["sums"] = dict(sorted({**status["sums"], **self._fresh}.items()))
        write_json(self.files.status, status)
        self.status, self._fresh = status, {}


def stored_series(
    files: CohortFiles, status: Mapping[str, Any], rows: Sequence[int]
) -> tuple[Any, dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Steps, values, axes and labels of a cohort's series over its segments, with what lies past each member's `rows` blanked.

    Raises:
        InputError: a file of them is damaged or missing; it is named.
    """
    parts: list[Any] = []
    left = max(rows)
    for number, segment in enumerate(status["segments"]):
        parts.append(read_series(files.series / str(number), max(left, 0)))
        left -= int(segment["rows"])
    if not parts:
        return np.zeros(0, np.int64), {}, {}, {}
    steps = np.concatenate([part[0] for part in parts])
    past = np.arange(len(steps))[None, :] >= np.asarray(rows)[:, None]
    values: dict[str, Any] = {}
    for name in parts[0][1]:
        joined = np.concatenate([part[1][name][1] for part in parts], axis=1)
        joined[np.broadcast_to(past, joined.shape[:2])] = np.nan
        values[name] = joined
    return steps, values, {name: dims for name, (dims, _) in parts[0][1].items()}, {**parts[0][2], **status.get("coords", {})}
