"""Commands on simulated runs: series can be exported; whatever needs a network says so."""

import json
from pathlib import Path

from epicycle.lab.session import Session
from epicycle.lab.study import run_study
from epicycle.store.files import Root
from tests.cli.commands import Command, one_paragraph
from tests.lab.test_simulations import study


def test_what_needs_a_network_says_so(command: Command, tmp_path: Path) -> None:
    outcome = run_study(study(), Session(Root.create(tmp_path / "r")))
    run = json.loads(outcome.files.runs.read_text())["arms"]["rising"]["runs"][0]["run"]
    one_paragraph(command("fork", run, "--at", "5", "--set", "lr=x2", "--root", "r"), "simulates a theory")
    one_paragraph(command("export", run, "--to", "safetensors", "out", "--root", "r"), "simulates a theory")
    one_paragraph(command("measure", run, "--measures", "circuits", "--root", "r"), "simulates a theory")
    one_paragraph(command("measure", "rising", "--measures", "circuits", "--root", "r"), "trains no network")


def test_series_of_a_theory_are_exported_with_its_settings(command: Command, tmp_path: Path) -> None:
    outcome = run_study(study(), Session(Root.create(tmp_path / "r")))
    run = json.loads(outcome.files.runs.read_text())["arms"]["rising"]["runs"][0]["run"]
    assert command("export", run, "--to", "csv", "out", "--root", "r").returncode == 0
    header, first, *_ = next((tmp_path / "out").glob("*.csv")).read_text().splitlines()
    said = dict(zip(header.split(","), first.split(","), strict=True))
    assert (said["experiment.theory.late"], said["test_acc"], said["share[a]"]) == ("0.0", "0.0", "0.0")
