"""The command line in a test: in this process, or in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import typer

from epicycle.cli.commands import app
from epicycle.cli.main import command_line

Finished = subprocess.CompletedProcess[str]
Command = Callable[..., Finished]
SMALL = ("--set", "task.p=7", "--set", "model.d_model=8", "--set", "model.d_mlp=8", "--set", "training.steps=60")


def epicycle(*args: str, cwd: Path, before: str = "", env: dict[str, str] | None = None, encoding: str = "utf-8") -> Finished:
    """The command in a process of its own; `before` is a line of Python that it runs first."""
    command = [sys.executable, "-c", f"{before}\nfrom epicycle.cli.main import main\nmain()", *args]
    environment = {**os.environ, **(env or {})}
    return subprocess.run(command, cwd=cwd, capture_output=True, encoding=encoding, timeout=300, env=environment)


@pytest.fixture
def figures() -> None:
    """Figures for papers, which take a third of a small study's time, are drawn only for tests that ask for them."""


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> Command:
    """The command in this process, started in `tmp_path`: the same entry point without the seconds of a new interpreter."""
    monkeypatch.chdir(tmp_path)
    if "figures" not in request.fixturenames:
        monkeypatch.setattr("epicycle.report.page.save_figure", lambda *args, **options: None)

    def called(*args: str) -> Finished:
        monkeypatch.setattr(sys, "argv", ["epicycle", *args])
        with pytest.raises(SystemExit) as ending:
            command_line()
        return Finished(args, ending.value.code, *capsys.readouterr())  # type: ignore[arg-type]

    return called


def one_paragraph(result: Finished, *words: str, code: int = 2) -> None:
    """The command failed with one paragraph that contains the words."""
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.strip().splitlines() if line.startswith("epicycle: ")]
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0]


def parse(args: Sequence[str]) -> None:
    """Let typer read a command line without running the command; a wrong command, option or value fails."""
    group = typer.main.get_command(app)
    context = group.make_context("epicycle", list(args))
    name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])  # type: ignore[attr-defined]
    command.make_context(name, rest, parent=context)
