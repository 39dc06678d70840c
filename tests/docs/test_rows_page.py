"""docs/verdicts/rows.md says for each numbered statement of a text (R022, ...) which published claims ask about it.

`python tests/docs/test_rows_page.py` writes the page anew.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from epicycle.spec.yaml_text import load_yaml

VERDICTS = Path(__file__).resolve().parents[2] / "docs" / "verdicts"
PAGE = VERDICTS / "rows.md"
HEAD = """# Numbered statements

The pages of studies name statements of texts by numbers such as R022. This page is for finding them. It lists each number that a
published claim names, what the accounts say there in short, and the verdicts on these claims. A claim may ask about a part of a
statement only. The page of the study says so.

Some statements are asked by claims that do not name the number, and some are properties of the instruments, which tests hold.

The page is made by `python tests/docs/test_rows_page.py`.

"""


class Unnumbered(NamedTuple):
    """Claims that ask about a statement without naming its number. On some of them no account says anything.

    Attributes:
        words: what the statement says.
        study: its name.
        claims: their ids.
    """

    words: str
    study: str
    claims: tuple[str, ...]


class Property(NamedTuple):
    """A property of an instrument, which a test holds.

    Attributes:
        words: what the statement says.
        path: of the test.
        test: its name.
    """

    words: str
    path: str
    test: str

    def says(self) -> str:
        """What the test holds, as its name says."""
        return self.test.removeprefix("test_").replace("_", " ")


UNNUMBERED = {
    "R008": Unnumbered(
        "S5 groks from half of its pairs; S4 and A5 stand for S5",
        "twelve",
        ("half-s4-comes-late", "half-s4-is-learned", "half-a5-comes-late", "half-a5-is-learned"),
    ),
    "R106": Unnumbered(
        "the thread asks if lottery tickets hold for networks that grokked",
        "memory_removed",
        (
            *("a-ticket-has-no-delay", "a-ticket-of-two-fifths-generalises", "a-ticket-of-four-fifths-generalises"),
            *("a-large-ticket-beats-chance", "a-large-ticket-beats-memory", "a-small-start-has-no-delay"),
        ),
    ),
    "R126": Unnumbered("networks on random labels stand for memory", "gen_in_forks", ("memory-is-that-of-random-labels",)),
}
TESTED = {
    "R021": Property(
        "a component that is taken out leaves the others the same to the last bit",
        "tests/circuits/test_removable.py",
        "test_taking_one_unit_out_changes_nothing_else_in_its_layer_or_before_it",
    )
}


class Asked(NamedTuple):
    """A claim that asks about a statement.

    Attributes:
        number: of the statement, such as `R022`.
        words: what the statement says, as the claim quotes it.
        folder: of the verdict, below docs/verdicts.
    """

    number: str
    words: str
    folder: str
    says: str
    verdict: str


def asked() -> Iterator[Asked]:
    """Every published claim with a prediction that names a number."""
    for document in sorted(VERDICTS.rglob("verdicts.json")):
        folder = document.parent
        judged = {claim["id"]: claim for claim in json.loads(document.read_text())["claims"]}
        study = load_yaml((folder / "study.yaml").read_text(), str(folder))
        for claim in study["claims"]:
            verdict = judged.get(claim["id"])
            locators = {prediction["locator"] for prediction in claim.get("accounts", {}).values()}
            of_study = {number: row for number, row in UNNUMBERED.items() if row.study == folder.name}
            locators |= {f"{number}: {row.words}" for number, row in of_study.items() if claim["id"] in row.claims}
            for locator in sorted(locators) if verdict else ():
                numbers, words = re.findall(r"\bR\d{3}\b", locator), re.sub(r"^[R\d, and]+: ", "", locator)
                for number in dict.fromkeys(numbers):
                    says = verdict.get("says") or verdict["sentence"]
                    yield Asked(number, "" if words == locator else words, str(folder.relative_to(VERDICTS)), says, verdict["verdict"])


def page() -> str:
    """The page."""
    lines = [HEAD]
    entries = sorted(asked(), key=lambda each: (each.number, each.folder))
    for number in sorted({*TESTED, *(each.number for each in entries)}):
        of_number = [each for each in entries if each.number == number]
        tested = [TESTED[number]] if number in TESTED else []
        words = "; ".join(dict.fromkeys(each.words for each in (*of_number, *tested) if each.words))
        lines.append(f"## {number}\n\n" + (f"In short: {words}.\n\n" if words else ""))
        links = {each: f"[{each.folder}]({each.folder.split('/')[0]}/README.md)" for each in of_number}
        found_by = [f"- {each.verdict}, {links[each]}: {each.says}" for each in of_number]
        found_by += [f"- tested, [{each.path}](../../{each.path}): {each.says()}." for each in tested]
        lines.append("\n".join(dict.fromkeys(found_by)) + "\n\n")
    return "".join(lines).rstrip() + "\n"


def test_the_tests_of_properties_are_there() -> None:
    for row in TESTED.values():
        assert f"def {row.test}(" in (VERDICTS.parents[1] / row.path).read_text()


def test_the_page_says_what_the_documents_hold() -> None:
    assert PAGE.read_text() == page(), "run python tests/docs/test_rows_page.py"


if __name__ == "__main__":
    PAGE.write_text(page())
