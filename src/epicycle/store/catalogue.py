"""Where each run is: run id -> (cohort, row). Derived from the cohorts' member lists, never stored, so it cannot go stale."""

from typing import Any

import filelock

from epicycle.spec.errors import InputError
from epicycle.spec.identity import digest
from epicycle.store.atomic import damaged, read_json
from epicycle.store.files import Root


class Catalogue:
    """The runs of a root."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self.places: dict[str, tuple[str, int]] = {}
        self.members: dict[str, list[dict[str, Any]]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the member lists again."""
        for folder in sorted(self._root.cohorts.iterdir()) if self._root.cohorts.is_dir() else []:
            if folder.name.startswith(".") or folder.name in self.members:
                continue
            file = self._root.cohort(folder.name).members
            members = read_json(file)
            if digest([member.get("run") for member in members]) != folder.name:
                raise damaged(file, "its runs are not those of this cohort")
            self.members[folder.name] = members
            for row, member in enumerate(members):
                self.places[member["run"]] = (folder.name, row)

    def place(self, run_id: str) -> tuple[str, int]:
        """Cohort and row of a run.

        Raises:
            InputError: the run is not in this root.
        """
        if run_id not in self.places:
            raise InputError(f"run {run_id} is not in {self._root.path}.")
        return self.places[run_id]

    def find(self, beginning: str) -> str:
        """The id of the one run that begins so.

        Raises:
            InputError: no run or several.
        """
        found = sorted(run for run in self.places if run.startswith(beginning))
        if len(found) == 1:
            return found[0]
        if not found:
            raise InputError(f"no run in {self._root.path} begins with '{beginning}' (it holds {len(self.places)} runs).")
        raise InputError(f"{len(found)} runs begin with '{beginning}': {', '.join(found[:4])}, ...; give more of the id.")

    def member(self, run_id: str) -> dict[str, Any]:
        """What the run's cohort says of it: seeds, baseline, leakage of its split."""
        cohort, row = self.place(run_id)
        return self.members[cohort][row]

    def allocating(self) -> filelock.FileLock:
        """Held while cohorts are allocated, so that two processes do not allocate the same runs."""
        return filelock.FileLock(self._root.lock)
