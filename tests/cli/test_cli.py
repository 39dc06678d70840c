"""The commands from end to end: documents, exit codes, forks, a full disk, an interruption."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

import epicycle as ep
from epicycle.studies.quickstart import STUDY
from tests.cli.commands import SMALL, Command, epicycle, one_paragraph


def test_a_small_study_from_run_to_report(tmp_path: Path, command: Command, figures: None) -> None:
    first = command("run", "quickstart", *SMALL, "--seeds", "2", "--json")
    assert first.returncode == 0, first.stderr
    document = json.loads(first.stdout)
    assert list(document)[:4] == ["study", "root", "report", "seconds"]
    assert Path(document["root"]) == tmp_path / "epicycle-results"
    assert Path(document["report"]).is_file()
    for claim in document["claims"]:
        assert {"id", "says", "sentence", "criterion", "finding", "verdict", "estimate", "interval", "n", "reason", "accounts"} <= set(
            claim
        )
        assert claim["verdict"] in ("supported", "refuted", "undecided")
    page = Path(document["report"]).read_text()
    assert "http://" not in page.split("<script>")[0]
    for claim in document["claims"]:
        assert claim["says"].replace("'", "&#39;") in page
        assert f"Criterion: {claim['criterion']}".replace("'", "&#39;") in page
    assert "epicycle run quickstart" in page
    for suffix in ("pdf", "svg", "png"):
        assert (Path(document["report"]).parent / f"figure.{suffix}").stat().st_size > 1000

    tree = ep.open(Path(document["report"]).parent)
    assert tree["control"].test_acc.dims == ("seed", "step")
    assert tree["grokking"].t_gen.dims == ("seed",)

    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "epicycle-results" / "cohorts").rglob("*") if p.is_file()}
    again = command("run", "quickstart", *SMALL, "--seeds", "2", "--json")
    assert json.loads(again.stdout)["claims"] == document["claims"]
    assert {p: p.stat().st_mtime_ns for p in before} == before, "nothing was trained"

    shown = command("show", "quickstart", "--json")
    keys = ("study", "root", "report", "claims", "arms")
    assert {k: json.loads(shown.stdout)[k] for k in keys} == {k: document[k] for k in keys}
    folder = Path(document["report"]).parent
    registered = json.loads((folder / "registration.json").read_text())["entries"]
    assert [entry["claims"] for entry in registered] == [{claim.id: claim.fingerprint for claim in STUDY.claims}]
    assert not any(claim["post_hoc"] for claim in document["claims"])
    assert json.loads(command("show", str(folder), "--json").stdout)["claims"] == document["claims"]
    assert command("report", "quickstart").stdout.strip() == document["report"]

    more = json.loads(command("run", "quickstart", *SMALL, "--seeds", "3", "--json").stdout)
    assert more["report"] == document["report"]
    assert more["arms"]["control"]["runs"] == 3
    assert [look["n"] for look in more["claims"][0]["looks"]] == [2, 3], "seeds were added after a look"
    assert {p: p.stat().st_mtime_ns for p in before} == before, "only the new seeds were trained"


def test_a_study_of_ones_own(tmp_path: Path, command: Command) -> None:
    (tmp_path / "mine.yaml").write_text(
        """
question: Does it memorise?
arms:
  only:
    experiment:
      task: {kind: modular, modulus: 7, operation: x-y}
      split: {frac_train: 0.5}
      model: {kind: mlp, d_model: 8, d_mlp: 16}
      training: {optimiser: {kind: adamw, lr: 1e-2, wd: 0.1}, steps: 80}
    seeds: 8
claims:
  - id: memorises
    statistic: {kind: event_time, event: t_mem, arm: only, unit: budget}
    supported_if: {below: 0.9}
    refuted_if: {above: 1.0}
    accounts: {coverage: yes}
