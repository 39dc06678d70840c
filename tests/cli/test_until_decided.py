"""`run --until-decided`: one document, exit codes, what it prints on the way, and an end by a signal."""

import json
import signal
import time
from pathlib import Path

import pytest

from tests.cli.commands import Command, one_paragraph
from tests.cli.test_interruption import ended, started

STUDY = """
question: How many seeds?
arms:
  asked:
    experiment:
      task: {kind: modular, p: 5, operation: x-y}
      split: {frac_train: 0.5}
      model: {kind: mlp, d_model: 4, d_mlp: 4}
      training: {steps: 3}
    seeds: 10
claims:
  - id: mostly
    statistic: {kind: share, event: sure, detectors: {sure: {kind: threshold, of: train_acc, level: 0}}, arm: asked}
    supported_if: {above: 0.8}
    refuted_if: {below: 0.5}
profiles:
  quick: {seeds: 2, pilot: true}
"""


@pytest.fixture
def study(tmp_path: Path) -> str:
    (tmp_path / "mine.yaml").write_text(STUDY)
    return "mine.yaml"


def test_from_open_to_decided(study: str, command: Command) -> None:
    stopped = command("run", study, "--until-decided", "--at-most", "12")
    assert stopped.returncode == 0, stopped.stderr
    assert "1 claim open; 2 more seeds of arm asked\n" in stopped.stderr
    assert "1 of 1 claims are open; more seeds could decide 1, but there are as many as --at-most allows" in stopped.stdout
    result = command("run", study, "--until-decided", "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["claims"][0]["verdict"] == "supported"
    assert document["arms"]["asked"]["runs"] == document["claims"][0]["n"] >= 29
    page = Path(document["report"]).read_text()
    assert "undecided with 10, undecided with 12, " in page
    assert "the interval holds at every number of runs" in page
    again = command("run", study, "--until-decided")
    assert "nothing to train" in again.stdout
    assert "Every claim is decided." in again.stdout


def test_bad_input(study: str, command: Command) -> None:
    one_paragraph(command("run", study, "--at-most", "20"), "--at-most 20 says when --until-decided stops")
    one_paragraph(command("run", study, "--until-decided", "--at-most", "9"), "arm 'asked' has 10 seeds already")
    one_paragraph(command("run", study, "--until-decided", "--quick"), "a pilot decides nothing")
    assert not list(Path("epicycle-results/studies").iterdir()), "nothing was run"


def test_a_signal_between_looks_and_the_same_command_again(study: str, tmp_path: Path, command: Command) -> None:
    process = started(f"run {study} --until-decided", "", tmp_path)
    for _ in range(1200):
        if list(tmp_path.rglob("verdicts.json")):
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    ended(process)
    result = command("run", study, "--until-decided", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["claims"][0]["verdict"] == "supported"
