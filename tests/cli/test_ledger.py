"""`epicycle ledger` from end to end: an empty root, published verdicts, a study that was run, bad input."""

import json
from pathlib import Path

from epicycle.studies import NAMES, load
from tests.cli.commands import SMALL, Command, one_paragraph

PUBLISHED = Path(__file__).parents[2] / "docs" / "verdicts"


def test_an_empty_root_gives_the_predictions(tmp_path: Path, command: Command) -> None:
    result = command("ledger")
    assert result.returncode == 0, result.stderr
    assert "Is regularisation needed?" in result.stdout
    assert "not run" in result.stdout
    assert "epicycle run quickstart" in result.stdout
    page = tmp_path / "epicycle-results" / "ledger.html"
    assert result.stdout.strip().endswith(f"page: {page}")
    assert "epicycle run boost" in page.read_text()


def test_published_verdicts_as_one_document(command: Command) -> None:
    result = command("ledger", str(PUBLISHED), "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert {"page", "phenomena", "claims", "scores", "accounts", "not_run"} <= set(document)
    judged = {claim["study"] for claim in document["claims"] if claim["outcomes"]}
    assert judged >= {"anatomy", "boost", "dcrit", "mirror", "no_delay", "quickstart"}
    for claim in document["claims"]:
        assert claim["predictions"], "claims of which nobody says anything are left out"
        assert not claim["counts"] or claim["discriminates"]


def test_pilots_never_enter_and_results_do(tmp_path: Path, command: Command) -> None:
    few = ("--set", "training.steps=40", "--seeds", "1", "--json")
    assert command("run", "quickstart", "--quick", *SMALL, *few).returncode == 0
    assert not _outcomes(command)
    assert command("run", "quickstart", *SMALL, "--seeds", "2", "--json").returncode == 0
    assert _outcomes(command) == {claim.id for claim in load("quickstart").claims if claim.accounts}


def _outcomes(command: Command) -> set[str]:
    result = command("ledger", "--json")
    assert result.returncode == 0, result.stderr
    return {claim["id"] for claim in json.loads(result.stdout)["claims"] if claim["outcomes"]}


def test_bad_input_is_one_paragraph(tmp_path: Path, command: Command) -> None:
    one_paragraph(command("ledger", "nowhere"), "no folder nowhere", "docs/verdicts")
    (tmp_path / "empty").mkdir()
    one_paragraph(command("ledger", "empty"), "no verdicts.json")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "verdicts.json").write_text("{")
    one_paragraph(command("ledger", "bad"), "verdicts.json is damaged")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    one_paragraph(command("ledger", "--root", "mine"), "not an Epicycle results folder")


def test_every_claim_of_the_library_with_a_prediction_is_in_the_ledger(command: Command) -> None:
    listed = {(claim["study"], claim["id"]) for claim in json.loads(command("ledger", "--json").stdout)["claims"]}
    assert listed == {(name, claim.id) for name in NAMES for claim in load(name).claims if claim.accounts}
