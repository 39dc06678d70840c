"""One directory per cohort, with fixed membership: created whole, written by one process at a time, resumed from what was committed.

The marker (`status.json`, see `cohort_marker.py`) says which rows and which checkpoint are whole. Readers ignore the rest.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import filelock
import numpy as np
from jaxtyping import Int
from numpy import ndarray

from epicycle.spec.errors import InputError, UnknownCode
from epicycle.spec.experiment import Experiment, Request
from epicycle.spec.identity import digest
from epicycle.spec.observation import Observation
from epicycle.spec.plain_data import Plain
from epicycle.spec.results import SeriesShape, Status, recorded
from epicycle.store.atomic import folder_lock, sweep_partials, write_json, write_yaml
from epicycle.store.checkpoints import Checkpoint, Tensors, read_checkpoint, write_checkpoint
from epicycle.store.cohort_marker import Commit, Marker, Segment, blank_marker, read_marker, write_marker
from epicycle.store.cohort_members import MemberRecord
from epicycle.store.documents import Settings, read_json, read_yaml
from epicycle.store.entries import checksum, damaged, gone, refuse_damaged, refuse_strange
from epicycle.store.files import CohortFiles, Root
from epicycle.store.series import SegmentSeries, adopt_series, create_series, fixed_sums, read_series, read_steps, write_rows
from epicycle.store.series_layout import SegmentLayout, refuse_too_large, segment_layout

NURSERY = ".new-"  # a directory's name begins with this until all of its files are there


def create_cohort(root: Root, experiment: Experiment, observation: Observation, members: Sequence[MemberRecord]) -> str:
    """Allocate a directory for runs that are to be trained together. The directory appears whole or not at all.

    Args:
        experiment: that of the first member.
        members: one record a run.

    Returns:
        The cohort's id, which follows from the run ids.
    """
    cohort_id = digest([member.run for member in members])
    files = root.cohort(cohort_id)
    if not files.path.exists():
        _create_directory(files, experiment.model_dump(mode="json"), observation, members)
    return cohort_id


def _create_directory(
    files: CohortFiles, experiment: Mapping[str, Any], observation: Observation, members: Sequence[MemberRecord]
) -> None:
    with growing_whole(files) as nursery:
        nursery.checkpoints.mkdir()
        write_yaml(nursery.spec, {"experiment": dict(experiment), "observation": observation.model_dump(mode="json")})
        write_json(nursery.members, [member.plain() for member in members])
        write_marker(nursery, blank_marker(nursery, len(members)))


@contextmanager
def growing_whole(files: CohortFiles) -> Iterator[CohortFiles]:
    """A folder to fill, which appears as the cohort's own once everything is in it."""
    nursery = CohortFiles(files.path.with_name(f"{NURSERY}{files.path.name.strip('.')}"))
    refuse_strange(nursery.path)
    shutil.rmtree(nursery.path, ignore_errors=True)
    if not nursery.path.parent.is_dir():
        raise gone(nursery.path.parent)
    nursery.path.mkdir()
    yield nursery
    os.replace(nursery.path, files.path)


def sweep_nurseries(root: Root) -> None:
    """Remove cohorts that a crash left half-created. Only a process that may allocate cohorts calls this."""
    for leftover in root.cohorts.glob(f"{NURSERY}[0-9a-f]*"):
        refuse_strange(leftover)
        shutil.rmtree(leftover)


def read_members(files: CohortFiles) -> list[MemberRecord]:
    """The records of a cohort's members.

    Raises:
        InputError: the file is damaged or missing.
    """
    return read_json(files.members, list[MemberRecord])


def read_edits(files: CohortFiles) -> dict[str, list[Settings]]:
    """The edits that were made in forks whose edits select units, by run id.

    Raises:
        InputError: the file is damaged.
    """
    return read_json(files.edits, dict[str, list[Settings]]) if files.edits.exists() else {}


def read_cohort(files: CohortFiles) -> tuple[Marker, list[MemberRecord]]:
    """A cohort's marker and the records of its members.

    Raises:
        InputError: a file is damaged or missing, or the two do not belong together.
    """
    marker, members = read_marker(files), read_members(files)
    if len(members) != len(marker.rows):
        raise damaged(files.status, f"it counts {len(marker.rows)} members, and {files.members.name} has {len(members)}")
    return marker, members


