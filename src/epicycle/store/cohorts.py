"""One directory per cohort, with fixed membership: created whole, written by one process at a time, resumed from what was committed.

`status.json` is the marker: it is replaced last, and names the rows and the checkpoint that are whole. What lies past it is ignored.
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
from epicycle.spec.text import dump_yaml, load_yaml
from epicycle.store.atomic import read_json, sweep_partials, write_json, write_text
from epicycle.store.checkpoints import Checkpoint, read_checkpoint, write_checkpoint
from epicycle.store.layout import CohortFiles, Root
from epicycle.store.series import adopt_series, create_series, read_series, write_rows

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
    nursery = CohortFiles(files.path.with_name(f".new-{files.path.name.strip('.')}-{os.getpid()}"))
    shutil.rmtree(nursery.path, ignore_errors=True)
    write_text(nursery.spec, dump_yaml({"experiment": dict(experiment), "observation": observation.model_dump(mode="json")}))
    write_json(nursery.members, list(members))
    blank = {"segments": [], "finished": False, "rows": [0] * len(members), "states": ["running"] * len(members)}
    write_json(nursery.status, blank | {"asked": [None] * len(members), "checkpoint": None, "previous": None})
    os.replace(nursery.path, files.path)


class CohortStore:
    """The directory of one cohort, held by one writer.

    A longer budget adds a segment to the series.
    """

    def __init__(self, files: CohortFiles) -> None:
        self.files = files
        self.id = files.path.name
        self.status: dict[str, Any] = read_json(files.status)
        self.members: list[dict[str, Any]] = read_json(files.members)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the cohort for writing; a dead process holds nothing.

        Raises:
            InputError: another process trains it.
        """
        lock = filelock.FileLock(self.files.lock)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise InputError(f"another process is training cohort {self.id}; wait for it, then run again.") from None
        try:
            sweep_partials(self.files.path)
            self.status = read_json(self.files.status)
            yield
        finally:
            lock.release()

    def discard_unstarted(self) -> None:
        """Remove the cohort if nothing has been recorded in it."""
        if not self.budget:
            shutil.rmtree(self.files.path)

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
        return [read_series(self.files.series / str(number))[0] for number in range(len(self.status["segments"]))]

    def extend(self, steps: Int[ndarray, " step"], layout: Layout, coords: Mapping[str, Sequence[str]]) -> None:
        """Add a segment of rows that holds only steps past those there are. Rows are counted over all segments."""
        path = self.files.series / str(len(self.status["segments"]))
        shutil.rmtree(path, ignore_errors=True)  # a segment the marker does not name is a leftover
        create_series(path, steps, len(self.members), layout, coords)
        segment = {"budget": int(steps[-1]), "rows": len(steps), "signatures": []}
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
        """Take over the series of a finished replay, and forget the replay."""
        for number in range(len(self.status["segments"])):
            adopt_series(self.files.series / str(number), replay.files.series / str(number))
        spec = self._spec()
        measures = [*self.observation().measures, *replay.observation().measures]
        spec["observation"]["measures"] = [measure.model_dump(mode="json") for measure in measures]
        write_text(self.files.spec, dump_yaml(spec))
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
        return stored_series(self.files.series, len(self.status["segments"]), rows)[1]

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
            write_checkpoint(self.files.at_step(step), self.id, members, states)

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
        loaded: dict[str, Any] = load_yaml(self.files.spec.read_text(), str(self.files.spec))
        return loaded

    def _replace_status(self, changes: Mapping[str, Any]) -> None:
        status = {**self.status, **changes}
        write_json(self.files.status, status)
        self.status = status


def stored_series(path: Path, segments: int, rows: Sequence[int]) -> tuple[Any, dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Steps, values, axes and labels of a cohort's series over its segments, with uncommitted rows blanked."""
    parts = [read_series(path / str(number)) for number in range(segments)]
    if not parts:
        return np.zeros(0, np.int64), {}, {}, {}
    steps = np.concatenate([part[0] for part in parts])
    past = np.arange(len(steps))[None, :] >= np.asarray(rows)[:, None]
    values: dict[str, Any] = {}
    for name in parts[0][1]:
        joined = np.concatenate([part[1][name][1] for part in parts], axis=1)
        joined[np.broadcast_to(past, joined.shape[:2])] = np.nan
        values[name] = joined
    return steps, values, {name: dims for name, (dims, _) in parts[0][1].items()}, parts[0][2]
