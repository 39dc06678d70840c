"""Where each run is: run id -> (cohort, row). Made anew from the cohorts' member lists, never stored, so it cannot go stale."""

from typing import NamedTuple

import filelock

from epicycle.spec.errors import InputError
from epicycle.spec.identity import digest
from epicycle.store.atomic import folder_lock
from epicycle.store.cohort_members import MemberRecord
from epicycle.store.cohorts import read_members
from epicycle.store.entries import damaged, refuse_strange
from epicycle.store.files import Root


class Place(NamedTuple):
    """A run's cohort, and its row among the cohort's members."""

    cohort: str
    row: int


class Catalogue:
    """The runs of a root.

    Attributes:
        places: run id -> where the run is.
        members: cohort id -> records of its members.
    """

    def __init__(self, root: Root) -> None:
        self._root = root
        self.places: dict[str, Place] = {}
        self.members: dict[str, list[MemberRecord]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the member lists of cohorts that are new since the last time."""
        for folder in sorted(self._root.cohorts.iterdir()) if self._root.cohorts.is_dir() else []:
            if folder.name.startswith(".") or folder.name in self.members:
                continue
            refuse_strange(folder)
            if not folder.is_dir():
                continue
            files = self._root.cohort(folder.name)
            members = read_members(files)
            if digest([member.run for member in members]) != folder.name:
                raise damaged(files.members, "its runs are not those of this cohort")
            self.members[folder.name] = members
            for row, member in enumerate(members):
                self.places[member.run] = Place(folder.name, row)

    def forget_removed(self) -> None:
        """Forget the cohorts whose folders are not there any more."""
        removed = [cohort for cohort in self.members if not self._root.cohort(cohort).path.is_dir()]
        for cohort in removed:
            for member in self.members.pop(cohort):
                del self.places[member.run]

    def place(self, run_id: str) -> Place:
        """Where a run is.

        Raises:
            InputError: the run is not in this root.
        """
        if run_id not in self.places:
            raise InputError(f"run {run_id} is not in {self._root.path}.")
        return self.places[run_id]

    def find(self, beginning: str) -> str:
        """The id of the one run whose id begins so.

        Raises:
            InputError: no run does, or several do.
        """
        matching = sorted(run for run in self.places if run.startswith(beginning))
        if len(matching) == 1:
            return matching[0]
        if not matching:
            raise InputError(f"no run in {self._root.path} begins with '{beginning}' (it holds {len(self.places)} runs).")
        raise InputError(f"{len(matching)} runs begin with '{beginning}': {', '.join(matching[:4])}, ...; give more of the id.")

    def member(self, run_id: str) -> MemberRecord:
        """What the run's cohort says of the run."""
        cohort, row = self.place(run_id)
        return self.members[cohort][row]

    def allocating(self) -> filelock.BaseFileLock:
        """The lock to hold while cohorts are allocated, so that two processes do not allocate the same runs."""
        self._root.refuse_moved()
        return folder_lock(self._root.lock)
