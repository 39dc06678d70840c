"""Read a user's own study from a file: YAML, or Python that assigns a Study to STUDY."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from pydantic import ValidationError

from epicycle.spec.base import Part, explain, kind_of
from epicycle.spec.errors import InputError
from epicycle.spec.own_code import in_words, is_own, line_of, make_importable, note_used, offer_folder
from epicycle.spec.study import Study
from epicycle.spec.yaml_text import load_yaml

SUFFIXES = (".py", ".yaml", ".yml")


def load_file(path: Path) -> Study:
    """The study in a file. A study without a name gets the file's name. Modules beside the file can be imported from then on.

    Args:
        path: a file that ends in one of `SUFFIXES`.

    Returns:
        The study.

    Raises:
        InputError: the file cannot be read, or has no study, or its study is not valid.
    """
    file_name = path.stem.lower().replace(" ", "-")
    text = _read(path)
    if path.suffix == ".py":
        whole = Path(os.path.abspath(path))
        study = _study_of_module(whole, _module_of(whole, text))
        return study if "name" in study.model_fields_set else study.with_name(file_name)
    offer_folder(Path(os.path.abspath(path)).parent)
    plain = load_yaml(text, str(path))
    if not isinstance(plain, dict):
        raise InputError(f"{path}: a study is a mapping with question, arms and claims.")
    return Study.parse({"name": file_name, **plain}, str(path))


def use_file(path: Path) -> None:
    """Let stored results name the parts of a user's file: those of a Python file, or those that a study in YAML uses.

    Raises:
        InputError: the file cannot be read, or is not valid.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"--use {path}: name a file that ends in {', '.join(SUFFIXES)}.")
    if path.suffix != ".py":
        load_file(path)
        return
    for value in list(vars(_module_of(Path(os.path.abspath(path)), _read(path))).values()):
        if isinstance(value, type) and issubclass(value, Part) and is_own(value):
            note_used(kind_of(value), value)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text: {getattr(error, 'strerror', None) or error}.") from None


def _module_of(path: Path, text: str) -> ModuleType:
    """Import a Python file under its own name, by which other processes find its classes."""
    try:
        compile(text, str(path), "exec")
    except SyntaxError as error:
        raise InputError(f"{path}, line {error.lineno}: not valid Python: {error.msg}. Correct that line and run again.") from None
    _refuse_clash(path)
    make_importable(path.parent)
    # A file that makes an array while it is imported starts JAX, so JAX's settings are made before.
    importlib.import_module("epicycle.training.devices").prepare()
    try:
        return importlib.import_module(path.stem)
    except Exception as error:
        raise InputError(f"{line_of(error) or path}: {_message_of(error)}") from error


def _study_of_module(path: Path, module: ModuleType) -> Study:
    study = getattr(module, "STUDY", None)
    if not isinstance(study, Study):
        problem = "there is no STUDY in it" if study is None else f"its STUDY is a {type(study).__name__}"
        raise InputError(f"{path}: {problem}; end the file with STUDY = ep.Study(question=..., arms={{...}}).")
    return study


def _message_of(error: Exception) -> str:
    """What went wrong, in one paragraph."""
    if isinstance(error, ValidationError):
        return explain(error, error.title)
    return str(error) if isinstance(error, InputError) else in_words(error)


def _refuse_clash(path: Path) -> None:
    """Refuse a file whose name cannot name a module, or names another module already.

    Classes of the file are stored as `file_name:Class`, so two modules of one name could be taken for each other.
    """
    name = path.stem
    if not name.isidentifier():
        raise InputError(f"{path}: results name its parts by the file's name, which must be a word like my_study; rename the file.")
    if name in sys.modules:
        owner = getattr(sys.modules[name], "__file__", None)
    else:
        spec = importlib.util.find_spec(name)
        owner = spec.origin if spec and spec.origin else str(path)  # a folder without __init__.py has no origin and does not clash
    if owner is None or Path(owner).resolve() != path.resolve():
        raise InputError(f"{path}: '{name}' is another module already ({owner or 'built in'}); rename the file.")
