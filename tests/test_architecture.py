"""The shape of the package, checked from its source: arrows between folders, sizes, names, types.

An import counts wherever it stands: at the top of a module, inside a function, as `from package import module`, or as text
(`"epicycle.tasks.modular:Modular"`, which the table of kinds imports later).
"""

import ast
import re
import statistics
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import epicycle as ep
from epicycle.spec import families
from epicycle.spec.axes import AXES
from epicycle.spec.base import Part, Spec
from epicycle.spec.kinds import KINDS
from epicycle.spec.registry import resolve

PACKAGE = Path(__file__).parents[1] / "src" / "epicycle"
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOT = "__init__"  # the package itself: it only hands out names, and hands the lists of kinds to spec
LEARNER = {"tasks", "splits", "models", "training", "measures", "circuits", "edits"}
# What each folder may import beside `spec`, `maths` and itself.
ALLOWED: dict[str, set[str]] = {
    "spec": set(),
    "maths": set(),
    "literature": set(),
    "tasks": set(),
    "splits": set(),
    "models": set(),
    "training": set(),
    "measures": set(),
    "circuits": {"measures"},
    "edits": set(),
    "theory": set(),
    "events": set(),
    "store": set(),
    "claims": {"events"},
    "presets": {"literature", "tasks", "splits", "models", "training"},
    "studies": {"literature", "presets", "claims", "events", "theory", *LEARNER},
    "lab": {"claims", "events", "store", *LEARNER},
    "report": {"claims", "events", "literature", "store"},
    "notebook": {"events", "lab", "report", "store"},
    "interop": {"claims", "events", "models", "report", "store", "training"},
    "bench": {"circuits", "lab", "models", "splits", "store", "studies", "tasks", "theory", "training"},
    "cli": {
        "bench",
        "circuits",
        "claims",
        "events",
        "interop",
        "lab",
        "measures",
        "models",
        "presets",
        "report",
        "store",
        "studies",
        "training",
    },
}
WITHOUT_JAX = {"spec", "claims", "edits", "events", "literature", "store", "studies", "report", "cli"}
# Names of local variables and parameters that do not say what they hold.
SAY_NOTHING = {"found", "here", "place", "told", "there", "thing", "stuff", "meant"}


@cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text())


def dotted(module: Path) -> str:
    parts = module.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(["epicycle", *parts]).removesuffix(".__init__")


NAMES = {dotted(module): module for module in MODULES}


def room_of(name: str) -> str:
    """The folder of a dotted name; `ROOT` for the package itself."""
    return [*name.split("."), ROOT][1]


def docstrings(module: Path) -> set[int]:
    """The constants that are docstrings, by identity."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node.body[0] for node in ast.walk(tree_of(module)) if isinstance(node, owners) and node.body]
    return {id(node.value) for node in nodes if isinstance(node, ast.Expr)}


@cache
def imports(module: Path) -> frozenset[str]:
    """Full names of the package's modules that a module imports."""
    names: set[str] = set()
    texts = docstrings(module)
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {member for member in members if member in NAMES} or {node.module}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in texts:
            path = node.value.partition(":")[0]
            if re.fullmatch(r"epicycle(\.\w+)+", path) and path in NAMES:
                names.add(path)
    return frozenset(name for name in names if name.split(".")[0] == "epicycle")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "epicycle"])
def test_arrows(name: str) -> None:
    room = room_of(name)
    reached = {room_of(target) for target in imports(NAMES[name])} - {room, "spec", "maths"}
    assert reached <= ALLOWED[room], f"{room} must not import {reached - ALLOWED[room]}"


def test_the_arrows_are_seen_wherever_they_stand(tmp_path: Path) -> None:
    """The check itself: a module, a package that hands out a module, an import inside a function, an import written as text."""
    module = tmp_path / "sneaky.py"
    for line in (
        "from epicycle import lab",
        "from epicycle.lab import study",
        "def f():\n    import epicycle.lab.study",
        "NAME = 'epicycle.lab.study:run_study'",
    ):
        module.write_text(line)
        tree_of.cache_clear()
        imports.cache_clear()
        assert "lab" in {room_of(target) for target in imports(module)}, line
    module.write_text('"""epicycle.lab.study"""')
    tree_of.cache_clear()
    imports.cache_clear()
    assert not imports(module), "text that is a docstring imports nothing"


def test_the_first_level_is_folders() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "notebook.py"}
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {*ALLOWED} - {"notebook"}


def test_no_import_cycles() -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path, name])
        if name in done or name not in NAMES or name == "epicycle":  # the package loads names when they are used
            return
        for target in imports(NAMES[name]):
            visit(target, (*path, name))
        done.add(name)

    for name in NAMES:
        visit(name, ())


