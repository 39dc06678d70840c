"""A user's own classes: the name under which a class is found again, its source text, and the line at which a user's file failed.

What a results folder names is never imported. A stored document may use a class outside Epicycle only if the running program has used
this class by itself.
"""

import ast
import importlib
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from types import ModuleType


def is_own(cls: type) -> bool:
    """Whether a class is a user's, not the package's."""
    return cls.__module__.split(".")[0] != "epicycle"


def module_name(name: str) -> str:
    """A module's name in every process. A script is called `__main__` where it runs; other processes import it by its own name."""
    if name != "__main__":
        return name
    main = sys.modules[name]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name)
    return Path(file).stem if file else name


def import_module(name: str) -> ModuleType:
    """The module of that name. The running script is not imported a second time under its own name."""
    if name == module_name("__main__"):
        return sys.modules["__main__"]
    if name.split(".")[0] != "epicycle":
        while _offered:
            make_importable(_offered.pop(0))
    return importlib.import_module(name)


def make_importable(folder: Path) -> None:
    """Look for modules in a user's folder first, as `python my_study.py` does."""
    _folders.append(folder)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()


def offer_folder(folder: Path) -> None:
    """Look for modules in a folder from the moment at which the user names a class by its import path, and not before.

    Libraries try to import modules that are not installed. In a folder that came from a stranger, such a module would be executed.
    """
    _offered.append(folder)


_folders: list[Path] = []
_offered: list[Path] = []


@contextmanager
def stored_document() -> Iterator[None]:
    """Within this context, kinds come from a results folder, so that no import path among them is followed."""
    token = _is_stored.set(True)
    try:
        yield
    finally:
        _is_stored.reset(token)


def is_stored() -> bool:
    """Whether a stored document is being read."""
    return _is_stored.get()


def note_used(kind: str, cls: type) -> None:
    """Remember a user's own class that the running program has used."""
    _used[kind] = cls


def class_in_use(kind: str) -> type | None:
    """The user's own class of this import path, if the running program has used it."""
    return _used.get(kind)


_is_stored: ContextVar[bool] = ContextVar("is_stored", default=False)
_used: dict[str, type] = {}


@cache
def text_of(cls: type) -> str:
    """The source of a class, with everything at the top level of its file that it uses, in the file's order; empty if unknown.

    Comments, line breaks, docstrings and imports are left out.
    """
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    try:
        statements = ast.parse(Path(file or "").read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return ""
    defined_at: dict[str, list[int]] = {}  # name -> numbers of the statements that give it a value
    for number, statement in enumerate(statements):
        for name in _assigned_names(statement):
            defined_at.setdefault(name, []).append(number)
    used: set[int] = set()
    to_visit = list(defined_at.get(cls.__qualname__.split(".")[0], ()))
    while to_visit:
        number = to_visit.pop()
        if number not in used:
            used.add(number)
            names = [node.id for node in ast.walk(statements[number]) if isinstance(node, ast.Name)]
            to_visit += [definition for name in names for definition in defined_at.get(name, ())]
    return "\n\n".join(ast.unparse(_without_docstrings(statements[number])) for number in sorted(used)) + "\n" * bool(used)


def same_text(first: str, second: str) -> bool:
    """Whether two texts of `text_of` are the same code. Versions of Python write the same code down differently."""
    try:
        return ast.dump(ast.parse(first)) == ast.dump(ast.parse(second))
    except (SyntaxError, ValueError):  # Python 3.11 raises ValueError for a null byte
        return first == second


def line_of(error: BaseException) -> str | None:
    """The last line of a user's file that an error passed through; None if it passed through no user's file."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent in _folders]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else None


def in_words(error: BaseException) -> str:
    """An error as one paragraph that ends with a full stop."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message if len(message) <= 400 else message[:400] + ' ...'}".rstrip(".") + "."


def _assigned_names(statement: ast.stmt) -> list[str]:
    """The names that a top-level statement gives a value. Imports are left out."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return []
    return [node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]


def _without_docstrings(statement: ast.stmt) -> ast.stmt:
    for node in ast.walk(statement):
        body = getattr(node, "body", None)
        if isinstance(body, list) and len(body) > 1 and isinstance(node, ast.FunctionDef | ast.ClassDef):
            first = body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                del body[0]
    return statement