"""
    )
    result = command("run", "mine.yaml", "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["study"] == "mine"
    assert document["claims"][0]["n"] == 8
    assert document["claims"][0]["accounts"] == {"coverage": "yes"}
    broken = (tmp_path / "mine.yaml").read_text().replace("seeds: 8", "seeds: ]")
    (tmp_path / "broken.yaml").write_text(broken)
    one_paragraph(command("run", "broken.yaml"), "broken.yaml, line 10")
    forked = "  boosted: {fork: only, at: 4000, edits: [{kind: scale, knob: lr, by: 10}]}\nclaims: []\n"
    (tmp_path / "fork.yaml").write_text((tmp_path / "mine.yaml").read_text().split("claims:")[0] + forked)
    one_paragraph(command("run", "fork.yaml"), "arms.boosted: step 4000 is past the end of its parents")


def test_fork_on_the_command_line(tmp_path: Path, command: Command) -> None:
    """A finished run, once with nothing changed and once with ten times the learning rate; and a fork of that fork."""
    assert command("run", "quickstart", *SMALL, "--seeds", "1").returncode == 0
    runs = json.loads(next((tmp_path / "epicycle-results").rglob("runs.json")).read_text())["arms"]
    first = runs["grokking"]["runs"][0]["run"]
    for change in ((), ("--set", "lr=x10")):
        result = command("fork", first[:10], "--at", "20", *change, "--json")
        assert result.returncode == 0, result.stderr
        document = json.loads(result.stdout)
        assert set(document["arms"]) == {"control", "fork"}
        assert "What does the change do to accuracy?" in Path(document["report"]).read_text()
    forked = json.loads((Path(document["report"]).parent / "runs.json").read_text())["arms"]["fork"]["runs"][0]
    assert forked["moment"] == 20
    again = command("fork", forked["run"], "--at", "5", "--steps", "10")
    assert again.returncode == 0, again.stderr
    assert "(steps after the fork)" in again.stdout
    two_forks = command("fork", first, "--at", "20", "--set", "lr=x1,x10", "--steps", "10")
    assert [line.split(":")[0] for line in two_forks.stdout.splitlines() if line.startswith("fork,")] == ["fork, by 1", "fork, by 10"]
    changes = ("--set", "training.batch_size=8", "--edit", "{kind: remove, share: 0.5}")
    edited = command("fork", first, "--at", "20", *changes, "--steps", "5")
    assert edited.returncode == 0, edited.stderr
    one_paragraph(command("fork", first, "--at", "20", "--edit", "{kind: remoev, share: 0.5}"), "did you mean 'remove'")
    one_paragraph(command("fork", first, "--at", "20", "--edit", "{kind: remove, share: 2}"), "less than or equal to 1")
    one_paragraph(command("fork", first, "--at", "20", "--edit", "{kind: remove, share: 0.5, places: 3}"), "must hit 3")
    one_paragraph(command("fork", first, "--at", "20", "--edit", "{kind: transplant, tensors: [W_E], donor: zzzz}"), "zzzz")
    one_paragraph(command("fork", first, "--at", "test_acc>0.5"), "a moment is a step")
    one_paragraph(command("fork", "zzzz", "--at", "5"), "begins with 'zzzz'")
    one_paragraph(command("fork", first, "--at", "t_gne"), "did you mean 't_gen'")
    one_paragraph(command("fork", first, "--at", "100000"), "step 100000 is past the end")
    one_paragraph(command("fork", first, "--at", "20", "--set", "lr=fast"), "multiply")
    one_paragraph(command("fork", first, "--at", "20", "--set", "lrr=x2"), "there is no knob 'lrr'")


def test_a_study_of_nested_tasks_and_listed_rows(tmp_path: Path, command: Command) -> None:
    (tmp_path / "rows.txt").write_text("0 1\n1 2\n2 3\n3 4\n")
    (tmp_path / "control.yaml").write_text(
        """
question: Is there anything to find?
arms:
  listed:
    experiment:
      task: {kind: without_diagonal, of: {kind: modular, p: 5}}
      split: {kind: listed, path: rows.txt}
      model: {kind: mlp, d_model: 4, d_mlp: 8}
      training: {steps: 5}
    seeds: 2
