"""Help texts, lists, and a start that imports nothing heavy."""

import inspect
import json
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from epicycle.cli.commands import app
from tests.cli.commands import Command, parse

HEAVY = ("jax", "xarray", "pydantic", "numpy", "pandas", "rich", "plotly", "matplotlib")
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
SECONDS_OF_HELP = 0.3  # above the start of Python itself


def test_lists(command: Command) -> None:
    entries = json.loads(command("studies", "--json").stdout)["studies"]
    assert entries[0]["study"] == "quickstart"
    assert "quickstart" in command("studies").stdout


def test_help_of_the_program_names_every_command(command: Command) -> None:
    result = command("--help")
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    for name in COMMANDS:
        (line,) = [line for line in lines if line.startswith(f"  {name} ")]
        assert line.endswith("."), "the first line of a command is a sentence that is not cut off"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_has_an_example_that_parses(name: str, command: Command) -> None:
    result = command(name, "--help")
    assert result.returncode == 0
    callback = COMMANDS[name].callback
    (example,) = re.findall(r"For example: epicycle (.*)$", inspect.getdoc(callback) or "", re.M)
    assert "For example: epicycle" in result.stdout
    assert example.split()[0] == name
    parse(shlex.split(example))
    for parameter in COMMANDS[name].params:
        assert (getattr(parameter, "help", "") or "").endswith("."), f"{name}: {parameter.name} is not explained"


@pytest.mark.parametrize("statement", ["import epicycle", "from epicycle.cli.main import main; main()"])
def test_starting_imports_nothing_heavy(statement: str, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.argv = ['epicycle', '--help']\ntry:\n    {statement}\n"
        f"finally:\n    print('heavy:', *({HEAVY} & sys.modules.keys()), file=sys.stderr)"
    ).replace(str(HEAVY), str(set(HEAVY)))
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert result.stderr.strip() == "heavy:"


def test_help_comes_at_once(tmp_path: Path) -> None:
    def seconds(code: str) -> float:
        """The fastest of several starts: what else the machine does only adds to them."""
        times = []
        for _ in range(5):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code, "--help"], cwd=tmp_path, capture_output=True, check=True)
            times.append(time.perf_counter() - began)
        return min(times)

    assert seconds("from epicycle.cli.main import main; main()") - seconds("pass") < SECONDS_OF_HELP