@dataclass(frozen=True)
class Resumable:
    """Where a cohort can go on.

    Attributes:
        rows: recorded rows of each member.
        checkpoint: their states; None: begin at step 0.
        damaged: a message for each checkpoint that is damaged.
    """

    rows: list[int]
    checkpoint: Checkpoint | None
    damaged: list[str]


@dataclass(frozen=True)
class RecordedSteps:
    """The steps that a cohort has recorded.

    Attributes:
        grid: every step of its series.
        members: for each member the steps that it has recorded.
    """

    grid: Int[ndarray, " step"]
    members: Sequence[Int[ndarray, " step"]]

    @classmethod
    def none(cls, members: int) -> "RecordedSteps":
        """The steps of a cohort that has recorded nothing."""
        return cls(np.zeros(0, np.int64), [np.zeros(0, np.int64)] * members)


class CohortStore:
    """The directory of one cohort. One process at a time writes in it (`held`)."""

    def __init__(self, files: CohortFiles) -> None:
        self.files = files
        self.id = files.path.name
        self.marker, self.members = read_cohort(files)
        self._fresh_sums: dict[str, str] = {}  # of files written since the last commit

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold the cohort for writing; gives whether that succeeded. The lock of a process that died holds nothing."""
        lock = folder_lock(self.files.lock)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            yield False
            return
        try:
            sweep_partials(self.files.path)
            self.marker = read_marker(self.files)
            yield True
        finally:
            lock.release()

    def discard_unstarted(self) -> None:
        """Remove the cohort if nothing has been recorded in it."""
        if not self.marker.recorded:
            shutil.rmtree(self.files.path)

    def verify(self) -> None:
        """Compare every file that does not change any more with its checksum.

        Raises:
            InputError: a file is damaged or missing; the file is named.
        """
        refuse_damaged(self.files.path, self.marker.sums)
        if self.marker.finished and (damaged := self.committed().damaged):
            raise InputError(f"{' '.join(damaged)} Put a copy of it back, or remove {self.files.path} to train its runs again.")

    def observation(self) -> Observation:
        """What the cohort records, and at which steps."""
        return Observation.parse_stored(self._spec()["observation"], str(self.files.spec))

    def recorded_measures(self) -> set[str]:
        """Names of the measures that are recorded. A user's own measure that the running program does not use is left out."""
        names = set()
        measures = self._spec()["observation"].get("measures", [])
        if not isinstance(measures, list):
            raise damaged(self.files.spec, "observation.measures is no list")
        for measure in measures:
            with suppress(UnknownCode):
                names |= {each.name for each in Observation.parse_stored({"measures": [measure]}, str(self.files.spec)).measures}
        return names

    def recorded_steps(self) -> RecordedSteps:
        """The steps of the series, and those that each member has recorded."""
        stored = stored_series(self.files, self.marker, self.marker.rows)
        rows = recorded((values for _, values in stored.series.values()), (len(self.members), len(stored.steps)))
        return RecordedSteps(stored.steps, [stored.steps[of_member] for of_member in rows])

    def grids(self) -> list[Int[ndarray, " step"]]:
        """The recorded steps of each segment."""
        layouts = segment_layouts(self.files, self.marker)
        return [read_steps(self.files.series / str(number), layout) for number, layout in enumerate(layouts)]

    def note_edits(self, edits: Mapping[str, Sequence[Plain]]) -> None:
        """Note the edits of forks, by run id, as they were made: with the numbers of the units that they selected."""
        name, known = self.files.edits.name, read_edits(self.files)
        if all(known.get(run) == list(made) for run, made in edits.items()):
            return
        if name in self.marker.sums:  # the file is replaced, so its old checksum must go before
            self._replace_marker(replace(self.marker, sums={file: value for file, value in self.marker.sums.items() if file != name}))
        write_json(self.files.edits, {**known, **{run: list(made) for run, made in edits.items()}})
        self._fresh_sums[name] = checksum(self.files.edits)

    def extend(self, steps: Int[ndarray, " step"], shapes: Mapping[str, SeriesShape], coords: Mapping[str, Sequence[str]]) -> None:
        """Add a segment with further steps. Rows are counted over all segments."""
        path = self.files.series / str(len(self.marker.segments))
        shutil.rmtree(path, ignore_errors=True)  # a crash may have left a segment that the marker does not name
        create_series(path, steps, len(self.members), shapes, coords)
        self._fresh_sums |= self._sums_of(path)
        segment = Segment(int(steps[-1]), len(steps))
        self._replace_marker(replace(self.marker, segments=(*self.marker.segments, segment), finished=False))

    def sign(self, signature: Mapping[str, Any], asked: Sequence[Request | None]) -> None:
        """Note the signature under which work goes on, and what is asked of each member."""
        self._replace_marker(self.marker.signed(signature, tuple(asked)))

    def replay_store(self, observation: Observation) -> "CohortStore":
        """A store for a replay of the same members. It lies next to this one, and the catalogue does not see it."""
        files = CohortFiles(self.files.path.with_name(f".replay-{self.id}-{digest(observation.model_dump(mode='json'))}"))
        if not files.path.exists():
            _create_directory(files, self._spec()["experiment"], observation, self.members)
        return CohortStore(files)

    def adopt(self, replay: "CohortStore") -> None:
        """Take over the series of a finished replay, then remove the replay. After a crash half-way this can be done again."""
        coords = dict(self.marker.coords)
        for number in range(len(self.marker.segments)):
            path = self.files.series / str(number)
            coords |= adopt_series(path, replay.files.series / str(number))
            self._fresh_sums |= self._sums_of(path)
        self._replace_marker(replace(self.marker, coords=coords))
        spec = self._spec()
        measures = [*self.observation().measures, *replay.observation().measures]
        spec["observation"]["measures"] = [measure.model_dump(mode="json") for measure in measures]
        write_yaml(self.files.spec, spec)
        shutil.rmtree(replay.files.path)

    def committed(self) -> Resumable:
        """Where to go on: at the latest commit, or at the one before where the latest is damaged."""
        damaged = []
        for commit in (self.marker.checkpoint, self.marker.previous):
            if commit is None:
                continue
            try:
                checkpoint = read_checkpoint(self.files.checkpoints / commit.file, self.id)
            except InputError as error:
                damaged.append(str(error))
                continue
            return Resumable(list(commit.rows), checkpoint, damaged)
        return Resumable([0] * len(self.members), None, damaged)

    def records(self, rows: Sequence[int]) -> Tensors:
        """All series over all segments, [run, step, ...]; values past a member's `rows` are NaN."""
        return {name: values for name, (_, values) in stored_series(self.files, self.marker, rows).series.items()}

    def write_rows(self, first: int, records: Mapping[str, Any]) -> None:
        """Write rows from row `first` on, counted over all segments."""
        segment_first = 0
        for number, segment in enumerate(self.marker.segments):
            segment_end = segment_first + segment.rows
            within = slice(max(segment_first - first, 0), max(segment_end - first, 0))
            if first < segment_end:
                part = {name: values[:, within] for name, values in records.items()}
                write_rows(self.files.series / str(number), max(first - segment_first, 0), part)
            segment_first = segment_end

    def keep_checkpoint(self, step: int, members: Sequence[int], states: Sequence[Tensors]) -> None:
        """Keep the states of the members that have reached a log-spaced step."""
        if not members:
            return
        path = self.files.at_step(step)
        name = str(path.relative_to(self.files.path))
        if name in self.marker.sums:  # the file is replaced, so its old checksum must go before
            sums = {known: value for known, value in self.marker.sums.items() if known != name}
            self._replace_marker(replace(self.marker, sums=sums))
        write_checkpoint(path, self.id, members, states)
        self._fresh_sums[name] = checksum(path)

    def commit(self, rows: Sequence[int], statuses: Sequence[Status], states: Sequence[Tensors], finished: bool) -> None:
        """Make everything written so far permanent. The marker is replaced last; then checkpoints that nobody needs are removed."""
        path = self.files.latest(sum(int(state["step"]) for state in states))
        write_checkpoint(path, self.id, range(len(states)), states)
        latest, before = Commit(path.name, tuple(rows)), self.marker.checkpoint
        previous = None if finished or before is None or before.file == path.name else before
        self._replace_marker(
            replace(self.marker, checkpoint=latest, previous=previous, rows=tuple(rows), states=tuple(statuses), finished=finished)
        )
        needed = {latest.file, previous.file if previous else ""}
        for checkpoint in self.files.checkpoints.glob("latest-*.safetensors"):
            if checkpoint.name not in needed:
                checkpoint.unlink()

    def _spec(self) -> Plain:
        return cohort_spec(self.files)

    def _sums_of(self, segment: Path) -> dict[str, str]:
        within = segment.relative_to(self.files.path)
        return {str(within / name): value for name, value in fixed_sums(segment).items()}

    def _replace_marker(self, marker: Marker) -> None:
        marker = replace(marker, sums=dict(sorted({**marker.sums, **self._fresh_sums}.items())))
        write_marker(self.files, marker)
        self.marker, self._fresh_sums = marker, {}