"""
    )

    def stored() -> dict[Path, int]:
        return {p: p.stat().st_mtime_ns for p in (tmp_path / "epicycle-results" / "cohorts").rglob("*") if p.is_file()}

    result = command("run", "control.yaml", "--json")
    assert result.returncode == 0, result.stderr
    arm = json.loads(result.stdout)["arms"]["listed"]
    assert (arm["done"], arm["leakage"]["mirror"]) == (2, {"seen": 4 / 16, "label": "preserved"})
    before = stored()
    (tmp_path / "rows.txt").rename(tmp_path / "same.txt")
    (tmp_path / "control.yaml").write_text((tmp_path / "control.yaml").read_text().replace("rows.txt", "same.txt"))
    assert command("run", "control.yaml").returncode == 0
    assert stored() == before, "the rows are the same, wherever they are read from"
    one_paragraph(command("run", "control.yaml", "--set", "task.of.p=3"), "no row with operands (2, 3)")


def test_a_folder_that_is_not_ours(tmp_path: Path, command: Command) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("")
    one_paragraph(command("run", "quickstart", "--root", "photos"), "photos", "not an Epicycle results folder")
    one_paragraph(command("show", "photos"), "photos")


def test_a_full_disk_leaves_nothing_that_looks_whole(tmp_path: Path, command: Command) -> None:
    """A limit on file sizes makes real writes fail in the middle, as a full disk does."""
    small_files = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (6_000, 6_000))"
    args = ("run", "quickstart", *SMALL, "--seeds", "2", "--json")
    # Python would write byte code for later processes, cut off by the limit without an error.
    spared = {"JAX_ENABLE_COMPILATION_CACHE": "false", "PYTHONDONTWRITEBYTECODE": "1"}
    full = epicycle(*args, cwd=tmp_path, before=small_files, env=spared)
    one_paragraph(full, "File too large", "choose another --root")
    assert full.stdout == ""
    assert not list(tmp_path.rglob("verdicts.json"))
    recovered = command(*args)
    assert recovered.returncode == 0, recovered.stderr
    undisturbed = command(*args, "--root", "fresh")
    assert json.loads(recovered.stdout)["claims"] == json.loads(undisturbed.stdout)["claims"]


def test_a_diverging_arm_is_reported_and_the_other_finishes(command: Command) -> None:
    wild = ("--set", "arms.grokking.training.optimiser.lr=1e6", "--seeds", "2", "--json")
    document = json.loads(command("run", "quickstart", *SMALL, *wild).stdout)
    assert document["arms"]["grokking"]["diverged"] == 2
    assert document["arms"]["control"]["done"] == 2
    assert document["claims"][0]["diverged"] == ["0", "1"]


def test_interruption_exits_with_3_and_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "epicycle.cli.main", "run", "quickstart", *SMALL[:-1], "training.steps=20000", "--seeds", "2"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.time() + 120
    while time.time() < deadline and not list((tmp_path / "epicycle-results").glob("cohorts/*/checkpoints/*")):
        time.sleep(0.1)
    process.send_signal(2)
    _, messages = process.communicate(timeout=120)
    assert process.returncode == 3, messages
    assert "press Ctrl-C again to stop at once" in messages
    assert "run the same command again to go on" in messages
    assert list((tmp_path / "epicycle-results").glob("cohorts/*/checkpoints/latest-*"))


def test_plan_and_bench_explain_mistakes_in_one_paragraph(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    one_paragraph(command("plan", "quikstart"), "quickstart")
    one_paragraph(command("plan", "quickstart", "--seeds", "3"), "no outcome of 3 runs could decide it", "at least 10")
    one_paragraph(command("bench", "cannonical"), "did you mean 'canonical'")
    one_paragraph(command("bench", "canonical", "--platform", "abacus"), "cpu or gpu")

    def no_devices(name: str) -> list[object]:
        raise RuntimeError(f"Unknown backend {name}")

    monkeypatch.setattr("jax.devices", no_devices)
    one_paragraph(command("run", "quickstart", "--platform", "gpu"), "finds no GPU")


def test_a_plan_trains_nothing(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EPICYCLE_CACHE", str(tmp_path / "cache"))
    result = command("plan", "quickstart", *SMALL, "--seeds", "10", "--json")
    assert result.returncode == 0, result.stderr
    costs = json.loads(result.stdout)
    assert {"cohorts", "claims", "total"} <= set(costs)
    assert costs["cohorts"][0]["seconds_per_member_step"] > 0
    assert not (tmp_path / "epicycle-results").exists()


def test_a_plan_counts_further_measures(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EPICYCLE_CACHE", str(tmp_path / "cache"))
    asked = ("plan", "quickstart", *SMALL, "--seeds", "10", "--json")
    plain, further = (json.loads(command(*asked, *more).stdout) for more in ((), ("--measures", "circuits")))
    assert further["total"]["disk_megabytes"] > plain["total"]["disk_megabytes"], "their series take room"
    one_paragraph(command(*asked, "--measures", "attention_entropy"), "attention")
