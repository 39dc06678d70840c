"""The literature and the debates: one file per study, each with QUESTION, ARMS, CLAIMS, FIGURES, SOURCES and STUDY."""

import importlib

from epicycle.spec.errors import InputError, nearest
from epicycle.spec.study import Study

NAMES = ("quickstart", "anatomy", "mirror", "twelve", "boost", "dcrit", "no_delay")


def load(name: str) -> Study:
    """A study of the library by name.

    Raises:
        InputError: there is none of that name; the nearest is offered.
    """
    if name not in NAMES:
        raise InputError(f"there is no study '{name}' (nor such a file); {nearest(name, NAMES)}")
    study: Study = importlib.import_module(f"epicycle.studies.{name}").STUDY
    return study
