"""The arrows between folders, the sizes of modules and functions, and the axis names, checked from the source."""

import ast
import re
import statistics
from pathlib import Path

import pytest

from epicycle.spec.axes import AXES

PACKAGE = Path(__file__).parents[1] / "src" / "epicycle"
MODULES = sorted(PACKAGE.rglob("*.py"))
# Everything may import spec and its own folder. `arithmetic` is the exact cross-entropy that training and measures share.
ALLOWED = {
    "spec": set(),
    "arithmetic": set(),
    "literature": set(),
    "tasks": set(),
    "models": set(),
    "training": {"arithmetic"},
    "measures": {"arithmetic"},
    "store": set(),
    "claims": set(),
    "presets": {"tasks", "models", "training", "literature"},
    "studies": {"claims", "edits", "tasks", "models", "training", "measures", "presets", "literature"},
    "budget": {"training"},
    "ensemble": {"budget", "claims", "store", "tasks", "training"},
    "lab": {"claims", "store", "ensemble", "forks"},
    "edits": {"training"},
    "forks": {"claims", "edits", "ensemble", "store", "training"},
    "single_fork": {"store"},
    "runs": {"claims", "store", "ensemble", "forks"},
    "plan": {"budget", "claims", "ensemble", "training"},
    "report": {"claims", "store"},
    "interop": {"claims", "lab", "models", "report", "runs", "store", "training"},
    "ending": set(),
    "progress": {"ensemble"},
    "bench": {"lab", "models", "tasks", "training", "store", "studies"},
    "cli": {
        "single_fork",
        "bench",
        "interop",
        "plan",
        "lab",
        "runs",
        "report",
        "progress",
        "studies",
        "presets",
        "store",
        "training",
        "ensemble",
        "ending",
    },
}


def room_of(module: Path) -> str:
    first = module.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(module: Path) -> set[str]:
    """Full names of the package's modules that a module imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] == "epicycle"}


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_arrows(module: Path) -> None:
    room = room_of(module)
    if room in ("__init__", "__main__"):
        return
    reached = {[*name.split("."), ""][1] for name in imports(module)} - {room, "spec", ""}
    assert reached <= ALLOWED[room], f"{room} must not import {reached - ALLOWED[room]}"


def test_spec_and_claims_and_store_do_not_use_jax() -> None:
    for module in MODULES:
        if room_of(module) in ("spec", "claims", "store", "cli", "studies"):
            source = module.read_text()
            outside_type_checking = source.replace("if TYPE_CHECKING:\n    import jax\n", "")
            assert not re.search(r"^\s*(import jax\b(?!typing)|from jax[. ])", outside_type_checking, re.M), module


def test_no_import_cycles() -> None:
    graph = {
        f"epicycle.{'.'.join(m.relative_to(PACKAGE).with_suffix('').parts)}".removesuffix(".__init__"): imports(m) for m in MODULES
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path, name])
        if name in done or name not in graph:
            return
        for other in graph[name]:
            visit(other, (*path, name))
        done.add(name)

    for name in graph:
        if name != "epicycle":  # its imports are for type checkers; names are loaded when used
            visit(name, ())


def test_no_utils_and_module_sizes() -> None:
    lengths = {m: len(m.read_text().splitlines()) for m in MODULES}
    assert not [m for m in MODULES if m.stem in ("utils", "helpers", "misc", "common")]
    assert not {str(m): n for m, n in lengths.items() if n > 400}
    assert statistics.median(lengths.values()) <= 150


def test_function_sizes() -> None:
    sizes = []
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.FunctionDef):
                docstring = ast.get_docstring(node) or ""
                sizes.append((node.end_lineno - node.lineno + 1 - docstring.count("\n"), f"{module.name}:{node.name}"))
    assert [entry for entry in sizes if entry[0] > 60] == []
    assert sum(size <= 30 for size, _ in sizes) >= 0.9 * len(sizes), sorted(sizes)[-20:]


def test_axis_names_are_in_the_vocabulary() -> None:
    for module in MODULES:
        for names in re.findall(r"(?:Float|Int|Bool|UInt|Shaped)\[[\w.]+, \"([^\"]*)\"\]", module.read_text()):
            for name in names.split():
                assert name in AXES or name == "..." or name.startswith("*"), f"{module}: axis '{name}' is not in spec/axes.py"


def test_public_functions_are_annotated_and_described() -> None:
    for module in MODULES:
        for node in ast.parse(module.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{module}: {node.name} has no docstring"
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                assert node.returns is not None, f"{module}: {node.name} has no return type"
        assert ast.get_docstring(ast.parse(module.read_text())), f"{module} has no docstring"
