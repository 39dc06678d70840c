"""The ledger's page and document: from stored verdicts and from the library, in one file without network and script."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from epicycle.report.ledger_page import write_ledger
from epicycle.report.ledger_rows import ledger_rows
from epicycle.report.ledger_sections import ledger_document, number_text, sections
from epicycle.spec.study import Study
from epicycle.store.judged_folders import verdicts_of_folders
from epicycle.studies import load

STUDY = load("quickstart")
HOSTILE = "<script>alert(1)</script>\"><img src=x onerror=alert(2)>'{{ 7*7 }}"


def verdict(claim: str, verdict: str = "supported", **fields: Any) -> dict[str, Any]:
    """One entry of a verdict document, as earlier versions wrote it: without `says`, `finding` and details of predictions."""
    stated = next(each for each in STUDY.claims if each.id == claim)
    return {
        "id": claim,
        "sentence": stated.sentence(),
        "verdict": verdict,
        "estimate": 1.0,
        "interval": [0.0, None],
        "n": 12,
        "reason": "1 (0 to unbounded, n = 12) lies above 2",
        "accounts": {name: prediction.says for name, prediction in stated.accounts.items()},
        "primary": True,
        "censored": [],
        "detectors": {},
        "values": {},
        "supported_if": "",
        "refuted_if": "",
        "post_hoc": False,
        "pilot": False,
        **fields,
    }


def publish(folder: Path, *claims: dict[str, Any], **header: Any) -> None:
    folder.mkdir(parents=True)
    document = {
        "study": "quickstart",
        "question": "?",
        "profile": "stated",
        "pilot": False,
        "arms": {},
        "claims": list(claims),
        **header,
    }
    (folder / "verdicts.json").write_text(json.dumps(document))


def page_of(folder: Path, *library: Study) -> str:
    rows = ledger_rows(verdicts_of_folders([folder]), library)
    path = folder / "ledger.html"
    write_ledger(path, rows, [str(folder)])
    return path.read_text()


def test_a_page_says_who_was_right(tmp_path: Path) -> None:
    publish(
        tmp_path / "a", verdict("control-stays-near-baseline", says="Without decay it stays at chance.", finding="0.01 above chance")
    )
    page = page_of(tmp_path, STUDY)
    assert "Without decay it stays at chance." in page
    assert "0.01 above chance" in page
    assert "Is regularisation needed?" in page
    rows = ledger_rows(verdicts_of_folders([tmp_path]), [STUDY])
    section = next(each for each in sections(rows) if each.name == "regularisation")
    right = {name: vote.right for name, vote in section.right()}
    assert right == {"efficiency": 1, "simplicity": 1, "regularisation": 1, "coverage": 0, "precision": 0}
    assert section.summary() == "Accounts differ on 1 claim; 1 is decided."


def test_the_page_is_one_file_without_network_or_script(tmp_path: Path) -> None:
    publish(tmp_path / "a", verdict("generalises-later"))
    page = page_of(tmp_path, STUDY)
    assert "<script" not in page
    assert "http" not in page
    assert "prefers-color-scheme: dark" in page


def test_a_strangers_texts_stay_texts(tmp_path: Path) -> None:
    claim = verdict("generalises-later", says=HOSTILE, finding=HOSTILE, accounts={HOSTILE: "yes", "norm": "no"})
    publish(tmp_path / "a", claim)
    page = page_of(tmp_path)
    assert "<script" not in page
    assert "<img" not in page
    assert "{{ 7*7 }}" in page


def test_each_organism_stands_beside_the_others_and_pilots_are_left_out(tmp_path: Path) -> None:
    publish(tmp_path / "fly", verdict("control-stays-near-baseline"), organism="fly")
    publish(tmp_path / "mouse", verdict("control-stays-near-baseline", "refuted"), organism="mouse")
    publish(tmp_path / "pilot", verdict("control-stays-near-baseline", pilot=True), organism="canon", pilot=True)
    rows = ledger_rows(verdicts_of_folders([tmp_path]), [STUDY])
    disputed = next(row for row in rows if row.claim.id == "control-stays-near-baseline")
    assert [(each.organism, each.verdict) for each in disputed.outcomes] == [("fly", "supported"), ("mouse", "refuted")]
    page = page_of(tmp_path)
    assert "gives no vote: organisms disagree" in page


def test_details_of_predictions_come_from_where_they_were_registered(tmp_path: Path) -> None:
    """From `study.yaml` beside the verdicts, short or long; else from the library; what nobody knows counts as a postdiction."""
    accounts = {"coverage": "no", "norm": "yes", "single-hit": "yes"}
    publish(tmp_path / "a", verdict("control-stays-near-baseline", accounts=accounts))
    from_library = ledger_rows(verdicts_of_folders([tmp_path]), [STUDY])[0].claim.predictions
    assert (from_library["coverage"].basis, from_library["coverage"].timing) == ("inferred", "prediction")
    assert from_library["norm"].timing == "postdiction"
    (tmp_path / "a" / "study.yaml").write_text(
        "claims:\n- id: control-stays-near-baseline\n  phenomenon: mine\n"
        "  accounts: {norm: 'yes', coverage: {says: 'no', locator: p. 3}}\n"
    )
    claim = ledger_rows(verdicts_of_folders([tmp_path]), [STUDY])[0].claim
    assert claim.phenomenon == "mine"
    assert (claim.predictions["norm"].timing, claim.predictions["coverage"].locator) == ("prediction", "p. 3")
    assert claim.predictions["single-hit"].timing == "postdiction"


def test_what_was_not_run_says_what_to_run(tmp_path: Path) -> None:
    publish(tmp_path / "a", verdict("generalises-later"))
    assert "<code>epicycle run quickstart</code>" in page_of(tmp_path, STUDY)


def test_the_document_holds_every_claim_with_a_prediction(tmp_path: Path) -> None:
    publish(tmp_path / "a", verdict("control-stays-near-baseline"))
    rows = ledger_rows(verdicts_of_folders([tmp_path]), [STUDY])
    document = ledger_document(rows, "page")
    assert json.loads(json.dumps(document)) == document
    assert {claim["id"] for claim in document["claims"]} == {claim.id for claim in STUDY.claims if claim.accounts}
    titles = [each["account"] for each in document["scores"]]
    assert titles == sorted(titles), "in alphabetical order, not by score"


@pytest.mark.parametrize(("number", "text"), [("5/3", "1.67"), ("2", "2"), ("1/2", "0.5"), ("999/1000", "about 1"), ("1/3", "0.33")])
def test_votes_are_rounded_honestly(number: str, text: str) -> None:
    assert number_text(Fraction(number)) == text
