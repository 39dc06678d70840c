"""One stored run: what it is, what was recorded of it, and the states that were kept."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import xarray

from epicycle.spec.errors import InputError
from epicycle.spec.families import STATE_SCALARS, Params
from epicycle.spec.paths import get_path, with_path
from epicycle.spec.plain_data import Plain
from epicycle.spec.precision import Precision
from epicycle.spec.results import recorded
from epicycle.store.catalogue import Catalogue
from epicycle.store.checkpoints import Checkpoint, Tensors, read_checkpoint
from epicycle.store.cohort_members import MemberRecord
from epicycle.store.cohorts import CohortStore, Resumable, cohort_spec, read_edits, simulated_theory
from epicycle.store.documents import Settings
from epicycle.store.entries import damaged
from epicycle.store.files import CohortFiles, Root
from epicycle.store.knobs_in_force import knobs_in_force
from epicycle.store.reading import cohort_dataset


def params_of(state: Tensors) -> Params:
    """The parameters among the arrays of a stored state."""
    return {name: value for name, value in state.items() if "/" not in name and name not in STATE_SCALARS}


class CheckpointReader:
    """Reads the checkpoints of cohorts.

    Args:
        kept: how many files stay in memory. Whoever reads many runs of a cohort at once keeps some: all runs of a cohort lie in the
            same files.
    """

    def __init__(self, kept: int = 0) -> None:
        self.checkpoint = lru_cache(maxsize=kept)(read_checkpoint)
        self.committed = lru_cache(maxsize=kept)(_committed)


def _committed(cohort: Path) -> Resumable:
    return CohortStore(CohortFiles(cohort)).committed()


class StoredRun:
    """A run in a results root, named by its id.

    Args:
        catalogue: of the root. Whoever opens many runs shares one.
        reader: of checkpoints; likewise.

    Attributes:
        id: the run's id.
        member: what the run's cohort says of it.
    """

    def __init__(self, root: Root, run_id: str, catalogue: Catalogue | None = None, reader: CheckpointReader | None = None) -> None:
        self.id = run_id
        catalogue = catalogue or Catalogue(root)
        self._reader = reader or CheckpointReader()
        cohort, self._row = catalogue.place(run_id)
        self._files = root.cohort(cohort)
        self.member: MemberRecord = catalogue.member(run_id)

    @property
    def steps(self) -> list[int]:
        """Steps at which the full state is kept, that of the last state included."""
        kept = [step for step, path in self._kept_files().items() if self._row in self._read(path).members]
        return sorted({*kept, self.last_step})

    def keeps(self, step: int) -> bool:
        """Whether the full state at a step is kept."""
        path = self._files.at_step(step)
        return step == self.last_step or (path.exists() and self._row in self._read(path).members)

    @property
    def last_step(self) -> int:
        """The step of the last state, counted from where the run begins."""
        return self._step_of(self._last_checkpoint().of(self._row))

    @property
    def precision(self) -> Precision:
        """The precision of the run's floating-point numbers, as its last state has them."""
        return "float64" if any(value.dtype == np.float64 for value in self.params().values()) else "float32"

    @property
    def edits(self) -> tuple[Settings, ...]:
        """What was changed at the moment of a fork, as plain data; units that an edit selected in the run are listed as numbers."""
        made = read_edits(self._files).get(self.id)
        return tuple(made) if made is not None else self.member.lineage.edits if self.member.lineage else ()

    def params(self, step: int | None = None) -> Params:
        """Parameters at a kept step (None: the last), under TransformerLens names.

        Raises:
            InputError: the step was not kept; the message lists the kept ones.
        """
        return params_of(self.state(step))

    def experiment(self, step: int | None = None) -> Plain:
        """The run's experiment as plain data, with the values that its knobs have at a kept step (None: the last).

        In a fork that changes a knob, or a run with courses, they are not the values that were written down.

        Raises:
            InputError: the step was not kept; the message lists the kept ones.
        """
        plain, state = self.written_experiment(), self.state(step)
        written = {path: get_path(plain, path) for path in knobs_in_force(state, {})}
        courses = [get_path(course, "of") for course in get_path(plain, "training").get("courses", ())]
        if wrong := [path for path, value in written.items() if not isinstance(value, int | float | None)]:
            raise damaged(self._files.spec, f"experiment.{wrong[0]} is no number")
        for path, value in knobs_in_force(state, written, courses).items():
            plain = with_path(plain, path, value)
        return plain

    def written_experiment(self) -> Plain:
        """The run's experiment as its cohort wrote it down, which is what the run's id covers."""
        plain = cohort_spec(self._files)["experiment"]
        for path, value in self.member.differs.items():
            plain = with_path(plain, path, value)
        return plain

    @property
    def theory(self) -> Plain | None:
        """The theory that the run simulates, as plain data; None for a network."""
        return simulated_theory(self._files)

    def recorded(self) -> xarray.Dataset:
        """All series over the steps that were recorded of this run."""
        data = cohort_dataset(self._files).isel(run=self._row)
        steps = recorded((series.values for series in data.data_vars.values()), [data.sizes["step"]])
        return data.isel(step=np.flatnonzero(steps))

    def state(self, step: int | None = None) -> Tensors:
        """The full state at a kept step (None: the last), as named arrays.

        Raises:
            InputError: the step was not kept; the message lists the kept ones.
        """
        last = self._last_checkpoint().of(self._row)
        if step is None or step == self._step_of(last):
            return last
        if not self.keeps(step):
            raise InputError(
                f"run {self.id} keeps no state of step {step}; it keeps {self.steps}. Any other step up to {self.last_step} is "
                f"reached by replay: by params(step={step}) of the run in what ep.train gives, or by a fork from that step "
                f"(epicycle fork {self.id} --at {step})."
            )
        return self._read(self._files.at_step(step)).of(self._row)

    def state_before(self, moment: int) -> Tensors | None:
        """The last kept full state at or before a step; None where no kept state is that early."""
        last = self._last_checkpoint().of(self._row)
        if self._step_of(last) <= moment:
            return last
        for step, path in sorted(self._kept_files().items(), reverse=True):
            if step <= moment and self._row in (checkpoint := self._read(path)).members:
                return checkpoint.of(self._row)
        return None

    def _read(self, path: Path) -> Checkpoint:
        return self._reader.checkpoint(path, self._files.path.name)

    def _kept_files(self) -> dict[int, Path]:
        return {int(path.stem.removeprefix("step-")): path for path in self._files.checkpoints.glob("step-*.safetensors")}

    def _step_of(self, state: Tensors) -> int:
        return int(state["step"]) - self.member.start

    def _last_checkpoint(self) -> Checkpoint:
        resumable = self._reader.committed(self._files.path)
        if resumable.checkpoint is None or not resumable.rows[self._row]:
            cohort_spec(self._files)  # refuses a simulated theory, which has no states
            raise InputError(f"run {self.id} has no whole state on disk. {' '.join(resumable.damaged)}")
        return resumable.checkpoint