def cohort_spec(files: CohortFiles) -> Plain:
    """The experiment of a cohort's first member and the cohort's observation, as plain data.

    Raises:
        InputError: the file is damaged or missing, or the cohort is a simulated theory.
    """
    spec = read_yaml(files.spec, dict[str, Settings])
    if "theory" in spec:
        raise InputError(f"cohort {files.path.name} simulates a theory. It has series and no network, so there are no weights.")
    if lacking := {"experiment", "observation"} - spec.keys():
        raise damaged(files.spec, f"it has no {' and no '.join(sorted(lacking))}")
    return dict(spec)


def simulated_theory(files: CohortFiles) -> Plain | None:
    """The theory that a cohort simulates, as plain data; None for a cohort of networks.

    Raises:
        InputError: the file is damaged or missing.
    """
    return read_yaml(files.spec, dict[str, Settings]).get("theory")


def stored_series(files: CohortFiles, marker: Marker, rows: Sequence[int]) -> SegmentSeries:
    """The series of a cohort; values past each member's `rows` are NaN.

    Raises:
        InputError: a file is damaged or missing; the file is named.
    """
    parts: list[SegmentSeries] = []
    rows_left = max(rows)
    for number, layout in enumerate(segment_layouts(files, marker)):
        parts.append(read_series(files.series / str(number), max(rows_left, 0), layout))
        rows_left -= marker.segments[number].rows
    if not parts:
        return SegmentSeries(np.zeros(0, np.int64), {}, {})
    steps = np.concatenate([part.steps for part in parts])
    if (np.diff(steps) <= 0).any():
        raise damaged(files.series, "the steps of its segments do not follow each other", files.path)
    not_committed = np.arange(len(steps))[None, :] >= np.asarray(rows)[:, None]
    series: dict[str, tuple[tuple[str, ...], Any]] = {}
    for name, (axes, _) in parts[0].series.items():
        values = np.concatenate([part.series[name][1] for part in parts], axis=1)
        values[np.broadcast_to(not_committed, values.shape[:2])] = np.nan
        series[name] = (axes, values)
    return SegmentSeries(steps, series, parts[0].labels)


def segment_layouts(files: CohortFiles, marker: Marker) -> list[SegmentLayout]:
    """The layout of each segment of a cohort's series.

    Raises:
        InputError: metadata are damaged or missing, the segments do not fit each other, or the series would fill the memory.
    """
    runs = len(marker.rows)
    layouts = [segment_layout(files.series / str(i), runs, each.rows, marker.coords) for i, each in enumerate(marker.segments)]
    refuse_too_large(files.path, sum(layout.nbytes for layout in layouts))
    for number, layout in enumerate(layouts):
        for name, first in layouts[0].series.items():
            other = layout.series.get(name)
            if other is None or (other.axes, other.shape[2:], other.dtype) != (first.axes, first.shape[2:], first.dtype):
                raise damaged(files.series / str(number) / name, "it does not go on with the segment before it", files.path)
    return layouts
