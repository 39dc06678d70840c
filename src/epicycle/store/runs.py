"""One stored run: what it is, what was recorded of it, and the states that were kept."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray

from epicycle.spec.errors import InputError
from epicycle.spec.paths import with_path
from epicycle.store.atomic import read_yaml
from epicycle.store.catalogue import Catalogue
from epicycle.store.checkpoints import Checkpoint, read_checkpoint
from epicycle.store.cohorts import CohortStore
from epicycle.store.files import Root
from epicycle.store.reading import cohort_dataset

SCALARS = ("step", "key", "diverged")  # what else of a state has no prefix in its file


class StoredRun:
    """A run in a results root, named by its id."""

    def __init__(self, root: Root, run_id: str) -> None:
        self.id = run_id
        catalogue = Catalogue(root)
        cohort, self._row = catalogue.place(run_id)
        self._files = root.cohort(cohort)
        self.member = catalogue.member(run_id)

    @property
    def steps(self) -> list[int]:
        """Steps at which the full state is kept, the last state's included."""
        found = [step for step, path in self._kept().items() if self._row in read_checkpoint(path, self._files.path.name).members]
        return sorted({*found, self.last_step})

    @property
    def last_step(self) -> int:
        """The step of the last state, counted from where the run begins."""
        return self._own(self._last().of(self._row))

    def params(self, step: int | None = None) -> dict[str, Any]:
        """Parameters at a kept step (None: the last), under TransformerLens names.

        Raises:
            InputError: the step was not kept; those that were are named.
        """
        return {name: value for name, value in self.state(step).items() if "/" not in name and name not in SCALARS}

    def experiment(self) -> dict[str, Any]:
        """The run's experiment as plain data, as its cohort wrote it down."""
        plain = read_yaml(self._files.spec)["experiment"]
        for path, value in self.member["differs"].items():
            plain = with_path(plain, path, value)
        return plain

    def recorded(self) -> xarray.Dataset:
        """All series over the steps that were recorded of this run."""
        data = cohort_dataset(self._files).isel(run=self._row)
        seen = np.zeros(data.sizes["step"], bool)
        for series in data.data_vars.values():
            seen |= np.isfinite(series.values).reshape(len(seen), -1).any(axis=1)
        return data.isel(step=np.flatnonzero(seen))

    def state(self, step: int | None = None) -> dict[str, Any]:
        """The full state at a kept step (None: the last), as named arrays.

        Raises:
            InputError: the step was not kept; those that were are named.
        """
        last = self._last().of(self._row)
        if step is None or step == self._own(last):
            return last
        path = self._files.at_step(step)
        if not path.exists():
            raise InputError(f"run {self.id} keeps no state of step {step}; it keeps {self.steps}.")
        return read_checkpoint(path, self._files.path.name).of(self._row)

    def state_before(self, moment: int) -> dict[str, Any] | None:
        """The last kept full state at or before a step; None where none is that early."""
        last = self._last().of(self._row)
        if self._own(last) <= moment:
            return last
        for step, path in sorted(self._kept().items(), reverse=True):
            if step <= moment and self._row in (found := read_checkpoint(path, self._files.path.name)).members:
                return found.of(self._row)
        return None

    def _kept(self) -> dict[int, Path]:
        return {int(path.stem.removeprefix("step-")): path for path in self._files.checkpoints.glob("step-*.safetensors")}

    def _own(self, state: dict[str, Any]) -> int:
        return int(state["step"]) - int(self.member.get("start", 0))

    def _last(self) -> Checkpoint:
        rows, checkpoint, damaged = CohortStore(self._files).committed()
        if checkpoint is None or not rows[self._row]:
            raise InputError(f"run {self.id} has no whole state on disk. {' '.join(damaged)}")
        return checkpoint
