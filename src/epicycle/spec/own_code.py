"""A user's own parts: under which name a class of theirs is found again, the text it was written as, and where their file failed."""

import ast
import importlib
import sys
import traceback
from functools import cache
from pathlib import Path
from types import ModuleType


def is_own(cls: type) -> bool:
    """Whether a class is a user's, not the package's."""
    return cls.__module__.split(".")[0] != "epicycle"


def module_name(name: str) -> str:
    """The name of a module in every process: a file run as a script calls itself `__main__`, others import it by its own name."""
    if name != "__main__":
        return name
    main = sys.modules[name]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None:
        return str(spec.name)
    return Path(file).stem if file else name


def import_module(name: str) -> ModuleType:
    """The module of that name; the running script under its own name is not imported a second time."""
    return sys.modules["__main__"] if name == module_name("__main__") else importlib.import_module(name)


def make_importable(folder: Path) -> None:
    """Find modules in a folder of the user's first, as `python my_study.py` would."""
    _folders.append(folder)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()


_folders: list[Path] = []


@cache
def text_of(cls: type) -> str:
    """The source of a class and of everything at the top level of its file that it uses, in the file's order; empty if unknown.

    Comments, layout and docstrings are not in it, nor is what the file imports.
    """
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    try:
        statements = ast.parse(Path(file or "").read_text()).body
    except (OSError, SyntaxError, ValueError):
        return ""
    homes: dict[str, list[int]] = {}
    for place, statement in enumerate(statements):
        for name in _bound(statement):
            homes.setdefault(name, []).append(place)
    wanted: set[int] = set()
    ahead = list(homes.get(cls.__qualname__.split(".")[0], ()))
    while ahead:
        place = ahead.pop()
        if place not in wanted:
            wanted.add(place)
            ahead += [home for node in ast.walk(statements[place]) if isinstance(node, ast.Name) for home in homes.get(node.id, ())]
    return "\n\n".join(ast.unparse(_without_docstrings(statements[place])) for place in sorted(wanted)) + "\n" * bool(wanted)


def same_text(one: str, other: str) -> bool:
    """Whether two texts of `text_of` are the same code, whichever version of Python wrote them down."""
    try:
        return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))
    except (SyntaxError, ValueError):  # the latter: a null byte, in Python 3.11
        return one == other


def place_of(error: BaseException) -> str | None:
    """The last line of a user's file that an error passed through; None if it passed through none."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent in _folders]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else None


def in_words(error: BaseException) -> str:
    """An error as one paragraph that ends as a sentence does."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message if len(message) <= 400 else message[:400] + ' ...'}".rstrip(".") + "."


def _bound(statement: ast.stmt) -> list[str]:
    """Names that a top-level statement gives a value; imports are left out."""
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
