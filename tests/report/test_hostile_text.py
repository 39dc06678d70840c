"""A stranger's texts on a page: whatever HTML stands in a stored document or in a table of curves, the page shows it as text."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import epicycle as ep
from epicycle.lab.session import Session
from epicycle.lab.study import run_study
from epicycle.report.page import write_report
from epicycle.spec.study import Figure, Study
from epicycle.store.atomic import write_json, write_yaml
from epicycle.store.documents import read_json, read_yaml
from epicycle.store.files import Root, StudyFiles

HOSTILE = "<script>alert(1)</script>\"><img src=x onerror=alert(2)>'</style></script>{{ 7*7 }}{% for %}&lt;%{x}$\\no{$"
# Names whose texts have a meaning, and mappings whose keys are texts.
PLAIN = {"run", "kind", "knob", "at", "series", "event", "events", "verdict", "says", "basis", "timing", "preset", "profile"}
PLAIN |= {"form", "moments", "null_band"}
NAMED = {"arms", "accounts", "left_out", "values", "detectors", "leakage", "versions", "machine"}
OWN_TAGS = ("<br>", "<extra></extra>")  # what figures say to plotly themselves
OWN_FIELDS = ("%{x:,}", "%{y:.3g}", "%{text}", "%{customdata}")


def hostile(value: Any, name: str = "") -> Any:
    """Plain data with HTML after every text; equal texts stay equal, so that what is named is found."""
    if isinstance(value, dict) and name in NAMED:
        inner = {"accounts": "says", "detectors": "verdict"}.get(name, "")
        return {f"{key}{HOSTILE}": hostile(entry, inner) for key, entry in value.items()}
    if isinstance(value, dict):
        return {key: hostile(entry, key) for key, entry in value.items()}
    if isinstance(value, list):
        return [hostile(entry, name) for entry in value]
    return f"{value}{HOSTILE}" if isinstance(value, str) and name not in PLAIN else value


def texts(value: Any, name: str = "") -> Iterator[str]:
    """Every text of plain data, keys included."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from (key, *texts(entry, key))
    elif isinstance(value, list):
        for entry in value:
            yield from texts(entry, name)
    elif isinstance(value, str):
        yield value


