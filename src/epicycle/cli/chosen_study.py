"""The study that the command line asks for: its name or file, its organism, as a pilot or not, with changed fields and seeds."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from epicycle.spec.study import Study
    from epicycle.store.files import Root, StudyFiles


def load_study(name: str) -> "Study":
    """Load a study of the library by its name, or a study file by its path.

    Raises:
        InputError: there is no such study, or the file cannot be read.
    """
    from epicycle.spec.own_code import offer_folder
    from epicycle.store.files import given_path
    from epicycle.studies import load
    from epicycle.studies.study_files import SUFFIXES, load_file

    file = given_path(name)
    if file.suffix in SUFFIXES:
        return load_file(file)
    offer_folder(Path.cwd())  # --set may name parts in the user's own files
    return load(name)


def chosen_study(name: str, organism: str | None, quick: bool, seeds: int | None, assignments: list[str] | None) -> "Study":
    """Load a study and apply the options of the command line to it.

    Args:
        name: a study's name, or its file.
        organism: what to set the study on; None leaves it on its own organism.
        quick: whether the study's pilot is asked for.
        seeds: seeds of every root arm; None keeps each arm's own.
        assignments: `PATH=VALUE` texts of `--set`.

    Raises:
        InputError: there is no such study, organism, pilot or field; or a primary claim of the study is not for this organism.
    """
    from epicycle.spec.errors import InputError
    from epicycle.spec.organism import organism_named
    from epicycle.spec.paths import assignment

    if seeds is not None and seeds < 1:
        raise InputError(f"--seeds {seeds}: at least one seed is needed, and a verdict over seeds needs six.")
    study = load_study(name)
    if organism is not None:
        study = study.on_organism(organism_named(organism))
    study = study.at_profile("quick" if quick else "stated")
    return study.with_assignments(dict(assignment(text) for text in assignments or [])).with_seeds(seeds)


def find_results(target: str, root: Path | None) -> tuple["Root", "StudyFiles"]:
    """Find the stored results of a study by its name, its file, or the folder itself.

    Raises:
        InputError: the study has not been run, or the folder is not one of a study.
    """
    from epicycle.spec.errors import InputError
    from epicycle.store.files import Root, StudyFiles, default_root, given_path
    from epicycle.store.studies import checked_study, find_study
    from epicycle.studies.study_files import SUFFIXES

    path = given_path(target)
    if path.is_dir():
        if not (path / "verdicts.json").is_file():
            raise InputError(
                f"{target} is not the results folder of a study: it holds no verdicts.json. "
                "Give a folder like epicycle-results/studies/quickstart/ID."
            )
        return Root(path.absolute().parents[2]).opened(), checked_study(StudyFiles(path.absolute()))
    results = Root(root or default_root()).opened()
    return results, find_study(results, load_study(target).name if path.suffix in SUFFIXES else target)
