"""Results are read, judged and shown without the engine and without JAX: on a machine that has neither, a page can still be made."""

import subprocess
import sys
from pathlib import Path

IMPORTS = """
import sys
sys.modules["jax"] = None  # importing jax now fails

import importlib, pkgutil

for room in ("report", "store", "claims", "events", "edits", "literature"):
    package = importlib.import_module(f"epicycle.{room}")
    for module in pkgutil.walk_packages(package.__path__, f"epicycle.{room}."):
        importlib.import_module(module.name)
"""

PAGE = """
from pathlib import Path

import numpy as np

from epicycle.claims.verdicts_document import verdicts_document
from epicycle.edits.knobs import Scale
from epicycle.report.page import write_page
from epicycle.spec.results import DONE, RunLabels, arm_dataset
from epicycle.store.files import StudyFiles

steps = np.arange(1, 101)
curves = np.clip(steps[None, :] / np.array([[40.0], [50.0], [60.0]]), 0, 1)
series = {name: (("run", "step"), curves) for name in ("train_acc", "test_acc", "test_acc_mirror_unseen")}
control = [RunLabels(f"c{seed}", seed, seed, DONE, 0.1) for seed in range(3)]
forks = [RunLabels(f"f{seed}", seed, seed, DONE, 0.1, swept={"by": 10.0}, moment=20) for seed in range(3)]
arms = {
    "control": arm_dataset(steps, series, control, budget=100),
    "boosted": arm_dataset(steps, series, forks, budget=100, swept=["by"]),
}
settings = {
    "control": {},
    "boosted": {
        "fork": "control",
        "at": 20,
        "edits": [Scale(knob="lr", by=1.0).model_dump(mode="json")],
        "sweep": {"edits.0.by": [10.0]},
    },
}
figures = [
    {"title": "Forks", "arms": ["control", "boosted"], "series": ["test_acc"]},
    {"title": "Curves", "arms": ["control"], "series": ["train_acc", "test_acc"]},
    {"title": "Points", "arms": ["control", "boosted"], "quantities": [{"kind": "event_time", "event": "t_gen", "arm": "any"}]},
]
spec = {"name": "planted", "question": "Without JAX?", "arms": settings, "figures": figures, "sources": []}
header = {"study": "planted", "question": "Without JAX?", "profile": "stated", "pilot": False}
verdicts = verdicts_document(header, (), arms, {name: {} for name in arms}, ())
provenance = {"versions": {}, "machine": {}, "command": "none", "finished": "today", "seconds": 1.0}
write_page(StudyFiles(Path(sys.argv[1])), spec, arms, verdicts, provenance)
"""

# The packages themselves are imported for their lists of kinds; their modules are not.
ENGINE = """
engine = [name for name in sys.modules if name.startswith(("epicycle.training.", "epicycle.lab."))]
assert not engine, engine
assert sys.modules["jax"] is None
"""


def test_results_are_read_without_the_engine() -> None:
    _run(IMPORTS + ENGINE)


def test_a_page_is_made_without_the_engine(tmp_path: Path) -> None:
    _run(IMPORTS + PAGE + ENGINE, str(tmp_path))
    page = (tmp_path / "report.html").read_text()
    assert "control at step 20; scale lr: by 10</td>" in page, "defaults of an edit are known without JAX, and left out"
    assert all(f"<h3>{title}</h3>" in page for title in ("Forks", "Curves", "Points"))


def _run(code: str, *arguments: str) -> None:
    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