class Reader(HTMLParser):
    """Reads a page as a browser does."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.shown: list[str] = []
        self.figures: list[Any] = []
        self._raw = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")
        self._raw = dict(attrs).get("type") or tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:
        self._raw = ""

    def handle_data(self, data: str) -> None:
        if self._raw == "application/json":
            self.figures.append(json.loads(data))
        elif not self._raw:
            self.shown.append(data)


def assert_harmless(page: str, figures: int) -> Reader:
    """Only our own tags, scripts and attributes are on the page, and plotly is given no tags and no fields but ours."""
    read = Reader(page)
    assert read.tags.count("script") == figures + 2, "a figure each, plotly, and the script that draws"
    assert read.tags.count("style") == 1
    assert set(read.tags).isdisjoint({"img", "iframe", "object", "embed", "form", "base", "link", "svg"})
    assert set(read.attributes) <= {"lang", "charset", "name", "content", "class", "style", "type", "title", "id", "href"}
    assert all(address.startswith("https://") for address in read.attributes.get("href", ()))
    assert not any("7*7" in text for name in ("style", "class", "id", "type") for text in read.attributes.get(name, ()))
    for text in (text for figure in read.figures for text in texts(figure)):
        for own in (*OWN_TAGS, *OWN_FIELDS):
            text = text.replace(own, "")
        assert "<" not in text, text
        assert "%{" not in text, text
    return read


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Root, StudyFiles]:
    """A small study with forks, a sweep, accounts, a source and figures of every kind."""
    root = Root.create(tmp_path_factory.mktemp("hostile"))
    left = {"kind": "log_remaining_time", "event": "t_mem", "arm": "boosted", "against": "control", "where": {"by": 3}}
    experiment = {
        "task": {"kind": "modular", "p": 7},
        "model": {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 8},
        "training": {"steps": 20},
    }
    edit, says = {"kind": "scale", "knob": "lr", "by": 1}, {"says": "no", "locator": "R7"}
    bounds = {"supported_if": {"below": -0.1}, "refuted_if": {"above": 0.1}}
    source = {
        "key": "one",
        "title": "A text",
        "authors": "One, Two, Three",
        "year": 2022,
        "locator": "section 1",
        "arxiv": "2201.1",
        "url": "u",
    }
    study = Study.parse(
        {
            "question": "Does it come sooner?",
            "arms": {
                "control": {"experiment": experiment, "seeds": 6},
                "boosted": {"fork": "control", "at": 5, "steps": 10, "edits": [edit], "sweep": {"edits.0.by": [3, 9]}},
                "late": {"fork": "control", "at": "test_loss<0.0", "steps": 5},
            },
            "claims": [
                {"id": "sooner", "statistic": left, "sources": ["one"], "accounts": {"coverage": says}, **bounds},
                {"id": "later", "statistic": left, "primary": False, **bounds},
            ],
            "figures": [
                {"title": "Forks?", "arms": ["control", "boosted"], "series": ["train_acc", "test_acc"], "decides": "sooner"},
                {"title": "Curves?", "arms": ["control"], "series": ["test_loss"]},
                {"title": "Points?", "arms": ["boosted"], "quantities": [left], "along": "by"},
                {"title": "Map?", "arms": ["control"], "series": ["weight_norm"], "form": "heat_map"},
            ],
            "sources": [source],
        },
        "a study",
    )
    return root, run_study(study, Session(root)).files


def documents(files: StudyFiles) -> dict[str, Any]:
    written = {name: read_json(getattr(files, name), dict[str, Any]) for name in ("runs", "events", "verdicts", "provenance")}
    return {"spec": read_yaml(files.spec, dict[str, Any]), **written}


def page_of(root: Root, files: StudyFiles, changed: Mapping[str, Any]) -> str:
    """The page after some of the documents were replaced; they are put back."""
    before = {name: value for name, value in documents(files).items() if name in changed}
    try:
        write_documents(files, changed)
        write_report(root, files)
        return files.report.read_text()
    finally:
        write_documents(files, before)


def write_documents(files: StudyFiles, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        (write_yaml if name == "spec" else write_json)(getattr(files, name), value)


def test_html_in_every_text_of_the_stored_documents(stored: tuple[Root, StudyFiles]) -> None:
    changed = {name: hostile(document) for name, document in documents(stored[1]).items()}
    read = assert_harmless(page_of(*stored, changed), figures=4)
    shown = "\n".join([*read.shown, *read.attributes["title"]])
    verdicts, spec = changed["verdicts"], changed["spec"]
    source, claim = spec["sources"][0], verdicts["claims"][0]
    on_the_page = [spec["question"], *(source[key] for key in ("title", "authors", "locator", "arxiv", "url"))]
    on_the_page += (
        [claim[key] for key in ("id", "sentence", "reason", "supported_if")] + list(claim["accounts"]) + list(claim["values"])
    )
    on_the_page += [figure["title"] for figure in spec["figures"]] + list(verdicts["arms"]) + list(verdicts["left_out"])
    on_the_page += [changed["provenance"]["command"], *changed["provenance"]["versions"]]
    for text in on_the_page:
        assert HOSTILE in text
        assert text in shown, text
    drawn = json.dumps(read.figures)
    assert "alert(1)" in drawn, "names of arms are in the figures"


def replaced(value: Any, path: tuple[Any, ...], text: str) -> Any:
    """Plain data with a text at one place."""
    if not path:
        return text
    entries = dict(value) if isinstance(value, dict) else list(value)
    entries[path[0]] = replaced(value[path[0]], path[1:], text)
    return entries


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ("verdicts", ("claims", 0, "verdict")),
        ("verdicts", ("claims", 0, "accounts", "coverage")),
        ("verdicts", ("claims", 0, "detectors", "stated")),
        ("spec", ("claims", 0, "accounts", "coverage", "says")),
        ("spec", ("claims", 0, "accounts", "coverage", "timing")),
        ("spec", ("sources", 0, "year")),
        ("spec", ("figures", 0, "events", 0)),
        ("spec", ("figures", 1, "series", 0)),
        ("spec", ("figures", 1, "null_band")),
        ("spec", ("figures", 3, "form")),
        ("spec", ("figures", 3, "series", 0)),
        ("spec", ("figures", 2, "quantities", 0, "event")),
        ("spec", ("arms", "boosted", "at")),
        ("spec", ("arms", "boosted", "edits", 0, "kind")),
        ("spec", ("arms", "boosted", "edits", 0, "knob")),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else value,
)
def test_html_in_a_name_that_has_a_meaning(
    document: str, path: tuple[Any, ...], stored: tuple[Root, StudyFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document is refused, or the page shows the text."""
    monkeypatch.setattr("epicycle.report.page.save_figure", lambda *args: None)
    root, files = stored
    with suppress(ValueError, KeyError):  # refused
        assert_harmless(page_of(root, files, {document: replaced(documents(files)[document], path, HOSTILE)}), figures=4)


def test_html_in_imported_curves(tmp_path: Path) -> None:
    steps = np.arange(1, 40)
    arm, odd, column = (f"{name}{HOSTILE}" for name in ("arm", "odd", "dose"))
    table = {
        "step": steps.tolist() * 4,
        "run": [f"{run}{HOSTILE}" for run in range(4) for _ in steps],
        "train_acc": np.linspace(0, 2, 39).clip(0, 1).tolist() * 4,
        odd: np.linspace(0, 1, 39).tolist() * 4,
        column: [f"{run % 2}{HOSTILE}" for run in range(4) for _ in steps],
    }
    runs = ep.import_runs({arm: table}, num_classes=5, swept=[column])
    times = ep.EventTime(event="t_mem", arm=arm)
    figures = [
        Figure(title=f"Curves{HOSTILE}", arms=(arm,), series=("train_acc", odd), events=("t_mem",)),
        Figure(title=f"Points{HOSTILE}", arms=(arm,), quantities=(times,), along=column),
    ]
    page = runs.report(tmp_path / "page", question=f"What?{HOSTILE}", figures=figures)
    read = assert_harmless(page.read_text(), figures=2)
    shown = "".join(read.shown)
    assert f"What?{HOSTILE}" in shown
    assert f"0{HOSTILE}" in shown, "a swept value"
