"""Whatever stands in a stored document, reading it gives the right answer or says what is damaged.

`EPICYCLE_MUTATIONS=1000` makes more mutations than a usual test run has time for.
"""

import os
import random
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.commands import Command
from tests.store.mutations import documents, mutate

import epicycle as ep
from epicycle.spec.errors import InputError

MUTATIONS = int(os.environ.get("EPICYCLE_MUTATIONS", "150"))
THOROUGH = MUTATIONS > 150  # write the page after each mutation; the usual run does so after every fifth


def outside(folder: Path, root: Path) -> dict[Path, bytes]:
    """The files of a folder that are not below the root."""
    beside = (entry for entry in folder.iterdir() if entry not in (root, folder / "__pycache__"))
    files = (path for entry in beside for path in (entry, *entry.rglob("*")))
    return {path: path.read_bytes() for path in files if path.is_file()}


def refusals(root: Path, study: Path, file: Path, commands: tuple[str, ...], command: Command) -> Iterator[str]:
    """The messages with which a root is refused by those who read this file."""
    for path in (root, study, *(path for path in file.parents if path.parent.name == "cohorts")):
        try:
            ep.open(path)
        except InputError as error:
            yield str(error)
    for name in commands:
        result = command(name, "tiny", "--root", str(root))
        assert result.returncode in (0, 2), result.stderr
        if result.returncode == 2:
            assert result.stderr.startswith("epicycle: ")
            yield result.stderr.removeprefix("epicycle: ").rstrip()


def test_mutated_documents_are_read_right_or_refused(finished: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, study = finished.parent, next((finished / "studies" / "tiny").iterdir())
    (folder / "evil.py").write_text(f"from pathlib import Path\nPath({str(folder / 'executed')!r}).write_text('')\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr("plotly.offline.get_plotlyjs", lambda: "")
    before, counts, choices, failures = outside(folder, finished), Counter[str](), documents(finished), []
    for number in range(MUTATIONS):
        draw = random.Random(number)
        file = draw.choice(choices)
        restored = mutate(file, draw)
        try:
            with warnings.catch_warnings(action="ignore"):
                commands = ("show", "report") if THOROUGH or number % 5 == 0 else ("show",) if study in file.parents else ()
                messages = list(refusals(finished, study, file, commands, command))
            assert all(len(message) < 1500 and "\n" not in message for message in messages), messages
            assert outside(folder, finished) == before, "it was executed, or wrote outside the root"
            counts["refused" if messages else "right"] += 1
        except Exception:
            failures.append(f"mutation {number} of {file.relative_to(finished)}: {traceback.format_exc(limit=-4)}")
        for path, content in restored.items():
            path.write_bytes(content)
    print(dict(counts))
    assert not failures, "\n".join([f"{len(failures)} failures", *failures])
    assert counts["refused"] > MUTATIONS / 4, "most mutations that matter are seen"
