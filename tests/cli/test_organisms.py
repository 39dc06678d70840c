"""`--organism` from the command to the page: what is set, what is recorded, and what is refused."""

import json
from pathlib import Path

import pytest

from tests.cli.commands import Command, one_paragraph

STUDY = """
question: Is it late?
organism: fly
organisms: {mouse: {seeds: 9, assign: {task.p: 7, claims.late.supported_if: {above: 5}, claims.late.refuted_if: {below: 4}}}}
profiles: {quick: {pilot: true, seeds: 6}}
arms:
  plain:
    experiment:
      task: {kind: modular, p: 5}
      model: {kind: mlp, d_model: 4, d_mlp: 8}
      training: {steps: 30}
    seeds: 8
claims:
  - id: late
    statistic: {kind: extreme, series: train_loss, arm: plain, which: max}
    supported_if: {above: 0.1}
    refuted_if: {below: 0.05}
  - id: attention
    statistic: {kind: extreme, series: train_loss, arm: plain, which: max}
    supported_if: {above: 0.1}
    refuted_if: {below: 0.05}
    primary: false
    organisms: [mouse]
figures:
  - {title: When?, arms: [plain], series: [train_acc]}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    file = tmp_path / "small.yaml"
    file.write_text(STUDY)
    return file


def test_a_study_on_two_organisms(study: Path, command: Command) -> None:
    fly = json.loads(command("run", "small.yaml", "--json").stdout)
    assert (fly["organism"], fly["not_asked"], [claim["id"] for claim in fly["claims"]]) == ("fly", ["attention"], ["late"])
    assert "Not asked of the fly: attention." in Path(fly["report"]).read_text()
    assert "not asked of the fly: attention" in command("show", "small.yaml").stdout
    assert json.loads(command("show", "small.yaml", "--json").stdout)["on_organisms"] == [], "one organism is not compared"
    again = command("run", "small.yaml", "--organism", "fly")
    assert "nothing to train" in again.stdout, "its own organism changes nothing"

    mouse = json.loads(command("run", "small.yaml", "--organism", "mouse", "--json").stdout)
    assert (mouse["organism"], mouse["not_asked"], mouse["arms"]["plain"]["runs"]) == ("mouse", [], 9)
    assert {claim["id"]: claim["verdict"] for claim in mouse["claims"]} == {"late": "refuted", "attention": "supported"}
    registration = json.loads((Path(mouse["report"]).parent / "registration.json").read_text())
    assert [entry["organism"] for entry in registration["entries"]] == ["mouse"]

    table = command("show", "small.yaml").stdout.splitlines()[-3:]
    assert [line.split() for line in table] == [["claim", "fly", "mouse"], ["late", "✓", "✗", "disagree"], ["attention", "-", "✓"]]
    page = Path(mouse["report"]).read_text()
    assert "<td>late</td><td>✓ supported</td><td>✗ refuted</td><td>organisms disagree</td>" in page
    assert "<td>attention</td><td>not asked</td><td>✓ supported</td><td></td>" in page


def test_the_pilot_of_another_organism(study: Path, command: Command) -> None:
    plan = json.loads(command("plan", "small.yaml", "--organism", "mouse", "--quick", "--set", "training.steps=5", "--json").stdout)
    assert sum(cohort["members"] for cohort in plan["cohorts"]) == 6
    pilot = command("run", "small.yaml", "--organism", "mouse", "--quick", "--set", "training.steps=5", "--json")
    document = json.loads(pilot.stdout)
    assert (document["organism"], document["pilot"]) == ("mouse", True)
    assert json.loads(command("show", "small.yaml", "--json").stdout)["on_organisms"] == []


@pytest.mark.parametrize("name", ["run", "plan"])
def test_organisms_that_a_study_does_not_have(name: str, study: Path, command: Command) -> None:
    one_paragraph(command(name, "small.yaml", "--organism", "canon"), "cannot be set on organism canon", "choose one of fly, mouse")
    one_paragraph(command(name, "small.yaml", "--organism", "moose"), "there is no organism 'moose'", "did you mean 'mouse'")
    study.write_text(STUDY.replace("    primary: false\n    organisms: [mouse]", "    organisms: [fly]"))
    one_paragraph(command(name, "small.yaml", "--organism", "mouse"), "claim 'attention' is primary and is for fly only")
    assert not list(study.parent.glob("epicycle-results/cohorts/*/*"))
