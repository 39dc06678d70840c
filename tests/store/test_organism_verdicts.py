"""The verdicts of one study on several organisms: the latest of each, without pilots, and where they disagree."""

import os
from pathlib import Path
from typing import Any

from epicycle.spec.claim import VerdictName
from epicycle.store.atomic import write_json
from epicycle.store.files import Root
from epicycle.store.organism_verdicts import compared_organisms


def claim(name: str, verdict: VerdictName) -> dict[str, Any]:
    return {
        "id": name,
        "sentence": f"{name}.",
        "verdict": verdict,
        "estimate": 1.0,
        "interval": [0.5, 2.0],
        "n": 8,
        "reason": "so",
        "accounts": {},
        "primary": True,
        "censored": [],
        "detectors": {},
        "values": {},
        "supported_if": "above 0",
        "refuted_if": "below 0",
        "post_hoc": False,
        "pilot": False,
    }


def judged(root: Root, folder: str, organism: str | None, second: int, pilot: bool = False, **verdicts: VerdictName) -> None:
    """A judged study, as the command leaves it, with the time of its judgement."""
    files = root.study("planted", folder)
    files.create()
    header = {"study": "planted", "question": "Does it?", "organism": organism, "profile": "quick" if pilot else "stated"}
    claims = [claim(name, verdict) for name, verdict in verdicts.items()]
    write_json(files.verdicts, {**header, "pilot": pilot, "claims": claims, "arms": {}})
    os.utime(files.verdicts, (second, second))


def test_the_latest_of_each_organism_without_pilots(tmp_path: Path) -> None:
    root = Root.create(tmp_path / "results")
    assert compared_organisms(root, "planted") is None, "never judged"
    judged(root, "a", "mouse", 3, sooner="refuted", only_mice="supported")
    judged(root, "b", "mouse", 2, sooner="undecided")
    assert compared_organisms(root, "planted") is None, "one organism"
    judged(root, "c", "canon", 4, pilot=True, sooner="supported")
    judged(root, "d", None, 5, sooner="supported")
    assert compared_organisms(root, "planted") is None, "neither a pilot nor a setting on no organism is an organism"
    judged(root, "e", "fly", 1, sooner="supported", later="supported")
    compared = compared_organisms(root, "planted")
    assert compared
    assert list(compared.by_organism) == ["fly", "mouse"], "in the order of their size, whichever was judged first"
    assert compared.document() == [
        {"id": "sooner", "verdicts": {"fly": "supported", "mouse": "refuted"}, "disagree": True},
        {"id": "later", "verdicts": {"fly": "supported"}, "disagree": False},
        {"id": "only_mice", "verdicts": {"mouse": "supported"}, "disagree": False},
    ]


def test_undecided_disagrees_with_nothing(tmp_path: Path) -> None:
    root = Root.create(tmp_path / "results")
    judged(root, "a", "fly", 1, sooner="refuted")
    judged(root, "b", "mouse", 2, sooner="undecided")
    compared = compared_organisms(root, "planted")
    assert compared
    assert not compared.disagree("sooner")
