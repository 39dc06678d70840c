"""The questions of the literature and of its debates, one study in a file. `epicycle run NAME` trains a study and judges its claims.

Every file has the same parts in the same order:

    QUESTION   what the study asks, in one sentence
    ARMS       the runs that are trained: experiments with seeds, and forks of them
    CLAIMS     what is judged, with the region that supports a claim and the region that refutes it
    FIGURES    figures of the page; each has a question as its title
    SOURCES    the texts that the claims come from
    STUDY      all of these together, with its pilot (`quick`) and the organisms on which it can be run

To add a study, write such a file and add its name to `NAMES`. Registered claims must not be changed afterwards: a changed claim counts
as a new one, made after the runs. A user's own study needs no place in this folder: `study_files.py` reads it from any file.
"""

import importlib

from epicycle.spec.errors import InputError, nearest
from epicycle.spec.study import Study

NAMES = (
    "quickstart",
    "organisms",
    "anatomy",
    "mirror",
    "twelve",
    "boost",
    "dcrit",
    "no_delay",
    "efficiency",
    "two_at_once",
    "forces",
    "saliency",
    "levels",
    "census",
    "progress",
    "clock_pizza",
    "universality",
    "inversion",
    "size",
    "reinforcement",
    "coverage",
    "coverage_of_units",
    "disruptors",
    "paths",
    "gen_in_forks",
    "reset",
    "memory_removed",
    "planted",
    "sampler",
    "patterns",
    "barrier",
    "ladders",
    "basins",
    "pushes",
    "memories",
    "curvature",
    "basin_sizes",
    "way_between",
    "heat",
    "spikes",
)


def load(name: str) -> Study:
    """A study of this folder.

    Args:
        name: one of `NAMES`.

    Returns:
        The study as its file states it, on the organism that it names.

    Raises:
        InputError: no study has this name; the message offers the nearest name.
    """
    if name not in NAMES:
        raise InputError(f"there is no study and no file named '{name}'; {nearest(name, NAMES)}")
    study: Study = importlib.import_module(f"epicycle.studies.{name}").STUDY
    return study
