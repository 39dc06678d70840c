"""A small finished study, trained once for all tests of stored documents."""

import shutil
from pathlib import Path

import pytest
from tests.cli.commands import command, figures

from epicycle.lab.session import Session
from epicycle.lab.study import run_study
from epicycle.report.page import write_report
from epicycle.spec.study import Study
from epicycle.store.files import Root

__all__ = ["command", "figures"]

MEASURES = [*({"kind": kind, "rows": rows} for kind in ("loss", "accuracy") for rows in ("train", "test")), {"kind": "weight_norm"}]
STUDY = {
    "name": "tiny",
    "question": "Does it come sooner?",
    "arms": {
        "control": {
            "experiment": {
                "task": {"kind": "modular", "p": 7, "operation": "x-y"},
                "split": {"frac_train": 0.6},
                "model": {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 16},
                "training": {"steps": 60},
            },
            "seeds": 2,
        },
        "boosted": {
            "fork": "control",
            "at": 20,
            "edits": [{"kind": "scale", "knob": "lr", "by": 3}],
            "sweep": {"edits.0.by": [3, 9]},
        },
    },
    "claims": [
        {
            "id": "early",
            "statistic": {"kind": "share", "event": "t_mem", "arm": "control"},
            "supported_if": {"above": 0.5},
            "refuted_if": {"below": 0.2},
            "accounts": {"coverage": {"says": "yes", "locator": "R1"}},
            "sources": ["one"],
        },
    ],
    "figures": [
        {"title": "Curves?", "arms": ["control", "boosted"], "series": ["train_acc", "test_acc"], "decides": "early"},
        {"title": "Points?", "arms": ["control"], "quantities": [{"kind": "event_time", "event": "t_mem", "arm": "control"}]},
    ],
    "sources": [{"key": "one", "title": "A text", "authors": "One, Two", "year": 2022}],
    "observation": {"dense_until": 5, "per_decade": 8, "measures": MEASURES},
}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a study that was run; tests take copies."""
    root = Root.create(tmp_path_factory.mktemp("trained") / "results")
    outcome = run_study(Study.parse(STUDY), Session(root))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("epicycle.report.page.save_figure", lambda *args, **options: None)
        write_report(root, outcome.files)
    return root.path


@pytest.fixture
def finished(trained: Path, tmp_path: Path) -> Path:
    """The root of a study that was run, to be changed by the test."""
    return Path(shutil.copytree(trained, tmp_path / "results"))
