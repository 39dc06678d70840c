"""Studies that were run: found by name, and shown again with the places they came from. Nothing here trains or judges."""

import datetime
import platform
from importlib.metadata import version

from epicycle.spec.errors import InputError
from epicycle.spec.plain_data import Plain
from epicycle.store.documents import read_json
from epicycle.store.entries import refuse_strange, refuse_strange_entries
from epicycle.store.files import Root, StudyFiles
from epicycle.store.study_documents import Provenance, read_verdicts

PACKAGES = ("epicycle", "jax", "jaxlib", "numpy", "optax", "scipy", "xarray", "zarr")


def find_study(root: Root, name: str) -> StudyFiles:
    """The directory of a study; of several settings the one that was judged last.

    Raises:
        InputError: the study has not been run in this root.
    """
    folder = root.studies / name
    refuse_strange(folder)
    refuse_strange_entries(folder)
    folders = folder.iterdir() if folder.is_dir() else ()
    judged = [files for files in map(StudyFiles, folders) if files.verdicts.is_file()]
    if not judged:
        raise InputError(f"study '{name}' has no verdicts.json in {folder}/*; run it first: epicycle run {name}.")
    return checked_study(max(judged, key=lambda files: files.verdicts.stat().st_mtime))


def checked_study(files: StudyFiles) -> StudyFiles:
    """The directory of a study, if it holds files only.

    Raises:
        InputError: the directory, or something in it, is a link, a FIFO or a device.
    """
    for folder in (files.path.parent, files.path):
        refuse_strange(folder)
    refuse_strange_entries(files.path)
    return files


def document(root: Root, files: StudyFiles, seconds: float | None = None) -> Plain:
    """The stored verdicts, with root, report and duration: what `--json` prints.

    Args:
        seconds: how long the command took; None takes what is stored.

    Raises:
        InputError: nothing has been judged in this directory.
    """
    if not files.verdicts.exists():
        raise InputError(f"{files.path} holds no verdicts yet; run the study first.")
    verdicts = read_verdicts(files)
    duration = read_json(files.provenance, Provenance)["seconds"] if seconds is None else seconds
    origin = {"root": str(root.path), "report": str(files.report), "seconds": round(duration, 2)}
    return {"study": verdicts["study"], **origin, **{key: value for key, value in verdicts.items() if key != "study"}}


def provenance(command: str, seconds: float, trained: int) -> Plain:
    """What made a result: the command, how long it took, versions and machine.

    Args:
        trained: number of runs that were trained or continued.
    """
    return {
        "command": command,
        "seconds": round(seconds, 2),
        "trained": trained,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "machine": {"system": platform.system(), "processor": platform.processor() or platform.machine()},
    }