def top_level_imports(module: Path) -> Iterator[str]:
    for node in tree_of(module).body:
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_what_only_reads_does_not_import_jax() -> None:
    for name, module in NAMES.items():
        if room_of(name) in WITHOUT_JAX:
            jax = [target for target in top_level_imports(module) if target.split(".")[0] in ("jax", "optax")]
            assert not jax, f"{name} imports {jax}"


def test_no_private_names_across_modules() -> None:
    for module in MODULES:
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("epicycle"):
                private = [alias.name for alias in node.names if alias.name.startswith("_")]
                assert not private, f"{module} imports {private} from {node.module}"


def test_no_utils_and_module_sizes() -> None:
    lengths = {module: len(module.read_text().splitlines()) for module in MODULES}
    assert not [module for module in MODULES if module.stem in ("utils", "helpers", "misc", "common")]
    assert not {str(module): n for module, n in lengths.items() if n > 400}
    assert statistics.median(lengths.values()) <= 130


def functions(module: Path) -> Iterator[ast.FunctionDef]:
    yield from (node for node in ast.walk(tree_of(module)) if isinstance(node, ast.FunctionDef))


def test_function_sizes() -> None:
    sizes = []
    for module in MODULES:
        for node in functions(module):
            docstring = ast.get_docstring(node) or ""
            sizes.append((node.end_lineno - node.lineno + 1 - docstring.count("\n"), f"{module.name}:{node.name}"))
    assert [entry for entry in sizes if entry[0] > 50] == []
    assert sum(size <= 18 for size, _ in sizes) >= 0.9 * len(sizes), sorted(sizes)[-len(sizes) // 8 :]


def test_few_untyped_dictionaries() -> None:
    """What travels between folders has a type of its own; what is left is plain data for and from files."""
    counts = {str(module.relative_to(PACKAGE)): module.read_text().count("dict[str, Any]") for module in MODULES}
    assert sum(counts.values()) < 40, {name: count for name, count in counts.items() if count}


def assigned_names(module: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg


def test_local_names_say_what_they_hold() -> None:
    empty = [
        f"{module.relative_to(PACKAGE)}:{line}: {name}"
        for module in MODULES
        for line, name in assigned_names(module)
        if name in SAY_NOTHING
    ]
    assert not empty, "\n".join(empty)


def test_axis_names_are_in_the_vocabulary() -> None:
    for module in MODULES:
        for names in re.findall(r"(?:Float|Int|Bool|UInt|Shaped)\[[\w.]+, \"([^\"]*)\"\]", module.read_text()):
            for name in names.split():
                assert name in AXES or name == "..." or name.startswith("*"), f"{module}: axis '{name}' is not in spec/axes.py"


def test_public_functions_are_annotated_and_described() -> None:
    for module in MODULES:
        tree = tree_of(module)
        assert ast.get_docstring(tree), f"{module} has no docstring"
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{module}: {node.name} has no docstring"
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                assert node.returns is not None, f"{module}: {node.name} has no return type"


PARTS = sorted({resolve(family, kind) for family, kinds in KINDS.items() for kind in kinds}, key=lambda cls: cls.__qualname__)
CONTRACTS = {cls for cls in vars(families).values() if isinstance(cls, type)} | {Part, Spec}


@pytest.mark.parametrize("cls", PARTS, ids=lambda cls: cls.__name__)
def test_parts_override_no_concrete_method(cls: type[Part]) -> None:
    """A part fills in what its contract leaves open. What a parent inside the package has written stays as it is."""
    ours = [parent for parent in cls.__mro__ if parent.__module__.startswith("epicycle.") and parent not in CONTRACTS]
    for position, child in enumerate(ours):
        methods = [name for name, value in vars(child).items() if callable(value) or isinstance(value, property)]
        for parent in ours[position + 1 :]:
            for name in methods:
                if (
                    name.startswith("__")
                    or name not in vars(parent)
                    or (name.startswith("_") and "validator" in repr(vars(parent)[name]))
                ):
                    continue
                inherited = vars(parent)[name]
                function = inherited.fget if isinstance(inherited, property) else inherited
                hook = "hook" in (getattr(function, "__doc__", "") or "").lower()
                assert getattr(function, "__isabstractmethod__", False) or hook, (
                    f"{child.__name__}.{name} overrides {parent.__name__}.{name}"
                )


def test_every_kind_is_a_name_of_the_package() -> None:
    assert {cls.__name__ for cls in PARTS} <= set(ep.__all__)
    for name in ep.__all__:
        assert getattr(ep, name) is not None
    typed = {
        alias.asname or alias.name
        for node in ast.walk(tree_of(PACKAGE / "__init__.py"))
        if isinstance(node, ast.If)
        for line in node.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
    assert typed == set(ep.__all__), "the imports for type checkers and the names handed out"
