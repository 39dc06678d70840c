"""The index of the verdicts' pages names every judged study, with the counts that its documents hold.

`python tests/docs/test_verdict_index.py` writes the table anew.
"""

import json
from pathlib import Path

import pytest

from epicycle.store.files import StudyFiles
from epicycle.store.study_documents import read_verdicts

VERDICTS = Path(__file__).resolve().parents[2] / "docs" / "verdicts"
INDEX = VERDICTS / "README.md"
HEAD = "| study | question | decided on the fly | on the mouse |\n|---|---|---|---|\n"


def decided(document: Path) -> str:
    """How many of a document's claims are decided; nothing where there is no document."""
    if not document.exists():
        return ""
    verdicts = [claim["verdict"] for claim in json.loads(document.read_text())["claims"]]
    return f"{sum(verdict in ('supported', 'refuted') for verdict in verdicts)} of {len(verdicts)}"


def table() -> str:
    """A row for each judged study, in the order of their names."""
    rows = []
    for document in sorted(VERDICTS.glob("*/verdicts.json")):
        name, question = document.parent.name, json.loads(document.read_text())["question"]
        mouse = decided(document.parent / "mouse" / "verdicts.json")
        rows.append(f"| [{name}]({name}/README.md) | {question} | {decided(document)} | {mouse} |\n")
    return HEAD + "".join(rows)


def test_the_index_says_what_the_documents_hold() -> None:
    assert table() in INDEX.read_text(), "run python tests/docs/test_verdict_index.py"


FOLDERS = sorted(str(file.parent.relative_to(VERDICTS)) for file in VERDICTS.rglob("verdicts.json"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_documents_are_as_the_command_wrote_them(folder: str) -> None:
    """Each has a checksum: a word that is changed by hand makes the ledger refuse the folder."""
    assert read_verdicts(StudyFiles(VERDICTS / folder))["claims"]


if __name__ == "__main__":
    before, after = INDEX.read_text().split("<!-- table -->\n")[::2]
    INDEX.write_text(f"{before}<!-- table -->\n{table()}<!-- table -->\n{after}")
