"""A study in a file of one's own: YAML, or Python with a STUDY in it."""

import importlib.util
import os
import sys
from pathlib import Path

from pydantic import ValidationError

from epicycle.spec.base import explain
from epicycle.spec.errors import InputError
from epicycle.spec.own_code import in_words, make_importable, place_of
from epicycle.spec.study import Study
from epicycle.spec.yaml_text import load_yaml

SUFFIXES = (".py", ".yaml", ".yml")


def load_file(path: Path) -> Study:
    """The study in a file; modules beside it can be imported from then on. A study without a name takes the file's.

    Raises:
        InputError: the file cannot be read, or there is no study in it, or not a valid one.
    """
    own_name = path.stem.lower().replace(" ", "-")
    text = _read(path)
    if path.suffix == ".py":
        study = _study_of_module(Path(os.path.abspath(path)), text)
        return study if "name" in study.model_fields_set else study.with_name(own_name)
    make_importable(Path(os.path.abspath(path)).parent)
    plain = load_yaml(text, str(path))
    if not isinstance(plain, dict):
        raise InputError(f"{path}: a study is a mapping with question, arms and claims.")
    return Study.parse({"name": own_name, **plain}, str(path))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {getattr(error, 'strerror', None) or error}.") from None


def _study_of_module(path: Path, text: str) -> Study:
    """Run a Python file as the module of its name, under which its classes are found again."""
    try:
        compile(text, str(path), "exec")
    except SyntaxError as error:
        raise InputError(f"{path}, line {error.lineno}: not valid Python: {error.msg}. Correct that line and run again.") from None
    _refuse_clash(path)
    make_importable(path.parent)
    # Settings come first: a file that makes an array when it is read starts JAX.
    importlib.import_module("epicycle.training.devices").prepare()
    try:
        module = importlib.import_module(path.stem)
    except Exception as error:
        raise InputError(f"{place_of(error) or path}: {_told(error)}") from error
    study = getattr(module, "STUDY", None)
    if not isinstance(study, Study):
        found = "there is no STUDY in it" if study is None else f"its STUDY is a {type(study).__name__}"
        raise InputError(f"{path}: {found}; end the file with STUDY = ep.Study(question=..., arms={{...}}).")
    return study


def _told(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return explain(error, error.title)
    return str(error) if isinstance(error, InputError) else in_words(error)


def _refuse_clash(path: Path) -> None:
    """Parts of a file are named by its name, so that must be a name, and nobody else's."""
    name = path.stem
    if not name.isidentifier():
        raise InputError(f"{path}: its parts are named by the file's name, so that must be a word like my_study; rename it.")
    if name in sys.modules:
        other = getattr(sys.modules[name], "__file__", None)
    else:
        spec = importlib.util.find_spec(name)
        other = spec.origin if spec and spec.origin else str(path)  # a mere folder of that name has no origin
    if other is None or Path(other).resolve() != path.resolve():
        raise InputError(f"{path}: '{name}' is another module already ({other or 'built in'}); rename the file.")
