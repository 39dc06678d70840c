"""Ctrl-C, SIGTERM and SIGHUP: exit code 3 from every command at every moment, and never a traceback."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.commands import SMALL, Command, one_paragraph

# A line that the command prints when it has got to where it is to be interrupted, and a function that never ends there.
READY = "where the signal comes"
PREPARE = f"""
import hashlib, os, sys, threading, time
def end_with_parent(parent=os.getppid()):  # so that no child computes on when the tests themselves are killed
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
threading.Thread(target=end_with_parent, daemon=True).start()
def swallow(*args, **options):
    print({READY!r}, file=sys.stderr, flush=True)
    while True:
        try:
            time.sleep(60)
        except BaseException:  # as imports and JAX's callbacks do
            pass
def compile(*args, **options):
    print({READY!r}, file=sys.stderr, flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)  # minutes without a Python instruction
"""
STUCK = {
    "studies": "import epicycle.studies as m; m.load = swallow",
    "presets": "import epicycle.spec.registry as m; m.load_preset = compile",
    "bench canonical": "import epicycle.bench.cases as m; m.bench = compile",
    "plan quickstart": "import epicycle.cli.chosen_study as m; m.load_study = swallow",
    "run quickstart": "import epicycle.cli.chosen_study as m; m.load_study = compile",
    "show .": "import epicycle.cli.reading_commands as m; m.find_results = swallow",
    "report .": "import epicycle.cli.reading_commands as m; m.find_results = compile",
    "export ab out --to csv": "import epicycle.interop.export as m; m.export = swallow",
}


def started(args: str, before: str, cwd: Path, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
    code = f"{PREPARE}{before}\nfrom epicycle.cli.main import main\nmain()"
    environment = os.environ | {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    command = [sys.executable, "-c", code, *args.split()]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment)


def wait_for(process: subprocess.Popen[str], text: str) -> str:
    """What a process writes on standard error until it writes a text."""
    assert process.stderr
    lines = []
    for line in process.stderr:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def ended(process: subprocess.Popen[str], seconds: float = 60) -> None:
    """The process ends soon, with exit code 3 and one paragraph. What it is stuck in takes minutes; a busy machine, some seconds."""
    try:
        _, messages = process.communicate(timeout=seconds)
    finally:
        process.kill()  # so that a test that fails does not slow the others down
    one_paragraph(subprocess.CompletedProcess("", process.returncode, "", messages), "run the same command again to go on", code=3)


@pytest.mark.parametrize("args", STUCK)
def test_a_signal_ends_every_command_with_3(args: str, tmp_path: Path) -> None:
    before = (
        "import epicycle.cli.reading_commands as r; r.find_results = lambda *a: (swallow(), None)\n" if args.endswith(" .") else ""
    )
    process = started(args, before + STUCK[args], tmp_path)
    wait_for(process, READY)
    process.send_signal((signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[list(STUCK).index(args) % 3])
    ended(process)


COMPILING = "import epicycle.lab.study as m; m.train_runs = compile"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_second_signal_ends_a_training_at_once(number: signal.Signals, tmp_path: Path) -> None:
    process = started("run quickstart", COMPILING, tmp_path)
    wait_for(process, READY)
    process.send_signal(number)
    wait_for(process, "press Ctrl-C again to stop at once")
    time.sleep(0.2)
    assert process.poll() is None, "the first signal waits for the work to be saved"
    process.send_signal(number)
    ended(process)


def test_two_signals_within_a_hundredth_of_a_second(tmp_path: Path) -> None:
    process = started("run quickstart", COMPILING, tmp_path)
    wait_for(process, READY)
    process.send_signal(signal.SIGINT)
    time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    ended(process)


def test_nohup_outlives_the_terminal(tmp_path: Path) -> None:
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    process = started("studies", ignoring + STUCK["studies"], tmp_path)
    wait_for(process, READY)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    ended(process)


def test_a_closed_terminal_saves_the_work(tmp_path: Path) -> None:
    """SIGHUP comes because the terminal is gone, so that nothing can be written to it any more."""
    ours, theirs = pty.openpty()
    args = f"run quickstart {' '.join(SMALL[:-1])} training.steps=200000 --seeds 1"
    with started(args, "", tmp_path, stderr=theirs) as process:
        os.close(theirs)
        deadline = time.time() + 60
        while not list(tmp_path.glob("epicycle-results/cohorts/*/series.zarr/0")):  # training begins
            assert time.time() < deadline
            time.sleep(0.05)
        os.close(ours)
        process.send_signal(signal.SIGHUP)
    assert process.returncode == 3
    assert list(tmp_path.glob("epicycle-results/cohorts/*/checkpoints/latest-*"))


def test_an_interrupt_that_a_library_raises_is_not_success(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("epicycle.studies.load", interrupted)
    one_paragraph(command("studies"), "interrupted", code=3)
